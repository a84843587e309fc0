// SPDX-License-Identifier: Apache-2.0
// ELF notes by which a kernel image describes itself, and those of a core file; public header
// elfnote.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// Note types with the name "Xen" in a kernel image.
inline constexpr std::uint32_t elfnote_info = 0;
inline constexpr std::uint32_t elfnote_entry = 1;
inline constexpr std::uint32_t elfnote_hypercall_page = 2;
inline constexpr std::uint32_t elfnote_virt_base = 3;
inline constexpr std::uint32_t elfnote_paddr_offset = 4;
inline constexpr std::uint32_t elfnote_xen_version = 5;
inline constexpr std::uint32_t elfnote_guest_os = 6;
inline constexpr std::uint32_t elfnote_guest_version = 7;
inline constexpr std::uint32_t elfnote_loader = 8;
inline constexpr std::uint32_t elfnote_pae_mode = 9;
inline constexpr std::uint32_t elfnote_features = 10;
inline constexpr std::uint32_t elfnote_bsd_symtab = 11;
inline constexpr std::uint32_t elfnote_hv_start_low = 12;
inline constexpr std::uint32_t elfnote_l1_mfn_valid = 13;
inline constexpr std::uint32_t elfnote_suspend_cancel = 14;
inline constexpr std::uint32_t elfnote_init_p2m = 15;
inline constexpr std::uint32_t elfnote_mod_start_pfn = 16;
inline constexpr std::uint32_t elfnote_supported_features = 17;
inline constexpr std::uint32_t elfnote_phys32_entry = 18;

/// The highest of them.
inline constexpr std::uint32_t elfnote_max = elfnote_phys32_entry;

/// Notes in a crash dump of the whole machine.
inline constexpr std::uint32_t elfnote_crash_info = 0x1000001;
inline constexpr std::uint32_t elfnote_crash_regs = 0x1000002;

/// Notes in a core file of one domain.
inline constexpr std::uint32_t elfnote_dumpcore_none = 0x2000000;
inline constexpr std::uint32_t elfnote_dumpcore_header = 0x2000001;
inline constexpr std::uint32_t elfnote_dumpcore_xen_version = 0x2000002;
inline constexpr std::uint32_t elfnote_dumpcore_format_version = 0x2000003;

} // namespace xenpp::abi
