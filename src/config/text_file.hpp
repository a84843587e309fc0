// SPDX-License-Identifier: Apache-2.0
// Reading a configuration file whole.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/diagnostic.hpp>

#include <string>

namespace xenpp::config {

/// The bytes of the file at `path`, at most one more than `max_text_size` of them (so that the
/// parser says what is wrong with longer ones); or one finding that says why not.
expected<std::string, diagnostics> read_text_file(std::string const& path);

} // namespace xenpp::config
