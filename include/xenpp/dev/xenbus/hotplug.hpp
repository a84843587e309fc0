// SPDX-License-Identifier: Apache-2.0
// The contract of hotplug scripts (Xen: xen-hotplug-common.sh): how they are called, what they say.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/dev/xenbus/device.hpp>
#include <xenpp/store/client.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace xenpp::dev {

/// Where a script without a path is looked for.
inline constexpr std::string_view hotplug_folder = "/etc/xen/scripts/";
inline constexpr std::string_view hotplug_operation = "hotplug script";

/// One call of a script.
struct hotplug_call {
    device_address address;
    std::string file;
    std::string store_path; ///< the way to xenstore, for the script's xenstore-read and -write
    std::string action{};   ///< "add", "remove", "online", "offline"
    std::string interface_name{}; ///< of an interface of the network
    std::string gatewaydev{};
};

/// The file that `name` means; empty if none is there that can be run.
std::string find_hotplug_script(std::string const& name);

/// The script with its arguments and what it expects in its environment: script, vif, XENBUS_TYPE,
/// XENBUS_PATH, XENBUS_BASE_PATH, netdev, XENSTORED_PATH.
std::vector<std::string> hotplug_arguments(hotplug_call const& c);

/// What came of a script that ended with `status`. A script that fails says why in the node
/// hotplug-error, or in what it wrote (`log`, a file).
result<void> hotplug_outcome(store::node_access const& s,
                             hotplug_call const& c,
                             int status,
                             std::string const& log);

} // namespace xenpp::dev
