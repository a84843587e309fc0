// SPDX-License-Identifier: Apache-2.0
// Calls about a domain's grant table.
#pragma once

#include <xenpp/ctl/connection.hpp>

namespace xenpp::ctl {

/// The first frame of a PV domain's grant table, which may be mapped as its own memory.
result<gfn> first_grant_frame(connection& c, domid d);

} // namespace xenpp::ctl
