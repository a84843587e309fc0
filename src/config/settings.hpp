// SPDX-License-Identifier: Apache-2.0
// What a file's settings amount to: one value a key, after replacing and appending.
#pragma once

#include <xenpp/config/ast.hpp>
#include <xenpp/config/diagnostic.hpp>
#include <xenpp/config/dialect.hpp>

#include <string_view>
#include <vector>

namespace xenpp::config {

/// The value that a key ends up with.
struct effective_setting {
    std::string_view key;   ///< of the file
    config::value value;    ///< its span is that of the last setting of the key
    source_span key_span;   ///< of the last setting of the key
    bool is_joined = false; ///< text was appended to text; exactly: the last setting appended
};

/// The effective settings in the order in which their keys first appear. Appending text to a list
/// or a list to text is an error; replacing a value within one source is a warning, since only a
/// later source is there to override; the exact dialect has no such warning. With `out` null
/// nothing is reported.
std::vector<effective_setting>
evaluate(file const& f, diagnostics* out, dialect d = dialect::documented);

} // namespace xenpp::config
