// SPDX-License-Identifier: Apache-2.0
// What is done with a domain that has shut down, in steps that survive the death of who does them.
#pragma once

#include "host/session.hpp"

#include <xenpp/config/domain_config.hpp>
#include <xenpp/monitor.hpp>

#include <memory>
#include <string>
#include <vector>

namespace xenpp::detail {

/// A domain that is to be created anew leaves a note under this node before it is destroyed, named
/// by its UUID. The note goes when the new domain is there.
inline constexpr std::string_view restarting_node = "/xenpp/restarting";

/// Where the note about a domain is.
std::string restarting_path(config::uuid const& uuid);

/// What the configuration says about an end for `reason`.
config::shutdown_action action_for(config::domain_config const& c, shutdown_reason reason) noexcept;

/// Carries out actions for one host.
class ending {
public:
    ending(std::shared_ptr<session> s, monitor_log log) noexcept
        : s_(std::move(s)), log_(std::move(log)) {}

    /// A shut-down domain that the monitor is to act on. False: not yet, it was started just now.
    result<bool> act(abi::domctl_getdomaininfo const& d);

    /// Goes on with restarts that a predecessor began and did not finish.
    result<bool> resume(std::vector<abi::domctl_getdomaininfo> const& domains);

    void say(std::string const& line) const {
        if (log_) {
            log_(line);
        }
    }

private:
    struct subject;

    result<std::string> dump(abi::domctl_getdomaininfo const& i, std::string const& name);
    result<void> carry_out(subject const& d, config::shutdown_action what);
    result<void> restart(subject const& d);
    result<void> rename_and_restart(subject const& d);
    result<void> set_aside(subject const& d);
    result<void> create_again(config::uuid const& uuid);
    bool is_too_soon(config::uuid const& uuid);

    std::shared_ptr<session> s_;
    monitor_log log_;
};

} // namespace xenpp::detail
