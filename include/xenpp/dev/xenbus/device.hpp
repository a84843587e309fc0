// SPDX-License-Identifier: Apache-2.0
// A paravirtual device in xenstore: its three directories, made and removed in one transaction.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/dev/xenbus/device_address.hpp>
#include <xenpp/dev/xenbus/state.hpp>
#include <xenpp/store/client.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::dev {

/// Writes the directories of a new device, both ends initialising, with the permissions that Xen's
/// toolstack gives them. EEXIST: there is such a device.
result<void> write_device(store::client_transaction const& t, new_device const& d);

/// Asks the backend to close a device for good ("online" 0, "state" closing).
result<void> ask_to_close(store::client_transaction const& t, device_address const& a);

/// Removes what `write_device` made, and what both ends wrote there.
result<void> remove_device(store::client_transaction const& t, device_address const& a);

/// Removes the nodes that a hotplug script wrote of a device that was gone by then, if nothing else
/// is left of it: they are nobody's.
result<void> remove_leavings(store::client_transaction const& t, device_address const& a);

/// All devices of a domain that the toolstack knows; of one kind if that is not empty.
result<std::vector<device_address>>
list_devices(store::node_access const& s, domid d, std::string_view kind = {});

/// The backends beside the kernel's that xenstore knows, whosever they are.
result<std::vector<device_address>> list_beside_kernel(store::node_access const& s);

/// The node "state" in a device's directory; `unknown` if it is not there.
result<xenbus_state> read_state(store::node_access const& s, std::string const& directory);

/// A node's value; nothing if it is not there.
result<std::optional<std::string>> read_node(store::node_access const& s, std::string const& path);

/// Nodes of numbers; nothing if it is not there or is none.
result<std::optional<std::uint64_t>> read_number(store::node_access const& s,
                                                 std::string const& path);

} // namespace xenpp::dev
