// SPDX-License-Identifier: Apache-2.0
// An unpacked PVH kernel as its loader needs it: where its parts go, where it begins (ELF-64; Xen:
// elfnote.h).
#pragma once

#include <xenpp/abi/elfnote.hpp>
#include <xenpp/base/expected.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace xenpp::hv {

/// A part of the file and where it lies in memory; what follows it, up to `memory_size`, is zero.
struct elf_part {
    std::uint64_t offset = 0, size = 0; ///< in the file
    std::uint64_t physical = 0, memory_size = 0;
};

struct elf_kernel {
    std::array<elf_part, 16> parts{};
    unsigned part_count = 0;
    std::uint64_t end = 0;   ///< one above the highest address used
    std::uint64_t entry = 0; ///< in 32-bit mode without paging
};

namespace detail {

struct elf_header {
    std::array<std::uint8_t, 16> ident;
    std::uint16_t type, machine;
    std::uint32_t version;
    std::uint64_t entry, program_headers, section_headers;
    std::uint32_t flags;
    std::uint16_t size, program_header_size, program_header_count;
    std::array<std::uint16_t, 3> sections;
};

static_assert(sizeof(elf_header) == 64);

struct elf_program_header {
    std::uint32_t type, flags;
    std::uint64_t offset, virtual_address, physical_address, file_size, memory_size, alignment;
};

static_assert(sizeof(elf_program_header) == 56);

inline constexpr std::uint32_t elf_load = 1, elf_note = 4;

/// `T` at `at`, or nothing where the file ends before.
template <class T>
bool read_file(std::span<std::byte const> file, std::uint64_t at, T& to) noexcept {
    if (at > file.size() || file.size() - at < sizeof to) {
        return false;
    }
    std::memcpy(&to, file.data() + at, sizeof to);
    return true;
}

/// The PVH entry among the notes of a part; 0: not there.
inline std::uint64_t find_pvh_entry(std::span<std::byte const> notes) noexcept {
    struct {
        std::uint32_t name_size, size, type;
    } note{};

    for (std::uint64_t at = 0; read_file(notes, at, note);) {
        std::uint64_t const name = at + sizeof note;
        std::uint64_t const body = name + ((std::uint64_t{note.name_size} + 3) & ~3ULL);
        std::array<char, 4> owner{};
        std::uint32_t entry = 0;
        if (note.type == abi::elfnote_phys32_entry && read_file(notes, name, owner) &&
            owner == std::array{'X', 'e', 'n', '\0'} && note.size >= sizeof entry &&
            read_file(notes, body, entry)) {
            return entry;
        }
        at = body + ((std::uint64_t{note.size} + 3) & ~3ULL);
    }
    return 0;
}

} // namespace detail

/// Reads a kernel. The error is a sentence's end: why it cannot be used.
inline expected<elf_kernel, char const*> read_kernel(std::span<std::byte const> file) noexcept {
    using detail::read_file;
    detail::elf_header h{};
    constexpr std::array<std::uint8_t, 5> elf64{0x7f, 'E', 'L', 'F', 2};
    if (!read_file(file, 0, h) || std::memcmp(h.ident.data(), elf64.data(), elf64.size()) != 0 ||
        h.machine != 62 || h.program_header_size < sizeof(detail::elf_program_header)) {
        return unexpected("the kernel is not an unpacked x86-64 ELF file (scripts/unpack-kernel)");
    }
    elf_kernel k;
    constexpr std::uint64_t most = 0xf000'0000; // RAM ends there, or goes on at 4 GiB
    for (unsigned i = 0; i != h.program_header_count; ++i) {
        detail::elf_program_header p{};
        if (!read_file(file, h.program_headers + std::uint64_t{i} * h.program_header_size, p) ||
            p.offset > file.size() || file.size() - p.offset < p.file_size) {
            return unexpected("the kernel's file is cut off");
        }
        auto const bytes = file.subspan(p.offset, p.file_size);
        if (p.type == detail::elf_note && k.entry == 0) {
            k.entry = detail::find_pvh_entry(bytes);
        }
        if (p.type != detail::elf_load || p.memory_size == 0) {
            continue;
        }
        if (k.part_count == k.parts.size() || p.physical_address >= most ||
            p.memory_size > most - p.physical_address || p.file_size > p.memory_size) {
            return unexpected("the kernel does not lie below 3840 MiB");
        }
        k.parts[k.part_count++] = {p.offset, p.file_size, p.physical_address, p.memory_size};
        auto const end = p.physical_address + p.memory_size;
        k.end = end > k.end ? end : k.end;
    }
    if (k.entry == 0) {
        return unexpected("the kernel has no PVH entry (note 18 of Xen's)");
    }
    return k;
}

} // namespace xenpp::hv
