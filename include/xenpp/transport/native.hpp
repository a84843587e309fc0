// SPDX-License-Identifier: Apache-2.0
// A real Xen host, of which this is the control domain.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/transport/doors.hpp>

#include <memory>

namespace xenpp::transport::native {

/// Whether this computer is the control domain of a Xen host.
bool available();

/// EOPNOTSUPP: a real Xen host is not supported yet.
result<std::unique_ptr<doors>> open();

} // namespace xenpp::transport::native
