// SPDX-License-Identifier: Apache-2.0
// A paravirtual device in xenstore: its three directories, made and removed in one transaction.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/dev/xenbus/state.hpp>
#include <xenpp/store/client.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xenpp::dev {

/// Names and values of nodes, in the order in which they are written.
using node_list = std::vector<std::pair<std::string, std::string>>;

/// Which device: a kind ("vbd", "vif"), the domain whose it is, its number there (Xen: devid), and
/// who serves it.
struct device_address {
    std::string kind;
    domid frontend{};
    std::uint32_t id = 0;
    domid backend = dom0;
    /// On a real Xen host: by xenppd instead of the kernel. Its backend's directory bears a name
    /// that the kernel does not know ("xenpp-vbd"); the frontend's is the same.
    bool is_beside_kernel = false;

    friend auto operator<=>(device_address const&, device_address const&) = default;
};

/// What stands before the kind in the name of a backend's directory beside the kernel's.
inline constexpr std::string_view beside_kernel_prefix = "xenpp-";

/// /local/domain/F/device/KIND/ID, /local/domain/B/backend/KIND/F/ID, /libxl/F/device/KIND/ID.
std::string frontend_path(device_address const& a);
std::string backend_path(device_address const& a);
std::string libxl_path(device_address const& a);
/// /local/domain/B/error/backend/KIND/F/ID: where a backend says why it closed (node "error").
std::string error_path(device_address const& a);

/// "vbd 51712 of domain 3", for people.
std::string to_string(device_address const& a);

/// The address that is the rest of a path behind `/local/domain/B/backend/`; nothing for one that
/// does not reach down to a device. Deeper nodes are ignored.
std::optional<device_address> parse_backend_path(std::string_view path);

/// A device to be made: what its kind wants said beyond the nodes that all devices have.
struct new_device {
    device_address address;
    node_list frontend;
    node_list backend;
};

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
