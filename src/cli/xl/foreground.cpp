// SPDX-License-Identifier: Apache-2.0
// Following a domain through its restarts.
#include "cli/xl/foreground.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <chrono>
#include <thread>

namespace xenpp::cli::xl {
namespace {

using namespace std::chrono_literals;

constexpr auto restart_timeout = 30s;

config::shutdown_action action_for(config::domain_config const& c, shutdown_reason r) {
    switch (r) {
    case shutdown_reason::poweroff:
    case shutdown_reason::suspend: return c.on_poweroff;
    case shutdown_reason::reboot: return c.on_reboot;
    case shutdown_reason::crash: return c.on_crash;
    case shutdown_reason::watchdog: return c.on_watchdog;
    case shutdown_reason::soft_reset: return c.on_soft_reset;
    }
    return c.on_poweroff;
}

bool is_restart(config::shutdown_action a) {
    switch (a) {
    case config::shutdown_action::restart:
    case config::shutdown_action::rename_restart:
    case config::shutdown_action::coredump_restart:
    case config::shutdown_action::soft_reset: return true;
    case config::shutdown_action::destroy:
    case config::shutdown_action::preserve:
    case config::shutdown_action::coredump_destroy: return false;
    }
    return false;
}

/// The domain that follows `old`: the same name, another number.
result<domain>
wait_for_successor(xenpp::host const& h, domain const& old, std::string const& name) {
    auto const end = std::chrono::steady_clock::now() + restart_timeout;
    while (std::chrono::steady_clock::now() < end) {
        auto next = h.find(name);
        if (next && next->id() != old.id()) {
            return next;
        }
        std::this_thread::sleep_for(20ms);
    }
    return refuse(
        fmt::format("Domain {} was not started again within {} s", name, restart_timeout.count()));
}

} // namespace

result<void>
wait_in_foreground(session& s, xenpp::host const& h, domain d, config::domain_config const& c) {
    while (true) {
        s.complain(fmt::format("Waiting for domain {} (domid {}) to die [pid {}]", c.name,
                               d.id().raw(), getpid()));
        auto const reason = XENPP_TRY(d.wait_for_shutdown());
        auto const action = action_for(c, reason);
        auto const number = static_cast<unsigned>(reason);
        s.complain(fmt::format("Domain {} has shut down, reason code {} {:#x}", d.id().raw(),
                               number, number));
        s.complain(
            fmt::format("Action for shutdown reason code {} is {}", number, to_string(action)));
        if (action == config::shutdown_action::preserve) {
            return {};
        }
        if (is_restart(action)) {
            d = XENPP_TRY(wait_for_successor(h, d, c.name));
            continue;
        }
        while (!XENPP_TRY(d.wait_until_gone(1h))) {
        }
        s.complain(fmt::format("Domain {} has been destroyed.", d.id().raw()));
        return {};
    }
}

} // namespace xenpp::cli::xl
