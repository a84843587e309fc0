// SPDX-License-Identifier: Apache-2.0
// Decoding and checking of ELF headers, both classes by one table of offsets each.
#include "builder/little_endian.hpp"

#include <xenpp/base/checked.hpp>
#include <xenpp/builder/elf.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace xenpp::builder {

namespace {

constexpr std::string_view operation = "parse ELF";

constexpr std::uint32_t pt_load = 1;
constexpr std::uint32_t pt_note = 4;
constexpr std::uint32_t sht_note = 7;
constexpr std::uint16_t et_exec = 2;
constexpr std::uint16_t et_dyn = 3;
constexpr std::uint16_t em_386 = 3;
constexpr std::uint16_t em_x86_64 = 62;

/// Where the fields of one class lie (System V ABI, "Object Files"); words are 4 or 8 bytes.
// clang-format off
struct layout {
    std::uint64_t word;
    // file header
    std::uint64_t header_size, entry, phoff, shoff, phentsize, phnum, shentsize, shnum;
    // program header
    std::uint64_t ph_size, ph_offset, ph_vaddr, ph_paddr, ph_filesz, ph_memsz;
    // section header
    std::uint64_t sh_size, sh_type, sh_offset, sh_bytes;
};
constexpr layout layout32{4, 52, 24, 28, 32, 42, 44, 46, 48, 32, 4,  8, 12, 16, 20, 40, 4, 16, 20};
constexpr layout layout64{8, 64, 24, 32, 40, 54, 56, 58, 60, 56, 8, 16, 24, 32, 40, 64, 4, 24, 32};

struct machine_name { std::uint16_t number; std::string_view name; };
constexpr machine_name machine_names[] = {
    {2, "SPARC"},   {8, "MIPS"},    {20, "PowerPC"}, {21, "PowerPC64"}, {22, "S/390"},
    {40, "Arm"},    {43, "SPARC64"},{50, "IA-64"},   {183, "AArch64"},  {243, "RISC-V"},
    {258, "LoongArch"},
};

// clang-format on

std::string machine_in_words(std::uint16_t machine) {
    for (auto const& row : machine_names) {
        if (row.number == machine) {
            return std::string(row.name);
        }
    }
    return fmt::format("ELF machine {}", machine);
}

/// A field of the class's word size; the caller has checked that it is there.
std::uint64_t word(bytes_view bytes, std::uint64_t at, layout const& l) noexcept {
    return l.word == 8 ? load_le<std::uint64_t>(bytes, at).value_or(0)
                       : load_le<std::uint32_t>(bytes, at).value_or(0);
}

struct program_header {
    std::uint32_t type;
    std::uint64_t offset, vaddr, paddr, file_size, memory_size;
};

program_header decode_program_header(bytes_view at, layout const& l) noexcept {
    return {.type = load_le<std::uint32_t>(at, 0).value_or(0),
            .offset = word(at, l.ph_offset, l),
            .vaddr = word(at, l.ph_vaddr, l),
            .paddr = word(at, l.ph_paddr, l),
            .file_size = word(at, l.ph_filesz, l),
            .memory_size = word(at, l.ph_memsz, l)};
}

unexpected<error>
truncated(std::string_view what, std::uint64_t offset, std::uint64_t size, std::size_t file) {
    auto const end = checked_add(offset, size);
    return fail(operation,
                end ? fmt::format("the kernel is truncated: its {} ends at byte {}, the file at {}",
                                  what, *end, file)
                    : fmt::format("the kernel is damaged: its {} lies beyond any file", what));
}

/// The checks that need no more than the file header.
result<layout const*> check_identity(bytes_view bytes) {
    auto const bits = load_le<std::uint8_t>(bytes, 4).value_or(0);
    auto const order = load_le<std::uint8_t>(bytes, 5).value_or(0);
    if (order == 2) {
        return fail(operation, "the kernel is of the wrong architecture: big-endian, not x86");
    }
    if ((bits != 1 && bits != 2) || order != 1) {
        return fail(operation, "the kernel is damaged: its ELF class or byte order is invalid");
    }
    auto const& l = bits == 1 ? layout32 : layout64;
    if (bytes.size() < l.header_size) {
        return truncated("ELF header", 0, l.header_size, bytes.size());
    }
    auto const machine = *load_le<std::uint16_t>(bytes, 18);
    if (machine != em_x86_64 && machine != em_386) {
        return fail(operation, fmt::format("the kernel is of the wrong architecture: {}, not x86",
                                           machine_in_words(machine)));
    }
    auto const type = *load_le<std::uint16_t>(bytes, 16);
    if (type != et_exec && type != et_dyn) {
        return fail(operation,
                    fmt::format("the kernel is not an executable: its ELF type is {}", type));
    }
    return &l;
}

/// The table of program headers, one span each.
result<std::vector<program_header>> program_headers(bytes_view bytes, layout const& l) {
    auto const offset = word(bytes, l.phoff, l);
    auto const count = *load_le<std::uint16_t>(bytes, l.phnum);
    if (count == 0) {
        return fail(operation, "the kernel has no program headers, so nothing to load");
    }
    if (*load_le<std::uint16_t>(bytes, l.phentsize) != l.ph_size) {
        return fail(operation, "the kernel is damaged: its program headers have an odd size");
    }
    auto const table = slice(bytes, offset, count * l.ph_size);
    if (!table) {
        return truncated("program header table", offset, count * l.ph_size, bytes.size());
    }
    std::vector<program_header> out;
    for (std::uint64_t i = 0; i < count; ++i) {
        out.push_back(decode_program_header(table->subspan(i * l.ph_size, l.ph_size), l));
    }
    return out;
}

result<elf_segment> check_segment(program_header const& h, std::size_t number, bytes_view bytes) {
    auto const name = fmt::format("segment {}", number);
    if (h.file_size > h.memory_size) {
        return fail(
            operation,
            fmt::format("the kernel is damaged: {} has more bytes in the file than in memory",
                        name));
    }
    if (!checked_add(h.paddr, h.memory_size)) {
        return fail(operation,
                    fmt::format("the kernel is damaged: {} wraps around in memory", name));
    }
    if (!slice(bytes, h.offset, h.file_size)) {
        return truncated(name, h.offset, h.file_size, bytes.size());
    }
    return elf_segment{.paddr = gpa(h.paddr),
                       .vaddr = gva(h.vaddr),
                       .memory_size = h.memory_size,
                       .file_offset = h.offset,
                       .file_size = h.file_size};
}

result<std::vector<elf_segment>> load_segments(std::span<program_header const> headers,
                                               bytes_view bytes) {
    std::vector<elf_segment> out;
    for (std::size_t i = 0; i < headers.size(); ++i) {
        if (headers[i].type == pt_load && headers[i].memory_size != 0) {
            out.push_back(XENPP_TRY(check_segment(headers[i], i, bytes)));
        }
    }
    if (out.empty()) {
        return fail(operation, "the kernel has no segment to load");
    }
    std::sort(out.begin(), out.end(),
              [](auto const& a, auto const& b) { return a.paddr < b.paddr; });
    for (std::size_t i = 1; i < out.size(); ++i) {
        if (out[i].paddr < out[i - 1].end()) {
            return fail(operation,
                        fmt::format("the kernel is damaged: two segments overlap at address {:#x}",
                                    out[i].paddr.raw()));
        }
    }
    return out;
}

/// Note sections, for a kernel whose linker made no note segment. A file without a usable section
/// table has none: sections are not needed to run.
result<void> notes_from_sections(bytes_view bytes, layout const& l, xen_notes& notes) {
    auto const offset = word(bytes, l.shoff, l);
    auto const count = *load_le<std::uint16_t>(bytes, l.shnum);
    auto const table = slice(bytes, offset, count * l.sh_size);
    if (!table || *load_le<std::uint16_t>(bytes, l.shentsize) != l.sh_size) {
        return {};
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        auto const h = table->subspan(i * l.sh_size, l.sh_size);
        auto const contents = slice(bytes, word(h, l.sh_offset, l), word(h, l.sh_bytes, l));
        if (*load_le<std::uint32_t>(h, l.sh_type) == sht_note && contents) {
            XENPP_TRY(collect_xen_notes(*contents, notes));
        }
    }
    return {};
}

result<xen_notes>
notes_of(std::span<program_header const> headers, bytes_view bytes, layout const& l) {
    xen_notes notes;
    for (auto const& h : headers) {
        if (h.type != pt_note) {
            continue;
        }
        auto const contents = slice(bytes, h.offset, h.file_size);
        if (!contents) {
            return truncated("note segment", h.offset, h.file_size, bytes.size());
        }
        XENPP_TRY(collect_xen_notes(*contents, notes));
    }
    if (notes.count == 0) {
        XENPP_TRY(notes_from_sections(bytes, l, notes));
    }
    return notes;
}

} // namespace

bool is_elf(std::span<std::byte const> bytes) noexcept {
    return has_text(bytes, 0,
                    "\x7f"
                    "ELF");
}

result<elf_image> parse_elf(std::span<std::byte const> bytes) {
    if (!is_elf(bytes)) {
        return fail(operation, "it is not an ELF file");
    }
    auto const& l = *XENPP_TRY(check_identity(bytes));
    auto const headers = XENPP_TRY(program_headers(bytes, l));
    elf_image image;
    image.bits = l.word == 8 ? elf_class::elf64 : elf_class::elf32;
    image.entry = gva(word(bytes, l.entry, l));
    image.segments = XENPP_TRY(load_segments(headers, bytes));
    image.notes = XENPP_TRY(notes_of(headers, bytes, l));
    return image;
}

} // namespace xenpp::builder
