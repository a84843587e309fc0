// SPDX-License-Identifier: Apache-2.0
// Domctls of a domain's memory: its limit, the pool of its tables, types of frames, nodes.
#pragma once

#include <xenpp/hv/bitmap_access.hpp>
#include <xenpp/hv/domctl_call.hpp>
#include <xenpp/hv/hypercall_page.hpp>
#include <xenpp/hv/p2m.hpp>

#include <cstdint>
#include <cstring>

namespace xenpp::hv {

/// The limit may be below what the domain has; it just cannot grow then.
template <class P>
domctl_result domctl_max_mem(domctl_call<P> const& c) noexcept {
    constexpr std::uint64_t most = 0x7fff'ffff; // as Xen, whose counts are ints
    auto const pages = c.op.u.max_mem.max_memkb >> (page_shift - 10);
    lock_guard const hold(c.dom.page_lock);
    c.dom.max_pages = pages < most ? pages : most;
    return domctl_answer::none;
}

namespace detail {

/// Sets how many frames the domain's tables may take. `nomem` below what they have taken.
template <class P>
expected<void, errc> set_pool(domain<P>& d, std::uint64_t frames) noexcept {
    auto& p = d.guest_memory;
    lock_guard const hold(p.lock);
    if (frames < p.frames.used) {
        return unexpected(errc::nomem);
    }
    p.frames.limit = frames;
    return {};
}

} // namespace detail

template <class P>
domctl_result domctl_get_paging_mempool_size(domctl_call<P> const& c) noexcept {
    if (c.dom.kind != domain_kind::hvm) {
        return unexpected(errc::opnotsupp);
    }
    c.op.u.paging_mempool.size = c.dom.guest_memory.frames.limit << page_shift;
    return domctl_answer::copy_back;
}

template <class P>
domctl_result domctl_set_paging_mempool_size(domctl_call<P> const& c) noexcept {
    auto const size = c.op.u.paging_mempool.size;
    if (c.dom.kind != domain_kind::hvm) {
        return unexpected(errc::opnotsupp);
    }
    if ((size & (page_size - 1)) != 0) {
        return unexpected(errc::inval);
    }
    XENPP_TRY(detail::set_pool(c.dom, size >> page_shift));
    return domctl_answer::none;
}

/// The older way to the pool, in MiB. `opnotsupp` for logging of dirty pages and all else.
template <class P>
domctl_result domctl_shadow_op(domctl_call<P> const& c) noexcept {
    auto& s = c.op.u.shadow_op;
    if (c.dom.kind != domain_kind::hvm) {
        return unexpected(errc::inval);
    }
    switch (s.op) {
    case abi::domctl_shadow_op_off: return domctl_answer::none;
    case abi::domctl_shadow_op_get_allocation:
        s.mb = static_cast<std::uint32_t>((c.dom.guest_memory.frames.limit + 255) >> 8);
        return domctl_answer::copy_back;
    case abi::domctl_shadow_op_set_allocation:
        XENPP_TRY(detail::set_pool(c.dom, std::uint64_t{s.mb} << 8));
        return domctl_answer::none;
    default: return unexpected(errc::opnotsupp);
    }
}

namespace detail {

/// What a tool that saves a domain must know of frame `g`: whether it is there, and for a PV domain
/// whether it is a page table, and pinned.
template <class P>
std::uint32_t frame_info_of(domain<P>& d, gfn g) noexcept {
    if (d.kind != domain_kind::pv) {
        return p2m_lookup(d, g) ? abi::domctl_pfinfo_notab : abi::domctl_pfinfo_xtab;
    }
    auto const page = get_page(d, g, false);
    if (!page) {
        return abi::domctl_pfinfo_xtab;
    }
    auto const t = pv::type_of(d.hv.frames.info(page->frame()));
    std::uint32_t const level = pv::is_table(t.type()) && t.has(pv::type_word::validated)
                                    ? static_cast<std::uint32_t>(t.type())
                                    : 0;
    return level << abi::domctl_pfinfo_ltab_shift |
           (t.has(pv::type_word::pinned) ? abi::domctl_pfinfo_lpintab : 0);
}

} // namespace detail

/// Types of up to 1024 frames.
template <class P>
domctl_result domctl_getpageframeinfo3(domctl_call<P> const& c) noexcept {
    auto const& q = c.op.u.getpageframeinfo3;
    if (q.num > 1024) {
        return unexpected(errc::toobig);
    }
    for (std::uint64_t i = 0; i != q.num; ++i) {
        auto const g = XENPP_TRY(read_guest(c.caller, q.array, i));
        auto const type = detail::frame_info_of(c.dom, gfn(g));
        XENPP_TRY(write_guest(c.caller, q.array, std::uint64_t{type}, i));
    }
    return domctl_answer::none;
}

/// Fills a frame of the domain with the hypercall page of its kind and the machine's vendor.
template <class P>
domctl_result domctl_hypercall_init(domctl_call<P> const& c) noexcept {
    constexpr std::uint8_t vmmcall = 0xd9;
    constexpr std::uint8_t vmcall = 0xc1;
    if (c.dom.kind == domain_kind::control) {
        return unexpected(errc::opnotsupp);
    }
    auto const page = own_page(c.dom, gfn(c.op.u.hypercall_init.gmfn));
    if (!page) {
        return unexpected(errc::acces);
    }
    if (c.dom.kind == domain_kind::pv) {
        fill_pv_hypercall_page(page.map());
        return domctl_answer::none;
    }
    auto const vendor = c.hv().host_cpuid.get(x86::cpuid::leaf_vendor);
    bool const is_amd = x86::cpuid::is_same_vendor(vendor, x86::cpuid::vendor_amd);
    fill_hypercall_page(page.map(), is_amd ? vmmcall : vmcall);
    return domctl_answer::none;
}

/// There is one node.
template <class P>
domctl_result domctl_setnodeaffinity(domctl_call<P> const& c) noexcept {
    auto const nodes = XENPP_TRY(read_bitmap(c.caller, c.op.u.nodeaffinity.nodemap));
    if ((nodes & 1) == 0) {
        return unexpected(errc::inval);
    }
    return domctl_answer::none;
}

template <class P>
domctl_result domctl_getnodeaffinity(domctl_call<P> const& c) noexcept {
    XENPP_TRY(write_bitmap(c.caller, c.op.u.nodeaffinity.nodemap, 1));
    return domctl_answer::none;
}

/// PV guests are 64-bit: nothing is left to set. `opnotsupp` for another kind of domain, `inval`.
template <class P>
domctl_result domctl_set_address_size(domctl_call<P> const& c) noexcept {
    if (c.dom.kind != domain_kind::pv) {
        return unexpected(errc::opnotsupp);
    }
    if (c.op.u.address_size.size != 64) {
        return unexpected(errc::inval);
    }
    return domctl_answer::none;
}

template <class P>
domctl_result domctl_get_address_size(domctl_call<P> const& c) noexcept {
    c.op.u.address_size.size = 64;
    return domctl_answer::copy_back;
}

} // namespace xenpp::hv
