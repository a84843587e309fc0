// SPDX-License-Identifier: Apache-2.0
// The lexical grammar of xl.cfg, xl.conf and xlcpupool.cfg: from text to settings.
#pragma once

#include <xenpp/config/ast.hpp>
#include <xenpp/config/diagnostic.hpp>
#include <xenpp/config/dialect.hpp>

#include <string_view>

namespace xenpp::config {

/// Lists may be nested this deep; the exact dialect goes as deep as Xen 4.17, some thousand times.
inline constexpr unsigned max_list_depth = 64;
/// A configuration text may be this long, in bytes.
inline constexpr std::size_t max_text_size = std::size_t{16} << 20;

/// The settings that could be read, and what was wrong with the rest: parsing resumes behind a
/// mistake, so one run reports several.
struct parse_result {
    file ast;
    config::diagnostics diagnostics;
};

/// Reads `text`; `file_name` is only for messages. The README lists where `documented` differs
/// from Xen 4.17's parser; `lint` has the same grammar. A tree of the exact dialect may be deep:
/// it is walked without recursion, or not at all.
parse_result
parse(std::string_view text, std::string_view file_name, dialect d = dialect::documented);

} // namespace xenpp::config
