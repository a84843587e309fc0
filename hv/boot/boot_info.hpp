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

struct boot_info {
    std::array<memory_range, 32> ram{};
    unsigned ram_count = 0;
    std::uint64_t rsdp = 0;        ///< physical address of the ACPI root pointer, 0: none
    std::string_view command_line; ///< in memory below 4 GiB, identity-mapped at boot
};

/// Reads the PVH boot information (Xen: arch-x86/hvm/start_info.h) at a physical address below
/// 1 GiB. False where there is none.
bool read_pvh(std::uint64_t start_info, boot_info& out) noexcept;

/// The APIC ids of the machine's CPUs, from the MADT; at most `room`.
unsigned read_apic_ids(std::uint64_t rsdp, std::uint32_t* ids, unsigned room) noexcept;

/// The value of option `name=` in the command line, or empty.
std::string_view option(std::string_view command_line, std::string_view name) noexcept;
/// A decimal number; `otherwise` where it is none.
std::uint64_t number(std::string_view text, std::uint64_t otherwise) noexcept;

} // namespace xenpp::image
