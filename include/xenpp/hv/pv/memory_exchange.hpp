// SPDX-License-Identifier: Apache-2.0
// XENMEM_exchange: a PV domain gives up frames and is given as many new ones, in larger or smaller
// extents.
#pragma once

#include <xenpp/abi/memory.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/pv/reservation.hpp>

#include <cstdint>

namespace xenpp::hv::pv {

/// One turn's piece of an exchange: as many extents of either list as make up the larger extent.
struct exchange_piece {
    unsigned order;         ///< of the larger extent
    std::uint64_t first_in; ///< index of its first extent in the list of those to give up
    std::uint64_t in_count;
    std::uint64_t first_out;
    std::uint64_t out_count;
};

/// Makes the block at `f`, which nobody has, memory of `d`. `nomem` beyond its limit; `inval` if it
/// is dying.
template <class P>
expected<void, errc> adopt_block(domain<P>& d, mfn f, unsigned order) noexcept {
    auto const n = std::uint64_t{1} << order;
    {
        lock_guard const hold(d.page_lock);
        if (n > d.max_pages || d.total_pages > d.max_pages - n) {
            return unexpected(errc::nomem);
        }
        if (d.total_pages == 0) {
            atomic_fetch_add(d.references, 1U);
        }
        d.total_pages += n;
    }
    if (!enlist_pages(d, f, n)) {
        domain_pages_freed(d, n);
        return unexpected(errc::inval);
    }
    return {};
}

/// `d` gives up one extent that it uses for nothing. `inval`: it does, or it is not its own.
template <class P>
expected<void, errc> give_up_unused(domain<P>& d, mfn first, unsigned order) noexcept {
    table_work<P> w(d);
    XENPP_TRY(finish_unfinished(w));
    for (std::uint64_t i = 0; i != std::uint64_t{1} << order; ++i) {
        auto* const page = d.hv.frames.find(first + i);
        if (page == nullptr || page->owner != d.id || atomic_load(page->count) != 1) {
            return unexpected(errc::inval);
        }
        XENPP_TRY(give_up_frame(w, first + i));
    }
    return {};
}

/// The new frames of a piece get their names and are told.
template <class P>
expected<void, errc> tell_new_frames(vcpu<P>& v,
                                     domain<P>& d,
                                     abi::memory_exchange const& x,
                                     exchange_piece const& p,
                                     mfn f) noexcept {
    for (std::uint64_t i = 0; i != p.out_count; ++i) {
        auto const at = p.first_out + i;
        auto const name = XENPP_TRY(read_guest(v, x.out.extent_start, at));
        auto const extent = f + (i << x.out.extent_order);
        name_frames(d, extent, x.out.extent_order, name);
        XENPP_TRY(write_guest(v, x.out.extent_start, extent.raw(), at));
    }
    return {};
}

/// The memory is there before any is given up, and the domain never has more than before.
template <class P>
expected<void, errc> exchange_one(vcpu<P>& v,
                                  domain<P>& d,
                                  abi::memory_exchange const& x,
                                  exchange_piece const& p) noexcept {
    // The domain may guess its number: until it has adopted the block it may not refer to it.
    auto const f = XENPP_TRY(d.hv.frames.allocate(p.order, d.id, page_use::hypervisor));
    expected<void, errc> done;
    for (std::uint64_t i = 0; done && i != p.in_count; ++i) {
        auto const old = read_guest(v, x.in.extent_start, p.first_in + i);
        done = old ? give_up_unused(d, mfn(*old), x.in.extent_order)
                   : expected<void, errc>(unexpected(old.error()));
    }
    if (done) {
        done = adopt_block(d, f, p.order);
    }
    if (!done) {
        d.hv.frames.free(f, p.order);
        return done;
    }
    return tell_new_frames(v, d, x, p, f);
}

/// Whether the two lists amount to the same memory, in extents that can be had.
constexpr bool is_even(abi::memory_exchange const& x) noexcept {
    constexpr unsigned most_order = 9;
    constexpr std::uint64_t most = ~std::uint32_t{0};
    return x.in.extent_order <= most_order && x.out.extent_order <= most_order &&
           x.in.nr_extents <= most && x.out.nr_extents <= most &&
           x.in.nr_extents << x.in.extent_order == x.out.nr_extents << x.out.extent_order &&
           x.in.domid == x.out.domid && x.nr_exchanged <= x.in.nr_extents &&
           ((x.in.mem_flags | x.out.mem_flags) & 0xff) == 0;
}

/// arg[1]: a memory_exchange, whose `nr_exchanged` says how far it has come. A frame that is mapped
/// or used otherwise is not exchanged. Errors: `inval`, `srch`, `perm`, `nomem`, `fault`.
template <class P>
hypercall_result memory_exchange(vcpu<P>& v, hypercall_args& args) noexcept {
    auto x = XENPP_TRY(read_guest<abi::memory_exchange>(v, args.arg[1]));
    auto const d = find_domain(v, domid(x.in.domid));
    if (!d) {
        return unexpected(errc::srch);
    }
    if (&*d != &v.dom && !v.dom.is_privileged()) {
        return unexpected(errc::perm);
    }
    if (d->kind != domain_kind::pv || !is_even(x)) {
        return unexpected(errc::inval);
    }
    auto const order =
        x.in.extent_order > x.out.extent_order ? x.in.extent_order : x.out.extent_order;
    auto const in_count = std::uint64_t{1} << (order - x.in.extent_order);
    auto const out_count = std::uint64_t{1} << (order - x.out.extent_order);
    if (x.nr_exchanged == x.in.nr_extents) {
        return std::uint64_t{0};
    }
    if (x.nr_exchanged % in_count != 0 || x.in.nr_extents - x.nr_exchanged < in_count) {
        return unexpected(errc::inval);
    }
    XENPP_TRY(exchange_one(v, *d, x,
                           {.order = order,
                            .first_in = x.nr_exchanged,
                            .in_count = in_count,
                            .first_out = x.nr_exchanged / in_count * out_count,
                            .out_count = out_count}));
    x.nr_exchanged += in_count;
    XENPP_TRY(write_guest(v, args.arg[1], x));
    if (x.nr_exchanged != x.in.nr_extents) {
        return unexpected(errc::restart);
    }
    return std::uint64_t{0};
}

} // namespace xenpp::hv::pv
