// SPDX-License-Identifier: Apache-2.0
// Memory ops that change how much memory a domain has: populate, decrease, claim.
#pragma once

#include <xenpp/abi/memory.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/p2m.hpp>
#include <xenpp/hv/page_ref.hpp>
#include <xenpp/hv/pv/reservation.hpp>

#include <cstdint>

namespace xenpp::hv {

/// A memory op's first argument: the operation, and above it how many elements are done.
class memory_op_progress {
public:
    static constexpr unsigned shift = 6;

    explicit memory_op_progress(hypercall_args const& args) noexcept
        : done_(args.arg[0] >> shift) {}

    std::uint64_t done() const noexcept { return done_; }

    /// Writes it into `args`, for the call that continues this one.
    static unexpected<errc> restart_at(hypercall_args& args, std::uint64_t done) noexcept {
        args.arg[0] = (args.arg[0] & ((1U << shift) - 1)) | done << shift;
        return unexpected(errc::restart);
    }

private:
    std::uint64_t done_;
};

/// Whether `v` may change or look at the memory of `d`: its own, or any for the control domain.
template <class P>
bool may_target(vcpu<P>& v, domain<P>& d) noexcept {
    return &v.dom == &d || v.dom.is_privileged();
}

namespace detail {

/// The largest extent that a domain may ask for (Xen: memop-max-order, 2 MiB and 1 GiB).
template <class P>
unsigned max_extent_order(domain<P> const& d) noexcept {
    return d.is_privileged() ? 18 : 9;
}

/// How many pages one turn handles at most, unless it is a single extent.
inline constexpr std::uint64_t reservation_batch = 1024;

/// An extent for `d`. `restart`: nothing was done, memory is still being made ready.
template <class P>
expected<mfn, errc> new_extent(domain<P>& d, unsigned order) noexcept {
    auto const f = allocate_domain_pages(d, order);
    if (!f && f.error() == errc::nomem) {
        bool const within = d.total_pages + (std::uint64_t{1} << order) <= d.max_pages;
        return unexpected(within && d.hv.frames.hurry() ? errc::restart : errc::nomem);
    }
    return f;
}

/// Gives `d` one extent. `restart` as above.
template <class P>
expected<void, errc> populate_extent(domain<P>& d, gfn g, unsigned order) noexcept {
    if (!p2m_in_range<P>(g, order, 18)) {
        return unexpected(errc::inval);
    }
    auto const f = new_extent(d, order);
    if (!f) {
        return unexpected(f.error());
    }
    // The p2m is the only way in, so it sees the first use. (PV guests have tables of their own.)
    d.hv.frames.mark_untouched(*f, order);
    auto const added = p2m_add(d, g, *f, order, p2m_rights::untouched);
    if (!added) {
        put_block(d, *f, order);
    }
    return added;
}

/// Takes one extent from `d`: only memory of its own, all of it or what comes before a gfn where
/// there is none.
template <class P>
expected<void, errc> withdraw_extent(domain<P>& d, gfn g, unsigned order) noexcept {
    for (std::uint64_t i = 0; i != std::uint64_t{1} << order; ++i) {
        auto const there = p2m_lookup(d, g + i);
        if (!there) {
            return unexpected(errc::noent);
        }
        auto const& page = d.hv.frames.info(there->frame);
        if (page.use != page_use::guest || page.owner != d.id) {
            return unexpected(errc::nxio);
        }
    }
    XENPP_TRY(p2m_remove(d, g, order));
    return {};
}

/// Extent `n` of a list for or from a PV domain. A list to populate names pages and is given
/// machine frames for them; one to increase is only given; one to decrease holds machine frames.
template <class P>
expected<void, errc> pv_extent(vcpu<P>& v,
                               domain<P>& d,
                               abi::mem_op op,
                               abi::memory_reservation const& r,
                               std::uint64_t n) noexcept {
    if (op == abi::mem_op::decrease_reservation) {
        mfn const first(XENPP_TRY(read_guest(v, r.extent_start, n)));
        pv::table_work<P> w(d);
        XENPP_TRY(pv::finish_unfinished(w));
        for (std::uint64_t i = 0; i != std::uint64_t{1} << r.extent_order; ++i) {
            XENPP_TRY(pv::give_up_frame(w, first + i));
        }
        return {};
    }
    bool const is_named = op == abi::mem_op::populate_physmap;
    auto const name = is_named ? XENPP_TRY(read_guest(v, r.extent_start, n)) : pv::no_pfn;
    auto const f = XENPP_TRY(new_extent(d, r.extent_order));
    pv::name_frames(d, f, r.extent_order, name);
    if (is_named || r.extent_start.p != 0) {
        XENPP_TRY(write_guest(v, r.extent_start, f.raw(), n));
    }
    return {};
}

/// Extent `n` of a list for or from an HVM domain.
template <class P>
expected<void, errc> hvm_extent(vcpu<P>& v,
                                domain<P>& d,
                                abi::mem_op op,
                                abi::memory_reservation const& r,
                                std::uint64_t n) noexcept {
    gfn const g(XENPP_TRY(read_guest(v, r.extent_start, n)));
    return op == abi::mem_op::populate_physmap ? populate_extent(d, g, r.extent_order)
                                               : withdraw_extent(d, g, r.extent_order);
}

/// Whether a list can be worked on at all. increase_reservation means nothing to a domain whose
/// memory is what its p2m says. Frames below some address are not looked for.
template <class P>
bool may_begin(vcpu<P>& v,
               domain<P>& d,
               abi::mem_op op,
               abi::memory_reservation const& r) noexcept {
    bool const to_decrease = op == abi::mem_op::decrease_reservation;
    bool const is_known = d.kind == domain_kind::pv || op != abi::mem_op::increase_reservation;
    auto const bits = r.mem_flags & 0xff;
    return may_target(v, d) && d.kind != domain_kind::control && is_known &&
           r.nr_extents <= (~std::uint32_t{0} >> memory_op_progress::shift) &&
           r.extent_order <= max_extent_order(v.dom) && (!to_decrease || r.extent_order <= 9) &&
           (r.mem_flags & abi::xenmemf_populate_on_demand) == 0 &&
           (bits == 0 || bits >= 52 || d.hv.frames.end().raw() <= (1ULL << bits) >> page_shift);
}

} // namespace detail

/// populate_physmap, decrease_reservation and increase_reservation: returns how many extents are
/// done, be it fewer than asked for (as Xen does for every error in between).
template <class P>
hypercall_result memory_reservation_op(vcpu<P>& v, abi::mem_op op, hypercall_args& args) noexcept {
    auto const r = XENPP_TRY(read_guest<abi::memory_reservation>(v, args.arg[1]));
    auto done = memory_op_progress(args).done();
    auto const d = find_domain(v, domid(r.domid));
    if (!d || done >= r.nr_extents || !detail::may_begin(v, *d, op, r)) {
        return done;
    }
    std::uint64_t pages = 0;
    for (; done != r.nr_extents; ++done) {
        pages += std::uint64_t{1} << r.extent_order;
        if (pages > detail::reservation_batch && pages != std::uint64_t{1} << r.extent_order) {
            return memory_op_progress::restart_at(args, done);
        }
        auto const result = d->kind == domain_kind::pv ? detail::pv_extent(v, *d, op, r, done)
                                                       : detail::hvm_extent(v, *d, op, r, done);
        if (!result && result.error() == errc::restart) {
            return memory_op_progress::restart_at(args, done);
        }
        if (!result) {
            return done;
        }
    }
    return done;
}

/// Sets memory aside for a domain that is about to be populated; `nr_extents` is the whole size it
/// will have, 0 ends the claim. Errors: `perm`, `srch`, `inval` when there is a claim already, or
/// the size is not above what it has or beyond its limit; `nomem`.
template <class P>
hypercall_result memory_claim(vcpu<P>& v, hypercall_args& args) noexcept {
    auto const r = XENPP_TRY(read_guest<abi::memory_reservation>(v, args.arg[1]));
    if (!v.dom.is_privileged()) {
        return unexpected(errc::perm);
    }
    if (r.extent_order != 0 || r.mem_flags != 0 || r.extent_start.p != 0) {
        return unexpected(errc::inval);
    }
    auto const d = find_domain(v, domid(r.domid));
    if (!d) {
        return unexpected(errc::srch);
    }
    lock_guard const hold(d->page_lock);
    std::uint64_t wanted = 0;
    if (r.nr_extents != 0) {
        if (d->outstanding_pages != 0 || d->is_dying() || r.nr_extents <= d->total_pages ||
            r.nr_extents > d->max_pages) {
            return unexpected(errc::inval);
        }
        wanted = r.nr_extents - d->total_pages;
    }
    XENPP_TRY(v.dom.hv.frames.set_claim(d->outstanding_pages, wanted));
    d->outstanding_pages = wanted;
    return std::uint64_t{0};
}

} // namespace xenpp::hv
