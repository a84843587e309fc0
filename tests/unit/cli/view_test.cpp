// SPDX-License-Identifier: Apache-2.0
// One field table gives text, JSON, NDJSON, CSV and OpenMetrics.
#include <xenpp/cli/options.hpp>
#include <xenpp/cli/view.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <limits>

namespace {

using namespace xenpp::cli;

struct box {
    std::string name;
    double seconds = 0;
    std::uint64_t bytes = 0;
    bool is_open = false;
};

constexpr std::array fields{
    field<box>{{"name", "", field_kind::label, "Its name."},
               [](box const& b) -> value { return b.name; }},
    field<box>{{"open", "", field_kind::word, "Whether it is open."},
               [](box const& b) -> value { return b.is_open; }},
    field<box>{{"cpu_seconds", "seconds", field_kind::counter, "Time."},
               [](box const& b) -> value { return b.seconds; }},
    field<box>{{"size_bytes", "bytes", field_kind::gauge, "Size."},
               [](box const& b) -> value { return b.bytes == 0 ? value() : value(b.bytes); }},
    field<box>{{"star", "", field_kind::display, ""},
               [](box const&) -> value { return std::string("*"); }},
};

table sample() {
    static std::vector<box> const boxes{{"a,\"b\"\n", 1.5, 4096, true}, {"c", 2, 0, false}};
    return tabulate("box", std::span<field<box> const>(fields), std::span<box const>(boxes));
}

} // namespace

TEST_CASE("view.text_follows_its_layout") {
    constexpr std::array cells{text_cell{"name", "{:<8}|"}, text_cell{"star", "{}"},
                               text_cell{"size_bytes", "{:>6}"},
                               text_cell{"cpu_seconds", " {:5.1f}"}};
    auto t = sample();
    t.rows.front().front() = std::string("a");
    CHECK(to_text(t, {"HEAD", cells}) == "HEAD\n"
                                         "a       |*  4096   1.5\n"
                                         "c       |*     -   2.0\n");
    CHECK(to_text(t, {"", cells}).starts_with("a "));
}

TEST_CASE("view.json_is_an_array_of_objects") {
    CHECK(to_json(sample()) == R"([
    {
        "name": "a,\"b\"\n",
        "open": true,
        "cpu_seconds": 1.5,
        "size_bytes": 4096
    },
    {
        "name": "c",
        "open": false,
        "cpu_seconds": 2,
        "size_bytes": null
    }
]
)");
    auto t = sample();
    t.rows.clear();
    CHECK(to_json(t) == "[]\n");
}

TEST_CASE("view.ndjson_is_an_object_a_line") {
    CHECK(to_ndjson(sample()) ==
          "{\"name\": \"a,\\\"b\\\"\\n\", \"open\": true, \"cpu_seconds\": 1.5, \"size_bytes\": "
          "4096}\n"
          "{\"name\": \"c\", \"open\": false, \"cpu_seconds\": 2, \"size_bytes\": null}\n");
}

TEST_CASE("view.csv_quotes_what_needs_it") {
    CHECK(to_csv(sample()) == "name,open,cpu_seconds,size_bytes\r\n"
                              "\"a,\"\"b\"\"\n\",true,1.5,4096\r\n"
                              "c,false,2,\r\n");
}

TEST_CASE("view.metrics_are_openmetrics") {
    CHECK(to_metrics(sample()) == "# TYPE xenpp_box_cpu_seconds counter\n"
                                  "# UNIT xenpp_box_cpu_seconds seconds\n"
                                  "# HELP xenpp_box_cpu_seconds Time.\n"
                                  "xenpp_box_cpu_seconds_total{name=\"a,\\\"b\\\"\\n\"} 1.5\n"
                                  "xenpp_box_cpu_seconds_total{name=\"c\"} 2\n"
                                  "# TYPE xenpp_box_size_bytes gauge\n"
                                  "# UNIT xenpp_box_size_bytes bytes\n"
                                  "# HELP xenpp_box_size_bytes Size.\n"
                                  "xenpp_box_size_bytes{name=\"a,\\\"b\\\"\\n\"} 4096\n"
                                  "# EOF\n");
}

TEST_CASE("view.json_strings_escape_control_characters") {
    CHECK(json_string("\x01\t\\ \xc3\xa4") == "\"\\u0001\\t\\\\ \xc3\xa4\"");
}

TEST_CASE("view.numbers_without_a_value_are_null_in_json") {
    auto t = sample();
    t.rows.front()[2] = std::numeric_limits<double>::infinity();
    CHECK(to_ndjson(t).find("\"cpu_seconds\": null") != std::string::npos);
}

TEST_CASE("view.formats_have_names") {
    CHECK(parse_format("text") == format::text);
    CHECK(parse_format("json") == format::json);
    CHECK(parse_format("ndjson") == format::ndjson);
    CHECK(parse_format("csv") == format::csv);
    CHECK(parse_format("metrics") == format::metrics);
    CHECK_FALSE(parse_format("xml"));
    CHECK_FALSE(parse_format(""));
    CHECK(render(sample(), format::csv, {}) == to_csv(sample()));
    CHECK(render(sample(), format::ndjson, {}) == to_ndjson(sample()));
}

TEST_CASE("view.the_last_format_asked_for_is_chosen") {
    arguments given;
    CHECK(chosen_format(given).value() == format::text);
    given.given = {{"json", ""}, {"long", ""}, {"format", "csv"}};
    CHECK(chosen_format(given).value() == format::csv);
    given.given.emplace_back("format", "xml");
    auto const refused = chosen_format(given);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().detail ==
          "unknown format \"xml\": it may be text, json, ndjson, csv or openmetrics");
}
