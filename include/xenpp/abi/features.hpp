// SPDX-License-Identifier: Apache-2.0
// Feature bits that a guest asks for or is told; public header features.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// Bit numbers in the submaps of `version_op::get_features`, and in a kernel's ELF notes.
inline constexpr std::uint32_t xenfeat_writable_page_tables = 0;
inline constexpr std::uint32_t xenfeat_writable_descriptor_tables = 1;
inline constexpr std::uint32_t xenfeat_auto_translated_physmap = 2;
inline constexpr std::uint32_t xenfeat_supervisor_mode_kernel = 3;
inline constexpr std::uint32_t xenfeat_pae_pgdir_above_4gb = 4;
inline constexpr std::uint32_t xenfeat_mmu_pt_update_preserve_ad = 5;
inline constexpr std::uint32_t xenfeat_highmem_assist = 6;
inline constexpr std::uint32_t xenfeat_gnttab_map_avail_bits = 7;
inline constexpr std::uint32_t xenfeat_hvm_callback_vector = 8;
inline constexpr std::uint32_t xenfeat_hvm_safe_pvclock = 9;
inline constexpr std::uint32_t xenfeat_hvm_pirqs = 10;
inline constexpr std::uint32_t xenfeat_dom0 = 11;
inline constexpr std::uint32_t xenfeat_memory_op_vnode_supported = 13;
inline constexpr std::uint32_t xenfeat_arm_smccc_supported = 14;
inline constexpr std::uint32_t xenfeat_linux_rsdp_unrestricted = 15;
inline constexpr std::uint32_t xenfeat_not_direct_mapped = 16;
inline constexpr std::uint32_t xenfeat_direct_mapped = 17;

/// How many submaps of 32 bits there are.
inline constexpr std::uint32_t xenfeat_nr_submaps = 1;

} // namespace xenpp::abi
