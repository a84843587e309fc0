// SPDX-License-Identifier: Apache-2.0
// Amounts of memory that say their unit: pages, KiB, MiB.
#pragma once

#include <xenpp/base/strong.hpp>

#include <compare>
#include <cstdint>

namespace xenpp {

/// An amount of memory in units of `Unit` bytes. Amounts of one unit add and compare; a change of
/// unit is spelt out.
template <std::uint64_t Unit>
struct memory_size {
    std::uint64_t count = 0;

    constexpr memory_size() noexcept = default;

    constexpr explicit memory_size(std::uint64_t n) noexcept : count(n) {}

    /// In another unit: exact to a smaller one, rounded down to a larger one.
    template <std::uint64_t Other>
    constexpr explicit memory_size(memory_size<Other> o) noexcept
        : count(Other >= Unit ? o.count * (Other / Unit) : o.count / (Unit / Other)) {}

    constexpr std::uint64_t bytes() const noexcept { return count * Unit; }

    friend constexpr auto operator<=>(memory_size, memory_size) noexcept = default;

    friend constexpr memory_size operator+(memory_size a, memory_size b) noexcept {
        return memory_size(a.count + b.count);
    }

    friend constexpr memory_size operator-(memory_size a, memory_size b) noexcept {
        return memory_size(a.count - b.count);
    }
};

using kib = memory_size<std::uint64_t{1} << 10>;
using pages = memory_size<std::uint64_t{page_size}>;
using mib = memory_size<std::uint64_t{1} << 20>;

} // namespace xenpp
