// SPDX-License-Identifier: Apache-2.0
// The 16550 serial port: registers and bits (National PC16550D data sheet).
#pragma once

#include <cstdint>

namespace xenpp::x86::uart16550 {

// clang-format off
inline constexpr std::uint16_t com1 = 0x3f8; ///< IRQ 4
inline constexpr std::uint16_t com2 = 0x2f8; ///< IRQ 3
inline constexpr unsigned com1_irq  = 4;
inline constexpr unsigned com2_irq  = 3;
inline constexpr unsigned ports     = 8;
inline constexpr unsigned fifo_size = 16;    ///< bytes that may be written after `lsr_thr_empty`

/// Offsets from the base port. Those of the divisor replace `data` and `ier` while `lcr_dlab` is set.
inline constexpr std::uint16_t data        = 0;
inline constexpr std::uint16_t ier         = 1;
inline constexpr std::uint16_t iir         = 2; ///< read
inline constexpr std::uint16_t fcr         = 2; ///< write
inline constexpr std::uint16_t lcr         = 3;
inline constexpr std::uint16_t mcr         = 4;
inline constexpr std::uint16_t lsr         = 5;
inline constexpr std::uint16_t msr         = 6;
inline constexpr std::uint16_t scratch     = 7;
inline constexpr std::uint16_t divisor_low  = 0;
inline constexpr std::uint16_t divisor_high = 1;

inline constexpr std::uint8_t ier_receive  = 1u << 0;
inline constexpr std::uint8_t ier_transmit = 1u << 1;
inline constexpr std::uint8_t ier_line     = 1u << 2;
inline constexpr std::uint8_t ier_modem    = 1u << 3;
inline constexpr std::uint8_t iir_none     = 1u << 0; ///< set: no interrupt is pending
inline constexpr std::uint8_t iir_id_mask  = 0x0e;
inline constexpr std::uint8_t iir_fifo     = 0xc0;    ///< both set: a working FIFO
inline constexpr std::uint8_t fcr_enable   = 1u << 0;
inline constexpr std::uint8_t fcr_clear_rx = 1u << 1;
inline constexpr std::uint8_t fcr_clear_tx = 1u << 2;
inline constexpr std::uint8_t fcr_trigger_1  = 0u << 6;
inline constexpr std::uint8_t fcr_trigger_14 = 3u << 6;
inline constexpr std::uint8_t lcr_8n1      = 0x03;
inline constexpr std::uint8_t lcr_dlab     = 1u << 7;
inline constexpr std::uint8_t mcr_dtr      = 1u << 0;
inline constexpr std::uint8_t mcr_rts      = 1u << 1;
inline constexpr std::uint8_t mcr_out2     = 1u << 3; ///< on a PC: the gate of the interrupt line
inline constexpr std::uint8_t mcr_loop     = 1u << 4;
inline constexpr std::uint8_t lsr_ready    = 1u << 0; ///< a byte was received
inline constexpr std::uint8_t lsr_overrun  = 1u << 1;
inline constexpr std::uint8_t lsr_break    = 1u << 4;
inline constexpr std::uint8_t lsr_thr_empty = 1u << 5;
inline constexpr std::uint8_t lsr_idle     = 1u << 6; ///< the shift register is empty too

// clang-format on

} // namespace xenpp::x86::uart16550
