// SPDX-License-Identifier: Apache-2.0
// CPU pools are read, and the page of keys agrees with the tables.
#include <xenpp/config/cpupool_config.hpp>
#include <xenpp/config/schema.hpp>

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

using namespace xenpp::config;

TEST_CASE("cpupool.a_file_describes_a_pool") {
    auto const p = parse_cpupool("sched = 'credit2'\ncpus = [ '0-1', '3' ]\n", "/etc/xen/big");
    REQUIRE(p.has_value());
    CHECK(p->name == "big");
    CHECK(p->sched == "credit2");
    CHECK(print(p->cpus) == "0-1,3");
    auto const again = parse_cpupool(print(*p), "t");
    REQUIRE(again.has_value());
    CHECK(static_cast<cpupool_config const&>(*again) == static_cast<cpupool_config const&>(*p));
}

TEST_CASE("cpupool.nodes_are_terms") {
    auto const p = parse_cpupool("name = 'n'\nnodes = 1\n", "t");
    REQUIRE(p.has_value());
    CHECK(print(p->cpus) == "node:1");
}

TEST_CASE("cpupool.settings_win_over_the_file") {
    std::string const more[] = {"name='other'"};
    CHECK(parse_cpupool("name = 'n'\n", "t", more)->name == "other");
}

TEST_CASE("cpupool.mistakes_are_named") {
    CHECK_FALSE(parse_cpupool("nodes = 1\ncpus = '0'\n", "t").has_value());
    CHECK_FALSE(parse_cpupool("cpus = 'x'\n", "t").has_value());
    CHECK_FALSE(parse_cpupool("sched = 'bvt'\n", "t").has_value());
    CHECK(parse_cpupool("cpu = '0'\n", "t")->warnings.items.size() == 1);
}

TEST_CASE("docs.every_key_has_its_row") {
    std::ifstream in(XENPP_SOURCE_DIR "/docs/config-keys.md");
    std::ostringstream text;
    text << in.rdbuf();
    constexpr std::string_view words[] = {"acted", "deprecated", "unsupported", "refused",
                                          "ignored"};
    for (auto table : {domain_schema(), xl_schema()}) {
        for (auto const& row : table) {
            auto const at = text.str().find("| `" + std::string(row.key) + "`");
            INFO(row.key);
            REQUIRE(at != std::string::npos);
            auto const line = text.str().substr(at, text.str().find('\n', at) - at);
            auto const word = words[static_cast<std::size_t>(row.status)];
            bool const is_other = line.find("| " + std::string(word) + " |") == std::string::npos;
            // A key of both files has two rows; the first is xl.cfg's.
            CHECK((!is_other || find(domain_schema(), row.key) != &row));
        }
    }
    for (auto const& row : cpupool_schema()) {
        CHECK(text.str().find("| `" + std::string(row.key) + "`") != std::string::npos);
    }
}
