// SPDX-License-Identifier: Apache-2.0
// How much memory a PV domain has: its lists hold machine frames, and its pages have names in the
// m2p.
#pragma once

#include <xenpp/hv/page_ref.hpp>
#include <xenpp/hv/pv/validate.hpp>

#include <cstdint>

namespace xenpp::hv::pv {

/// The 2^order frames from `first` are pages `name` and following of `d`; `no_pfn`: no name.
template <class P>
void name_frames(domain<P>& d, mfn first, unsigned order, std::uint64_t name) noexcept {
    for (std::uint64_t i = 0; name != no_pfn && i != std::uint64_t{1} << order; ++i) {
        d.hv.m2p.set(first + i, name + i);
    }
}

/// `d` gives up frame `f`: it is freed when nobody refers to it any more. `inval`: it is not its
/// own, or was given up already. With the table lock held.
template <class P>
expected<void, errc> give_up_frame(table_work<P>& w, mfn f) noexcept {
    auto* const page = w.d.hv.frames.find(f);
    if (page == nullptr || page->owner != w.d.id || page->use != page_use::guest ||
        !get_readable(*page)) {
        return unexpected(errc::inval);
    }
    bool const was = page->allocated;
    page->allocated = false;
    if (was) {
        w.d.hv.m2p.set(f, no_pfn);
        put_frame(w.d.hv, f); // the one for being allocated
    }
    put_frame(w.d.hv, f);
    if (!was) {
        return unexpected(errc::inval);
    }
    return {};
}

} // namespace xenpp::hv::pv
