// SPDX-License-Identifier: Apache-2.0
// The monitor of a real Xen host as a process of its own, and the devices that it serves.
#include "host/native.hpp"

#include <xenpp/daemon.hpp>
#include <xenpp/monitor.hpp>

#include <daemon/beside_kernel.hpp>
#include <daemon/lock.hpp>
#include <poll.h>

#include <cerrno>
#include <optional>

namespace xenpp {
namespace {

/// How long there must be nothing to watch before it ends.
constexpr int grace_ms = 3000;

} // namespace

result<void> serve_monitor(std::string const& state_dir, int stop_fd, daemon_log const& log) {
    auto const where = XENPP_TRY(detail::native_state_dir(state_dir));
    std::optional lock = XENPP_TRY(detail::daemon_lock::take(where));
    std::unique_ptr<detail::beside_kernel> devices;
    if (auto made = detail::beside_kernel::create(where, log)) {
        devices = *std::move(made);
    } else { // domains are watched all the same
        log("no devices are served: " + made.error().message());
    }
    int const devices_fd = devices != nullptr ? devices->fd() : -1;
    host_options options;
    options.state_dir = where.path();
    // What the monitor waits for when it starts a domain anew is done here meanwhile.
    auto h = XENPP_TRY(detail::open_monitored_host(options, [&](int most_ms) {
        pollfd ready{devices_fd, POLLIN, 0};
        if (::poll(&ready, 1, most_ms) > 0) {
            if (auto const done = devices->dispatch(); !done) {
                log(done.error().message());
            }
        }
    }));
    auto m = XENPP_TRY(monitor::create(h, log));
    auto const has_work = [&] {
        return m.has_work() || (devices != nullptr && devices->has_devices());
    };
    log("watching the domains of this host");
    for (;;) {
        pollfd fds[]{{m.fd(), POLLIN, 0}, {stop_fd, POLLIN, 0}, {devices_fd, POLLIN, 0}};
        auto const n = ::poll(fds, 3, has_work() ? -1 : grace_ms);
        if (fds[1].revents != 0) {
            return {};
        }
        if (fds[2].revents != 0) {
            XENPP_TRY(devices->dispatch());
        }
        if (n != 0) {
            XENPP_TRY(m.dispatch());
            continue;
        }
        // Who found the lock taken relies on us, and has left a note before: look once more.
        lock.reset();
        XENPP_TRY(m.look());
        if (devices != nullptr) {
            XENPP_TRY(devices->dispatch());
        }
        if (!has_work()) {
            log("there is nothing left to watch");
            return {};
        }
        auto again = detail::daemon_lock::take(where);
        if (!again) { // another one came meanwhile
            return again.error().code == EBUSY ? result<void>() : unexpected(again.error());
        }
        lock.emplace(*std::move(again));
    }
}

} // namespace xenpp
