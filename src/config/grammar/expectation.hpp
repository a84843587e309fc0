// SPDX-License-Identifier: Apache-2.0
// Words for what a grammar expected, and their translation into advice.
#pragma once

#include <string>
#include <string_view>

namespace xenpp::config::grammar {

// The names of the rules are the words that users read.
inline constexpr char expected_key[] = "a key";
inline constexpr char expected_operator[] = "`=` or `+=`";
inline constexpr char expected_value[] = "a value (a string in quotes, a number or a list)";
inline constexpr char expected_end[] = "the end of the line or `;`";
inline constexpr char expected_item[] = "a value or `]`";
inline constexpr char expected_separator[] = "`,` or `]`";
inline constexpr char expected_quote[] = "the closing quote";
inline constexpr char expected_escape[] = "an escape";
inline constexpr char expected_hex[] = "two hexadecimal digits, not 00";
inline constexpr char expected_depth[] = "a list nested less deep";

/// What to tell the author, and where to point.
struct advice {
    char const* where;
    char const* end;
    std::string message;
    std::string suggestion;
};

/// `which` (one of the names above) was expected at `where`, in the setting that begins at
/// `start` of a text that ends at `last`.
advice explain(char const* start, char const* where, char const* last, std::string_view which);

/// The newline (or `last`) behind a mistake at `where`: one inside a list is left with the list,
/// unless a line that begins like a setting comes first.
char const* resume_point(char const* start, char const* where, char const* last);

} // namespace xenpp::config::grammar
