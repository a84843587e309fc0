// SPDX-License-Identifier: Apache-2.0
// Canonical addresses (SDM1 3.3.7.1).
#pragma once

#include <cstdint>

namespace xenpp::x86 {

/// Whether all bits above a linear address's `linear_bits` are copies of its highest.
constexpr bool is_canonical(std::uint64_t address, unsigned linear_bits = 48) noexcept {
    auto const top = static_cast<std::int64_t>(address) >> (linear_bits - 1);
    return top == 0 || top == -1;
}

} // namespace xenpp::x86
