// SPDX-License-Identifier: Apache-2.0
// A network interface in xenstore: what the toolstack says, and what the frontend answers.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/dev/vif/config.hpp>
#include <xenpp/dev/vif/interface.hpp>
#include <xenpp/dev/xenbus/backend.hpp>
#include <xenpp/dev/xenbus/device.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xenpp::dev {

/// The nodes of an interface, as Xen's toolstack writes them, and two of our own: `xenpp-network`
/// ("user", "bridge", "switch:NAME") and `xenpp-forward`. `c` has a mac, and says which network.
new_device describe_vif(vif_config const& c, domid frontend, std::uint32_t devid);

/// What the backend reads back. EINVAL: the toolstack wrote what makes no sense.
result<vif_config> read_vif(store::node_access const& s, device_address const& a);

/// One queue as the frontend offers it; both ports are equal if it has one for both rings.
struct vif_queue_nodes {
    grant_ref tx_ring{};
    grant_ref rx_ring{};
    evtchn_port tx_port{};
    evtchn_port rx_port{};
};

/// What the frontend says when it is ready.
struct vif_frontend {
    vif_features features;
    std::vector<vif_queue_nodes> queues;
    std::optional<grant_ref> control_ring;
    evtchn_port control_port{}; ///< with a control ring
};

/// The most queues that a frontend may have.
inline constexpr std::uint32_t most_vif_queues = 8;

/// EINVAL: a node is missing, is no number, or asks for what we do not have; and which.
result<vif_frontend> read_vif_frontend(store::node_access const& s, device_address const& a);

/// What the backend can do, to be written before it waits for its frontend.
node_list vif_backend_features();

/// The counts as nodes for xentop, `counts` added to those of `before`: of an earlier process, say.
node_list vif_statistics_nodes(vif_statistics const& before, vif_statistics const& counts);

/// What such nodes of the device say; zero where they say nothing.
result<vif_statistics> read_vif_statistics(store::node_access const& s, device_address const& a);

} // namespace xenpp::dev
