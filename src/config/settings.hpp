// SPDX-License-Identifier: Apache-2.0
// What a file's settings amount to: one value a key, after replacing and appending.
#pragma once

#include <xenpp/config/ast.hpp>
#include <xenpp/config/diagnostic.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace xenpp::config {

/// The value that a key ends up with.
struct effective_setting {
    std::string key;
    config::value value;    ///< its span is that of the last setting of the key
    source_span key_span;   ///< of the last setting of the key
    bool is_joined = false; ///< text was appended to text
};

/// The effective settings in the order in which their keys first appear. Appending text to a list
/// or a list to text is an error; replacing a value within one source is a warning, since only a
/// later source is there to override. With `out` null nothing is reported.
std::vector<effective_setting> evaluate(file const& f, diagnostics* out);

/// The setting of `key`, or null.
effective_setting const* find(std::vector<effective_setting> const& settings, std::string_view key);

} // namespace xenpp::config
