// SPDX-License-Identifier: Apache-2.0
// Stopping an embedded host from outside.
#include <xenpp/ctl/sysctl.hpp>
#include <xenpp/daemon.hpp>
#include <xenpp/os/process.hpp>
#include <xenpp/transport/machine.hpp>

#include <fmt/format.h>

#include <daemon/lock.hpp>
#include <daemon/machine_state.hpp>

#include <csignal>

namespace xenpp {

namespace {

constexpr std::string_view operation = "stop host";
constexpr int grace_ms = 15'000;

/// EBUSY if domains run beside domain 0.
result<void> check_that_it_is_idle(os::state_dir const& where) {
    auto const machine = XENPP_TRY(transport::machine::connect(where));
    auto c = XENPP_TRY(ctl::connection::open(machine.doors()));
    auto const others = XENPP_TRY(ctl::get_domain_list(c)).size() - 1;
    if (others != 0) {
        return fail(operation, errc::busy,
                    others == 1 ? "a domain runs" : fmt::format("{} domains run", others));
    }
    return {};
}

/// Asks the daemon, which stops the machine; one that does not listen is ended.
result<void> end_daemon(int pid) {
    auto const process = os::process::open(pid);
    if (!process) {
        return {}; // it has just gone
    }
    XENPP_TRY(process->send_signal(SIGTERM));
    if (!process->wait(grace_ms)) {
        XENPP_TRY(process->send_signal(SIGKILL));
        process->wait(grace_ms);
    }
    return {};
}

} // namespace

int running_daemon(os::state_dir const& where) {
    return detail::daemon_pid(where);
}

result<void> stop_host(os::state_dir const& where, bool force) {
    auto const pid = detail::daemon_pid(where);
    bool const has_machine = XENPP_TRY(transport::running_machine(where)) != 0;
    if (pid == 0 && !has_machine) {
        return fail(operation, errc::noent, "no host runs in " + where.path());
    }
    if (!force && has_machine) {
        XENPP_TRY(check_that_it_is_idle(where));
    }
    if (pid != 0) {
        XENPP_TRY(end_daemon(pid));
    }
    // What is removed below must not be that of a machine which somebody has started meanwhile.
    auto const lock = XENPP_TRY(detail::daemon_lock::hold(where));
    if (XENPP_TRY(transport::running_machine(where)) != 0) {
        XENPP_TRY(transport::stop_machine(where));
    }
    detail::remove_machine_state(where);
    return {};
}

} // namespace xenpp
