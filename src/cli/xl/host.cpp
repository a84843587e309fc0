// SPDX-License-Identifier: Apache-2.0
// xl info, dmesg, and our own xl host: the hypervisor and its machine.
#include "cli/xl/lookup.hpp"

#include <xenpp/cli/host_view.hpp>
#include <xenpp/cli/xl.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/process.hpp>
#include <xenpp/os/state_dir.hpp>
#include <xenpp/transport/machine.hpp>
#include <xenpp/transport/machine_start.hpp>

#include <fmt/format.h>

#include <sys/utsname.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

namespace xenpp::cli::xl {
namespace {

constexpr int status_not_running = 3; // what init scripts return for it
constexpr int daemon_timeout_ms = 10'000;

result<host_row> describe(xenpp::host const& h) {
    utsname me{};
    uname(&me);
    return host_row{XENPP_TRY(h.info()), me.nodename, me.release, me.version, me.machine};
}

/// Names of the guests, separated by commas.
result<std::string> guest_names(xenpp::host const& h) {
    std::string out;
    for (auto const& d : XENPP_TRY(h.domains())) {
        if (d.id != dom0) {
            out += fmt::format("{}{}", out.empty() ? "" : ", ",
                               d.name.empty() ? fmt::format("domain {}", d.id.raw()) : d.name);
        }
    }
    return out;
}

result<int> start(session& s) {
    s.print(fmt::format("{}\n", XENPP_TRY(XENPP_TRY(s.open())->info()).connection));
    return exit_success;
}

result<int> status(session& s, os::state_dir const& where) {
    int const pid = transport::running_machine(where);
    if (pid == 0) {
        s.print(fmt::format("no embedded host runs in {}\n", where.path()));
        return status_not_running;
    }
    auto const& h = *XENPP_TRY(s.open_running());
    auto const guests = XENPP_TRY(guest_names(h));
    s.print(fmt::format("{}\nstate folder: {}\nmachine: process {}\nguests: {}\n",
                        XENPP_TRY(h.info()).connection, where.path(), pid,
                        guests.empty() ? "none" : guests));
    return exit_success;
}

/// Ends xenppd, so that it does not take the machine's end for an accident. The pid file may be
/// that of a daemon that was killed, its number another program's by now.
result<void> stop_daemon(os::state_dir const& where) {
    auto const text = os::read_file(where.file("xenppd.pid"));
    int const pid = text ? std::atoi(text->c_str()) : 0;
    if (pid <= 1) {
        return {};
    }
    auto const daemon = os::process::open(pid);
    if (!daemon || !daemon->program().ends_with("/xenppd")) {
        return {};
    }
    XENPP_TRY(daemon->send_signal(SIGTERM));
    if (!daemon->wait(daemon_timeout_ms)) {
        return fail("stop host", fmt::format("xenppd (process {}) does not end", pid));
    }
    return {};
}

/// Refuses while guests run; with `is_forced` they end with the machine.
result<int> stop(session& s, os::state_dir const& where, bool is_forced) {
    if (transport::running_machine(where) == 0) {
        s.print(fmt::format("no embedded host runs in {}\n", where.path()));
        return exit_success;
    }
    if (!is_forced) {
        auto const guests = XENPP_TRY(guest_names(*XENPP_TRY(s.open_running())));
        if (!guests.empty()) {
            return refuse(fmt::format("Not stopping the host while it has guests ({}); shut them "
                                      "down first, or use -f to end them.",
                                      guests));
        }
    }
    XENPP_TRY(stop_daemon(where));
    if (transport::running_machine(where) != 0) {
        XENPP_TRY(transport::stop_machine(where));
    }
    return exit_success;
}

} // namespace

result<int> info(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    auto const as = XENPP_TRY(chosen_format(args));
    std::vector<host_row> const rows{XENPP_TRY(describe(h))};
    auto const t = tabulate("host", host_fields(), std::span<host_row const>(rows));
    if (!args.operands.empty()) {
        auto const values = field_values(t, args.operands.front());
        if (values.empty()) {
            return refuse(fmt::format("xl info has no field \"{}\"", args.operands.front()));
        }
        s.print(values);
        return exit_success;
    }
    if (as != format::text) {
        s.print(render(t, as, {}));
        return exit_success;
    }
    s.print(to_lines(t, 0, first_xen_field()));
    if (args.has("numa")) {
        s.print(topology_text(rows.front().info, XENPP_TRY(h.topology())));
    }
    s.print(to_lines(t, first_xen_field()));
    return exit_success;
}

result<int> dmesg(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    s.print(XENPP_TRY(args.has("clear") ? h.take_console_ring() : h.console_ring()));
    return exit_success;
}

result<int> host(session& s, arguments const& args) {
    auto const& what = args.operands.front();
    if (what == "start") {
        return start(s);
    }
    if (what != "stop" && what != "status") {
        return refuse(fmt::format("'xl host' knows start, stop and status, not {}.", what));
    }
    auto const where = XENPP_TRY(os::state_dir::open());
    return what == "stop" ? stop(s, where, args.has("force")) : status(s, where);
}

} // namespace xenpp::cli::xl
