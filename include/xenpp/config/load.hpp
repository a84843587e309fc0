// SPDX-License-Identifier: Apache-2.0
// From an xl.cfg file to a domain's configuration, or to everything that is wrong with it.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/diagnostic.hpp>
#include <xenpp/config/dialect.hpp>
#include <xenpp/config/domain_config.hpp>

#include <span>
#include <string>
#include <string_view>

namespace xenpp::config {

struct load_options {
    config::dialect dialect = config::dialect::documented;
    /// What xenpp cannot give the guest is an error; otherwise a warning. The exact dialect says
    /// nothing of it.
    bool must_run_here = true;
};

/// A configuration and what was noticed on the way (warnings alone).
struct loaded_domain : domain_config {
    diagnostics warnings;
};

/// Reads the file at `path`; relative paths in it stay relative to the working directory, as with
/// xl. `overrides` are settings ("memory=512") that win over the file's. The error holds every
/// finding, warnings included, in the order of the file.
expected<loaded_domain, diagnostics> load_domain(std::string const& path,
                                                 std::span<std::string const> overrides = {},
                                                 load_options options = {});

/// The same for a text; `file_name` is only for messages.
expected<loaded_domain, diagnostics> parse_domain(std::string_view text,
                                                  std::string_view file_name,
                                                  std::span<std::string const> overrides = {},
                                                  load_options options = {});

} // namespace xenpp::config
