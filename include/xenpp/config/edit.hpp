// SPDX-License-Identifier: Apache-2.0
// Changing one key of a file: every other byte of it, comments and blanks included, stays.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/ast.hpp>
#include <xenpp/config/diagnostic.hpp>

#include <string>
#include <string_view>

namespace xenpp::config {

/// `text` with `key` set to `to`. A key that is set already is changed in its place, of a list only
/// the items that differ; settings of the key that would then say nothing are removed. A new key
/// is put at the end. A text that does not parse is not touched: the error is what is wrong with
/// it.
expected<std::string, diagnostics>
set_key(std::string_view text, std::string_view key, value const& to);

/// `text` without any setting of `key`. A line that held nothing else goes with its comment.
expected<std::string, diagnostics> remove_key(std::string_view text, std::string_view key);

} // namespace xenpp::config
