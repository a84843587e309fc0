// SPDX-License-Identifier: Apache-2.0
// xentop: what every domain of a host uses, on a screen or in lines.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/cli/command.hpp>
#include <xenpp/cli/screen.hpp>
#include <xenpp/cli/session.hpp>
#include <xenpp/cli/top.hpp>
#include <xenpp/host.hpp>
#include <xenpp/sampler.hpp>

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace {

using namespace xenpp;
using cli::option;
using clock_type = std::chrono::steady_clock;

// clang-format off
constexpr auto options = cli::with_formats(std::array{
    option{'V', "version", "", "Print the version and leave."},
    option{'d', "delay", "SECONDS", "Between two refreshes; 3 if not given, fractions allowed."},
    option{'n', "networks", "", "Show each domain's network interfaces."},
    option{'x', "vbds", "", "Show each domain's block devices."},
    option{'r', "repeat-header", "", "Repeat the header before every domain."},
    option{'v', "vcpus", "", "Show each domain's vCPUs."},
    option{'p', "pcpus", "", "Show the host's CPUs."},
    option{'b', "batch", "", "Print lines instead of a screen; the formats below do so too."},
    option{'i', "iterations", "N", "Refreshes before it ends; for ever if not given."},
    option{'f', "full-name", "", "Print names whole instead of their first ten characters."},
    option{0, "filter", "EXPRESSION", "Show the domains for which it holds: cpu>10 && name~web"},
    option{0, "sort", "COLUMN", "Sort by this column; with - before it, the other way round."},
    option{0, "columns", "LIST", "Show these, with commas between them; +LIST adds to Xen's 19; all."},
    option{0, "list-columns", "", "Print what columns there are and leave."},
    option{0, "calls", "", "Say on standard error how many hypercalls each refresh took."},
});

// clang-format on

/// A number of an option, within bounds.
template <class Number>
result<Number>
number(cli::arguments const& a, std::string_view key, Number otherwise, Number least) {
    if (!a.has(key)) {
        return otherwise;
    }
    std::optional<Number> n;
    if constexpr (std::is_floating_point_v<Number>) {
        n = parse_real(a.value(key));
    } else {
        n = parse_number<Number>(a.value(key));
    }
    if (!n || *n < least) {
        return cli::refuse(fmt::format("--{} takes a number of at least {}", key, least));
    }
    return *n;
}

result<cli::top> choose(cli::arguments const& a) {
    cli::top_choices c;
    c.shows_networks = a.has("networks");
    c.shows_vbds = a.has("vbds");
    c.shows_vcpus = a.has("vcpus");
    c.shows_cpus = a.has("pcpus");
    c.repeats_header = a.has("repeat-header");
    c.shows_full_names = a.has("full-name");
    c.delay = XENPP_TRY(number(a, "delay", 3.0, 0.05));
    auto columns = cli::parse_top_columns(a.value("columns"));
    if (!columns) {
        return cli::refuse(columns.error());
    }
    c.columns = *columns;
    if (auto sort = a.value("sort"); !sort.empty()) {
        c.is_sorted = true;
        c.is_reversed = sort.starts_with('-');
        auto const column = cli::parse_top_columns(sort.substr(c.is_reversed ? 1 : 0));
        if (!column || column->size() != 1) {
            return cli::refuse(column ? "--sort takes one column" : column.error());
        }
        c.sort = column->front();
    }
    cli::top out(std::move(c));
    if (auto const e = out.set_filter(a.value("filter"))) {
        return cli::refuse(
            fmt::format("{}\n{:>{}} {}", a.value("filter"), "^", e->offset + 1, e->reason));
    }
    return out;
}

result<void> refresh(cli::session& s, sampler& from, cli::top& to, bool tells_calls) {
    auto sample = XENPP_TRY(from.take(to.wanted()));
    if (tells_calls) {
        s.complain(
            fmt::format("{} hypercalls, {} domains", sample.hypercalls, sample.domains.size()));
    }
    to.add(std::move(sample));
    return {};
}

result<int> run_batch(cli::session& s, cli::arguments const& a, cli::top top, cli::format as) {
    auto left = XENPP_TRY(number<unsigned long>(a, "iterations", 0, 1));
    sampler from(*XENPP_TRY(s.open()));
    auto next = clock_type::now();
    for (;;) {
        XENPP_TRY(refresh(s, from, top, a.has("calls")));
        s.print(as == cli::format::text ? top.batch_text()
                                        : cli::render(top.batch_table(), as, {}));
        if (s.finish(0) != 0 || (left != 0 && --left == 0)) {
            return s.finish(0);
        }
        next += std::chrono::duration_cast<clock_type::duration>(
            std::chrono::duration<double>(top.choices().delay));
        std::this_thread::sleep_until(next);
    }
}

result<int> run_screen(cli::session& s, cli::arguments const& a, cli::top top) {
    auto left = XENPP_TRY(number<unsigned long>(a, "iterations", 0, 1));
    sampler from(*XENPP_TRY(s.open()));
    XENPP_TRY(refresh(s, from, top, false));
    auto screen = XENPP_TRY(cli::screen::open());
    auto last = clock_type::now();
    for (;;) {
        screen.draw(top.screen(screen.width(), screen.height()));
        auto const due = last + std::chrono::duration<double>(top.choices().delay);
        auto const nap = std::chrono::ceil<std::chrono::milliseconds>(due - clock_type::now());
        auto const event = screen.wait(nap);
        auto action = cli::top_action::redraw;
        if (event && event->kind == cli::screen_event::kind::key) {
            action = top.press(event->key);
        } else if (event && event->kind == cli::screen_event::kind::click) {
            action = top.click(event->x, event->y);
        }
        if (action == cli::top_action::quit) {
            return cli::exit_success;
        }
        if (action == cli::top_action::repaint) {
            screen.repaint();
        }
        if (!event || action == cli::top_action::refresh) {
            if (!event && left != 0 && --left == 0) {
                return cli::exit_success;
            }
            last = clock_type::now();
            if (auto const done = refresh(s, from, top, false); !done) {
                top.say(done.error().message()); // the old figures stay, the next try may succeed
            }
        }
    }
}

std::string column_list() {
    std::string out;
    for (auto const& c : cli::top_columns()) {
        out += fmt::format("{:<9}{:<11}{}\n", c.key, c.header, c.field.info.help);
    }
    return out;
}

result<int> run(cli::session& s, cli::arguments const& a) {
    if (a.has("version") || a.has("list-columns")) {
        s.print(a.has("version") ? "xentop of xenpp\n" : column_list());
        return cli::exit_success;
    }
    auto top = XENPP_TRY(choose(a));
    auto const as = XENPP_TRY(cli::chosen_format(a));
    return a.has("batch") || as != cli::format::text ? run_batch(s, a, std::move(top), as)
                                                     : run_screen(s, a, std::move(top));
}

constexpr cli::command xentop{"xentop", run, "", "Watch the domains of a host", options, 0, 0};

} // namespace

int main(int argc, char** argv) {
    std::vector<std::string> const words(argv + (argc > 0 ? 1 : 0), argv + argc);
    cli::session session("xentop", stdout, stderr);
    return cli::dispatch_one(session, xentop, words);
}
