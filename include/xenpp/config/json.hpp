// SPDX-License-Identifier: Apache-2.0
// A domain's configuration as JSON, in the shape in which Xen 4.17's xl prints it.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/config/domain_config.hpp>
#include <xenpp/config/load.hpp>
#include <xenpp/config/schema.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace xenpp::config {

/// {"c_info": ..., "b_info": ..., "on_reboot": ...}: four blanks of indentation, members at their
/// default left out, as `xl create -n` prints. Affinity is written as CPU numbers when
/// `node_of_cpu` (one entry a host CPU) is given; the lists as the user wrote them stand in a
/// member of our own, "xenpp", from which `from_json` reads them back. `scheduler` is the name of
/// the host's ("credit2"), where the weight and cap are a running domain's.
std::string to_json(domain_config const& c,
                    std::span<std::uint32_t const> node_of_cpu = {},
                    std::string_view scheduler = {});

/// Reads what `to_json` wrote, losing nothing but bytes that are not UTF-8. Members that are not
/// ours are passed over; the error says which member is malformed.
result<domain_config> from_json(std::string_view text);

/// The configuration as one object with a member a key: the settings of xl.cfg in JSON.
std::string to_settings_json(domain_config const& c);

/// Reads such an object; every value is checked as in xl.cfg. Places in findings are those of the
/// same settings written as xl.cfg, one a line.
expected<loaded_domain, diagnostics>
parse_domain_json(std::string_view text, std::string_view file_name, load_options options = {});

/// A JSON Schema (draft 2020-12) of such objects.
std::string json_schema(std::span<key_schema const> table, std::string_view title);

} // namespace xenpp::config
