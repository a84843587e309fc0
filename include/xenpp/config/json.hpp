// SPDX-License-Identifier: Apache-2.0
// A domain's configuration as JSON, in the shape in which Xen 4.17's xl prints it.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/config/domain_config.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace xenpp::config {

/// {"c_info": ..., "b_info": ..., "on_reboot": ...}: four blanks of indentation, members at their
/// default left out, as `xl create -n` prints. Affinity is written as CPU numbers when
/// `node_of_cpu` (one entry a host CPU) is given; the lists as the user wrote them stand in a
/// member of our own, "xenpp", from which `from_json` reads them back.
std::string to_json(domain_config const& c, std::span<std::uint32_t const> node_of_cpu = {});

/// Reads what `to_json` wrote, losing nothing but bytes that are not UTF-8. Members that are not
/// ours are passed over; the error says which member is malformed.
result<domain_config> from_json(std::string_view text);

} // namespace xenpp::config
