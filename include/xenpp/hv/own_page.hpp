// SPDX-License-Identifier: Apache-2.0
// A page that a domain owns, as opposed to one that it has mapped from another.
#pragma once

#include <xenpp/hv/domain.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/p2m.hpp>

#include <utility>

namespace xenpp::hv {

/// A reference to the page at `g`, if it is memory of `d` itself; else an empty one. What the
/// hypervisor keeps writing to, and what a domain may grant, must be such a page: a page that is
/// granted to `d` may be taken back, and then nobody may write to it for `d`'s sake.
template <class P>
page_ref<P> own_page(domain<P>& d, gfn g, bool to_write = true) noexcept {
    auto page = get_page(d, g, to_write);
    if (!page) {
        return {};
    }
    auto const& info = d.hv.frames.info(page->frame());
    if (info.owner != d.id || info.use != page_use::guest) {
        return {};
    }
    return std::move(*page);
}

} // namespace xenpp::hv
