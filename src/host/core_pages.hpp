// SPDX-License-Identifier: Apache-2.0
// The pages of a domain, found and read one after the other.
#pragma once

#include "host/session.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace xenpp::detail {

/// A page: which frame it is to the guest, and by which frame it is mapped (a PV guest's own
/// machine frame, else the same).
struct core_page {
    std::uint64_t pfn = 0;
    gfn frame{};
};

/// All that a domain has, by frame. EINVAL for a PV guest whose kernel has not said where its table
/// of frames is.
result<std::vector<core_page>> find_core_pages(session& s, abi::domctl_getdomaininfo const& info);

/// Gives the memory of `pages` to `take` in runs, with the number of the first. A page that cannot
/// be mapped (any more) reads as zeros.
result<void>
read_core_pages(session& s,
                domid d,
                std::span<core_page const> pages,
                std::function<result<void>(std::size_t, std::span<std::byte const>)> const& take);

} // namespace xenpp::detail
