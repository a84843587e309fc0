// SPDX-License-Identifier: Apache-2.0
// Devices of a real Xen host that domain 0's kernel serves (blkback, netback): whoever attaches one
// runs its hotplug script. libxl does the same, so each toolstack can take the other's devices
// away. What the kernel cannot do, and what xenppd is asked to serve, is xenppd's.
#pragma once

#include "host/session.hpp"

#include <xenpp/dev/vbd/config.hpp>
#include <xenpp/dev/vif/config.hpp>
#include <xenpp/dev/xenbus/device.hpp>

namespace xenpp::detail {

/// Whether the kernel serves this device.
bool is_kernels(session const& s, dev::device_address const& a);

/// Whether a device of a real Xen host is for xenppd.
bool is_for_xenppd(dev::vbd_config const& c) noexcept;
bool is_for_xenppd(dev::vif_config const& c) noexcept;

/// What the kernel's backend cannot do is refused; what its script wants to know is added.
result<void> suit_kernel(dev::vbd_config const& c, dev::new_device& d);
result<void> suit_kernel(dev::vif_config const& c, dev::new_device& d);

/// The module to load where no backend takes a device up; empty if it is loaded.
std::string missing_module(dev::device_address const& a);

/// Whether a driver of the kernel has the device now (sysfs: bus/xen-backend/devices).
bool is_with_driver(dev::device_address const& a);

/// Runs a device's hotplug script: `add` or `remove` of a disk, `online` or `offline` of an
/// interface. Nothing to do for a device without one. An error has the script's own words.
result<void> run_hotplug(session& s, dev::device_address const& a, bool is_attached);

} // namespace xenpp::detail
