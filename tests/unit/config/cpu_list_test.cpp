// SPDX-License-Identifier: Apache-2.0
// CPULIST: terms, ranges, nodes, exclusions.
#include <xenpp/config/cpu_list.hpp>

#include <catch2/catch.hpp>

using namespace xenpp::config;

namespace {

/// The set on a host of six CPUs in three nodes, as a string of 0 and 1.
std::string set_of(std::string_view text) {
    auto const list = parse_cpu_list(text);
    REQUIRE(list.has_value());
    std::vector<std::uint32_t> const nodes{0, 0, 1, 1, 2, 2};
    std::string out;
    for (bool b : evaluate(*list, nodes)) {
        out += b ? '1' : '0';
    }
    return out;
}

std::string reason(std::string_view text) {
    auto const list = parse_cpu_list(text);
    return list ? "" : std::to_string(list.error().offset) + " " + list.error().reason;
}

} // namespace

TEST_CASE("cpu_list.terms_add_from_left_to_right") {
    CHECK(set_of("0") == "100000");
    CHECK(set_of("0,2-3") == "101100");
    CHECK(set_of("all") == "111111");
    CHECK(set_of("0-5,^1-2,2") == "101111");
    CHECK(set_of("^0,0-1") == "110000");
}

TEST_CASE("cpu_list.nodes_stand_for_their_cpus") {
    CHECK(set_of("node:1") == "001100");
    CHECK(set_of("nodes:1-2") == "001111");
    CHECK(set_of("nodes:all,^node:0") == "001111");
    CHECK(set_of("all,^nodes:1,2") == "111011");
}

TEST_CASE("cpu_list.cpus_that_the_host_lacks_are_dropped") {
    CHECK(set_of("4-100,4294967294") == "000011");
    CHECK(set_of("9") == "000000");
}

TEST_CASE("cpu_list.empty_terms_and_blanks_vanish") {
    CHECK(set_of(",, 0 ,,1,") == "110000");
}

TEST_CASE("cpu_list.mistakes_are_located") {
    CHECK(reason("") == "0 the list names no CPU");
    CHECK(reason("^1") == "2 the list names no CPU");
    CHECK(reason("0,x") == "2 expected a CPU number, a range, `all` or `node:`");
    CHECK(reason("node:x") == "5 expected a node number or `all`");
    CHECK(reason("3-1") == "3 a range ends before it begins");
    CHECK(reason("1-") == "2 expected a number behind `-`");
    CHECK(reason("0x1") == "1 expected `,` between two terms");
    CHECK(reason("0;1") == "1 expected `,` between two terms");
    CHECK(reason("^all") == "4 `^` cannot remove `all`");
    CHECK(reason("0,^nodes:all") == "12 `^` cannot remove `all`");
    CHECK_FALSE(reason("4294967295").empty());
    CHECK_FALSE(reason("99999999999999999999").empty());
    CHECK_FALSE(reason("-1").empty());
}

TEST_CASE("cpu_list.printing_and_parsing_agree") {
    for (auto const* text : {"0", "0-3", "all", "all,^2", "nodes:0-1,^node:1,7", "nodes:all"}) {
        auto const list = parse_cpu_list(text);
        REQUIRE(list.has_value());
        CHECK(print(*list) == text);
    }
}

TEST_CASE("cpu_list.affinity_is_for_all_or_for_each") {
    std::vector<std::uint32_t> const nodes{0, 0};
    cpu_affinity a;
    CHECK(a.empty());
    CHECK(evaluate(a.of(0), nodes) == std::vector<bool>{true, true});
    a.lists = {*parse_cpu_list("0"), *parse_cpu_list("1")};
    CHECK(a.of(5) == a.lists[0]);
    a.is_per_vcpu = true;
    CHECK(a.of(1) == a.lists[1]);
    CHECK(evaluate(a.of(2), nodes) == std::vector<bool>{true, true});
}
