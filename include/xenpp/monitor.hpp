// SPDX-License-Identifier: Apache-2.0
// Carries out on_poweroff, on_reboot, on_crash and on_watchdog, for all domains of a host.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/host.hpp>

#include <functional>
#include <memory>
#include <string_view>

namespace xenpp {

/// One line of what a monitor did, or could not do.
using monitor_log = std::function<void(std::string_view line)>;

/// Watches all domains of a host. A domain that has shut down is treated as its configuration says;
/// one whose builder died while it was being made is removed. Domains that were not made by this
/// library are left alone. One monitor a host: in the embedded host it is xenppd's.
class monitor {
public:
    static result<monitor> create(host& h, monitor_log log = {});

    monitor(monitor&&) noexcept;
    monitor& operator=(monitor&&) noexcept;
    ~monitor();

    /// Readable when `dispatch` has something to do.
    int fd() const noexcept;

    /// Does what there is to do now; blocks for no guest. An error: the host does not answer. Where
    /// the host's xenstore is in this process, to be called also after every change to that.
    result<void> dispatch();

    /// The same whether or not something happened.
    result<void> look();

    /// Whether there was a domain to watch, or one on its way, when `dispatch` last looked.
    bool has_work() const noexcept;

private:
    struct state;
    explicit monitor(std::unique_ptr<state> s) noexcept;

    std::unique_ptr<state> state_;
};

} // namespace xenpp
