// SPDX-License-Identifier: Apache-2.0
// Where the daemon's program is.
#pragma once

#include <string>

namespace xenpp::detail {

/// Where xenppd is: as told, as $XENPPD says, ../xenppd/xenppd or ./xenppd from the calling
/// program, in PATH. Empty: nowhere.
std::string find_daemon(std::string const& told);

} // namespace xenpp::detail
