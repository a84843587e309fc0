// SPDX-License-Identifier: Apache-2.0
// A tool's manual page and bash completion, made from its table of commands.
#pragma once

#include <xenpp/cli/command.hpp>

#include <span>
#include <string>
#include <string_view>

namespace xenpp::cli {

/// troff source (man macros) for section 1. A tool that is one command has a table of that one.
std::string manual_page(std::string_view program, std::span<command const> table);

/// A script to be sourced by bash; it completes commands, their options, and names of domains, for
/// which it runs `xl list --ndjson` where a host runs.
std::string bash_completion(std::string_view program, std::span<command const> table);

} // namespace xenpp::cli
