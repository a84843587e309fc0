// SPDX-License-Identifier: Apache-2.0
// The table that tells hvmloader of its guest; public header hvm/hvm_info_table.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// Where the table is.
inline constexpr std::uint32_t hvm_info_pfn = 0x9f;
inline constexpr std::uint32_t hvm_info_offset = 0x800;
inline constexpr std::uint32_t hvm_info_paddr = 653312;

/// The most vCPUs that it describes.
inline constexpr std::uint32_t hvm_max_vcpus = 128;

/// Memory limits (in pages) and vCPUs of the guest; the bytes add up to 0.
struct hvm_info_table {
    char signature[8];
    std::uint32_t length;
    std::uint8_t checksum;
    std::uint8_t apic_mode;
    std::uint16_t reserved_;
    std::uint32_t nr_vcpus;
    std::uint32_t low_mem_pgend;
    std::uint32_t reserved_mem_pgstart;
    std::uint32_t high_mem_pgend;
    std::uint8_t vcpu_online[16];
};

static_assert(sizeof(hvm_info_table) == 48);

} // namespace xenpp::abi
