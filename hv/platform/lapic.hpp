// SPDX-License-Identifier: Apache-2.0
// The CPU's own local APIC, in x2APIC mode where there is one, and the I/O APIC's one used line.
#pragma once

#include <cstdint>

namespace xenpp::image {

inline constexpr std::uint8_t vector_timer = 0xf0;
inline constexpr std::uint8_t vector_kick = 0xf1;
inline constexpr std::uint8_t vector_doorbell = 0xf2;
inline constexpr std::uint8_t vector_spurious = 0xff;

/// Enables this CPU's APIC. Call on each CPU.
void lapic_init() noexcept;
std::uint32_t lapic_id() noexcept;
void lapic_eoi() noexcept;
/// Sends a fixed interrupt; the destination is an APIC id.
void lapic_send(std::uint32_t apic_id, std::uint8_t vector) noexcept;
/// INIT, then twice SIPI with the start page `page` (its address >> 12).
void lapic_start_cpu(std::uint32_t apic_id, std::uint8_t page) noexcept;
/// Starts the one-shot timer; ticks of its own clock, 0 stops it.
void lapic_timer(std::uint32_t ticks) noexcept;
std::uint32_t lapic_timer_now() noexcept;

/// Masks both 8259s for good.
void pic_disable() noexcept;
/// Routes I/O APIC input `gsi` (edge) to `vector` on the CPU with `apic_id`.
void ioapic_route(unsigned gsi, std::uint8_t vector, std::uint32_t apic_id) noexcept;

} // namespace xenpp::image
