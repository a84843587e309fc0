// SPDX-License-Identifier: Apache-2.0
// Hypercalls, argument memory, foreign and granted pages by way of Linux's devices.
#include <xenpp/abi/grant_table.hpp>
#include <xenpp/store/connection.hpp>

#include <fmt/core.h>

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <transport/grant_pieces.hpp>
#include <transport/native_doors.hpp>
#include <transport/native_ioctl.hpp>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace xenpp::transport::native {
namespace {

constexpr std::size_t first_chunk = std::size_t{128} << 10;
/// How much of a domain is mapped at once while bytes are copied into it.
constexpr std::size_t copied_at_once = std::size_t{8} << 20;
/// How many pieces one call of gntdev copies.
constexpr std::size_t copies_at_once = 64;

error with_domain(error e, domid d) {
    e.domid = d.raw();
    return e;
}

/// What the hypervisor's errno for a frame means to who asked for it.
std::string why_not_mapped(gfn frame, int code) {
    switch (code) {
    case ENOENT: return fmt::format("guest frame {:#x} is paged out", frame.raw());
    case EINVAL: return fmt::format("guest frame {:#x} is none of its memory", frame.raw());
    default: return fmt::format("guest frame {:#x}", frame.raw());
    }
}

} // namespace

std::int64_t device_call(int fd, unsigned long number, void* argument) noexcept {
    for (;;) {
        auto const answer = ::syscall(SYS_ioctl, fd, number, argument);
        if (answer != -1 || errno != EINTR) {
            return answer == -1 ? -std::int64_t{errno} : answer;
        }
    }
}

result<hypercall_memory> buffer_pages::allocate(std::size_t size) {
    auto const take = [size](chunk& c) -> std::optional<hypercall_memory> {
        auto const offset = c.pieces.allocate(size);
        if (!offset) {
            return {};
        }
        auto* const at = c.pages.data() + *offset;
        std::memset(at, 0, size);
        return hypercall_memory{at, size, reinterpret_cast<std::uintptr_t>(at)};
    };
    for (auto& c : chunks_) {
        if (auto const memory = take(c)) {
            return *memory;
        }
    }
    auto const room = std::max(first_chunk, (size + page_size - 1) / page_size * page_size);
    auto pages = os::mapping::of_file(fd_.get(), 0, room, os::access::read_write);
    if (!pages) {
        return fail("allocate hypercall memory", pages.error().code,
                    fmt::format("domain 0 has no {} KiB free", room / 1024));
    }
    chunks_.push_back({*std::move(pages), arena(room)});
    return *take(chunks_.back());
}

void buffer_pages::release(hypercall_memory const& memory) noexcept {
    auto const holds = [&memory](chunk const& c) {
        return memory.data >= c.pages.data() && memory.data < c.pages.data() + c.pages.size();
    };
    auto const it = std::ranges::find_if(chunks_, holds);
    if (it == chunks_.end()) {
        return;
    }
    it->pieces.release(static_cast<std::size_t>(memory.data - it->pages.data()), memory.size);
    if (it != chunks_.begin() && it->pieces.free_bytes() == it->pages.size()) {
        chunks_.erase(it);
    }
}

native_doors::native_doors(os::unique_fd privcmd,
                           os::unique_fd hypercall,
                           options const& o) noexcept
    : privcmd_(std::move(privcmd)), buffers_(std::move(hypercall)), options_(o) {}

result<std::int64_t> native_doors::hypercall(unsigned number,
                                             std::array<std::uint64_t, 6> const& arg) {
    privcmd_hypercall call{number, {arg[0], arg[1], arg[2], arg[3], arg[4]}};
    return device_call(privcmd_.get(), privcmd_ioctl_hypercall, &call);
}

result<hypercall_memory> native_doors::allocate(std::size_t size) {
    return buffers_.allocate(size);
}

void native_doors::release(hypercall_memory const& memory) noexcept {
    buffers_.release(memory);
}

result<foreign_mapping>
native_doors::map_foreign(domid d, gfn first, std::size_t count, os::access access) {
    std::vector<gfn> frames(count);
    for (std::size_t i = 0; i != count; ++i) {
        frames[i] = first + i;
    }
    return map_foreign(d, frames, access);
}

result<foreign_mapping>
native_doors::map_foreign(domid d, std::span<gfn const> frames, os::access access) {
    constexpr std::string_view operation = "map foreign pages";
    static_assert(sizeof(gfn) == sizeof(std::uint64_t));
    if (frames.empty()) {
        return unexpected(with_domain(error{operation, 0, "no page asked for"}, d));
    }
    auto pages = os::mapping::of_file(privcmd_.get(), 0, frames.size() * page_size, access);
    if (!pages) {
        return unexpected(with_domain(std::move(pages.error()), d));
    }
    std::vector<int> outcomes(frames.size());
    privcmd_mmapbatch_v2 batch{};
    batch.num = static_cast<std::uint32_t>(frames.size());
    batch.dom = d.raw();
    batch.addr = reinterpret_cast<std::uintptr_t>(pages->data());
    batch.arr = reinterpret_cast<std::uintptr_t>(frames.data());
    batch.err = reinterpret_cast<std::uintptr_t>(outcomes.data());
    auto const status = device_call(privcmd_.get(), privcmd_ioctl_mmapbatch_v2, &batch);
    auto const bad = std::ranges::find_if(outcomes, [](int e) { return e != 0; });
    if (bad != outcomes.end()) {
        auto const frame = frames[static_cast<std::size_t>(bad - outcomes.begin())];
        return unexpected(with_domain(error{operation, -*bad, why_not_mapped(frame, -*bad)}, d));
    }
    if (status < 0) {
        return unexpected(
            with_domain(error{operation, static_cast<int>(-status),
                              fmt::format("{} frames from {:#x}", frames.size(), frames[0].raw())},
                        d));
    }
    return foreign_mapping(*this, 0, *std::move(pages));
}

result<void> native_doors::write_foreign(domid d, gpa at, std::span<std::byte const> bytes) {
    while (!bytes.empty()) {
        auto const room = copied_at_once - at.raw() % page_size;
        auto const part = bytes.first(std::min<std::size_t>(bytes.size(), room));
        XENPP_TRY(doors::write_foreign(d, at, part));
        at = at + part.size();
        bytes = bytes.subspan(part.size());
    }
    return {};
}

result<int> native_doors::grant_device() {
    if (!gntdev_) {
        gntdev_ = XENPP_TRY(open_device("gntdev"));
    }
    return gntdev_.get();
}

result<foreign_mapping>
native_doors::map_grants(domid d, std::span<grant_ref const> refs, os::access access) {
    constexpr std::string_view operation = "map grants";
    if (refs.empty()) {
        return unexpected(with_domain(error{operation, 0, "no grant asked for"}, d));
    }
    auto const device = XENPP_TRY(grant_device());
    // The head, of which one grant is a part, and the other grants behind it.
    gntdev_map_grant_ref head{};
    head.count = static_cast<std::uint32_t>(refs.size());
    std::vector<gntdev_grant> argument(offsetof(gntdev_map_grant_ref, refs) / sizeof(gntdev_grant));
    for (auto const ref : refs) {
        argument.push_back({d.raw(), ref.raw()});
    }
    std::memcpy(argument.data(), &head, offsetof(gntdev_map_grant_ref, refs));
    auto const status = device_call(device, gntdev_ioctl_map_grant_ref, argument.data());
    if (status < 0) {
        return unexpected(with_domain(error{operation, static_cast<int>(-status), {}}, d));
    }
    std::memcpy(&head, argument.data(), offsetof(gntdev_map_grant_ref, refs));
    auto const number = ++last_mapping_;
    granted_[number] = {head.index, head.count};
    // The hypervisor is asked only here.
    auto pages = os::mapping::of_file(device, head.index, refs.size() * page_size, access);
    if (!pages) {
        unmap(number);
        auto const first = refs[0].raw();
        return unexpected(with_domain(
            error{operation, pages.error().code,
                  fmt::format("grant {}{}: it is not granted to domain 0, or not for {}", first,
                              refs.size() > 1 ? " and those after it" : "",
                              access == os::access::read_write ? "writing" : "reading")},
            d));
    }
    return foreign_mapping(*this, number, *std::move(pages));
}

result<void> native_doors::copy_grants(domid d, std::span<grant_copy> pieces) {
    XENPP_TRY(check_pieces(d, pieces));
    auto const device = XENPP_TRY(grant_device());
    std::array<gntdev_grant_copy_segment, copies_at_once> segments;
    while (!pieces.empty()) {
        auto const part = pieces.first(std::min(pieces.size(), segments.size()));
        for (std::size_t i = 0; i != part.size(); ++i) {
            auto const& p = part[i];
            auto& s = segments[i] = {};
            auto& theirs = p.to_grant ? s.dest : s.source;
            auto& ours = p.to_grant ? s.source : s.dest;
            theirs.foreign = {p.ref.raw(), static_cast<std::uint16_t>(p.offset), d.raw()};
            ours.virt = p.local.data();
            s.len = static_cast<std::uint16_t>(p.local.size());
            s.flags = p.to_grant ? abi::gntcopy_dest_gref : abi::gntcopy_source_gref;
            s.status = abi::gntst_general_error;
        }
        gntdev_grant_copy copy{static_cast<std::uint32_t>(part.size()), segments.data()};
        if (device_call(device, gntdev_ioctl_grant_copy, &copy) < 0) {
            // Linux does not take pages that are themselves another domain's for our memory.
            XENPP_TRY(doors::copy_grants(d, part));
        } else {
            for (std::size_t i = 0; i != part.size(); ++i) {
                part[i].is_done = segments[i].status == abi::gntst_okay;
            }
        }
        pieces = pieces.subspan(part.size());
    }
    return {};
}

void native_doors::unmap(std::uint32_t mapping) noexcept {
    auto const it = granted_.find(mapping);
    if (it == granted_.end()) {
        return;
    }
    gntdev_unmap_grant_ref unmap{it->second.index, it->second.count, 0};
    device_call(gntdev_.get(), gntdev_ioctl_unmap_grant_ref, &unmap); // else when it is closed
    granted_.erase(it);
}

result<std::unique_ptr<event_channels>> native_doors::open_event_channels() {
    return open_evtchn_device(options_);
}

std::string native_doors::store_path() const {
    return store::default_server_path();
}

std::string native_doors::description() const {
    return "the Xen of this control domain, by /dev/xen/privcmd";
}

} // namespace xenpp::transport::native
