// SPDX-License-Identifier: Apache-2.0
// Which paravirtual device, and what is written of it when it is made.
#pragma once

#include <xenpp/base/strong.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xenpp::dev {

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

/// Names and values of nodes, in the order in which they are written.
using node_list = std::vector<std::pair<std::string, std::string>>;

/// A device to be made: what its kind wants said beyond the nodes that all devices have.
struct new_device {
    device_address address;
    node_list frontend;
    node_list backend;
};

} // namespace xenpp::dev
