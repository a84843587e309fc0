// SPDX-License-Identifier: Apache-2.0
// The terminal as a full screen: lines out, keys and clicks in (ncurses).
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/cli/top.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

namespace xenpp::cli {

/// A key (a character, or a special_key), a click, or that the size changed.
struct screen_event {
    enum class kind : std::uint8_t {
        key,
        click,
        resize,
    };

    screen_event::kind kind = kind::key;
    int key = 0;
    std::size_t x = 0, y = 0;
};

/// The process's terminal, taken over until the object ends. There can be one.
class screen {
public:
    /// ENOTTY: standard input or output is none; EINVAL: $TERM names a terminal that is not known.
    static result<screen> open();
    screen(screen&& o) noexcept;
    screen& operator=(screen&&) = delete;
    screen(screen const&) = delete;
    screen& operator=(screen const&) = delete;
    ~screen();

    std::size_t width() const noexcept;
    std::size_t height() const noexcept;

    void draw(std::span<screen_line const> lines);
    /// The next draw paints every place.
    void repaint() noexcept;

    /// The next event; nothing within `most`.
    std::optional<screen_event> wait(std::chrono::milliseconds most);

private:
    screen() = default;

    bool is_open_ = true;
};

} // namespace xenpp::cli
