// SPDX-License-Identifier: Apache-2.0
// xentop without a terminal: what is chosen, what keys do, what stands in each line.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/cli/filter.hpp>
#include <xenpp/cli/top_row.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::cli {

/// What the user chose, on the command line or by keys since.
struct top_choices {
    std::vector<std::size_t> columns{}; ///< by number, in order; empty: Xen's 19
    std::size_t sort = 0;               ///< a column
    bool is_sorted = false;             ///< else by the domains' numbers
    bool is_reversed = false;
    std::string filter{};
    bool shows_networks = false;
    bool shows_vbds = false;
    bool shows_vcpus = false;
    bool shows_cpus = false;
    bool repeats_header = false;
    bool shows_full_names = false;
    double delay = 3; ///< seconds
};

/// Reads "name,cpu,mem": numbers of columns; the error names the first that is none. "all" is every
/// one, "+x" adds to Xen's 19.
expected<std::vector<std::size_t>, std::string> parse_top_columns(std::string_view text);

/// How a line looks. The terminal decides what that is; every one is readable without colour.
enum class line_style : std::uint8_t {
    plain,
    title,  ///< the line at the top
    header, ///< above the columns
    busy,   ///< a domain that is running
    dim,    ///< one that is paused or ended; lines below a domain
    chosen, ///< under the cursor
    problem,
    bar, ///< what keys do
};

struct screen_line {
    std::string text{}; ///< UTF-8, no longer than the screen is wide
    line_style style = line_style::plain;
};

/// Keys that are no characters.
enum class special_key : std::uint16_t {
    up = 0x100,
    down,
    page_up,
    page_down,
    home,
    end,
    enter,
    escape,
    backspace,
    redraw,
};

/// What the program must do after a key.
enum class top_action : std::uint8_t {
    none,
    redraw,
    refresh, ///< take a sample now
    repaint, ///< the terminal anew
    quit,
};

/// xentop's state. Batch output and screens are functions of it, so that tests need no terminal.
class top {
public:
    explicit top(top_choices choices);

    top_choices const& choices() const noexcept { return choices_; }

    /// What the next sample must hold.
    sample_request wanted() const noexcept;

    /// The newest sample.
    void add(host_sample s);

    /// The error of the filter, if there is one.
    std::optional<filter_error> set_filter(std::string_view text);

    /// Lines as Xen's batch mode has them, the header first.
    std::string batch_text() const;
    /// The chosen columns of the rows that pass, as a table.
    table batch_table() const;

    /// Exactly `height` lines.
    std::vector<screen_line> screen(std::size_t width, std::size_t height);

    top_action press(int key);
    /// A click at a place of the last screen: on the header it sorts.
    top_action click(std::size_t x, std::size_t y);

    /// Shown until the next key, and why the last sample is missing, say.
    void say(std::string message) { message_ = std::move(message); }

private:
    enum class mode : std::uint8_t {
        list,
        help,
        filter,  ///< typing one
        delay,   ///< typing one
        columns, ///< choosing
    };

    std::vector<top_row const*> visible() const;
    std::size_t name_width(std::vector<top_row const*> const& rows) const;
    std::string header(std::size_t name_width) const;
    std::string line(top_row const& r, std::size_t name_width) const;
    /// The lines below a domain: vCPUs, networks, block devices.
    std::vector<std::string> details(top_row const& r) const;
    std::vector<screen_line> summary() const;
    std::vector<screen_line> body() const;
    std::vector<screen_line> overlay() const;
    std::string bar() const;
    void sort_by(std::size_t column);
    void move_sort(int by);
    void scroll(std::ptrdiff_t by);
    top_action press_in_list(int key);
    top_action press_in_text(int key);
    top_action press_in_columns(int key);
    void accept_text();

    top_choices choices_;
    filter filter_;
    top_rows rows_;
    host_sample sample_;
    std::vector<std::uint64_t> idle_ns_; ///< of the CPUs, in the newest sample
    std::vector<double> cpu_busy_;       ///< percent, by CPU
    mode mode_ = mode::list;
    std::string typed_;
    std::string filter_before_; ///< for escape
    std::string message_;
    std::size_t first_ = 0;       ///< line of the body that is on top
    std::size_t cursor_ = 0;      ///< among all columns, while choosing
    std::size_t page_ = 1;        ///< lines of body on the last screen
    std::size_t header_line_ = 0; ///< of the last screen
};

} // namespace xenpp::cli
