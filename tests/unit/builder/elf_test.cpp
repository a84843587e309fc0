// SPDX-License-Identifier: Apache-2.0
// ELF kernels: what a good one says, and how each kind of damage is told.
#include "fakes/elf_maker.hpp"

#include <xenpp/builder/elf.hpp>

using namespace xenpp;
using namespace xenpp::builder;
using namespace xenpp::fakes;

namespace {

std::string why(byte_vector const& bytes) {
    auto const r = parse_elf(bytes);
    REQUIRE_FALSE(r);
    return r.error().detail;
}

} // namespace

TEST_CASE("elf.both_classes_give_the_same_segments_sorted_by_address") {
    for (bool const is_64 : {true, false}) {
        elf_maker m;
        m.is_64 = is_64;
        m.machine = is_64 ? 62 : 3;
        m.segments = {{0x300000, bytes_of("late"), 0x2000}, {0x100000, bytes_of("early"), 0x1000}};
        auto const bytes = m.build();
        auto const e = parse_elf(bytes).value();
        CHECK((e.bits == elf_class::elf64) == is_64);
        CHECK(e.entry == gva(0x100000));
        REQUIRE(e.segments.size() == 2);
        CHECK(e.segments[0].paddr == gpa(0x100000));
        CHECK(e.segments[0].file_size == 5);
        CHECK(e.segments[0].end() == gpa(0x101000));
        CHECK(e.segments[1].paddr == gpa(0x300000));
        CHECK(std::memcmp(bytes.data() + e.segments[1].file_offset, "late", 4) == 0);
        CHECK(e.notes.phys32_entry == 0x100000U);
    }
}

TEST_CASE("elf.segments_without_memory_are_passed_over") {
    elf_maker m;
    m.segments.push_back({0x100000, {}, 0});
    CHECK(parse_elf(m.build()).value().segments.size() == 1);
}

TEST_CASE("elf.touching_segments_do_not_overlap") {
    elf_maker m;
    m.segments = {{0x100000, {}, 0x1000}, {0x101000, {}, 0x1000}};
    CHECK(parse_elf(m.build()));
    m.segments[1].paddr = 0x100fff;
    CHECK(why(m.build()) == "the kernel is damaged: two segments overlap at address 0x100fff");
}

TEST_CASE("elf.notes_come_from_a_section_when_there_is_no_segment") {
    for (bool const is_64 : {true, false}) {
        elf_maker m;
        m.is_64 = is_64;
        m.notes_in_section = true;
        CHECK(parse_elf(m.build()).value().notes.phys32_entry == 0x100000U);
    }
}

TEST_CASE("elf.a_useless_section_table_is_no_error") {
    elf_maker m;
    m.notes_in_section = true;
    auto bytes = m.build();
    poke(bytes, 40, std::uint64_t{0xffff'ffff'ffff'fff0});
    auto const e = parse_elf(bytes).value();
    CHECK(e.notes.count == 0);
}

TEST_CASE("elf.the_wrong_architecture_is_named") {
    elf_maker m;
    m.machine = 183;
    CHECK(why(m.build()) == "the kernel is of the wrong architecture: AArch64, not x86");
    m.machine = 4711;
    CHECK(why(m.build()) == "the kernel is of the wrong architecture: ELF machine 4711, not x86");
    m.machine = 62;
    auto bytes = m.build();
    poke(bytes, 5, std::uint8_t{2});
    CHECK(why(bytes) == "the kernel is of the wrong architecture: big-endian, not x86");
}

TEST_CASE("elf.truncation_says_where") {
    elf_maker const m;
    auto const whole = m.build();
    auto const cut = [&](std::size_t n) {
        return byte_vector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
    };
    CHECK(why(cut(3)) == "it is not an ELF file");
    CHECK(why(cut(40)) ==
          "the kernel is truncated: its ELF header ends at byte 64, the file at 40");
    CHECK(why(cut(100)) ==
          "the kernel is truncated: its program header table ends at byte 176, the file at 100");
    CHECK(why(cut(178)) ==
          "the kernel is truncated: its segment 0 ends at byte 180, the file at 178");
    CHECK(why(cut(185)) ==
          "the kernel is truncated: its note segment ends at byte 204, the file at 185");
}

TEST_CASE("elf.every_prefix_of_a_kernel_is_an_error") {
    for (bool const is_64 : {true, false}) {
        elf_maker m;
        m.is_64 = is_64;
        auto const whole = m.build();
        for (std::size_t n = 0; n < whole.size(); ++n) {
            CHECK_FALSE(parse_elf(std::span(whole).first(n)));
        }
    }
}

TEST_CASE("elf.damage_is_told_from_truncation") {
    elf_maker const m;
    auto const first = m.program_header_at(0);
    auto const damaged = [&](std::size_t at, auto v) {
        auto bytes = m.build();
        poke(bytes, at, v);
        return why(bytes);
    };
    CHECK(damaged(4, std::uint8_t{3}) ==
          "the kernel is damaged: its ELF class or byte order is invalid");
    CHECK(damaged(16, std::uint16_t{1}) == "the kernel is not an executable: its ELF type is 1");
    CHECK(damaged(54, std::uint16_t{57}) ==
          "the kernel is damaged: its program headers have an odd size");
    CHECK(damaged(56, std::uint16_t{0}) == "the kernel has no program headers, so nothing to load");
    CHECK(damaged(32, ~std::uint64_t{0}) ==
          "the kernel is damaged: its program header table lies beyond any file");
    CHECK(damaged(first, std::uint32_t{0}) == "the kernel has no segment to load");
    CHECK(damaged(first + 8, ~std::uint64_t{0}) ==
          "the kernel is damaged: its segment 0 lies beyond any file");
    CHECK(damaged(first + 40, std::uint64_t{2}) ==
          "the kernel is damaged: segment 0 has more bytes in the file than in memory");
    CHECK(damaged(first + 40, ~std::uint64_t{0}) ==
          "the kernel is damaged: segment 0 wraps around in memory");
}
