// SPDX-License-Identifier: Apache-2.0
// A table of commands, and what finds, explains and runs them.
#pragma once

#include <xenpp/cli/options.hpp>
#include <xenpp/cli/session.hpp>

#include <span>
#include <string>
#include <string_view>

namespace xenpp::cli {

inline constexpr unsigned any_number = ~0U;

/// A command: a row of a tool's table.
struct command {
    std::string_view name;
    /// Does it and returns the exit code; an error is printed, and the exit code is 1. Null: a
    /// command of Xen's that is not supported yet.
    result<int> (*run)(session&, arguments const&) = nullptr;
    std::string_view operands{}; ///< as the usage line shows them
    std::string_view summary{};  ///< one sentence without its full stop
    std::span<option const> options{};
    unsigned least = 0;         ///< operands
    unsigned most = any_number; ///< operands
    bool can_dry_run = false;   ///< understands -N
    bool is_modifying = false;  ///< understands -f
};

/// The row called `name`, or the only one whose name begins so; the error is one line for the user.
expected<command const*, std::string> find_command(std::span<command const> table,
                                                   std::string_view name);

/// The usage of one command, its summary and options; or the list of all commands.
std::string help_text(std::string_view program, command const& c);
std::string help_text(std::string_view program, std::span<command const> table);

/// Runs a tool: `words` are its arguments without the program's name. `help`, `-h` and `--help` are
/// understood beside the table's commands. Returns the exit code.
int dispatch(session& s, std::span<command const> table, std::span<std::string const> words);

} // namespace xenpp::cli
