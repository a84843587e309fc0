// SPDX-License-Identifier: Apache-2.0
// Splitting a range of frames into aligned extents.
#include <xenpp/base/checked.hpp>
#include <xenpp/builder/memory_extent.hpp>

#include <algorithm>
#include <array>

namespace xenpp::builder {

namespace {

/// Frames up to which extents of `order` serve, from `at` on: to the next boundary of a larger
/// order, unless the range ends before a larger extent fits there.
std::uint64_t run_end(std::uint64_t at, std::uint64_t end, unsigned order, unsigned larger) {
    auto const whole = align_down(end, std::uint64_t{1} << order);
    if (larger == order) {
        return whole;
    }
    auto const size = std::uint64_t{1} << larger;
    auto const boundary = align_up(at, size);
    return boundary < end && end - boundary >= size ? boundary : whole;
}

} // namespace

std::vector<extent_run> orders_for(gfn_range range) {
    static constexpr std::array<unsigned, 3> orders = {18, 9, 0};
    std::vector<extent_run> out;
    auto at = range.start.raw();
    auto const end = range.end().raw();
    while (at < end) {
        std::size_t i = 0;
        while (at % (std::uint64_t{1} << orders[i]) != 0 ||
               end - at < (std::uint64_t{1} << orders[i])) {
            ++i; // order 0 always fits
        }
        // A smaller order ends where any larger one can start.
        auto until = run_end(at, end, orders[i], orders[i]);
        for (std::size_t j = 0; j < i; ++j) {
            until = std::min(until, run_end(at, end, orders[i], orders[j]));
        }
        out.push_back({gfn(at), orders[i], (until - at) >> orders[i]});
        at = until;
    }
    return out;
}

} // namespace xenpp::builder
