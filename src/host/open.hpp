// SPDX-License-Identifier: Apache-2.0
// The ways to a host.
#pragma once

#include <xenpp/host.hpp>

namespace xenpp::detail {

/// The host that options and environment ask for.
result<host> open_host(host_options const& options);

/// The embedded host of a state folder, started if it does not run and may be.
result<host> open_embedded_host(host_options const& options);

result<host> open_sim_host(sim_options const& options);

} // namespace xenpp::detail
