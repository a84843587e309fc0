// SPDX-License-Identifier: Apache-2.0
// Writing a domain's core, for its handle and for the monitor.
#pragma once

#include "host/session.hpp"

#include <string>

namespace xenpp::detail {

/// The core of a domain that does not run meanwhile. On failure no file is left.
result<void> write_core(session& s, abi::domctl_getdomaininfo const& info, std::string const& path);

/// Where the cores of domains go whose configuration asks for them; empty if the host keeps none.
std::string dumps_folder(session const& s);

} // namespace xenpp::detail
