// SPDX-License-Identifier: Apache-2.0
// What is wrong with a configuration, where, and what its author may have meant.
#pragma once

#include <xenpp/config/ast.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::config {

/// An error refuses the configuration; a warning does not.
enum class severity : std::uint8_t {
    warning,
    error,
};

/// One finding. `line` and `column` count from 1, the column in characters; line 0 means that the
/// finding concerns the file as a whole and there is no line to show.
struct diagnostic {
    config::severity severity = severity::error;
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::uint32_t length = 1; ///< characters to underline
    std::string message;      ///< what is wrong
    std::string suggestion;   ///< what to do about it; may be empty
    std::string source_line;  ///< the line's text without its newline
};

/// `file:line:column: error: message`, the line, a caret under the place, the suggestion; each
/// line ends in a newline.
std::string render(diagnostic const& d);

/// Findings, at most about a hundred: no file is worth more, and no file may cost more.
struct diagnostics {
    static constexpr std::size_t enough = 100;

    std::vector<diagnostic> items;

    /// Whether one more finding is welcome: there is room, or it would be the first error.
    bool wants(severity s) const noexcept;
    bool has_errors() const noexcept;
    /// All findings, rendered one after the other.
    std::string message() const;
};

/// A finding at `where` in `f`.
diagnostic make_diagnostic(
    file const& f, source_span where, severity s, std::string message, std::string suggestion = {});

/// The member of `words` nearest to `word` if it is near enough to be a slip of the pen (edit
/// distance with transpositions of at most a third of the length), else nothing.
std::string_view nearest(std::string_view word, std::vector<std::string_view> const& words);

} // namespace xenpp::config
