// SPDX-License-Identifier: Apache-2.0
// The devices of a real Xen host that xenppd serves beside domain 0's kernel.
#pragma once

#include <xenpp/ctl/connection.hpp>
#include <xenpp/daemon.hpp>
#include <xenpp/os/poller.hpp>
#include <xenpp/os/state_dir.hpp>
#include <xenpp/store/client.hpp>
#include <xenpp/transport/doors.hpp>

#include <daemon/backends.hpp>
#include <daemon/event_router.hpp>

#include <memory>

namespace xenpp::detail {

/// The same backends as an embedded host's, over connections of their own. It may be killed at any
/// moment: its successor takes up the devices that are connected.
class beside_kernel {
public:
    /// Errors: domain 0's kernel lacks a module (gntdev, evtchn); xenstored does not answer.
    static result<std::unique_ptr<beside_kernel>> create(os::state_dir const& where,
                                                         daemon_log log);

    /// Readable when `dispatch` has something to do.
    int fd() const noexcept { return poller_.fd(); }

    /// Serves what there is to serve; does not block. An error: xenstored is gone.
    result<void> dispatch();

    /// Also while one that is gone has work in flight, such as its hotplug script.
    bool has_devices() const noexcept { return backends_->has_devices(); }

private:
    beside_kernel(std::unique_ptr<transport::doors> doors,
                  ctl::connection hypervisor,
                  std::unique_ptr<transport::event_channels> channels,
                  store::client store,
                  os::poller poller,
                  daemon_log log) noexcept;

    result<void> read_reports();
    result<void> look_at_domains();

    // Each uses those before it.
    std::unique_ptr<transport::doors> doors_;
    ctl::connection hypervisor_;
    event_router events_;
    store::client store_;
    os::poller poller_;
    daemon_log log_;
    std::unique_ptr<backends> backends_;
};

} // namespace xenpp::detail
