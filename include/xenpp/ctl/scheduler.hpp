// SPDX-License-Identifier: Apache-2.0
// What the scheduler does to a domain as a whole.
#pragma once

#include <xenpp/ctl/connection.hpp>

#include <cstdint>

namespace xenpp::ctl {

/// Declares a domain shut down for `reason` (abi::shutdown_*), as if it had said so itself.
result<void> remote_shutdown(connection& c, domid d, std::uint32_t reason);

} // namespace xenpp::ctl
