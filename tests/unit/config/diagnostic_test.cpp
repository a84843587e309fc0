// SPDX-License-Identifier: Apache-2.0
// Findings: position, rendering, and the search for the word that was meant.
#include <xenpp/config/diagnostic.hpp>
#include <xenpp/config/parse.hpp>

#include <catch2/catch.hpp>

using namespace xenpp::config;

TEST_CASE("diagnostic.render_shows_line_caret_and_suggestion") {
    auto const r = parse("a = 1\n\tmemory = yes # c\n", "guest.cfg");
    REQUIRE(r.diagnostics.items.size() == 1);
    CHECK(render(r.diagnostics.items[0]) == "guest.cfg:2:11: error: `yes` is no value\n"
                                            "  \tmemory = yes # c\n"
                                            "  \t         ^~~\n"
                                            "  for true write 1\n");
}

TEST_CASE("diagnostic.columns_count_characters_not_bytes") {
    auto const r = parse("a = '\xc3\xa4\xc3\xb6\\q'", "t");
    REQUIRE(r.diagnostics.items.size() == 1);
    CHECK(r.diagnostics.items[0].column == 8);
}

TEST_CASE("diagnostic.a_carriage_return_is_no_part_of_the_line") {
    auto const r = parse("a = yes\r\n", "t");
    REQUIRE(r.diagnostics.items.size() == 1);
    CHECK(r.diagnostics.items[0].source_line == "a = yes");
}

TEST_CASE("diagnostic.render_never_passes_control_characters_on") {
    auto const r = parse("a = \x1b[31m\n", "t");
    CHECK(r.diagnostics.message().find('\x1b') == std::string::npos);
}

TEST_CASE("diagnostic.without_a_line_only_the_message_is_shown") {
    diagnostic d;
    d.file = "f";
    d.message = "m";
    CHECK(render(d) == "f: error: m\n");
}

TEST_CASE("diagnostic.warnings_are_no_errors") {
    diagnostics all;
    CHECK_FALSE(all.has_errors());
    all.items.push_back({});
    all.items[0].severity = severity::warning;
    CHECK_FALSE(all.has_errors());
    all.items.push_back({});
    CHECK(all.has_errors());
}

TEST_CASE("diagnostic.nearest_finds_slips_of_the_pen") {
    std::vector<std::string_view> const words{"memory", "maxmem", "vcpus", "cpus"};
    CHECK(nearest("memmory", words) == "memory");
    CHECK(nearest("mmeory", words) == "memory");
    CHECK(nearest("vcpu", words) == "vcpus");
    CHECK(nearest("framebuffer", words).empty());
    CHECK(nearest(std::string(100000, 'm'), words).empty());
}

TEST_CASE("diagnostic.beyond_enough_only_a_first_error_is_wanted") {
    diagnostics all;
    CHECK(all.wants(severity::warning));
    for (std::size_t i = 0; i < diagnostics::enough; ++i) {
        all.items.push_back({});
        all.items.back().severity = severity::warning;
    }
    CHECK_FALSE(all.wants(severity::warning));
    CHECK(all.wants(severity::error));
    all.items.push_back({});
    CHECK_FALSE(all.wants(severity::error));
}
