// SPDX-License-Identifier: Apache-2.0
// The lexical grammar: values, positions, and going on behind mistakes.
#include "config/settings.hpp"

#include <xenpp/config/parse.hpp>

#include <catch2/catch.hpp>

using namespace xenpp::config;

namespace {

value list_of(std::vector<value> items) {
    return {std::move(items), {}};
}

value text(std::string s) {
    return {std::move(s), {}};
}

value only_value(std::string_view source) {
    auto const r = parse(source, "t");
    INFO(r.diagnostics.message());
    REQUIRE(r.diagnostics.items.empty());
    REQUIRE(r.ast.settings.size() == 1);
    return r.ast.settings[0].value;
}

std::string first_error(std::string_view source) {
    auto const r = parse(source, "t");
    REQUIRE(r.diagnostics.has_errors());
    auto const& d = r.diagnostics.items.front();
    return std::to_string(d.line) + ":" + std::to_string(d.column) + " " + d.message;
}

} // namespace

TEST_CASE("parse.numbers_are_kept_as_their_text") {
    CHECK(only_value("a = 0x1F") == text("0x1F"));
    CHECK(only_value("a = 010") == text("010"));
}

TEST_CASE("parse.escapes_mean_the_same_in_both_kinds_of_quotes") {
    std::string const all = "\"'\\\a\b\f\n\r\t\v";
    CHECK(only_value(R"(a = "\"\'\\\a\b\f\n\r\t\v")") == text(all));
    CHECK(only_value(R"(a = '\"\'\\\a\b\f\n\r\t\v')") == text(all));
}

TEST_CASE("parse.hexadecimal_and_octal_escapes_name_bytes") {
    CHECK(only_value(R"(a = "\x41\101\7\xfF\377")") == text("AA\a\xff\xff"));
    CHECK(only_value(R"(a = "\1018")") == text("A8"));
}

TEST_CASE("parse.an_escape_never_makes_a_nul") {
    CHECK(first_error(R"(a = "\0")") == "1:6 an octal escape names a byte from \\1 to \\377");
    CHECK(first_error(R"(a = "x\x00")") == "1:7 \\x takes two hexadecimal digits, not 00");
    CHECK(first_error(R"(a = "\400")") == "1:6 an octal escape names a byte from \\1 to \\377");
}

TEST_CASE("parse.a_raw_nul_is_refused") {
    CHECK(first_error(std::string_view("a = \"x\0y\"", 9)) ==
          "1:7 a string cannot hold a NUL byte");
    CHECK(parse(std::string_view("a\0=1", 4), "t").diagnostics.has_errors());
}

TEST_CASE("parse.lists_nest_and_may_end_in_a_comma") {
    CHECK(only_value("a = [ [ 1, 'x' ], [], ]") ==
          list_of({list_of({text("1"), text("x")}), list_of({})}));
}

TEST_CASE("parse.lists_may_span_lines_with_comments") {
    CHECK(only_value("a = [ # one\n 1 # two\n , # three\n 2\n]") ==
          list_of({text("1"), text("2")}));
}

TEST_CASE("parse.lists_nest_64_deep_and_no_deeper") {
    auto const nested = [](std::size_t n) {
        return "a = " + std::string(n, '[') + std::string(n, ']');
    };
    CHECK(parse(nested(max_list_depth), "t").diagnostics.items.empty());
    CHECK(first_error(nested(max_list_depth + 1)) == "1:70 lists are nested too deep");
    std::string huge = "a = ";
    huge.resize(100'000, '[');
    CHECK(first_error(huge) == "1:70 lists are nested too deep");
}

TEST_CASE("parse.many_lists_in_one_file_do_not_add_up_to_depth") {
    std::string many;
    for (int i = 0; i < 200; ++i) {
        many += "a = [ [ 1 ], [ 2 ] ]\n";
    }
    CHECK(parse(many, "t").diagnostics.items.empty());
}

TEST_CASE("parse.settings_carry_their_positions") {
    auto const r = parse("# c\n\nfirst = 1; second = [ 2,\n 3 ]\n", "t");
    REQUIRE(r.ast.settings.size() == 2);
    auto const& s = r.ast.settings[1];
    CHECK(s.key_span.line == 3);
    CHECK(s.key_span.begin == 16);
    CHECK(s.key_span.end == 22);
    CHECK(s.value.span.line == 3);
    CHECK(s.value.list()[1].span.line == 4);
    CHECK(s.value.list()[1].span.begin == s.value.list()[1].span.end - 1);
}

TEST_CASE("parse.several_mistakes_are_reported_in_one_run") {
    auto const r = parse("a = yes\nb = 2\nc = [ 1 2 ]\nd = 'x\ne = 5\n", "t");
    CHECK(r.diagnostics.items.size() == 3);
    REQUIRE(r.ast.settings.size() == 2);
    CHECK(r.ast.settings[0].key == "b");
    CHECK(r.ast.settings[1].key == "e");
}

TEST_CASE("parse.a_mistake_in_a_list_is_left_with_the_list") {
    auto const r = parse("a = [ 1 2,\n 3,\n '] #',\n]\nb = 1\n", "t");
    CHECK(r.diagnostics.items.size() == 1);
    REQUIRE(r.ast.settings.size() == 1);
    CHECK(r.ast.settings[0].key == "b");
}

TEST_CASE("parse.strings_on_the_way_out_of_a_mistake_are_passed_over") {
    auto const r = parse("a = [ '\\\\', \"]\", '\\'', @,\n 1 ]\nb = 1\n", "t");
    CHECK(r.diagnostics.items.size() == 1);
    REQUIRE(r.ast.settings.size() == 1);
    CHECK(r.ast.settings[0].key == "b");
    CHECK(first_error("a = [ '\\\\', 'x # y\n ]") == "1:13 this string has no closing '");
}

TEST_CASE("parse.an_unclosed_list_does_not_swallow_the_file") {
    auto const r = parse("a = [ 1,\nb = 2\nc = 3\n", "t");
    CHECK(r.diagnostics.items.size() == 1);
    REQUIRE(r.ast.settings.size() == 1);
    CHECK(r.ast.settings[0].key == "c");
}

TEST_CASE("parse.at_most_a_hundred_mistakes_are_reported") {
    std::string bad;
    for (int i = 0; i < 1000; ++i) {
        bad += "@\n";
    }
    CHECK(parse(bad, "t").diagnostics.items.size() == 100);
}

TEST_CASE("parse.huge_texts_cost_linear_time") {
    // Each of these took minutes where something was quadratic.
    std::string appended = "a = []";
    std::string unknown;
    for (int i = 0; i < 200'000; ++i) {
        appended += ";a+=[1]";
        unknown += "k" + std::to_string(i) + "=1;k=2;";
    }
    diagnostics out;
    auto const lists = parse(appended, "t");
    REQUIRE(lists.diagnostics.items.empty());
    CHECK(evaluate(lists.ast, &out)[0].value.list().size() == 200'000);
    auto const keys = parse(unknown, "t");
    REQUIRE(keys.diagnostics.items.empty());
    CHECK(evaluate(keys.ast, &out).size() == 200'001);
    CHECK(out.items.size() == diagnostics::enough);
}

TEST_CASE("parse.a_text_beyond_the_limit_is_refused") {
    auto const r = parse(std::string(max_text_size + 1, '\n'), "t");
    REQUIRE(r.diagnostics.items.size() == 1);
    CHECK(r.ast.settings.empty());
}

TEST_CASE("parse.printing_gives_a_text_that_parses_to_the_same_tree") {
    auto const r = parse(R"(a = 010; b.c += [ "\x01\"\\", [ [], '' ], 1a ]; d = "ä")", "t");
    REQUIRE(r.diagnostics.items.empty());
    auto const again = parse(print(r.ast), "t");
    CHECK(again.diagnostics.items.empty());
    CHECK(again.ast.settings == r.ast.settings);
}

TEST_CASE("settings.the_last_assignment_wins_with_a_warning") {
    auto const r = parse("a = 1\na = 2\n", "t");
    diagnostics out;
    auto const s = evaluate(r.ast, &out);
    REQUIRE(s.size() == 1);
    CHECK(s[0].value == text("2"));
    REQUIRE(out.items.size() == 1);
    CHECK(out.items[0].severity == severity::warning);
    CHECK(out.items[0].line == 2);
}

TEST_CASE("settings.a_later_source_overrides_without_a_warning") {
    auto r = parse("a = 1\n", "t");
    append(r.ast, parse("a = 2\nb += 'x'", "command line").ast);
    diagnostics out;
    auto const s = evaluate(r.ast, &out);
    REQUIRE(s.size() == 2);
    CHECK(s[0].value == text("2"));
    CHECK(out.items.empty());
    CHECK(make_diagnostic(r.ast, s[1].key_span, severity::error, "m").file == "command line");
    CHECK(make_diagnostic(r.ast, s[1].key_span, severity::error, "m").line == 2);
}

TEST_CASE("settings.appending_joins_text_and_lists") {
    auto const s = evaluate(parse("a = 'x'\na += 'y'\nb += [ 1 ]\nb += [ 2 ]\n", "t").ast, nullptr);
    REQUIRE(s.size() == 2);
    CHECK(s[0].value == text("xy"));
    CHECK(s[0].is_joined);
    CHECK(s[1].value == list_of({text("1"), text("2")}));
}

TEST_CASE("settings.appending_across_kinds_is_an_error") {
    for (auto const* source : {"a = [ 1 ]\na += 'x'\n", "a = 'x'\na += [ 1 ]\n"}) {
        diagnostics out;
        evaluate(parse(source, "t").ast, &out);
        REQUIRE(out.items.size() == 1);
        CHECK(out.has_errors());
        CHECK(out.items[0].line == 2);
    }
}
