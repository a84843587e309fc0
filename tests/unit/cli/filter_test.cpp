// SPDX-License-Identifier: Apache-2.0
// Filters: grammar, precedence, kinds of values, and what is wrong with a text.
#include <xenpp/cli/filter.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <string>

using namespace xenpp::cli;

namespace {

constexpr std::array<std::string_view, 5> fields{"name", "cpu", "mem", "state", "limit"};

bool passes(std::string_view text) {
    auto const f = filter::parse(text, fields);
    INFO(text);
    REQUIRE(f);
    std::array<value, 5> const row{value(std::string("web-1")), value(12.5),
                                   value(std::uint64_t{512} << 20), value(std::string("shut down")),
                                   value()};
    return f->matches([&row](std::size_t i) { return row[i]; });
}

std::string wrong(std::string_view text) {
    auto const f = filter::parse(text, fields);
    INFO(text);
    REQUIRE_FALSE(f);
    return std::to_string(f.error().offset) + ": " + f.error().reason;
}

} // namespace

TEST_CASE("filter.compares_numbers_and_text") {
    CHECK(passes(""));
    CHECK(passes("  "));
    CHECK(passes("cpu>10"));
    CHECK_FALSE(passes("cpu > 12.5"));
    CHECK(passes("cpu >= 12.5"));
    CHECK(passes("cpu<=12.5%"));
    CHECK(passes("mem == 512m"));
    CHECK(passes("mem=0.5g"));
    CHECK(passes("mem < 1G"));
    CHECK(passes("name == web-1"));
    CHECK(passes("name != \"web 1\""));
    CHECK(passes("state == 'shut down'"));
    CHECK(passes("name < x"));
}

TEST_CASE("filter.patterns") {
    CHECK(passes("name~web"));
    CHECK(passes("web"));
    CHECK(passes("name~'b-'"));
    CHECK(passes("name ~ w*1"));
    CHECK(passes("name ~ w?b"));
    CHECK_FALSE(passes("name ~ w?-"));
    CHECK(passes("name !~ db"));
    CHECK(passes("cpu ~ 12"));
    CHECK(contains_pattern("aaab", "a*ab"));
    CHECK_FALSE(contains_pattern("aaa", "b*"));
    CHECK(contains_pattern("", ""));
    CHECK_FALSE(contains_pattern("", "?"));
    CHECK(contains_pattern("anything", "*"));
}

TEST_CASE("filter.what_has_no_value_matches_only_unequal") {
    CHECK_FALSE(passes("limit > 0"));
    CHECK_FALSE(passes("limit == 0"));
    CHECK(passes("limit != 0"));
    CHECK(passes("limit !~ 0"));
}

TEST_CASE("filter.precedence_and_words") {
    CHECK(passes("cpu>10 && name~web"));
    CHECK_FALSE(passes("cpu>10 && name~db"));
    CHECK(passes("name~db || cpu>10"));
    CHECK(passes("name~web || cpu>99 && cpu>99"));
    CHECK_FALSE(passes("(name~web || cpu>99) && cpu>99"));
    CHECK(passes("!(cpu>99)"));
    CHECK(passes("not cpu>99 and web"));
    CHECK(passes("!db"));
    CHECK(passes("db or web"));
    CHECK_FALSE(passes("order")); // a pattern, not "or" and "der"
}

TEST_CASE("filter.says_what_is_wrong_and_where") {
    CHECK(wrong("cpux>1") == "0: there is no column \"cpux\", did you mean \"cpu\"?");
    CHECK(wrong("cpu>") == "4: a value is missing");
    CHECK(wrong("cpu>1 &&") == "8: a field or a pattern is missing");
    CHECK(wrong("(cpu>1") == "6: a ) is missing");
    CHECK(wrong("cpu>1)") == "5: an operator (&&, ||) is missing");
    CHECK(wrong("name=='a") == "6: the quote has no end");
    CHECK(wrong("a b") == "2: an operator (&&, ||) is missing");
}

TEST_CASE("filter.nesting_is_bounded") {
    CHECK(wrong(std::string(100'000, '(')).ends_with("it is nested too deep"));
    CHECK(wrong(std::string(100'000, '!')).ends_with("it is nested too deep"));
    auto const deep = std::string(60, '(') + "web" + std::string(60, ')');
    CHECK(passes(deep));
}
