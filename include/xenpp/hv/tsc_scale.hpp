// SPDX-License-Identifier: Apache-2.0
// From TSC ticks to nanoseconds, in the form that vcpu_time_info gives to guests.
#pragma once

#include <cstdint>

namespace xenpp::hv {

__extension__ using uint128 = unsigned __int128;

/// system_time = base + ((tsc - tsc_base) << shift) * mul / 2^32, as vcpu_time_info defines it.
struct tsc_scale {
    std::uint32_t mul = 0;
    std::int8_t shift = 0;
};

/// The scale from TSC ticks at `khz` to nanoseconds, with the most precise shift.
constexpr tsc_scale scale_for(std::uint32_t khz) noexcept {
    // ns per tick = 10^6 / khz; find shift so that the multiplier lies in [2^31, 2^32).
    std::uint64_t numerator = std::uint64_t{1'000'000} << 32;
    std::int8_t shift = 0;
    std::uint64_t hz = khz == 0 ? 1 : khz;
    while (numerator / hz >= (std::uint64_t{1} << 32)) {
        hz <<= 1;
        ++shift;
    }
    while (numerator / hz < (std::uint64_t{1} << 31) && shift > -32) {
        numerator <<= 1;
        --shift;
    }
    return {static_cast<std::uint32_t>(numerator / hz), shift};
}

constexpr std::uint64_t scale_ticks(std::uint64_t ticks, tsc_scale s) noexcept {
    std::uint64_t const t = s.shift >= 0 ? ticks << s.shift : ticks >> -s.shift;
    return static_cast<std::uint64_t>((static_cast<uint128>(t) * s.mul) >> 32);
}

} // namespace xenpp::hv
