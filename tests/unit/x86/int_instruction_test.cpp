// SPDX-License-Identifier: Apache-2.0
// INT3, INTO and INT n, and what is none of them.
#include <xenpp/x86/int_instruction.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

using namespace xenpp::x86;

namespace {

std::optional<int_instruction> decode(std::vector<std::uint8_t> const& bytes,
                                      bool long_mode = true) {
    std::array<std::uint8_t, 15> padded{};
    std::copy(bytes.begin(), bytes.end(), padded.begin());
    return decode_int(padded, long_mode);
}

} // namespace

TEST_CASE("int_instruction.three_forms") {
    CHECK(decode({0xcc}) == int_instruction{3, 1});
    CHECK(decode({0xcd, 0x80}) == int_instruction{0x80, 2});
    CHECK(decode({0xcd, 0x03}) == int_instruction{3, 2});
    CHECK(decode({0xce}, false) == int_instruction{4, 1});
    CHECK_FALSE(decode({0xce})); // no instruction of 64-bit code
}

TEST_CASE("int_instruction.prefixes_are_part_of_it") {
    CHECK(decode({0x66, 0xcc}) == int_instruction{3, 2});
    CHECK(decode({0xf3, 0x2e, 0x48, 0xcd, 0x80}) == int_instruction{0x80, 5});
    CHECK_FALSE(decode({0x48, 0xcc}, false)); // dec eax
    std::vector<std::uint8_t> const longest(13, 0x2e);
    auto with = longest;
    with.insert(with.end(), {0xcd, 0x80});
    CHECK(decode(with) == int_instruction{0x80, 15});
    with.insert(with.begin(), 0x2e);
    with.resize(15);
    CHECK_FALSE(decode(with)); // longer than an instruction may be
}

TEST_CASE("int_instruction.others_are_none") {
    CHECK_FALSE(decode({0xe9, 0xc7, 0x09}));
    CHECK_FALSE(decode({0x90}));
    CHECK_FALSE(decode({0xf1})); // ICEBP has an intercept of its own
    CHECK_FALSE(decode(std::vector<std::uint8_t>(15, 0x66)));
}
