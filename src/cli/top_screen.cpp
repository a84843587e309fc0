// SPDX-License-Identifier: Apache-2.0
// xentop's screen, line by line.
#include "cli/top_text.hpp"

#include <xenpp/cli/top.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace xenpp::cli {
namespace {

constexpr std::array help_lines{
    "N  networks                 /  filter, as you type: cpu>10 && name~web",
    "B  block devices               == != < <= > >= ~ !~  && || ! ( )  * ?",
    "V  vCPUs                       a word alone: names that contain it",
    "C  CPUs of the host         S  sort by the next column; < > the previous, next",
    "R  repeat the header        I  the other way round; O the order of numbers",
    "L  full names               F  choose columns",
    "T  rates and history        D  seconds between refreshes",
    "up down pgup pgdn home end  scroll          click on a heading: sort by it",
    "space  refresh now          ^L  paint anew          Q  quit",
};

std::uint64_t kib_of(pages p) {
    return p.bytes() / 1024;
}

line_style style_of(domain_info const& d) {
    switch (d.state()) {
    case run_state::running: return line_style::busy;
    case run_state::paused:
    case run_state::shut_down:
    case run_state::dying: return line_style::dim;
    case run_state::runnable:
    case run_state::blocked: return line_style::plain;
    }
    return line_style::plain;
}

} // namespace

std::vector<screen_line> top::summary() const {
    std::array<unsigned, 6> n{}; // running blocked paused crashed dying shutdown
    for (auto const& d : sample_.domains) {
        auto const letters = top_state_letters(d);
        constexpr std::string_view order = "rbpcds";
        for (std::size_t i = 0; i != order.size(); ++i) {
            n[i] += letters.find(order[i]) != std::string::npos ? 1U : 0U;
        }
    }
    auto const total = kib_of(sample_.total_memory);
    auto const free = kib_of(sample_.free_memory);
    constexpr std::uint32_t khz_per_mhz = 1000;
    std::vector<screen_line> out{
        {fmt::format("xentop - {:%H:%M:%S}   Xen {}", fmt::localtime(std::time(nullptr)),
                     sample_.version),
         line_style::title},
        {fmt::format(
            "{} domains: {} running, {} blocked, {} paused, {} crashed, {} dying, {} shutdown",
            sample_.domains.size(), n[0], n[1], n[2], n[3], n[4], n[5])},
        {fmt::format("Mem: {}k total, {}k used, {}k free    CPUs: {} @ {}MHz", total, total - free,
                     free, sample_.cpus, sample_.cpu_khz / khz_per_mhz)},
    };
    if (choices_.shows_cpus) {
        constexpr std::size_t a_line = 8;
        for (std::size_t c = 0; c != cpu_busy_.size(); ++c) {
            if (c % a_line == 0) {
                out.push_back({c == 0 ? "CPUs(%):" : "        "});
            }
            out.back().text += fmt::format(" {:2}: {:>5.1f}", c, cpu_busy_[c]);
        }
    }
    return out;
}

std::vector<screen_line> top::body() const {
    std::vector<screen_line> out;
    auto const rows = visible();
    auto const width = name_width(rows);
    for (auto const* r : rows) {
        if (choices_.repeats_header && !out.empty()) {
            out.push_back({header(width), line_style::header});
        }
        out.push_back({line(*r, width), style_of(*r->info)});
        for (auto& more : details(*r)) {
            out.push_back({std::move(more), line_style::dim});
        }
    }
    if (rows.empty()) {
        out.push_back({choices_.filter.empty() ? "no domain" : "no domain passes the filter",
                       line_style::dim});
    }
    return out;
}

std::vector<screen_line> top::overlay() const {
    std::vector<screen_line> out;
    if (mode_ == mode::help) {
        for (auto const* text : help_lines) {
            out.push_back({text});
        }
        return out;
    }
    for (std::size_t i = 0; i != top_columns().size(); ++i) {
        auto const& c = top_columns()[i];
        bool const is_shown = std::ranges::find(choices_.columns, i) != choices_.columns.end();
        out.push_back({fmt::format("[{}] {:<8} {:<10} {}", is_shown ? 'x' : ' ', c.key, c.header,
                                   c.field.info.help),
                       i == cursor_ ? line_style::chosen : line_style::plain});
    }
    return out;
}

std::string top::bar() const {
    switch (mode_) {
    case mode::filter: return fmt::format("Filter: {}_   {}", typed_, message_);
    case mode::delay: return fmt::format("Delay (seconds): {}_   {}", typed_, message_);
    case mode::help: return "any key: back";
    case mode::columns: return "space: show or hide   up down   enter: done";
    case mode::list: break;
    }
    if (!message_.empty()) {
        return message_;
    }
    auto const filtered =
        choices_.filter.empty() ? std::string("/ filter") : fmt::format("/ {}", choices_.filter);
    auto const sorted = choices_.is_sorted ? top_columns()[choices_.sort].header : "ID";
    return fmt::format(
        "Delay  Networks  vBds  VCPUs  Repeat header  Sort {}{}  {}  Fields  ? help  Quit", sorted,
        choices_.is_reversed ? " reversed" : "", filtered);
}

std::vector<screen_line> top::screen(std::size_t width, std::size_t height) {
    constexpr std::size_t room_for_summary = 10;
    constexpr std::size_t room_for_title = 5;
    auto out = summary();
    out.resize(height >= room_for_summary ? std::min(out.size(), height - room_for_title)
               : height >= room_for_title ? 1
                                          : 0);
    bool const has_bar = height > 2;
    bool const is_list = mode_ != mode::help && mode_ != mode::columns;
    header_line_ = out.size();
    if (is_list && height > 1) {
        out.push_back({header(name_width(visible())), line_style::header});
    }
    auto lines = is_list ? body() : overlay();
    auto const taken = out.size() + (has_bar ? 1 : 0);
    page_ = height > taken ? height - taken : 0;
    auto const last = lines.size() > page_ ? lines.size() - page_ : 0;
    first_ = std::min(first_, last);
    auto const from = is_list ? first_
                      : mode_ == mode::columns && page_ != 0 && cursor_ >= page_
                          ? cursor_ - page_ + 1
                          : 0;
    for (std::size_t i = from; i < lines.size() && out.size() + (has_bar ? 1 : 0) < height; ++i) {
        out.push_back(std::move(lines[i]));
    }
    out.resize(height - (has_bar ? 1 : 0));
    if (has_bar) {
        out.push_back({bar(), message_.empty() ? line_style::bar : line_style::problem});
    }
    for (auto& l : out) {
        l.text = cut(l.text, width);
    }
    return out;
}

} // namespace xenpp::cli
