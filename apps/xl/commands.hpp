// SPDX-License-Identifier: Apache-2.0
// The table of xl's commands.
#pragma once

#include <xenpp/cli/command.hpp>

#include <span>

/// All 92 commands of Xen 4.17's xl, those that are not supported yet without a function, and
/// `host`, which is ours.
std::span<xenpp::cli::command const> commands() noexcept;
