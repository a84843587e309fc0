// SPDX-License-Identifier: Apache-2.0
// Event channels of other domains, as a builder makes them.
#pragma once

#include <xenpp/ctl/connection.hpp>

namespace xenpp::ctl {

/// A port of `owner` that `remote` may bind.
result<evtchn_port> alloc_unbound(connection& c, domid owner, domid remote);

} // namespace xenpp::ctl
