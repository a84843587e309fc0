// SPDX-License-Identifier: Apache-2.0
// From a text or a file to a domain's configuration.
#include "config/reader.hpp"

#include <xenpp/config/json.hpp>
#include <xenpp/config/load.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <cstdlib>
#include <fstream>

using namespace xenpp::config;

namespace {

std::string const minimal = "name = 'x'\ntype = 'pvh'\nkernel = 'k'\n";

domain_config good(std::string const& more, std::vector<std::string> const& overrides = {}) {
    auto const c = parse_domain(minimal + more, "t", overrides);
    INFO((c ? c->warnings : c.error()).message());
    REQUIRE(c.has_value());
    return *c;
}

std::string first_error(std::string const& text, std::vector<std::string> const& overrides = {}) {
    auto const c = parse_domain(text, "t", overrides);
    REQUIRE_FALSE(c.has_value());
    for (auto const& d : c.error().items) {
        if (d.severity == severity::error) {
            return d.file + ":" + std::to_string(d.line) + ":" + std::to_string(d.column) + " " +
                   d.message;
        }
    }
    return {};
}

} // namespace

TEST_CASE("load.numbers_are_c_constants") {
    std::int64_t n = 0;
    CHECK((parse_c_number("10", n) == number_fault::none && n == 10));
    CHECK((parse_c_number("010", n) == number_fault::none && n == 8));
    CHECK((parse_c_number("0x1F", n) == number_fault::none && n == 31));
    CHECK((parse_c_number(" -1", n) == number_fault::none && n == -1));
    for (auto const* text : {"", " ", "08", "1e3", "1a", "0x", "12 ", "x"}) {
        INFO(text);
        CHECK(parse_c_number(text, n) == number_fault::not_a_number);
    }
    CHECK(parse_c_number("9223372036854775808", n) == number_fault::out_of_range);
    CHECK(parse_c_number(std::string("1\0", 2), n) == number_fault::not_a_number);
}

TEST_CASE("load.memory_and_maxmem_default_to_each_other") {
    CHECK(good("").memory_mib == 32);
    CHECK(good("").maxmem_mib == 32);
    CHECK(good("memory = 64").maxmem_mib == 64);
    CHECK(good("maxmem = 64").memory_mib == 64);
    auto const both = good("memory = 64; maxmem = 128");
    CHECK(both.memory_mib == 64);
    CHECK(both.maxmem_mib == 128);
}

TEST_CASE("load.vcpus_give_maxvcpus_its_default") {
    CHECK(good("vcpus = 3").maxvcpus == 3);
    CHECK(good("maxvcpus = 3").vcpus == 1);
    CHECK(first_error(minimal + "vcpus = 2; maxvcpus = 1") ==
          "t:4:23 `maxvcpus` (1) is less than `vcpus` (2)");
    CHECK(good("vcpus = 128").vcpus == 128);
    CHECK(first_error(minimal + "vcpus = 129").starts_with("t:4:9 PVH domains"));
}

TEST_CASE("load.the_command_line_is_folded") {
    CHECK(good("root = '/dev/x'").cmdline == "root=/dev/x");
    CHECK(good("root = '/dev/x'; extra = 'ro'").cmdline == "root=/dev/x ro");
    CHECK(good("extra = 'ro'").cmdline == "ro");
    CHECK(good("extra = 'ro'; extra += ' quiet'").cmdline == "ro quiet");
    CHECK(good("extra = 'ro'; cmdline = 'c'").cmdline == "c");
}

TEST_CASE("load.the_guest_kind_comes_from_type_or_builder") {
    CHECK(parse_domain("name = 'x'; kernel = 'k'", "t")->type == domain_type::pv);
    CHECK(parse_domain("name = 'x'; builder = 'hvm'", "t")->type == domain_type::hvm);
    CHECK(parse_domain("name = 'x'; kernel = 'k'; builder = 'generic'", "t")->type ==
          domain_type::pv);
    CHECK(good("").type == domain_type::pvh);
}

TEST_CASE("load.overrides_win_over_the_file") {
    CHECK(good("memory = 64", {"memory=128", "extra='x'"}).memory_mib == 128);
    CHECK(good("extra = 'a'", {"extra+=' b'"}).cmdline == "a b");
    CHECK(first_error(minimal, {"memory=64", "vcpus=two"}) ==
          "command line:2:7 `two` needs quotes");
    CHECK(first_error(minimal, {"memory=0"}).starts_with("command line:1:8"));
}

TEST_CASE("load.device_lists_are_refused_unless_empty") {
    CHECK(good("disk = []\nvif = [ ]\n").name == "x");
    CHECK(first_error(minimal + "channel = [ '' ]").starts_with("t:4:1 `channel` is known"));
}

TEST_CASE("load.a_disk_that_cannot_be_says_where_its_name_is") {
    CHECK(first_error(minimal + "disk = [ '/a,raw,xvdA,w' ]") ==
          "t:4:18 disk \"/a,raw,xvdA,w\": \"xvdA\" names no virtual disk; write xvda, sda, hda, "
          "d0 or a number");
    CHECK(first_error(minimal + "disk = [ 'vdev=xvd_,target=/xvd_' ]").starts_with("t:4:16 disk"));
    CHECK(first_error(minimal + "disk = [ '/a,raw,xvda,w',\n'/xvda,raw,xvda,w' ]") ==
          "t:5:12 there are two disks of the name \"xvda\"");
    CHECK(first_error(minimal + "disk = [ '/a,raw,xvda,w', '/b,raw,51712,w' ]") ==
          "t:4:35 there are two disks of the name \"51712\"");
}

TEST_CASE("load.a_broken_line_does_not_count_as_absent") {
    auto const c = parse_domain("name = x\nkernel = 'k'\n", "t");
    REQUIRE_FALSE(c.has_value());
    CHECK(c.error().items.size() == 1);
}

TEST_CASE("load.a_text_beyond_the_limit_is_refused") {
    CHECK_FALSE(parse_domain(std::string((std::size_t{16} << 20) + 1, '\n'), "t").has_value());
}

TEST_CASE("load.files_are_read_and_missing_ones_named") {
    char path[] = "/tmp/xenpp-config-XXXXXX";
    int const fd = ::mkstemp(path);
    REQUIRE(fd >= 0);
    std::ofstream(path) << minimal;
    auto const c = load_domain(path);
    std::remove(path);
    REQUIRE(c.has_value());
    CHECK(c->name == "x");

    auto const missing = load_domain("/nonexistent/x.cfg");
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().message() ==
          "/nonexistent/x.cfg: error: cannot be read: No such file or directory\n");
    auto const folder = load_domain("/tmp");
    REQUIRE_FALSE(folder.has_value());
    CHECK(folder.error().message() == "/tmp: error: cannot be read: Is a directory\n");
    std::vector<std::string> const overrides{"name='x'", "kernel='k'"};
    CHECK(load_domain("/dev/null", overrides).has_value());
}

TEST_CASE("load.printing_gives_a_text_that_loads_to_the_same") {
    auto const c =
        good("memory = 64; vcpus = 2; cpus = [ '0', 'all,^1' ]; cpus_soft = 'node:0'; uuid = "
             "'00010203-0405-0607-0809-0a0b0c0d0e0f'; extra = 'a \\'b\\' \\x01';"
             "on_crash = 'rename-restart'; rtc_timeoffset = '-3'; acpi = 0; cap = 0;"
             "timer_mode = 'one_missed_tick_pending'; tsc_mode = 'always_emulate'");
    auto const again = parse_domain(print(c), "printed");
    REQUIRE(again.has_value());
    CHECK(again->warnings.items.empty());
    CHECK(static_cast<domain_config const&>(*again) == c);
}

TEST_CASE("json.what_is_written_is_read_back") {
    auto const c =
        good("memory = 64; maxmem = 65; vcpus = 2; maxvcpus = 4; cpus = [ '0', 'all,^1' ];"
             "cpus_soft = 'node:0'; pool = 'p'; ramdisk = 'r'; extra = 'a\\n: {}';"
             "uuid = '00010203-0405-0607-0809-0a0b0c0d0e0f'; cpu_weight = 2; cap = 3;"
             "on_poweroff = 'restart'; on_reboot = 'destroy'; on_soft_reset = 'destroy';"
             "on_watchdog = 'coredump-restart'; on_crash = 'rename-restart';"
             "rtc_timeoffset = '-3'; nomigrate = 1; acpi = 0; tsc_mode = 'native';"
             "timer_mode = 'one_missed_tick_pending'; max_grant_frames = 1;"
             "max_maptrack_frames = 2; max_grant_version = 1; max_event_channels = 5");
    for (auto const& config : {c, good("")}) {
        auto const again = from_json(to_json(config));
        REQUIRE(again.has_value());
        CHECK(*again == config);
    }
}

TEST_CASE("json.affinity_is_written_as_numbers_and_read_from_them") {
    constexpr std::array<std::uint32_t, 4> nodes{0, 0, 1, 1};
    auto const c = good("vcpus = 3; cpus = 'all,^1'; cpus_soft = [ '0', 'node:1' ]");
    auto const text = to_json(c, nodes);
    CHECK(from_json(text).value() == c);
    auto const numbers = from_json(text.substr(0, text.find("\"xenpp\"")) + "\"other\": {}\n}");
    REQUIRE(numbers.has_value());
    CHECK(numbers->cpus.lists == std::vector<cpu_list>{*parse_cpu_list("0,2-3")});
    CHECK_FALSE(numbers->cpus.is_per_vcpu);
    CHECK(numbers->cpus_soft.lists ==
          std::vector<cpu_list>{*parse_cpu_list("0"), *parse_cpu_list("2-3")});
    CHECK(numbers->cpus_soft.is_per_vcpu); // the third vCPU has none
}

TEST_CASE("json.malformed_texts_are_refused_by_name") {
    CHECK(from_json("").error().detail == "it is no JSON object");
    CHECK(from_json("[]").error().detail == "it is no JSON object");
    CHECK(from_json("{}").error().detail == "`name` is missing");
    std::pair<char const*, char const*> const cases[] = {
        {R"({"c_info": {"name": 1}})", "`name` is malformed"},
        {R"({"c_info": {"name": "x", "type": "vm"}})", "`type` is malformed"},
        {R"({"c_info": {"name": "x", "uuid": "1"}})", "`uuid` is malformed"},
        {R"({"c_info": {"name": "x"}, "b_info": {"max_vcpus": -1}})", "`max_vcpus` is malformed"},
        {R"({"c_info": {"name": "x"}, "b_info": {"max_vcpus": 4294967296}})",
         "`max_vcpus` is malformed"},
        {R"({"c_info": {"name": "x"}, "b_info": {"avail_vcpus": [0, 1]}})",
         "`avail_vcpus` is malformed"},
        {R"({"c_info": {"name": "x"}, "b_info": {"vcpu_hard_affinity": [["a"]]}})",
         "`vcpu_hard_affinity` is malformed"},
        {R"({"c_info": {"name": "x"}, "b_info": {"vcpu_soft_affinity": [5]}})",
         "`vcpu_soft_affinity` is malformed"},
        {R"({"c_info": {"name": "x"}, "b_info": {"acpi": "maybe"}})", "`acpi` is malformed"},
        {R"({"c_info": {"name": "x"}, "on_crash": "explode"})", "`on_crash` is malformed"},
        {R"({"c_info": {"name": "x"}, "xenpp": {"cpus": ["x"]}})", "`cpus` is malformed"},
        {R"({"c_info": {"name": "a\u0000b"}})", "`name` is malformed"},
    };
    for (auto const& [text, detail] : cases) {
        INFO(text);
        auto const c = from_json(text);
        REQUIRE_FALSE(c.has_value());
        CHECK(c.error().detail == detail);
    }
}
