// SPDX-License-Identifier: Apache-2.0
// The 8254 interval timer, as far as measuring another clock with channel 2 needs it (Intel 8254
// data sheet).
#pragma once

#include <cstdint>

namespace xenpp::x86::pit {

// clang-format off
inline constexpr std::uint32_t frequency_hz  = 1'193'182;
inline constexpr std::uint16_t channel0      = 0x40;
inline constexpr std::uint16_t channel2      = 0x42;
inline constexpr std::uint16_t control       = 0x43;
inline constexpr std::uint16_t gate          = 0x61; ///< the PC's system control port B

inline constexpr std::uint8_t gate_channel2  = 1u << 0; ///< channel 2 counts while set
inline constexpr std::uint8_t gate_speaker   = 1u << 1;
inline constexpr std::uint8_t gate_output2   = 1u << 5; ///< read: the output of channel 2

/// Channel 2, both bytes, mode 0: the output rises when the count is over.
inline constexpr std::uint8_t control_channel2_one_shot = 0xb0;
/// Channel 0, both bytes, mode 0 with count 0 never started: the usual way to silence it.
inline constexpr std::uint8_t control_channel0_one_shot = 0x30;

// clang-format on

/// Ticks in `ms` milliseconds, rounded down; a count of 16 bits holds up to 54 ms.
constexpr std::uint16_t ticks(unsigned ms) noexcept {
    return static_cast<std::uint16_t>(frequency_hz * ms / 1000);
}

static_assert(ticks(10) == 11'931 && ticks(54) == 64'431);

} // namespace xenpp::x86::pit
