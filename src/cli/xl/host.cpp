// SPDX-License-Identifier: Apache-2.0
// xl info, dmesg, debug-keys, and our own xl host: the hypervisor and its machine.
#include "cli/xl/lookup.hpp"

#include <xenpp/cli/host_view.hpp>
#include <xenpp/cli/xl.hpp>
#include <xenpp/daemon.hpp>
#include <xenpp/os/state_dir.hpp>
#include <xenpp/transport/machine.hpp>

#include <fmt/format.h>

#include <sys/utsname.h>

namespace xenpp::cli::xl {
namespace {

constexpr int status_not_running = 3; // what init scripts return for it

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

result<bool> is_running(os::state_dir const& where) {
    return XENPP_TRY(transport::running_machine(where)) != 0 || running_daemon(where) != 0;
}

result<int> status(session& s, os::state_dir const& where) {
    if (!XENPP_TRY(is_running(where))) {
        s.print(fmt::format("no embedded host runs in {}\n", where.path()));
        return status_not_running;
    }
    auto const& h = *XENPP_TRY(s.open_running());
    auto const guests = XENPP_TRY(guest_names(h));
    s.print(fmt::format("{}\nstate folder: {}\nmachine: process {}\ndaemon: process {}\n"
                        "guests: {}\n",
                        XENPP_TRY(h.info()).connection, where.path(),
                        XENPP_TRY(transport::running_machine(where)), running_daemon(where),
                        guests.empty() ? "none" : guests));
    return exit_success;
}

/// Refuses while guests run; with `is_forced` they end with the machine.
result<int> stop(session& s, os::state_dir const& where, bool is_forced) {
    if (!XENPP_TRY(is_running(where))) {
        s.print(fmt::format("no embedded host runs in {}\n", where.path()));
        return exit_success;
    }
    if (!is_forced) {
        if (auto const h = s.open_running()) { // else `stop_host` looks, without the daemon
            auto const guests = XENPP_TRY(guest_names(**h));
            if (!guests.empty()) {
                return refuse(fmt::format("Not stopping the host while it has guests ({}); shut "
                                          "them down first, or use -f to end them.",
                                          guests));
            }
        }
        s.close(); // a connection to a machine that ends would wait for its answer
    }
    XENPP_TRY(stop_host(where, is_forced));
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

result<int> debug_keys(session& s, arguments const& args) {
    XENPP_TRY(XENPP_TRY(s.open())->press_debug_keys(args.operands.front()));
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
