// SPDX-License-Identifier: Apache-2.0
// What xl.conf says of things that a configuration leaves open.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/cli/session.hpp>
#include <xenpp/config/diagnostic.hpp>
#include <xenpp/config/xl_config.hpp>
#include <xenpp/dev/vif/config.hpp>

namespace xenpp::cli::xl {

/// Prints what a parser found, if anything.
void print_findings(session& s, config::diagnostics const& found);

/// xl.conf; its defaults where there is none.
result<config::xl_config> load_defaults(session& s, bool is_quiet);

/// The network of an interface, with its bridge and script.
void apply_vif_defaults(dev::vif_config& vif, config::xl_config const& defaults);

} // namespace xenpp::cli::xl
