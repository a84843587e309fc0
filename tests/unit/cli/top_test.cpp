// SPDX-License-Identifier: Apache-2.0
// xentop without a terminal: figures, batch lines, screens of any size, keys and clicks.
#include <xenpp/cli/top.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

using namespace xenpp;
using namespace xenpp::cli;

namespace {

constexpr std::uint64_t second = 1'000'000'000;

domain_info make(std::uint16_t id, std::string name, std::uint64_t cpu_ns, std::uint64_t mem_mib) {
    domain_info d;
    d.id = domid(id);
    d.uuid[0] = static_cast<std::uint8_t>(id);
    d.name = std::move(name);
    d.is_hvm = id != 0;
    d.is_blocked = true;
    d.memory = pages(mem_mib * 256);
    d.max_memory = pages(id == 0 ? ~std::uint64_t{0} : mem_mib * 256 + 256);
    d.vcpus = d.online_vcpus = 2;
    d.cpu_time_ns = cpu_ns;
    return d;
}

/// Domain 0, web and db; `n` seconds after the first sample web had half of them, db twice them.
host_sample sample(std::uint64_t n) {
    host_sample s;
    s.time_ns = (100 + n) * second;
    s.version = "4.17.7";
    s.cpus = 2;
    s.cpu_khz = 2'500'000;
    s.total_memory = pages(4096 * 256);
    s.free_memory = pages(2048 * 256);
    s.domains = {make(0, "Domain-0", 0, 512), make(1, "web", 10 * second + n * second / 2, 1024),
                 make(2, "database-of-records", 20 * second + 2 * n * second, 512)};
    s.domains[2].is_running = true;
    s.domains[2].is_blocked = false;
    s.vcpus = {{domid(1), vcpu_id(0), true, 7 * second}, {domid(1), vcpu_id(1), true, 3 * second}};
    s.cpu_idle_ns = {n * second / 4, n * second};
    s.vifs = {{domid(1), 0, {1024 * n, n, 1, 2}, {2048 * n, 2 * n, 3, 4}}};
    s.vbds = {{domid(2), 51712, "vbd", vbd_sample::counts{1, 10 * n, 20 * n, 80 * n, 160 * n}}};
    return s;
}

top make_top(top_choices c = {}) {
    top t(std::move(c));
    t.add(sample(0));
    t.add(sample(2));
    return t;
}

std::string text_of(std::vector<screen_line> const& lines) {
    std::string out;
    for (auto const& l : lines) {
        out += l.text + '\n';
    }
    return out;
}

bool has(std::string const& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// The order of domains on a screen, by the first letters of their names.
std::string order(top& t) {
    std::string out;
    for (auto const& l : t.screen(200, 50)) {
        for (auto const* name : {"Domain-0", "web", "database"}) {
            out += has(l.text, name) ? std::string(1, *name) : "";
        }
    }
    return out;
}

void type(top& t, std::string_view text) {
    for (char const c : text) {
        t.press(c);
    }
}

constexpr int enter = static_cast<int>(special_key::enter);
constexpr int escape = static_cast<int>(special_key::escape);
constexpr int down = static_cast<int>(special_key::down);

} // namespace

TEST_CASE("top.batch_lines_are_xentops") {
    auto t = make_top();
    CHECK(t.batch_text() ==
          "      NAME  STATE   CPU(sec) CPU(%)     MEM(k) MEM(%)  MAXMEM(k) MAXMEM(%) VCPUS NETS "
          "NETTX(k) NETRX(k) VBDS   VBD_OO   VBD_RD   VBD_WR  VBD_RSECT  VBD_WSECT SSID\n"
          "  Domain-0 --b---          0    0.0     524288   12.5   no limit       n/a     2    0 "
          "       0        0    0        0        0        0          0          0    0\n"
          "       web --b---         11   50.0    1048576   25.0    1049600      25.0     2    1 "
          "       4        2    0        0        0        0          0          0    0\n"
          "database-o -----r         24  200.0     524288   12.5     525312      12.5     2    0 "
          "       0        0    1        1       20       40        160        320    0\n");
}

TEST_CASE("top.the_first_sample_has_no_rates") {
    top t({});
    t.add(sample(5));
    CHECK(has(t.batch_text(), "web --b---         12    0.0 "));
}

TEST_CASE("top.lines_below_a_domain") {
    auto t = make_top({.shows_networks = true,
                       .shows_vbds = true,
                       .shows_vcpus = true,
                       .shows_full_names = true});
    auto const text = t.batch_text();
    CHECK(has(text, "VCPUs(sec):   0:          7s  1:          3s\n"));
    CHECK(has(text, "Net0 RX:     2048bytes        2pkts        1err        2drop  "
                    "TX:     4096bytes        4pkts        3err        4drop  \n"));
    CHECK(has(text, "VBD vbd 51712 [ca: 0]  OO:        1   RD:       20   WR:       40  "
                    "RSECT:        160  WSECT:        320\n"));
    CHECK(has(text, "\ndatabase-of-records -----r"));
}

TEST_CASE("top.machine_formats_say_states_in_words_and_whose_it_is") {
    auto t = make_top({.columns = *parse_top_columns("name,state,cpu,maxmem")});
    CHECK(to_csv(t.batch_table()) == "name,state,cpu_percent,max_memory_bytes,domid\r\n"
                                     "Domain-0,blocked,0,,0\r\n"
                                     "web,blocked,50,1074790400,1\r\n"
                                     "database-of-records,running,200,537919488,2\r\n");
}

TEST_CASE("top.columns_are_chosen_by_name") {
    CHECK(parse_top_columns("all")->size() == top_columns().size());
    CHECK(parse_top_columns("+id,hist")->size() == 21);
    CHECK(parse_top_columns("name,cpuu")
              .error()
              .starts_with("there is no column \"cpuu\", did you mean \"cpu\"?"));
    CHECK(parse_top_columns("")->empty());
}

TEST_CASE("top.sorts_by_any_column_both_ways") {
    auto t = make_top();
    CHECK(order(t) == "Dwd");
    t.press('S'); // by the first column, the name
    CHECK(order(t) == "Ddw");
    t.press('I');
    CHECK(order(t) == "wdD");
    t.press('<'); // the last: SSID, all equal
    CHECK(order(t) == "Dwd");
    t.press('O');
    CHECK(order(t) == "Dwd");
    auto by_cpu = make_top({.sort = *find_top_column("cpu"), .is_sorted = true});
    CHECK(order(by_cpu) == "dwD");
}

TEST_CASE("top.a_click_on_a_heading_sorts") {
    auto t = make_top();
    auto const lines = t.screen(200, 30);
    auto const head = std::ranges::find(lines, line_style::header, &screen_line::style);
    REQUIRE(head != lines.end());
    auto const x = head->text.find("CPU(%)");
    auto const y = static_cast<std::size_t>(head - lines.begin());
    CHECK(t.click(x, y) == top_action::redraw);
    CHECK(order(t) == "dwD");
    CHECK(t.click(x, y) == top_action::redraw);
    CHECK(order(t) == "Dwd");
    CHECK(t.click(x, y + 1) == top_action::none);
}

TEST_CASE("top.filters_as_one_types") {
    auto t = make_top();
    t.press('/');
    type(t, "cpu>");
    CHECK(order(t).empty()); // "cpu" alone is a pattern; "cpu>" is nothing yet
    type(t, "10 && name~w");
    CHECK(order(t) == "w");
    CHECK(has(text_of(t.screen(80, 20)), "Filter: cpu>10 && name~w_"));
    t.press(enter);
    CHECK(t.choices().filter == "cpu>10 && name~w");
    t.press('/');
    type(t, "x");
    t.press(escape);
    CHECK(order(t) == "w");
    t.press('/');
    type(t, " &&");
    t.press(enter);
    CHECK(has(text_of(t.screen(80, 20)), "is missing")); // still typing
    t.press(escape);
    CHECK(order(t) == "w");
}

TEST_CASE("top.columns_are_chosen_on_the_screen") {
    auto t = make_top({.columns = *parse_top_columns("name,cpu")});
    t.press('f');
    CHECK(has(text_of(t.screen(80, 20)), "[x] name"));
    t.press(down);
    t.press(' ');
    t.press(enter);
    CHECK(has(text_of(t.screen(80, 20)), "      NAME CPU(%)  STATE"));
    t.press('t');
    CHECK(has(text_of(t.screen(120, 20)), "TX(k/s)"));
    CHECK(has(text_of(t.screen(120, 20)), "HISTORY"));
    CHECK(has(text_of(t.screen(120, 20)), "       ▃")); // web: a quarter of its two CPUs
    CHECK(has(text_of(t.screen(120, 20)), "       █"));
}

TEST_CASE("top.delay_is_asked_for") {
    auto t = make_top();
    t.press('d');
    type(t, "0");
    t.press(enter);
    CHECK(has(text_of(t.screen(80, 20)), "a number of seconds from 0.05"));
    t.press(static_cast<int>(special_key::backspace));
    type(t, "0.5");
    t.press(enter);
    CHECK(t.choices().delay == 0.5);
}

TEST_CASE("top.screens_of_any_size_have_that_size") {
    auto t = make_top({.shows_vcpus = true, .shows_cpus = true});
    for (std::size_t const width : {1U, 5U, 20U, 80U, 300U}) {
        for (std::size_t height = 1; height <= 100; height += height < 12 ? 1 : 44) {
            for (int const key : {0, int{'?'}, enter, int{'f'}, enter, int{'/'}, escape}) {
                t.press(key);
                auto const lines = t.screen(width, height);
                REQUIRE(lines.size() == height);
                for (auto const& l : lines) {
                    REQUIRE(std::ranges::count_if(l.text, [](char c) {
                                return (c & 0xc0) != 0x80;
                            }) <= static_cast<std::ptrdiff_t>(width));
                }
            }
        }
    }
    CHECK(text_of(t.screen(20, 5)) == text_of(t.screen(20, 5)));
}

TEST_CASE("top.scrolls_to_the_end_and_no_further") {
    top t({});
    host_sample s = sample(0);
    for (std::uint16_t i = 3; i != 1000; ++i) {
        s.domains.push_back(make(i, "guest" + std::to_string(i), 0, 4));
    }
    t.add(s);
    t.screen(80, 24);
    t.press(static_cast<int>(special_key::end));
    CHECK(has(text_of(t.screen(80, 24)), "guest999"));
    t.press(static_cast<int>(special_key::page_up));
    CHECK_FALSE(has(text_of(t.screen(80, 24)), "guest999"));
    t.press(static_cast<int>(special_key::home));
    CHECK(has(text_of(t.screen(80, 24)), "Domain-0"));
    t.press(static_cast<int>(special_key::end));
    t.add(sample(1)); // most of them are gone
    CHECK(has(text_of(t.screen(80, 24)), "web"));
}

TEST_CASE("top.a_number_that_means_another_domain_starts_anew") {
    top t({});
    t.add(sample(0));
    auto s = sample(2);
    s.domains[1].uuid[5] = 9; // web died, another has its number
    t.add(s);
    CHECK(has(t.batch_text(), "web --b---         11    0.0 "));
}

TEST_CASE("top.names_cannot_control_the_terminal") {
    top t({});
    auto s = sample(0);
    s.domains[1].name = "a\x1b[2Jb";
    t.add(s);
    CHECK(has(t.batch_text(), "a?[2Jb "));
}

TEST_CASE("top.summary_counts_and_cpus") {
    auto t = make_top({.shows_cpus = true});
    auto const text = text_of(t.screen(100, 20));
    CHECK(has(text, "3 domains: 1 running, 2 blocked, 0 paused, 0 crashed, 0 dying, 0 shutdown\n"));
    CHECK(has(text, "Mem: 4194304k total, 2097152k used, 2097152k free    CPUs: 2 @ 2500MHz\n"));
    CHECK(has(text, "CPUs(%):  0:  75.0  1:   0.0\n"));
}
