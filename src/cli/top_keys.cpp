// SPDX-License-Identifier: Apache-2.0
// What keys and clicks do in xentop.
#include "cli/top_text.hpp"

#include <xenpp/base/parse_number.hpp>
#include <xenpp/cli/top.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace xenpp::cli {
namespace {

constexpr int code(special_key k) noexcept {
    return static_cast<int>(k);
}

constexpr std::array<std::string_view, 5> rate_columns{"tx/s", "rx/s", "rd/s", "wr/s", "hist"};

/// Takes the last character of UTF-8 away.
void erase_last(std::string& text) {
    while (!text.empty()) {
        bool const begins = (static_cast<unsigned char>(text.back()) & 0xc0) != 0x80;
        text.pop_back();
        if (begins) {
            return;
        }
    }
}

void toggle(std::vector<std::size_t>& columns, std::size_t column) {
    auto const at = std::ranges::find(columns, column);
    if (at == columns.end()) {
        columns.push_back(column);
    } else if (columns.size() > 1) {
        columns.erase(at);
    }
}

} // namespace

void top::sort_by(std::size_t column) {
    choices_.is_reversed = choices_.is_sorted && choices_.sort == column && !choices_.is_reversed;
    choices_.is_sorted = true;
    choices_.sort = column;
}

void top::move_sort(int by) {
    auto const n = static_cast<int>(choices_.columns.size());
    auto const now = std::ranges::find(choices_.columns, choices_.sort) - choices_.columns.begin();
    int const at = choices_.is_sorted && now < n ? static_cast<int>(now) + by : by > 0 ? 0 : n - 1;
    choices_.sort = choices_.columns[static_cast<std::size_t>((at + n) % n)];
    choices_.is_sorted = true;
    choices_.is_reversed = false;
}

void top::scroll(std::ptrdiff_t by) {
    auto const now = static_cast<std::ptrdiff_t>(first_) + by;
    first_ = now < 0 ? 0 : static_cast<std::size_t>(now); // the screen knows where the end is
}

top_action top::press_in_list(int key) {
    auto const page = static_cast<std::ptrdiff_t>(page_);
    constexpr std::ptrdiff_t all = std::ptrdiff_t{1} << 30;
    auto const flip = [](bool& b) { b = !b; };
    switch (key >= 'A' && key <= 'Z' ? key | 0x20 : key) {
    case 'n': flip(choices_.shows_networks); break;
    case 'b': flip(choices_.shows_vbds); break;
    case 'v': flip(choices_.shows_vcpus); return top_action::refresh;
    case 'c': flip(choices_.shows_cpus); return top_action::refresh;
    case 'r': flip(choices_.repeats_header); break;
    case 'l': flip(choices_.shows_full_names); break;
    case 'i': flip(choices_.is_reversed); break;
    case 'o':
        choices_.is_sorted = false;
        choices_.is_reversed = false;
        break;
    case 's':
    case '>': move_sort(1); break;
    case '<': move_sort(-1); break;
    case 't':
        for (auto const k : rate_columns) {
            toggle(choices_.columns, *find_top_column(k));
        }
        break;
    case 'f':
        mode_ = mode::columns;
        cursor_ = 0;
        break;
    case 'h':
    case '?': mode_ = mode::help; break;
    case '/':
        mode_ = mode::filter;
        typed_ = filter_before_ = choices_.filter;
        break;
    case 'd':
        mode_ = mode::delay;
        typed_.clear();
        break;
    case ' ': return top_action::refresh;
    case 'q':
    case code(special_key::escape): return top_action::quit;
    case code(special_key::up): scroll(-1); break;
    case code(special_key::down): scroll(1); break;
    case code(special_key::page_up): scroll(-page); break;
    case code(special_key::page_down): scroll(page); break;
    case code(special_key::home): scroll(-all); break;
    case code(special_key::end): scroll(all); break;
    case code(special_key::redraw): return top_action::repaint;
    default: return top_action::none;
    }
    return top_action::redraw;
}

void top::accept_text() {
    if (mode_ == mode::filter) {
        if (auto const e = set_filter(typed_)) {
            message_ = fmt::format("at {}: {}", e->offset + 1, e->reason);
            return;
        }
        mode_ = mode::list;
        return;
    }
    auto const seconds = parse_real(typed_);
    constexpr double least = 0.05;
    constexpr double most = 86400;
    if (!seconds || *seconds < least || *seconds > most) {
        message_ = fmt::format("a number of seconds from {} to {}", least, most);
        return;
    }
    choices_.delay = *seconds;
    mode_ = mode::list;
}

top_action top::press_in_text(int key) {
    switch (key) {
    case code(special_key::enter): accept_text(); return top_action::redraw;
    case code(special_key::escape):
        if (mode_ == mode::filter) {
            static_cast<void>(set_filter(filter_before_));
        }
        mode_ = mode::list;
        return top_action::redraw;
    case code(special_key::backspace): erase_last(typed_); break;
    case code(special_key::redraw): return top_action::repaint;
    default:
        if (key < ' ' || key > 0xff) {
            return top_action::none;
        }
        typed_ += static_cast<char>(key);
    }
    if (mode_ == mode::filter) { // what is half typed leaves the last good one in force
        if (auto const e = set_filter(typed_)) {
            message_ = e->reason;
        }
    }
    return top_action::redraw;
}

top_action top::press_in_columns(int key) {
    auto const count = top_columns().size();
    switch (key) {
    case code(special_key::up): cursor_ = cursor_ == 0 ? count - 1 : cursor_ - 1; break;
    case code(special_key::down): cursor_ = (cursor_ + 1) % count; break;
    case code(special_key::home): cursor_ = 0; break;
    case code(special_key::end): cursor_ = count - 1; break;
    case ' ': toggle(choices_.columns, cursor_); break;
    case code(special_key::redraw): return top_action::repaint;
    default: mode_ = mode::list;
    }
    return top_action::redraw;
}

top_action top::press(int key) {
    message_.clear();
    switch (mode_) {
    case mode::list: return press_in_list(key);
    case mode::filter:
    case mode::delay: return press_in_text(key);
    case mode::columns: return press_in_columns(key);
    case mode::help: mode_ = mode::list; return top_action::redraw;
    }
    return top_action::none;
}

top_action top::click(std::size_t x, std::size_t y) {
    if (mode_ != mode::list || y != header_line_) {
        return top_action::none;
    }
    std::size_t right_end = 0;
    auto const width = name_width(visible());
    for (auto const i : choices_.columns) {
        auto const& c = top_columns()[i];
        right_end += (c.key == "name" ? width : std::max(c.width, c.header.size())) + 1;
        if (x < right_end) {
            sort_by(i);
            return top_action::redraw;
        }
    }
    return top_action::none;
}

} // namespace xenpp::cli
