// SPDX-License-Identifier: Apache-2.0
// The terminal by ncurses.
#include <xenpp/cli/screen.hpp>

#define NCURSES_NOMACROS 1
#include <curses.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace xenpp::cli {
namespace {

struct key_row {
    int curses;
    special_key key;
};

constexpr int control_l = 'L' & 0x1f;

constexpr std::array special_keys{
    key_row{KEY_UP, special_key::up},
    key_row{KEY_DOWN, special_key::down},
    key_row{KEY_PPAGE, special_key::page_up},
    key_row{KEY_NPAGE, special_key::page_down},
    key_row{KEY_HOME, special_key::home},
    key_row{KEY_END, special_key::end},
    key_row{KEY_ENTER, special_key::enter},
    key_row{'\n', special_key::enter},
    key_row{'\r', special_key::enter},
    key_row{0x1b, special_key::escape},
    key_row{KEY_BACKSPACE, special_key::backspace},
    key_row{0x7f, special_key::backspace},
    key_row{'\b', special_key::backspace},
    key_row{control_l, special_key::redraw},
};

constexpr short green = 1;
constexpr short red = 2;

/// Colours are the terminal's own green and red on its own background, and only where an attribute
/// says the same: what is dark or light stays readable.
attr_t attribute(line_style s) {
    auto const colour = [](short pair) {
        return has_colors() ? static_cast<attr_t>(COLOR_PAIR(pair)) : A_NORMAL;
    };
    switch (s) {
    case line_style::plain: return A_NORMAL;
    case line_style::title: return A_BOLD;
    case line_style::header:
    case line_style::bar:
    case line_style::chosen: return A_REVERSE;
    case line_style::busy: return A_BOLD | colour(green);
    case line_style::dim: return A_DIM;
    case line_style::problem: return A_BOLD | A_REVERSE | colour(red);
    }
    return A_NORMAL;
}

std::optional<screen_event> click() {
    MEVENT e{};
    if (getmouse(&e) != OK) {
        return std::nullopt;
    }
    if ((e.bstate & BUTTON4_PRESSED) != 0) {
        return screen_event{.key = static_cast<int>(special_key::up)};
    }
    if ((e.bstate & BUTTON5_PRESSED) != 0) {
        return screen_event{.key = static_cast<int>(special_key::down)};
    }
    return screen_event{.kind = screen_event::kind::click,
                        .x = static_cast<std::size_t>(std::max(e.x, 0)),
                        .y = static_cast<std::size_t>(std::max(e.y, 0))};
}

} // namespace

result<screen> screen::open() {
    constexpr std::string_view operation = "open the screen";
    if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
        return fail(operation, ENOTTY, "this is no terminal; -b prints lines instead");
    }
    std::setlocale(LC_CTYPE, ""); // NOLINT(concurrency-mt-unsafe)
    if (newterm(nullptr, stdout, stdin) == nullptr) {
        auto const* const name = std::getenv("TERM"); // NOLINT(concurrency-mt-unsafe)
        return fail(operation, EINVAL,
                    std::string("the terminal \"") + (name != nullptr ? name : "") +
                        "\" is not known; set TERM, or use -b");
    }
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    curs_set(0);
    constexpr int escape_ms = 50;
    set_escdelay(escape_ms);
    if (has_colors()) {
        start_color();
        use_default_colors();
        init_pair(green, COLOR_GREEN, -1);
        init_pair(red, COLOR_RED, -1);
    }
    mousemask(BUTTON1_CLICKED | BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, nullptr);
    mouseinterval(0);
    return screen();
}

screen::screen(screen&& o) noexcept : is_open_(std::exchange(o.is_open_, false)) {}

screen::~screen() {
    if (is_open_) {
        endwin();
    }
}

std::size_t screen::width() const noexcept {
    return static_cast<std::size_t>(std::max(getmaxx(stdscr), 1));
}

std::size_t screen::height() const noexcept {
    return static_cast<std::size_t>(std::max(getmaxy(stdscr), 1));
}

void screen::draw(std::span<screen_line const> lines) {
    erase();
    auto const most = std::min(lines.size(), height());
    for (std::size_t y = 0; y != most; ++y) {
        auto const& l = lines[y];
        auto const attributes = attribute(l.style);
        attrset(static_cast<int>(attributes));
        mvaddstr(static_cast<int>(y), 0, l.text.c_str());
        if ((attributes & A_REVERSE) != 0) { // the bar goes to the edge
            mvchgat(static_cast<int>(y), 0, -1, attributes & ~A_COLOR,
                    static_cast<short>(PAIR_NUMBER(static_cast<int>(attributes))), nullptr);
        }
    }
    attrset(A_NORMAL);
    refresh();
}

void screen::repaint() noexcept {
    clearok(stdscr, TRUE);
}

std::optional<screen_event> screen::wait(std::chrono::milliseconds most) {
    timeout(static_cast<int>(std::clamp<std::int64_t>(most.count(), 0, 3'600'000)));
    int const c = getch();
    if (c == ERR) {
        return std::nullopt;
    }
    if (c == KEY_RESIZE) {
        return screen_event{.kind = screen_event::kind::resize};
    }
    if (c == KEY_MOUSE) {
        return click();
    }
    for (auto const& row : special_keys) {
        if (row.curses == c) {
            return screen_event{.key = static_cast<int>(row.key)};
        }
    }
    return screen_event{.key = c > 0xff ? 0 : c};
}

} // namespace xenpp::cli
