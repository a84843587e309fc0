// SPDX-License-Identifier: Apache-2.0
// Makes small kernels for tests: ELF files of both classes, Xen notes, bzImages around any payload.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::fakes {

using byte_vector = std::vector<std::byte>;

inline byte_vector bytes_of(std::string_view s) {
    auto const raw = std::as_bytes(std::span(s));
    return {raw.begin(), raw.end()};
}

template <class T>
byte_vector bytes_of_number(T v) {
    byte_vector out(sizeof v);
    std::memcpy(out.data(), &v, sizeof v);
    return out;
}

/// Overwrites a number in place: how tests damage a good file.
template <class T>
void poke(byte_vector& bytes, std::size_t at, T v) {
    std::memcpy(bytes.data() + at, &v, sizeof v);
}

struct made_segment {
    std::uint64_t paddr = 0x100000;
    byte_vector content = bytes_of("code");
    std::uint64_t memory_size = 0x1000;
};

struct made_note {
    std::uint32_t type = 18; // PHYS32_ENTRY
    byte_vector contents = bytes_of_number(std::uint64_t{0x100000});
    std::string owner = "Xen";
};

/// An ELF kernel, laid out as: file header, program headers, contents, notes, section headers.
struct elf_maker {
    bool is_64 = true;
    std::uint16_t machine = 62;
    std::uint16_t type = 2;
    std::uint64_t entry = 0x100000;
    std::vector<made_segment> segments = {made_segment{}};
    std::vector<made_note> notes = {made_note{}};
    bool notes_in_section = false; ///< no PT_NOTE, but a SHT_NOTE section

    std::size_t header_size() const { return is_64 ? 64 : 52; }

    std::size_t program_header_size() const { return is_64 ? 56 : 32; }

    std::size_t section_header_size() const { return is_64 ? 64 : 40; }

    /// Where the n-th program header lies.
    std::size_t program_header_at(std::size_t n) const {
        return header_size() + n * program_header_size();
    }

    byte_vector note_bytes() const {
        byte_vector out;
        for (auto const& n : notes) {
            number(out, 4, n.owner.size() + 1);
            number(out, 4, n.contents.size());
            number(out, 4, n.type);
            append(out, bytes_of(n.owner + '\0'));
            pad(out);
            append(out, n.contents);
            pad(out);
        }
        return out;
    }

    byte_vector build() const {
        bool const note_segment = !notes.empty() && !notes_in_section;
        auto const count = segments.size() + (note_segment ? 1 : 0);
        byte_vector headers;
        byte_vector contents;
        auto const contents_at = header_size() + count * program_header_size();
        for (auto const& s : segments) {
            program_header(headers, 1, contents_at + contents.size(), s.paddr, s.content.size(),
                           s.memory_size);
            append(contents, s.content);
        }
        pad(contents);
        auto const notes_at = contents_at + contents.size();
        auto const raw_notes = note_bytes();
        if (note_segment) {
            program_header(headers, 4, notes_at, 0, raw_notes.size(), raw_notes.size());
        }
        append(contents, raw_notes);
        auto const sections_at = notes_in_section ? contents_at + contents.size() : 0;

        byte_vector out = file_header(count, sections_at);
        append(out, headers);
        append(out, contents);
        if (notes_in_section) {
            section_header(out, notes_at, raw_notes.size());
        }
        return out;
    }

private:
    std::size_t word() const { return is_64 ? 8 : 4; }

    static void number(byte_vector& out, std::size_t size, std::uint64_t v) {
        for (std::size_t i = 0; i < size; ++i) {
            out.push_back(static_cast<std::byte>(v >> (8 * i)));
        }
    }

    static void append(byte_vector& out, byte_vector const& more) {
        out.insert(out.end(), more.begin(), more.end());
    }

    static void pad(byte_vector& out) { out.resize((out.size() + 3) & ~std::size_t{3}); }

    byte_vector file_header(std::size_t count, std::size_t sections_at) const {
        byte_vector out = bytes_of("\x7f"
                                   "ELF");
        number(out, 1, is_64 ? 2 : 1);
        number(out, 1, 1);
        number(out, 1, 1);
        out.resize(16);
        number(out, 2, type);
        number(out, 2, machine);
        number(out, 4, 1);
        number(out, word(), entry);
        number(out, word(), header_size());
        number(out, word(), sections_at);
        number(out, 4, 0);
        number(out, 2, header_size());
        number(out, 2, program_header_size());
        number(out, 2, count);
        number(out, 2, section_header_size());
        number(out, 2, sections_at == 0 ? 0 : 1);
        number(out, 2, 0);
        return out;
    }

    void program_header(byte_vector& out,
                        std::uint32_t kind,
                        std::uint64_t offset,
                        std::uint64_t paddr,
                        std::uint64_t file_size,
                        std::uint64_t memory_size) const {
        number(out, 4, kind);
        if (is_64) {
            number(out, 4, 7);
        }
        number(out, word(), offset);
        number(out, word(), paddr);
        number(out, word(), paddr);
        number(out, word(), file_size);
        number(out, word(), memory_size);
        if (!is_64) {
            number(out, 4, 7);
        }
        number(out, word(), 4);
    }

    void section_header(byte_vector& out, std::uint64_t offset, std::uint64_t size) const {
        number(out, 4, 0);
        number(out, 4, 7);
        number(out, word(), 0);
        number(out, word(), 0);
        number(out, word(), offset);
        number(out, word(), size);
        out.resize(out.size() + section_header_size() - 8 - 4 * word());
    }
};

/// A bzImage around `payload`: one boot sector and one setup sector, then the payload 16 bytes on.
inline byte_vector make_bzimage(byte_vector const& payload,
                                std::uint16_t protocol = 0x020f,
                                std::string_view version = "6.1.0-test (a b)") {
    constexpr std::size_t setup = 2 * 512;
    constexpr std::size_t text_at = 0x300;
    byte_vector out(setup + 16);
    poke(out, 0x1f1, std::uint8_t{1});
    auto const signature = bytes_of("HdrS");
    std::copy(signature.begin(), signature.end(), out.begin() + 0x202);
    poke(out, 0x206, protocol);
    if (!version.empty()) {
        poke(out, 0x20e, static_cast<std::uint16_t>(text_at - 0x200));
        auto const text = bytes_of(version);
        std::copy(text.begin(), text.end(), out.begin() + text_at);
    }
    poke(out, 0x248, std::uint32_t{16});
    poke(out, 0x24c, static_cast<std::uint32_t>(payload.size()));
    out.insert(out.end(), payload.begin(), payload.end());
    return out;
}

} // namespace xenpp::fakes
