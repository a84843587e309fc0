// SPDX-License-Identifier: Apache-2.0
// A disk in xenstore: what the toolstack writes, what each end says of itself.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/dev/vbd/config.hpp>
#include <xenpp/dev/vbd/image.hpp>
#include <xenpp/dev/xenbus/device.hpp>
#include <xenpp/store/client.hpp>

#include <cstdint>
#include <vector>

namespace xenpp::dev {

inline constexpr std::uint32_t vbd_max_ring_order = 4; ///< 16 pages, 512 requests
inline constexpr std::uint32_t vbd_max_queues = 4;

/// The device that a disk becomes in a domain. EINVAL: its vdev is no name of a disk.
result<new_device> new_vbd(vbd_config const& config, domid d);

/// The disk that `new_vbd` wrote, read back by its backend.
result<vbd_config> read_vbd_config(store::node_access const& s, device_address const& a);

/// What a backend offers with an image: before the frontend chooses.
node_list vbd_features(image_info const& image);

/// What the disk is: for a frontend that has connected.
node_list vbd_properties(vbd_config const& config, image_info const& image);

/// A ring that a frontend offers.
struct vbd_ring {
    std::vector<grant_ref> pages;
    evtchn_port port{};
};

/// What a frontend chose. Everything in it is within what was offered.
struct vbd_frontend {
    std::vector<vbd_ring> rings;
    bool is_persistent = false;
};

/// Errors: a node is missing, is no number, or asks for more than was offered; which.
result<vbd_frontend> read_vbd_frontend(store::node_access const& s, device_address const& a);

} // namespace xenpp::dev
