// SPDX-License-Identifier: Apache-2.0
// The ways to a host.
#pragma once

#include <xenpp/host.hpp>

namespace xenpp::detail {

/// The host that options and environment ask for.
result<host> open_host(host_options const& options);

/// The embedded host of a state folder, started if it does not run and may be.
result<host> open_embedded_host(host_options const& options);

/// `vanishing`: whenever somebody has listed the domains, so many are destroyed before the next
/// call, those of the lowest numbers first; for tools that must not trip over what ends meanwhile.
result<host> open_sim_host(sim_options const& options, std::uint32_t vanishing = 0);

} // namespace xenpp::detail
