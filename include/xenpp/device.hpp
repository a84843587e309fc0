// SPDX-License-Identifier: Apache-2.0
// The paravirtual devices of a domain, as its user sees them.
#pragma once

#include <xenpp/dev/xenbus/device_address.hpp>
#include <xenpp/dev/xenbus/state.hpp>

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace xenpp {

/// A device now: where it is, and what both ends have written there.
struct device_info {
    dev::device_address address;
    dev::xenbus_state backend_state = dev::xenbus_state::unknown;
    dev::xenbus_state frontend_state = dev::xenbus_state::unknown;
    std::map<std::string, std::string> backend;  ///< nodes of the backend's directory
    std::map<std::string, std::string> frontend; ///< nodes of the frontend's

    /// A node's value; empty if it is not there.
    std::string frontend_node(std::string_view name) const;
    std::string backend_node(std::string_view name) const;
};

struct detach_options {
    /// Take it away although the guest has not let go of it: what it still writes is lost.
    bool force = false;
    /// How long the guest may take.
    std::chrono::milliseconds timeout = std::chrono::seconds(10);
};

} // namespace xenpp
