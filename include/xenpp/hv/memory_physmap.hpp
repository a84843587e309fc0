// SPDX-License-Identifier: Apache-2.0
// Memory ops that place the hypervisor's frames in a domain: shared info, grant table, resources.
#pragma once

#include <xenpp/abi/memory.hpp>
#include <xenpp/hv/grant_table.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/link_service.hpp>
#include <xenpp/hv/memory_reservation.hpp>
#include <xenpp/hv/p2m.hpp>

#include <cstdint>

namespace xenpp::hv {

namespace detail {

/// The frame that index `idx` of a map space stands for. Errors: `inval` no such index, `nosys` no
/// such space (frames of the domain's own and of others are not moved about here).
template <class P>
expected<mfn, errc> space_frame(domain<P>& d, std::uint32_t space, std::uint64_t idx) noexcept {
    switch (space) {
    case abi::xenmapspace_shared_info:
        if (idx != 0) {
            return unexpected(errc::inval);
        }
        return d.shared_info_frame;
    case abi::xenmapspace_grant_table: {
        bool const status = (idx & abi::xenmapidx_grant_table_status) != 0;
        auto const n = idx & ~std::uint64_t{abi::xenmapidx_grant_table_status};
        if (n > ~std::uint32_t{0}) {
            return unexpected(errc::inval);
        }
        return grant_frame(d, static_cast<std::uint32_t>(n), status);
    }
    default: return unexpected(errc::nosys);
    }
}

/// Maps one frame of a space at `g`. Memory that was there goes back to the machine, as in Xen.
template <class P>
expected<void, errc>
map_space(domain<P>& d, std::uint32_t space, std::uint64_t idx, gfn g) noexcept {
    if (d.kind != domain_kind::hvm) {
        return unexpected(errc::acces); // only where the hypervisor translates
    }
    if (d.is_dying() || !p2m_in_range<P>(g, 0, 0)) {
        return unexpected(errc::inval);
    }
    auto const f = XENPP_TRY(space_frame(d, space, idx));
    if (!get_frame(d.hv, f)) {
        return unexpected(errc::inval);
    }
    auto const added = p2m_add(d, g, f, 0);
    if (!added) {
        put_frame(d.hv, f);
    }
    return added;
}

/// The domain that a physmap op is about.
template <class P>
expected<domain_ref<P>, errc> physmap_target(vcpu<P>& v, std::uint16_t id) noexcept {
    auto d = find_domain(v, domid(id));
    if (!d) {
        return unexpected(errc::srch);
    }
    if (!may_target(v, *d)) {
        return unexpected(errc::perm);
    }
    return d;
}

} // namespace detail

/// One frame of shared info or grant table at a gfn. Errors: `srch`, `perm`, `nosys`, `inval`,
/// `acces` for a domain that is not translated, `nomem`.
template <class P>
hypercall_result memory_add_to_physmap(vcpu<P>& v, hypercall_args& args) noexcept {
    auto const op = XENPP_TRY(read_guest<abi::add_to_physmap>(v, args.arg[1]));
    if (op.space == abi::xenmapspace_gmfn_foreign) {
        return unexpected(errc::nosys); // by the batch only
    }
    auto const d = XENPP_TRY(detail::physmap_target(v, op.domid));
    XENPP_TRY(detail::map_space(*d, op.space, op.idx, gfn(op.gpfn)));
    return std::uint64_t{0};
}

/// As above for a list, each with an error of its own.
template <class P>
hypercall_result memory_add_to_physmap_batch(vcpu<P>& v, hypercall_args& args) noexcept {
    constexpr unsigned batch = 64;
    auto const op = XENPP_TRY(read_guest<abi::add_to_physmap_batch>(v, args.arg[1]));
    auto done = memory_op_progress(args).done();
    if (done > op.size) {
        return unexpected(errc::ilseq);
    }
    auto const d = XENPP_TRY(detail::physmap_target(v, op.domid));
    if (op.space == abi::xenmapspace_gmfn_foreign) {
        return unexpected(errc::perm); // nobody that is translated may map others' memory
    }
    if (op.u.res0 != 0) {
        return unexpected(errc::inval);
    }
    for (unsigned n = 0; done != op.size; ++n, ++done) {
        if (n == batch) {
            return memory_op_progress::restart_at(args, done);
        }
        auto const idx = XENPP_TRY(read_guest(v, op.idxs, done));
        auto const g = XENPP_TRY(read_guest(v, op.gpfns, done));
        auto const mapped = detail::map_space(*d, op.space, idx, gfn(g));
        auto const error = mapped ? 0 : to_abi(mapped.error());
        XENPP_TRY(write_guest(v, op.errs, static_cast<std::int32_t>(error), done));
    }
    return std::uint64_t{0};
}

/// Takes out what stands at a gfn. Memory of the domain's own goes back to the machine. Errors:
/// `noent` where nothing is; `acces` for what others have granted, which is unmapped instead.
template <class P>
hypercall_result memory_remove_from_physmap(vcpu<P>& v, hypercall_args& args) noexcept {
    auto const op = XENPP_TRY(read_guest<abi::remove_from_physmap>(v, args.arg[1]));
    auto const d = XENPP_TRY(detail::physmap_target(v, op.domid));
    {
        auto const page = get_page(*d, gfn(op.gpfn), false);
        if (page && d->hv.frames.info(page->frame()).owner != d->id) {
            return unexpected(errc::acces);
        }
    }
    auto const removed = XENPP_TRY(p2m_remove(*d, gfn(op.gpfn), 0));
    if (removed == 0) {
        return unexpected(errc::noent);
    }
    return std::uint64_t{0};
}

namespace detail {

inline constexpr std::uint32_t resource_batch = 64;

/// References to frames that the caller will map, held by its slot of the machine link until that
/// is reset: the frames outlive their domain as long as somebody may look at them. Given back here
/// unless they are kept. A caller without a slot maps nothing.
template <class P>
class resource_hold {
public:
    resource_hold(hypervisor<P>& hv, domain<P>& d) noexcept : hv_(hv), d_(d) {
        if (hv.link != nullptr && hv.link->current() != link_service<P>::no_slot) {
            held_ = &hv.link->of(hv.link->current());
        }
    }

    resource_hold(resource_hold const&) = delete;
    resource_hold& operator=(resource_hold const&) = delete;

    ~resource_hold() {
        if (mapping_ != 0) {
            static_cast<void>(held_->remove(mapping_)); // few enough for one turn
        }
    }

    /// `nomem`, `nospc`, `inval` for a frame that is not there any more.
    expected<void, errc> add(mfn f) noexcept {
        if (held_ == nullptr) {
            return {};
        }
        if (mapping_ == 0) {
            mapping_ = XENPP_TRY(held_->create(d_.id, true));
        }
        // As the mapping gives it back: a PV domain's as one to write.
        bool const typed = d_.kind == domain_kind::pv;
        if (!(typed ? pv::get_writable(d_, hv_.frames.info(f)) : get_frame(hv_, f))) {
            return unexpected(errc::inval);
        }
        page_ref<P> page(hv_, f, typed);
        XENPP_TRY(held_->add_frame(mapping_, f));
        static_cast<void>(page.release());
        return {};
    }

    void keep() noexcept { mapping_ = 0; }

private:
    hypervisor<P>& hv_;
    domain<P>& d_;
    typename link_service<P>::mappings* held_ = nullptr;
    std::uint32_t mapping_ = 0;
};

/// The grant table's frames of `d`, or how many it may have.
template <class P>
hypercall_result acquire_grant_table(vcpu<P>& v,
                                     domain<P>& d,
                                     abi::mem_acquire_resource op,
                                     std::uint64_t at) noexcept {
    if (op.id > abi::xenmem_resource_grant_table_id_status) {
        return unexpected(errc::inval);
    }
    bool const status = op.id == abi::xenmem_resource_grant_table_id_status;
    if (op.frame_list.p == 0) {
        if (op.nr_frames != 0) {
            return unexpected(errc::inval);
        }
        // One status frame holds the 16-bit words of eight frames of version 2 entries.
        op.nr_frames = status ? (d.grants.max_frames + 7) / 8 : d.grants.max_frames;
        XENPP_TRY(write_guest(v, at, op));
        return std::uint64_t{0};
    }
    if (op.nr_frames > resource_batch) {
        return unexpected(errc::toobig);
    }
    if (op.frame > ~std::uint32_t{0} - resource_batch) {
        return unexpected(errc::inval);
    }
    resource_hold<P> hold(v.dom.hv, d);
    for (std::uint32_t i = 0; i != op.nr_frames; ++i) {
        auto const n = static_cast<std::uint32_t>(op.frame) + i;
        auto const f = XENPP_TRY(grant_frame(d, n, status));
        XENPP_TRY(hold.add(f));
        XENPP_TRY(write_guest(v, op.frame_list, f.raw(), i));
    }
    hold.keep();
    return std::uint64_t{0};
}

} // namespace detail

/// Frames of a domain that the control domain maps: here of its grant table. They stay where they
/// are until the domain is freed, and the caller's slot of the machine link holds a reference to
/// each until it is reset. A null list asks how many there can be. Errors: `perm`, `srch`
/// (also for itself), `inval`, `toobig` above 64 frames, `opnotsupp` for another kind.
template <class P>
hypercall_result memory_acquire_resource(vcpu<P>& v, hypercall_args& args) noexcept {
    auto const op = XENPP_TRY(read_guest<abi::mem_acquire_resource>(v, args.arg[1]));
    if (op.pad != 0) {
        return unexpected(errc::inval);
    }
    auto const d = find_domain(v.dom.hv, domid(op.domid));
    if (!d || d.get() == &v.dom) {
        return unexpected(errc::srch);
    }
    if (!v.dom.is_privileged()) {
        return unexpected(errc::perm);
    }
    if (op.type != abi::xenmem_resource_grant_table) {
        return unexpected(errc::opnotsupp);
    }
    return detail::acquire_grant_table(v, *d, op, args.arg[1]);
}

} // namespace xenpp::hv
