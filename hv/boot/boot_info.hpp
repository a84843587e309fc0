// SPDX-License-Identifier: Apache-2.0
// What whoever booted the image tells it, in one form for every boot protocol.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace xenpp::image {

/// A range of RAM, page-aligned inwards.
struct memory_range {
    std::uint64_t base = 0;
    std::uint64_t size = 0;
};

/// A file that the boot loader put into memory, and the words that came with it.
struct boot_module {
    memory_range bytes; ///< the whole pages that the file lies in
    std::uint64_t address = 0;
    std::uint64_t size = 0;
    std::string_view text; ///< as `boot_info::command_line`
};

struct boot_info {
    std::array<memory_range, 64> ram{};
    unsigned ram_count = 0;
    std::array<boot_module, 16> modules{};
    unsigned module_count = 0;
    memory_range information;      ///< the loader's own, which texts and tables may lie in
    std::uint64_t rsdp = 0;        ///< physical address of the ACPI root pointer, 0: none
    std::string_view command_line; ///< in memory below 4 GiB
};

/// Adds a range of RAM or a module; what there is no room for is left out. False then.
bool add_ram(boot_info& info, std::uint64_t base, std::uint64_t size) noexcept;
bool add_module(boot_info& info,
                std::uint64_t base,
                std::uint64_t size,
                std::string_view text) noexcept;

/// Text that ends with a zero, at a physical address; at most 2048 characters of it.
std::string_view text_at(std::uint64_t physical) noexcept;

/// Reads the PVH boot information (Xen: arch-x86/hvm/start_info.h) at a physical address below
/// 4 GiB. False where there is none.
bool read_pvh(std::uint64_t start_info, boot_info& out) noexcept;
/// Reads multiboot2's (specification 2.0, 3.6), likewise.
bool read_multiboot2(std::uint64_t information, boot_info& out) noexcept;

/// The APIC ids of the machine's CPUs, from the MADT; at most `room`.
unsigned read_apic_ids(std::uint64_t rsdp, std::uint32_t* ids, unsigned room) noexcept;

/// The value of option `name=` in the command line, or empty.
std::string_view option(std::string_view command_line, std::string_view name) noexcept;
/// A decimal number; `otherwise` where it is none.
std::uint64_t number(std::string_view text, std::uint64_t otherwise) noexcept;

} // namespace xenpp::image
