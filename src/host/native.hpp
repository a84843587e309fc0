// SPDX-License-Identifier: Apache-2.0
// The Xen host of which this is the control domain, and the monitor that it shares.
#pragma once

#include "host/session.hpp"

#include <xenpp/host.hpp>
#include <xenpp/os/state_dir.hpp>

#include <functional>

namespace xenpp::detail {

/// Opens the host. What dead builders left is removed first, and a monitor is started where there
/// is something to watch and nobody watches.
result<host> open_native_host(host_options const& options);

/// The same for the monitor itself, which does both. `turn` as in `host_parts`.
result<host> open_monitored_host(host_options const& options, std::function<void(int)> turn);

/// $XENPP_STATE_DIR, else /var/lib/xenpp.
result<os::state_dir> native_state_dir(std::string const& told);

/// Starts xenppd as the monitor of this host if none runs. Called before a domain that it is to
/// watch is complete, and once the nodes of a device that it is to serve are written: the monitor
/// ends when there is neither.
result<void> ensure_monitor(session& s);

} // namespace xenpp::detail
