// SPDX-License-Identifier: Apache-2.0
// Hypercalls, argument memory and foreign pages over a slot of the machine link.
#include <xenpp/abi/event_channel.hpp>
#include <xenpp/abi/xen.hpp>
#include <xenpp/transport/hypercall_buffer.hpp>

#include <fmt/format.h>

#include <transport/grant_pieces.hpp>
#include <transport/link_doors.hpp>

#include <algorithm>
#include <cstring>

namespace xenpp::transport {

namespace {

// A part's lists take a fraction of the arena, so that other buffers keep room.
constexpr std::size_t frames_per_part = 16384;
constexpr std::uint32_t extents_per_part = 4096;
/// Of a grant copy: a quarter of the arena.
constexpr std::size_t pieces_per_part = 64;

error with_domain(error e, domid d) {
    e.domid = d.raw();
    return e;
}

std::uint16_t flags_of(os::access a) noexcept {
    return a == os::access::read_write ? link::map_writable : std::uint16_t{0};
}

} // namespace

struct link_doors::foreign_request {
    domid d;
    std::span<gfn const> list; ///< empty: consecutive from `first`
    gfn first;
    std::size_t count;
    os::access access;

    gfn frame(std::size_t i) const noexcept { return list.empty() ? first + i : list[i]; }
};

/// The references to some pages, and where these lie.
struct link_doors::foreign_hold {
    std::uint32_t mapping = 0;
    std::vector<link::frame_extent> extents{};
};

link_doors::link_doors(
    std::byte* window, std::uint64_t virtual_base, unsigned slot, bell& b, ram_file const& ram)
    : arena_base_(window + link::arena_offset(slot))
    , arena_address_(virtual_base + link::arena_offset(slot))
    , arena_machine_(link::window_machine_base.raw() + link::arena_offset(slot))
    , arena_(link::arena_size)
    , client_(window, slot, b)
    , ram_(ram) {}

result<std::int64_t> link_doors::hypercall(unsigned number,
                                           std::array<std::uint64_t, 6> const& arg) {
    return client_.call(number, arg);
}

result<hypercall_memory> link_doors::allocate(std::size_t size) {
    auto const offset = arena_.allocate(size);
    if (!offset) {
        return fail("allocate hypercall memory", errc::nomem,
                    fmt::format("{} bytes wanted, {} of {} free", size, arena_.free_bytes(),
                                link::arena_size));
    }
    std::memset(arena_base_ + *offset, 0, size);
    return hypercall_memory{arena_base_ + *offset, size, arena_address_ + *offset};
}

void link_doors::release(hypercall_memory const& memory) noexcept {
    arena_.release(static_cast<std::size_t>(memory.data - arena_base_), memory.size);
}

result<std::int64_t> link_doors::link_op(link::link_cmd command, std::uint64_t address) {
    return client_.call(link::link_op_hypercall,
                        {static_cast<std::uint64_t>(command), address, 0, 0, 0, 0});
}

result<foreign_mapping>
link_doors::map_foreign(domid d, std::span<gfn const> frames, os::access access) {
    return map_foreign_pages({d, frames, {}, frames.size(), access});
}

result<foreign_mapping>
link_doors::map_foreign(domid d, gfn first, std::size_t count, os::access access) {
    return map_foreign_pages({d, {}, first, count, access});
}

result<link_doors::foreign_hold> link_doors::hold_foreign_pages(foreign_request const& request) {
    if (request.count == 0) {
        return unexpected(
            with_domain(error{"map foreign pages", 0, "no page asked for"}, request.d));
    }
    foreign_hold held;
    for (std::size_t done = 0; done != request.count;) {
        auto const part = map_foreign_part(request, done, held.mapping, held.extents, done);
        if (!part) {
            if (held.mapping != 0) {
                unmap(held.mapping);
            }
            return unexpected(with_domain(part.error(), request.d));
        }
    }
    merge_extents(held.extents);
    return held;
}

result<foreign_mapping> link_doors::map_foreign_pages(foreign_request const& request) {
    auto const held = XENPP_TRY(hold_foreign_pages(request));
    auto pages = ram_.map(held.extents, request.count, request.access);
    if (!pages) {
        unmap(held.mapping);
        return unexpected(with_domain(pages.error(), request.d));
    }
    return foreign_mapping(*this, held.mapping, *std::move(pages));
}

result<void> link_doors::write_foreign(domid d, gpa at, std::span<std::byte const> bytes) {
    if (bytes.empty()) {
        return {};
    }
    auto const offset = at.raw() % page_size;
    auto const count = (offset + bytes.size() + page_size - 1) / page_size;
    auto const held =
        XENPP_TRY(hold_foreign_pages({d, {}, to_gfn(at), count, os::access::read_write}));
    auto const written = ram_.write(held.extents, offset, bytes);
    unmap(held.mapping);
    return written ? written : unexpected(with_domain(written.error(), d));
}

result<void> link_doors::map_foreign_part(foreign_request const& request,
                                          std::size_t first,
                                          std::uint32_t& mapping,
                                          std::vector<link::frame_extent>& extents,
                                          std::size_t& done) {
    auto const most = request.list.empty() ? std::size_t{1} << 30 : frames_per_part;
    auto const count = std::min(request.count - first, most);
    auto const room = static_cast<std::uint32_t>(std::min<std::size_t>(count, extents_per_part));
    auto const op = XENPP_TRY(hypercall_buffer<link::link_map_foreign>::create(*this));
    auto const out = XENPP_TRY(hypercall_buffer<link::frame_extent>::create(*this, room));
    auto const list =
        XENPP_TRY(hypercall_buffer<std::uint64_t>::create(*this, request.list.empty() ? 0 : count));
    for (std::size_t i = 0; i < list.size(); ++i) {
        list[i] = request.list[first + i].raw();
    }
    op->domid = request.d.raw();
    op->flags = flags_of(request.access);
    op->count = static_cast<std::uint32_t>(count);
    op->gfns = request.list.empty() ? 0 : list.address();
    op->first_gfn = request.list.empty() ? request.frame(first).raw() : 0;
    op->extents = out.address();
    op->extent_room = room;
    op->mapping = mapping;
    auto const status = XENPP_TRY(link_op(link::link_cmd::map_foreign, op.address()));
    mapping = op->mapping;
    if (status < 0) {
        auto const bad = std::min<std::size_t>(first + op->done, request.count - 1);
        return fail("map foreign pages", static_cast<int>(-status),
                    fmt::format("guest frame {:#x}", request.frame(bad).raw()));
    }
    if (op->done == 0 || op->done > count) {
        return fail("map foreign pages", errc::badmsg, "the hypervisor answered nonsense");
    }
    for (std::uint32_t i = 0; i < std::min(op->extent_count, room); ++i) {
        auto e = out[i];
        e.index += static_cast<std::uint32_t>(first);
        extents.push_back(e);
    }
    done = first + op->done;
    return {};
}

result<foreign_mapping>
link_doors::map_grants(domid d, std::span<grant_ref const> refs, os::access access) {
    if (refs.empty() || refs.size() > link::map_grants_max) {
        return unexpected(with_domain(error{"map grants", 0,
                                            fmt::format("{} grants asked for, 1 to {} may be",
                                                        refs.size(), link::map_grants_max)},
                                      d));
    }
    auto const op = XENPP_TRY(hypercall_buffer<link::link_map_grants>::create(*this));
    auto const in = XENPP_TRY(hypercall_buffer<std::uint32_t>::create(*this, refs.size()));
    auto const out = XENPP_TRY(hypercall_buffer<std::uint64_t>::create(*this, refs.size()));
    for (std::size_t i = 0; i < refs.size(); ++i) {
        in[i] = refs[i].raw();
    }
    op->domid = d.raw();
    op->flags = flags_of(access);
    op->count = static_cast<std::uint32_t>(refs.size());
    op->refs = in.address();
    op->frames = out.address();
    auto const status = XENPP_TRY(link_op(link::link_cmd::map_grants, op.address()));
    if (status < 0) {
        auto const bad = std::min<std::size_t>(op->failed, refs.size() - 1);
        return unexpected(
            with_domain(error{"map grants", static_cast<int>(-status),
                              fmt::format("grant {}: status {}", refs[bad].raw(), op->status)},
                        d));
    }
    std::vector<link::frame_extent> extents;
    for (std::uint32_t i = 0; i < refs.size(); ++i) {
        extents.push_back({out[i], i, 1});
    }
    merge_extents(extents);
    auto pages = ram_.map(extents, refs.size(), access);
    if (!pages) {
        unmap(op->mapping);
        return unexpected(with_domain(pages.error(), d));
    }
    return foreign_mapping(*this, op->mapping, *std::move(pages));
}

result<void> link_doors::copy_grants(domid d, std::span<grant_copy> pieces) {
    XENPP_TRY(check_pieces(d, pieces));
    if (pieces.empty()) {
        return {};
    }
    auto const most = std::min(pieces.size(), pieces_per_part);
    auto const ops = XENPP_TRY(hypercall_buffer<abi::gnttab_copy>::create(*this, most));
    // Each piece has a page of the arena, so that none crosses one there.
    auto const room = XENPP_TRY(hypercall_buffer<std::byte>::create(*this, most * page_size));
    while (!pieces.empty()) {
        auto const part = pieces.first(std::min(pieces.size(), most));
        XENPP_TRY(copy_grants_part(d, part, ops, room));
        pieces = pieces.subspan(part.size());
    }
    return {};
}

result<void> link_doors::copy_grants_part(domid d,
                                          std::span<grant_copy> pieces,
                                          hypercall_buffer<abi::gnttab_copy> const& ops,
                                          hypercall_buffer<std::byte> const& room) {
    auto const machine = arena_machine_ + static_cast<std::uint64_t>(room.data() - arena_base_);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        auto const& p = pieces[i];
        auto& op = ops[i] = {};
        auto& theirs = p.to_grant ? op.dest : op.source;
        auto& ours = p.to_grant ? op.source : op.dest;
        theirs.u.ref = p.ref.raw();
        theirs.domid = d.raw();
        theirs.offset = static_cast<std::uint16_t>(p.offset);
        ours.u.gmfn = (machine >> page_shift) + i;
        ours.domid = domid_self.raw();
        op.len = static_cast<std::uint16_t>(p.local.size());
        op.flags = p.to_grant ? abi::gntcopy_dest_gref : abi::gntcopy_source_gref;
        op.status = abi::gntst_general_error;
        if (p.to_grant) {
            std::memcpy(room.data() + i * page_size, p.local.data(), p.local.size());
        }
    }
    auto const status = XENPP_TRY(hypercall(
        static_cast<unsigned>(abi::hypercall::grant_table_op),
        {static_cast<std::uint64_t>(abi::gnttab_op::copy), ops.address(), pieces.size()}));
    if (status < 0) {
        return unexpected(with_domain(error{"copy grants", static_cast<int>(-status), {}}, d));
    }
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        auto& p = pieces[i];
        p.is_done = ops[i].status == abi::gntst_okay;
        if (p.is_done && !p.to_grant) {
            std::memcpy(p.local.data(), room.data() + i * page_size, p.local.size());
        }
    }
    return {};
}

result<void> link_doors::send_event(evtchn_port port) {
    if (events_.data == nullptr) {
        events_ = XENPP_TRY(allocate(link::ring_size * sizeof(abi::evtchn_send)));
    }
    auto const at = XENPP_TRY(client_.next_entry()) * sizeof(abi::evtchn_send);
    abi::evtchn_send op{};
    op.port = port.raw();
    std::memcpy(events_.data + at, &op, sizeof op);
    return client_.post(
        static_cast<unsigned>(abi::hypercall::event_channel_op),
        {static_cast<std::uint64_t>(abi::evtchn_op::send), events_.address + at, 0, 0, 0, 0});
}

void link_doors::unmap(std::uint32_t mapping) noexcept {
    auto const op = hypercall_buffer<link::link_unmap>::create(*this);
    if (op) {
        (*op)->mapping = mapping;
        // A machine that is gone holds nothing any more; else the slot's end drops it at the
        // latest.
        static_cast<void>(link_op(link::link_cmd::unmap, op->address()));
    }
}

} // namespace xenpp::transport
