// SPDX-License-Identifier: Apache-2.0
// The list of all frames that a PV domain owns: it has no table of its own that would name them.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/hv/page.hpp>
#include <xenpp/hv/pv/m2p.hpp>

#include <cstdint>

namespace xenpp::hv {

template <class P>
struct domain;

namespace pv {

/// Makes `count` new frames from `first` memory of the domain's: not before they are listed may it
/// refer to them, by numbers that it guesses. They come as the hypervisor's. False: the domain is
/// dying, and takes no more.
template <class P>
bool enlist_pages(domain<P>& d, mfn first, std::uint64_t count) noexcept {
    auto& frames = d.hv.frames;
    auto& m = d.pv_memory;
    lock_guard const hold(d.page_lock);
    if (d.is_dying()) {
        return false;
    }
    for (std::uint64_t i = count; i-- > 0;) {
        auto const f = first + i;
        auto& page = frames.info(f);
        page.allocated = true;
        page.prev = page_info::no_page;
        page.next = m.first_page;
        if (page.next != page_info::no_page) {
            frames.info(mfn(page.next)).prev = static_cast<std::uint32_t>(f.raw());
        }
        m.first_page = static_cast<std::uint32_t>(f.raw());
        atomic_store(page.use, page_use::guest);
    }
    return true;
}

/// Takes out a frame that nobody refers to any more.
template <class P>
void unlist_page(domain<P>& d, mfn f) noexcept {
    auto& frames = d.hv.frames;
    auto& m = d.pv_memory;
    d.hv.m2p.set(f, no_pfn);
    lock_guard const hold(d.page_lock);
    auto const& page = frames.info(f);
    if (m.teardown_at == f.raw()) {
        m.teardown_at = page.next;
    }
    if (page.next != page_info::no_page) {
        frames.info(mfn(page.next)).prev = page.prev;
    }
    (page.prev != page_info::no_page ? frames.info(mfn(page.prev)).next : m.first_page) = page.next;
}

} // namespace pv

} // namespace xenpp::hv
