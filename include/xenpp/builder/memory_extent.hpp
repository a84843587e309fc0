// SPDX-License-Identifier: Apache-2.0
// Ranges of guest frames, and how they split into the large pages that a p2m can hold.
#pragma once

#include <xenpp/base/strong.hpp>

#include <cstdint>
#include <vector>

namespace xenpp::builder {

/// `count` guest frames from `start` on.
struct gfn_range {
    gfn start;
    std::uint64_t count = 0;

    gfn end() const noexcept { return start + count; }

    friend bool operator==(gfn_range const&, gfn_range const&) = default;
};

/// Neighbouring extents of one size, as one call of XENMEM_populate_physmap takes them: extent n
/// begins at `start` + n * 2^`order` frames.
struct extent_run {
    gfn start;               ///< aligned to the order
    unsigned order = 0;      ///< 18 (1 GiB), 9 (2 MiB) or 0 (4 KiB)
    std::uint64_t count = 0; ///< extents, not frames

    gfn end() const noexcept { return start + (count << order); }

    friend bool operator==(extent_run const&, extent_run const&) = default;
};

/// Covers the range exactly, each frame by the largest aligned extent that fits; ascending, at
/// most five runs. The range ends below 2^52, where guest-physical addresses end.
std::vector<extent_run> orders_for(gfn_range range);

} // namespace xenpp::builder
