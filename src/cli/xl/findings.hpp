// SPDX-License-Identifier: Apache-2.0
// What is wrong with a configuration file of any kind.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/config/diagnostic.hpp>
#include <xenpp/config/load.hpp>

#include <string>
#include <string_view>

namespace xenpp::cli::xl {

/// How a file is read by who only looks at it: all there is to say, and nothing must run here.
inline constexpr config::load_options leniently{config::dialect::lint, false};

/// Reads the file at `path` by the grammar of `kind`: domain, pool, xl.conf or xen.cfg. Empty: by
/// the kind that its name tells. An error only where there is no such kind.
result<config::diagnostics> find_in_file(std::string const& path, std::string_view kind);

} // namespace xenpp::cli::xl
