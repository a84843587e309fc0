// SPDX-License-Identifier: Apache-2.0
// What a PVH kernel finds at its entry; public header arch-x86/hvm/start_info.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// `hvm_start_info::magic`: "xEn3" with the top bit of the E set.
inline constexpr std::uint32_t hvm_start_magic_value = 0x336ec578;

/// `hvm_memmap_table_entry::type`, with the meaning of E820.
inline constexpr std::uint32_t hvm_memmap_type_ram = 1;
inline constexpr std::uint32_t hvm_memmap_type_reserved = 2;
inline constexpr std::uint32_t hvm_memmap_type_acpi = 3;
inline constexpr std::uint32_t hvm_memmap_type_nvs = 4;
inline constexpr std::uint32_t hvm_memmap_type_unusable = 5;
inline constexpr std::uint32_t hvm_memmap_type_disabled = 6;
inline constexpr std::uint32_t hvm_memmap_type_pmem = 7;

/// What rbx points at when a PVH kernel is entered. The memory map is there from version 1 on.
struct hvm_start_info {
    std::uint32_t magic;
    std::uint32_t version;
    std::uint32_t flags;
    std::uint32_t nr_modules;
    std::uint64_t modlist_paddr;
    std::uint64_t cmdline_paddr;
    std::uint64_t rsdp_paddr;
    std::uint64_t memmap_paddr;
    std::uint32_t memmap_entries;
    std::uint32_t reserved;
};

static_assert(sizeof(hvm_start_info) == 56);

/// One module, such as the initial RAM disk.
struct hvm_modlist_entry {
    std::uint64_t paddr;
    std::uint64_t size;
    std::uint64_t cmdline_paddr;
    std::uint64_t reserved;
};

static_assert(sizeof(hvm_modlist_entry) == 32);

/// One range of the memory map.
struct hvm_memmap_table_entry {
    std::uint64_t addr;
    std::uint64_t size;
    std::uint32_t type;
    std::uint32_t reserved;
};

static_assert(sizeof(hvm_memmap_table_entry) == 24);

} // namespace xenpp::abi
