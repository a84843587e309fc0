// SPDX-License-Identifier: Apache-2.0
// The start_info block of a PVH domain with all it points to (Xen: arch-x86/hvm/start_info.h).
#pragma once

#include <xenpp/abi/hvm/start_info.hpp>
#include <xenpp/base/strong.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace xenpp::builder {

/// What a kernel may take a range of guest-physical addresses for (E820 numbers).
enum class memory_kind : std::uint32_t {
    ram = abi::hvm_memmap_type_ram,
    reserved = abi::hvm_memmap_type_reserved,
    acpi = abi::hvm_memmap_type_acpi,
};

struct memory_map_entry {
    gpa start;
    std::uint64_t size = 0; ///< bytes
    memory_kind kind = memory_kind::ram;

    friend bool operator==(memory_map_entry const&, memory_map_entry const&) = default;
};

/// A file handed to the kernel: its initial ramdisk.
struct start_module {
    gpa at;
    std::uint64_t size = 0; ///< bytes
};

/// What a start_info block says.
struct start_info_contents {
    std::string_view command_line{}; ///< without the ending zero
    std::span<start_module const> modules{};
    std::span<memory_map_entry const> memory_map{};
    gpa rsdp{};
};

/// The bytes that `write_start_info` needs.
std::size_t start_info_size(start_info_contents const& contents) noexcept;

/// Writes version 1 of the block for guest-physical address `at`: the structure, modules, memory
/// map and command line, in that order. `out` has at least `start_info_size(contents)` bytes; all
/// of them are written.
void write_start_info(std::span<std::byte> out,
                      gpa at,
                      start_info_contents const& contents) noexcept;

} // namespace xenpp::builder
