// SPDX-License-Identifier: Apache-2.0
// Parameters of HVM and PVH domains.
#pragma once

#include <xenpp/ctl/connection.hpp>

#include <cstdint>

namespace xenpp::ctl {

/// `index`: abi::hvm_param_*.
result<void> set_hvm_param(connection& c, domid d, std::uint32_t index, std::uint64_t value);
result<std::uint64_t> get_hvm_param(connection& c, domid d, std::uint32_t index);

} // namespace xenpp::ctl
