// SPDX-License-Identifier: Apache-2.0
// Numbers out of text: the largest and the first too large, and what is none.
#include <xenpp/base/parse_number.hpp>

#include <cstdint>
#include <limits>
#include <string>

using namespace xenpp;

TEMPLATE_TEST_CASE("parse_number.the_limits_fit_and_the_next_does_not",
                   "",
                   std::uint8_t,
                   std::int8_t,
                   std::uint32_t,
                   std::int32_t,
                   std::uint64_t,
                   std::int64_t) {
    using limits = std::numeric_limits<TestType>;
    auto const most = std::to_string(limits::max());
    auto const least = std::to_string(limits::min());
    CHECK(parse_number<TestType>(most) == limits::max());
    CHECK(parse_number<TestType>(least) == limits::min());
    for (auto const& edge : {most, least}) {
        for (char last = '0'; last <= '9'; ++last) {
            auto text = edge;
            text.back() = last;
            bool const fits = last <= edge.back();
            CHECK((edge == "0" || parse_number<TestType>(text).has_value() == fits));
            CHECK((edge == "0" || !parse_number<TestType>(text + '0')));
        }
    }
}

TEST_CASE("parse_number.digits_are_those_of_the_base") {
    CHECK(parse_number<std::uint16_t>("ffFF", 16) == 0xffff);
    CHECK(parse_number<unsigned>("777", 8) == 511U);
    CHECK_FALSE(parse_number<unsigned>("0x10", 16));
    CHECK_FALSE(parse_number<unsigned>("8", 8));
    CHECK_FALSE(parse_number<unsigned>("a"));
}

TEST_CASE("parse_number.what_is_no_number") {
    for (auto const* text : {"", "-", "+1", " 1", "1 ", "1\n", "1,", "1.0", "0x1", "--1", "1-"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_number<int>(text));
        CHECK_FALSE(parse_number<std::uint64_t>(text));
    }
    CHECK_FALSE(parse_number<unsigned>("-1"));
    CHECK_FALSE(parse_number<unsigned>("-0"));
    CHECK(parse_number<int>("-0") == 0);
    CHECK(parse_number<unsigned>("007") == 7U);
}

TEST_CASE("parse_number.reals_are_finite") {
    CHECK(parse_real("0.05") == 0.05);
    CHECK(parse_real("-3e2") == -300.0);
    CHECK(parse_real("1700000000.25") == 1700000000.25);
    for (auto const* text : {"", "inf", "nan", "1e999", "1s", " 1", "+1", "0x1"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_real(text));
    }
}
