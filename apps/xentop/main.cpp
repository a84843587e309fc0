// SPDX-License-Identifier: Apache-2.0
// xentop: what every domain uses, in Xen's batch format. The screen is an issue of its own.
#include <xenpp/cli/options.hpp>
#include <xenpp/host.hpp>

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

using xenpp::cli::option;
using clock_type = std::chrono::steady_clock;

constexpr std::array options{
    option{'b', "batch", "", "Print lines instead of a screen; the only mode so far."},
    option{'d', "delay", "SECONDS", "Between two refreshes; 3 if not given, fractions allowed."},
    option{'i', "iterations", "N", "Refreshes before it ends; for ever if not given."},
    option{'f', "full-name", "", "Print names whole instead of their first ten characters."},
};

/// What is remembered from one refresh to the next: when, and each domain's CPU time.
struct sample {
    clock_type::time_point at;
    std::map<std::uint16_t, std::uint64_t> cpu_ns;
};

/// d s b c p r in their places, as Xen prints them; "c" for crashed, "s" for any other end.
std::string state_letters(xenpp::domain_info const& d) {
    bool const crashed = d.is_shut_down && d.reason == xenpp::shutdown_reason::crash;
    std::string s;
    s += d.is_dying ? 'd' : '-';
    s += d.is_shut_down && !crashed ? 's' : '-';
    s += d.is_blocked ? 'b' : '-';
    s += crashed ? 'c' : '-';
    s += d.is_paused ? 'p' : '-';
    s += d.is_running ? 'r' : '-';
    return s;
}

std::uint64_t kib(xenpp::pages p) {
    return p.count * 4;
}

void print_header() {
    fmt::print("{:>10} {:>6} {:>10} {:>6} {:>10} {:>6} {:>10} {:>9} {:>5} {:>4} {:>8} {:>8} {:>4} "
               "{:>8} {:>8} {:>8} {:>10} {:>10} {:>4}\n",
               "NAME", "STATE", "CPU(sec)", "CPU(%)", "MEM(k)", "MEM(%)", "MAXMEM(k)", "MAXMEM(%)",
               "VCPUS", "NETS", "NETTX(k)", "NETRX(k)", "VBDS", "VBD_OO", "VBD_RD", "VBD_WR",
               "VBD_RSECT", "VBD_WSECT", "SSID");
}

/// One line. No domain has network or block devices yet: their columns are zero.
void print_domain(xenpp::domain_info const& d, double cpu_percent, xenpp::pages total, bool full) {
    auto const percent = [&](xenpp::pages p) {
        return total.count == 0
                   ? 0.0
                   : 100.0 * static_cast<double>(p.count) / static_cast<double>(total.count);
    };
    bool const unlimited = d.max_memory.count >= (std::uint64_t{1} << 40);
    fmt::print("{:>10} {:>6} {:>10} {:>6.1f} {:>10} {:>6.1f} {:>10} {:>9} {:>5} {:>4} {:>8} {:>8} "
               "{:>4} {:>8} {:>8} {:>8} {:>10} {:>10} {:>4}\n",
               full ? d.name : d.name.substr(0, 10), state_letters(d),
               d.cpu_time_ns / 1'000'000'000, cpu_percent, kib(d.memory), percent(d.memory),
               unlimited ? "no limit" : std::to_string(kib(d.max_memory)),
               unlimited ? "n/a" : fmt::format("{:.1f}", percent(d.max_memory)), d.vcpus, 0, 0, 0,
               0, 0, 0, 0, 0, 0, d.ssidref);
}

xenpp::result<void> refresh(xenpp::host& host, sample& last, bool full) {
    auto const domains = XENPP_TRY(host.domains());
    auto const total = XENPP_TRY(host.info()).total_memory;
    sample now{clock_type::now(), {}};
    double const elapsed_ns = std::chrono::duration<double, std::nano>(now.at - last.at).count();
    print_header();
    for (auto const& d : domains) {
        now.cpu_ns[d.id.raw()] = d.cpu_time_ns;
        auto const before = last.cpu_ns.find(d.id.raw());
        double const used = before == last.cpu_ns.end() || before->second > d.cpu_time_ns
                                ? 0.0
                                : static_cast<double>(d.cpu_time_ns - before->second);
        print_domain(d, 100.0 * used / elapsed_ns, total, full);
    }
    std::fflush(stdout);
    last = std::move(now);
    return {};
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
    auto const end = text.data() + text.size();
    return std::from_chars(text.data(), end, out).ptr == end && !text.empty();
}

int refuse(std::string_view why) {
    fmt::print(stderr, "xentop: {}\n", why);
    return 1;
}

} // namespace

int main(int argc, char** argv) {
    std::vector<std::string> const words(argv + (argc > 0 ? 1 : 0), argv + argc);
    auto const given = xenpp::cli::parse_arguments(options, words);
    if (!given) {
        return refuse(given.error());
    }
    if (given->has("help")) {
        fmt::print("usage: xentop -b [-d SECONDS] [-i N] [-f]\n");
        for (auto const& o : options) {
            fmt::print("  -{} {:<22} {}\n", o.letter, fmt::format("--{} {}", o.name, o.argument),
                       o.help);
        }
        return 0;
    }
    double delay = 3;
    unsigned long left = 0;
    if ((given->has("delay") && (!read_number(given->value("delay"), delay) || !(delay > 0))) ||
        (given->has("iterations") &&
         (!read_number(given->value("iterations"), left) || left == 0))) {
        return refuse("--delay and --iterations take a positive number");
    }
    if (!given->has("batch")) {
        return refuse("there is no screen yet; use -b for lines");
    }
    auto host = xenpp::host::open();
    if (!host) {
        return refuse(host.error().message());
    }
    sample last{clock_type::now(), {}};
    for (;;) {
        if (auto const done = refresh(*host, last, given->has("full-name")); !done) {
            return refuse(done.error().message());
        }
        if (left != 0 && --left == 0) {
            return 0;
        }
        std::this_thread::sleep_for(std::chrono::duration<double>(delay));
    }
}
