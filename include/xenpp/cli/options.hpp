// SPDX-License-Identifier: Apache-2.0
// A command's options as data, and the command line read by them.
#pragma once

#include <xenpp/base/expected.hpp>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xenpp::cli {

/// An option: `-p`, `--path`, or both; with an argument when `argument` names one.
struct option {
    char letter = 0;           ///< 0: it has none
    std::string_view name;     ///< without the two hyphens; empty: it has none
    std::string_view argument; ///< as help shows it ("FILE"); empty: a flag
    std::string_view help;     ///< one sentence

    /// What `arguments` knows it by: its long name, or else its letter.
    constexpr std::string_view key() const noexcept {
        return name.empty() ? std::string_view(&letter, 1) : name;
    }
};

/// What stood on a command line.
class arguments {
public:
    /// How often an option was given.
    std::size_t count(std::string_view key) const noexcept;

    bool has(std::string_view key) const noexcept { return count(key) != 0; }

    /// The argument of the last time it was given; empty if it was not.
    std::string_view value(std::string_view key) const noexcept;

    /// What is no option, in order.
    std::vector<std::string> operands;
    /// Options by key, with their arguments, in order.
    std::vector<std::pair<std::string, std::string>> given;
};

/// Reads `words`. Letters may be joined (`-aw`), long names shortened as long as they stay
/// unambiguous, options and operands mixed; after `--` all are operands. Every command also has
/// `-h` and `--help`. The error is one line for the user.
expected<arguments, std::string> parse_arguments(std::span<option const> options,
                                                 std::span<std::string const> words);

} // namespace xenpp::cli
