// SPDX-License-Identifier: Apache-2.0
// The TSC as the machine's clock, and the APIC timer measured against it.
#pragma once

#include <cstdint>

namespace xenpp::image {

/// Takes the TSC's rate: `known_khz` from whoever started the machine, else measured against the
/// PIT for 10 ms. System time starts now.
void clock_init(std::uint32_t known_khz) noexcept;
/// Measures the APIC timer; needs the clock and the APIC.
void clock_measure_timer() noexcept;

std::uint32_t clock_khz() noexcept;
std::uint64_t clock_tsc_base() noexcept;
/// Nanoseconds since clock_init.
std::uint64_t clock_now_ns() noexcept;
/// Arms this CPU's timer for an absolute system time.
void clock_arm(std::uint64_t deadline_ns) noexcept;
/// Spins for about `us` microseconds. Before clock_init it assumes a 1 GHz TSC.
void busy_wait_us(std::uint32_t us) noexcept;

} // namespace xenpp::image
