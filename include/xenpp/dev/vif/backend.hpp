// SPDX-License-Identifier: Apache-2.0
// The backend of network interfaces, for a backend bus.
#pragma once

#include <xenpp/dev/vif/switches.hpp>
#include <xenpp/dev/xenbus/backend.hpp>

#include <memory>

namespace xenpp::dev {

/// The backend of one interface. `s` outlives it.
result<std::unique_ptr<backend>> create_vif_backend(switches& s, backend_context context);

} // namespace xenpp::dev
