// SPDX-License-Identifier: Apache-2.0
// The time of day, time that only goes forward, and the processor's own count.
#pragma once

#include <cstdint>

namespace xenpp::os {

/// Nanoseconds of CLOCK_MONOTONIC and of CLOCK_REALTIME.
std::uint64_t monotonic_ns() noexcept;
std::uint64_t wall_clock_ns() noexcept;

/// The time stamp counter.
inline std::uint64_t rdtsc() noexcept {
    return __builtin_ia32_rdtsc();
}

void sleep_ns(std::uint64_t ns) noexcept;

} // namespace xenpp::os
