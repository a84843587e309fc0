// SPDX-License-Identifier: Apache-2.0
// An x86 kernel as an ELF file: its validated segments and its Xen notes.
#pragma once

#include <xenpp/base/strong.hpp>
#include <xenpp/builder/xen_notes.hpp>

#include <vector>

namespace xenpp::builder {

enum class elf_class {
    elf32,
    elf64,
};

/// A segment to load. The file's bytes come first, the rest of it is zero.
struct elf_segment {
    gpa paddr;                     ///< where it goes
    gva vaddr;                     ///< where the kernel sees it
    std::uint64_t memory_size = 0; ///< bytes in memory, never 0
    std::uint64_t file_offset = 0;
    std::uint64_t file_size = 0; ///< bytes in the file, at most `memory_size`

    /// The first address after it; never wraps.
    gpa end() const noexcept { return paddr + memory_size; }
};

/// The headers of a kernel, checked. Offsets refer to the bytes it was parsed from.
struct elf_image {
    elf_class bits = elf_class::elf64;
    gva entry;                         ///< e_entry
    std::vector<elf_segment> segments; ///< at least one, by ascending paddr, disjoint
    xen_notes notes;
};

/// Whether the bytes begin as an ELF file of any kind.
bool is_elf(std::span<std::byte const> bytes) noexcept;

/// Decodes and checks an ELF kernel: class, byte order, machine, type, program headers, segments
/// within the file, their sizes, wrap-around and overlap in memory, notes. Xen notes come from
/// PT_NOTE segments, or from note sections if no segment has any.
/// Errors, in one sentence: not ELF; truncated (and where); of the wrong architecture (named);
/// damaged (and how).
result<elf_image> parse_elf(std::span<std::byte const> bytes);

} // namespace xenpp::builder
