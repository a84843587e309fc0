// SPDX-License-Identifier: Apache-2.0
// Attaching and detaching devices: nodes, and waiting for backends.
#pragma once

#include "host/session.hpp"

#include <xenpp/dev/xenbus/device.hpp>
#include <xenpp/device.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <chrono>
#include <optional>
#include <span>
#include <vector>

namespace xenpp::detail {

/// The devices that a configuration asks for, for the domain that it becomes.
result<std::vector<dev::new_device>>
devices_of(session& s, config::domain_config const& config, config::uuid const& uuid, domid d);

/// The number of each of a domain's interfaces: its own, else the next that is free.
std::vector<std::uint32_t> vif_ids(std::span<dev::vif_config const> vifs);

/// A disk for a domain, and who serves it on this kind of host.
result<dev::new_device> vbd_for(session& s, dev::vbd_config const& c, domid d);

/// An interface for a domain: what was left open is chosen, an address made from UUID and number.
result<dev::new_device>
vif_for(session& s, dev::vif_config v, config::uuid const& uuid, domid d, std::uint32_t devid);

/// How long a backend may take to open what is behind a device.
inline constexpr std::chrono::milliseconds attach_timeout = std::chrono::seconds(60);

/// Waits until the backend of a device that has just been written is ready for its frontend, and
/// runs its hotplug script where the backend is the kernel's. An error: the backend's own words, or
/// the script's. Returns at once on a host that has no backends (`sim`).
result<void> wait_for_backend(session& s, dev::device_address const& a);

/// Writes a device's nodes and waits as above; on failure nothing is left of it.
result<void> attach_device(session& s, dev::new_device const& d);

/// Has both ends close a device and removes it. EBUSY: the guest does not let go of it.
result<void> detach_device(session& s, dev::device_address const& a, detach_options const& options);

/// Held by who takes a domain's devices away, so that the monitor, which removes what is left of
/// domains that are gone, does not do it at the same time. It ends with the process.
class release_lock {
public:
    /// Nothing: another process holds it.
    static result<std::optional<release_lock>> try_take(session& s, domid d);
    /// Waits for who holds it. EBUSY: it takes too long.
    static result<release_lock> take(session& s, domid d);

private:
    explicit release_lock(os::unique_fd file) noexcept : file_(std::move(file)) {}

    os::unique_fd file_; ///< none where nobody else could
};

/// Before a domain's nodes are removed: has the kernel's backends let go of its devices, whatever
/// the guest says, and runs their hotplug scripts. Nothing stops it; the first error is returned.
result<void> release_devices(session& s, domid d);

/// Changes the configuration that a domain is created anew from, if it is ours.
template <class Change>
result<void> change_config(domain_ref const& d, Change change) {
    auto config = d.s->configs().load(d.uuid);
    if (!config) { // another toolstack's domain
        return {};
    }
    change(*config);
    return d.s->keep_config(d.id, d.uuid, *config);
}

result<std::vector<device_info>> device_infos(session& s, domid d, std::string_view kind);

} // namespace xenpp::detail
