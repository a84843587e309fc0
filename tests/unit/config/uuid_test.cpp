// SPDX-License-Identifier: Apache-2.0
// UUIDs as text and as bytes.
#include <xenpp/config/uuid.hpp>

#include <catch2/catch.hpp>

using namespace xenpp::config;

TEST_CASE("uuid.text_and_bytes_agree") {
    auto const id = parse_uuid("00010203-0405-0607-0809-0A0b0C0d0E0f");
    REQUIRE(id.has_value());
    for (std::uint8_t i = 0; i < 16; ++i) {
        CHECK((*id)[i] == i);
    }
    CHECK(format(*id) == "00010203-0405-0607-0809-0a0b0c0d0e0f");
    CHECK(parse_uuid("000102030405060708090a0b0c0d0e0f") == id);
}

TEST_CASE("uuid.anything_else_is_no_uuid") {
    for (auto const* text :
         {"", "0", "00010203-0405-0607-0809-0a0b0c0d0e0", "g0010203-0405-0607-0809-0a0b0c0d0e0f",
          "00010203 0405-0607-0809-0a0b0c0d0e0f", "0001020304050607-0809-0a0b0c0d0e0f--",
          "00010203-0405-0607-0809-0a0b0c0d0e0f0", "000102030405060708090a0b0c0d0e0-"}) {
        INFO(text);
        CHECK_FALSE(parse_uuid(text).has_value());
    }
}

TEST_CASE("uuid.a_fresh_one_is_random_and_says_so") {
    auto const a = random_uuid();
    auto const b = random_uuid();
    CHECK(a != b);
    CHECK((a[6] & 0xf0) == 0x40);
    CHECK((a[8] & 0xc0) == 0x80);
    CHECK(parse_uuid(format(a)) == a);
}
