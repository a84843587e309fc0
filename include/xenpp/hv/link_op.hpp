// SPDX-License-Identifier: Apache-2.0
// Hypercall 55, link_op: a control process maps other domains' frames (link/link_op.hpp).
#pragma once

#include <xenpp/hv/grant_mapping.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/link_service.hpp>
#include <xenpp/link/link_op.hpp>

#include <cstdint>

namespace xenpp::hv {

namespace detail {

/// How far a `map_foreign` has come: what is kept in its arguments between two turns.
struct map_foreign_progress {
    std::uint32_t done = 0;
    std::uint32_t extents = 0;
    std::uint32_t mapping = 0;

    static map_foreign_progress load(hypercall_args const& args, std::uint32_t mapping) noexcept {
        if (args.arg[2] == 0) {
            return {0, 0, mapping};
        }
        return {static_cast<std::uint32_t>(args.arg[2]),
                static_cast<std::uint32_t>(args.arg[2] >> 32),
                static_cast<std::uint32_t>(args.arg[3])};
    }

    void store(hypercall_args& args) const noexcept {
        args.arg[2] = std::uint64_t{extents} << 32 | done;
        args.arg[3] = mapping;
    }
};

/// Collects frames into runs and writes each run out when it ends.
template <class P>
class extent_writer {
public:
    extent_writer(vcpu<P>& v, link::link_map_foreign const& op, std::uint32_t& written) noexcept
        : v_(v), op_(op), written_(written) {}

    /// Whether `f` as entry `index` still finds room.
    bool has_room(mfn f, std::uint32_t index) const noexcept {
        return continues(f, index) || written_ + (run_.count != 0 ? 1U : 0U) < op_.extent_room;
    }

    expected<void, errc> add(mfn f, std::uint32_t index) noexcept {
        if (continues(f, index)) {
            ++run_.count;
            return {};
        }
        XENPP_TRY(finish());
        run_ = {f.raw(), index, 1};
        return {};
    }

    expected<void, errc> finish() noexcept {
        if (run_.count != 0) {
            XENPP_TRY(write_guest(v_, op_.extents, run_, written_));
            ++written_;
            run_.count = 0;
        }
        return {};
    }

private:
    bool continues(mfn f, std::uint32_t index) const noexcept {
        return run_.count != 0 && f.raw() == run_.frame + run_.count &&
               index == run_.index + run_.count;
    }

    vcpu<P>& v_;
    link::link_map_foreign const& op_;
    std::uint32_t& written_;
    link::frame_extent run_{};
};

/// The frame that entry `index` names, with a reference. `acces` for what others have granted to
/// `d`: it is theirs again when `d` has unmapped it, whoever still maps it here.
template <class P>
expected<page_ref<P>, errc> foreign_page(vcpu<P>& v,
                                         domain<P>& d,
                                         link::link_map_foreign const& op,
                                         std::uint32_t index) noexcept {
    auto const frame = op.gfns != 0 ? XENPP_TRY(read_guest<std::uint64_t>(v, op.gfns, index))
                                    : op.first_gfn + index;
    auto page = get_page(d, gfn(frame), (op.flags & link::map_writable) != 0);
    if (page && d.hv.frames.info(page->frame()).owner != d.id) {
        return unexpected(errc::acces);
    }
    return page;
}

/// One turn over the entries. The outcome is ok, restart, or why an entry stopped it.
template <class P>
expected<void, errc> map_foreign_turn(vcpu<P>& v,
                                      domain<P>& d,
                                      link::link_map_foreign const& op,
                                      map_foreign_progress& p,
                                      typename link_service<P>::mappings& held) noexcept {
    constexpr std::uint32_t batch = 128;
    extent_writer<P> extents(v, op, p.extents);
    for (std::uint32_t n = 0; p.done < op.count; ++n, ++p.done) {
        if (n == batch) {
            XENPP_TRY(extents.finish());
            return unexpected(errc::restart);
        }
        auto page = foreign_page(v, d, op, p.done);
        if (!page && op.errors == 0) {
            return unexpected(page.error());
        }
        if (page) {
            auto const frame = page->frame();
            if (!extents.has_room(frame, p.done)) {
                break;
            }
            XENPP_TRY(held.add_frame(p.mapping, frame));
            static_cast<void>(page->release()); // the mapping's now
            XENPP_TRY(extents.add(frame, p.done));
        }
        if (op.errors != 0) {
            auto const status =
                page ? std::int32_t{0} : static_cast<std::int32_t>(to_abi(page.error()));
            XENPP_TRY(write_guest(v, op.errors, status, p.done));
        }
    }
    return extents.finish();
}

template <class P>
hypercall_result link_map_foreign(vcpu<P>& v, hypercall_args& args) noexcept {
    auto op = XENPP_TRY(read_guest<link::link_map_foreign>(v, args.arg[1]));
    auto const d = find_domain(v.dom.hv, domid(op.domid));
    if (!d || d->dying != dying_state::alive) {
        return unexpected(errc::srch);
    }
    bool const writable = (op.flags & link::map_writable) != 0;
    auto p = map_foreign_progress::load(args, op.mapping);
    if ((op.flags & ~link::map_writable) != 0 || op.extent_room == 0 || p.done > op.count ||
        p.extents > op.extent_room || d->kind == domain_kind::control) {
        return unexpected(errc::inval);
    }
    auto& held = v.dom.hv.link->of(v.dom.hv.link->current());
    if (p.mapping == 0) {
        p.mapping = XENPP_TRY(held.create(d->id, writable));
    } else if (!held.is_mapping(p.mapping, d->id, writable)) {
        return unexpected(errc::inval);
    }
    auto const turn = map_foreign_turn(v, *d, op, p, held);
    if (!turn && turn.error() == errc::restart) {
        p.store(args);
        return unexpected(errc::restart);
    }
    // On failure too: what was mapped so far is the caller's to unmap.
    op.mapping = p.mapping;
    op.extent_count = p.extents;
    op.done = p.done;
    XENPP_TRY(write_guest(v, args.arg[1], op));
    if (!turn) {
        return unexpected(turn.error());
    }
    return std::uint64_t{0};
}

/// Maps one grant of `op` into the mapping; its status if that cannot be.
template <class P>
expected<void, std::int16_t> map_one_grant(vcpu<P>& v,
                                           link::link_map_grants const& op,
                                           std::uint32_t mapping,
                                           std::uint32_t index) noexcept {
    auto& held = v.dom.hv.link->of(v.dom.hv.link->current());
    auto const ref = read_guest<std::uint32_t>(v, op.refs, index);
    if (!ref) {
        return unexpected(std::int16_t{abi::gntst_bad_virt_addr});
    }
    bool const writable = (op.flags & link::map_writable) != 0;
    abi::gnttab_map_grant_ref one{};
    one.flags = abi::gntmap_device_map | (writable ? 0U : std::uint32_t{abi::gntmap_readonly});
    one.ref = *ref;
    one.dom = op.domid;
    map_grant(v, one);
    if (one.status != abi::gntst_okay) {
        return unexpected(one.status);
    }
    auto const frame = to_mfn(maddr(one.dev_bus_addr));
    if (!held.add_grant(mapping, one.handle, frame)) {
        end_control_grant(v, one.handle, frame);
        return unexpected(std::int16_t{abi::gntst_no_space});
    }
    if (!write_guest(v, op.frames, frame.raw(), index)) {
        return unexpected(std::int16_t{abi::gntst_bad_virt_addr});
    }
    return {};
}

template <class P>
hypercall_result link_map_grants(vcpu<P>& v, hypercall_args& args) noexcept {
    auto op = XENPP_TRY(read_guest<link::link_map_grants>(v, args.arg[1]));
    if ((op.flags & ~link::map_writable) != 0 || op.count == 0 || op.count > link::map_grants_max) {
        return unexpected(errc::inval);
    }
    auto& held = v.dom.hv.link->of(v.dom.hv.link->current());
    op.mapping = XENPP_TRY(held.create(domid(op.domid), (op.flags & link::map_writable) != 0));
    op.status = abi::gntst_okay;
    for (op.failed = 0; op.failed < op.count; ++op.failed) {
        if (auto const one = map_one_grant(v, op, op.mapping, op.failed); !one) {
            op.status = one.error();
            break;
        }
    }
    auto const told = write_guest(v, args.arg[1], op);
    if (told && op.status == abi::gntst_okay) {
        return std::uint64_t{0};
    }
    for (auto gone = held.remove(op.mapping); !gone && gone.error() == errc::restart;) {
        gone = held.remove(op.mapping); // a few turns: there are at most map_grants_max
    }
    return unexpected(told ? errc::inval : errc::fault);
}

template <class P>
hypercall_result link_unmap(vcpu<P>& v, hypercall_args& args) noexcept {
    auto const op = XENPP_TRY(read_guest<link::link_unmap>(v, args.arg[1]));
    auto& service = *v.dom.hv.link;
    XENPP_TRY(service.of(service.current()).remove(op.mapping));
    return std::uint64_t{0};
}

template <class P>
hypercall_result link_info(vcpu<P>& v, hypercall_args& args) noexcept {
    auto op = XENPP_TRY(read_guest<link::link_info>(v, args.arg[1]));
    if (op.slot >= link::slot_count) {
        return unexpected(errc::inval);
    }
    auto const& held = v.dom.hv.link->of(op.slot);
    op.version = link::version;
    op.mappings = held.mapping_count();
    op.extents = held.extent_count();
    op.frames = held.frame_count();
    XENPP_TRY(write_guest(v, args.arg[1], op));
    return std::uint64_t{0};
}

} // namespace detail

/// The handler. `nosys` unless it came through the link from domain 0.
template <class P>
hypercall_result do_link_op(vcpu<P>& v, hypercall_args& args) noexcept {
    auto* const service = v.dom.hv.link;
    if (v.dom.kind != domain_kind::control || service == nullptr ||
        service->current() == link_service<P>::no_slot) {
        return unexpected(errc::nosys);
    }
    switch (static_cast<link::link_cmd>(args.arg[0])) {
    case link::link_cmd::info: return detail::link_info(v, args);
    case link::link_cmd::map_foreign: return detail::link_map_foreign(v, args);
    case link::link_cmd::map_grants: return detail::link_map_grants(v, args);
    case link::link_cmd::unmap: return detail::link_unmap(v, args);
    }
    return unexpected(errc::nosys);
}

} // namespace xenpp::hv
