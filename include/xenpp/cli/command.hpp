// SPDX-License-Identifier: Apache-2.0
// A table of commands, and what finds, explains and runs them.
#pragma once

#include <xenpp/cli/options.hpp>
#include <xenpp/cli/session.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace xenpp::cli {

inline constexpr unsigned any_number = ~0U;

/// A command: a row of a tool's table.
struct command {
    std::string_view name;
    /// Does it and returns the exit code; an error is printed, and the exit code is 1. Null: a
    /// command of Xen's that cannot work here.
    result<int> (*run)(session&, arguments const&) = nullptr;
    std::string_view operands{}; ///< as the usage line shows them
    std::string_view
        summary{}; ///< one sentence without its full stop; of a null one: what is missing
    std::span<option const> options{};
    unsigned least = 0;         ///< operands
    unsigned most = any_number; ///< operands
    bool can_dry_run = false;   ///< understands -N
    bool is_modifying = false;  ///< understands -f
};

/// How a table may be printed; `chosen_format` (view.hpp) reads them.
inline constexpr std::array format_options{
    option{0, "json", "", "Print JSON: an array of objects."},
    option{0, "ndjson", "", "Print JSON, an object a line."},
    option{0, "csv", "", "Print CSV (RFC 4180), names in the first line."},
    option{0, "openmetrics", "", "Print OpenMetrics 1.0."},
    option{0, "format", "FORMAT", "The same by name: text, json, ndjson, csv, openmetrics."},
};

/// A command's own options and those.
template <std::size_t N>
constexpr std::array<option, N + format_options.size()>
with_formats(std::array<option, N> const& own) noexcept {
    std::array<option, N + format_options.size()> all{};
    std::copy(own.begin(), own.end(), all.begin());
    std::copy(format_options.begin(), format_options.end(), all.begin() + N);
    return all;
}

/// The row called `name`, or the only one whose name begins so; the error is one line for the user.
expected<command const*, std::string> find_command(std::span<command const> table,
                                                   std::string_view name);

/// The usage of one command, its summary and options; or the list of all commands.
std::string help_text(std::string_view program, command const& c);
std::string help_text(std::string_view program, std::span<command const> table);

/// Runs a tool that is one command.
int dispatch_one(session& s, command const& c, std::span<std::string const> words);

/// Runs a tool: `words` are its arguments without the program's name. `help`, `-h` and `--help` are
/// understood beside the table's commands. Returns the exit code.
int dispatch(session& s, std::span<command const> table, std::span<std::string const> words);

} // namespace xenpp::cli
