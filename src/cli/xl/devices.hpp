// SPDX-License-Identifier: Apache-2.0
// What block-list and network-list have in common.
#pragma once

#include "cli/xl/lookup.hpp"

#include <xenpp/device.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::cli::xl {

/// The devices of one kind of all domains that are named.
result<std::vector<device_info>>
devices_of(xenpp::host const& h, std::span<std::string const> domains, std::string_view kind);

/// A node of the frontend's that is a number; "-1" where there is none, as xl prints it.
std::string number_or_none(device_info const& d, std::string_view node);

} // namespace xenpp::cli::xl
