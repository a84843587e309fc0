// SPDX-License-Identifier: Apache-2.0
// The monitor of a real Xen host as a process of its own.
#include "host/native.hpp"

#include <xenpp/daemon.hpp>
#include <xenpp/monitor.hpp>

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
    host_options options;
    options.state_dir = where.path();
    auto h = XENPP_TRY(detail::open_monitored_host(options));
    auto m = XENPP_TRY(monitor::create(h, log));
    log("watching the domains of this host");
    for (;;) {
        pollfd fds[]{{m.fd(), POLLIN, 0}, {stop_fd, POLLIN, 0}};
        auto const n = ::poll(fds, 2, m.has_work() ? -1 : grace_ms);
        if (fds[1].revents != 0) {
            return {};
        }
        if (n != 0) {
            XENPP_TRY(m.dispatch());
            continue;
        }
        // Who found the lock taken relies on us, and has left a note before: look once more.
        lock.reset();
        XENPP_TRY(m.look());
        if (!m.has_work()) {
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
