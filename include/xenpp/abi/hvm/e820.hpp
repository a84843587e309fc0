// SPDX-License-Identifier: Apache-2.0
// Where hvmloader finds its memory map, and the hole below 4 GiB; public header hvm/e820.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// The page that the map is in, and where in it.
inline constexpr std::uint32_t hvm_e820_page = 0x90000;
inline constexpr std::uint32_t hvm_e820_nr_offset = 0x1e8;
inline constexpr std::uint32_t hvm_e820_offset = 0x2d0;

/// Where RAM ends and the hole for devices begins.
inline constexpr std::uint32_t hvm_below_4g_ram_end = 0xf0000000u;
inline constexpr std::uint32_t hvm_below_4g_mmio_start = hvm_below_4g_ram_end;
inline constexpr std::uint32_t hvm_below_4g_mmio_length = 1u << 28;

} // namespace xenpp::abi
