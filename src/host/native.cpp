// SPDX-License-Identifier: Apache-2.0
// Putting a real Xen host together, and keeping its monitor alive.
#include "host/native.hpp"

#include "host/building.hpp"
#include "host/find_daemon.hpp"
#include "host/nodes.hpp"
#include "host/open.hpp"
#include "host/reap.hpp"
#include "host/restart.hpp"

#include <xenpp/dev/xenbus/device.hpp>
#include <xenpp/os/process.hpp>
#include <xenpp/store/path.hpp>
#include <xenpp/transport/native.hpp>

#include <fmt/core.h>

#include <daemon/lock.hpp>

#include <algorithm>
#include <cerrno>

namespace xenpp::detail {
namespace {

result<std::unique_ptr<store::connection>> connect_store(std::string const& path) {
    auto connection = store::connect_path(path);
    if (!connection) {
        return fail("open Xen host", connection.error().code,
                    fmt::format("xenstored does not answer at {}: is it running? Debian's package "
                                "xen-utils starts it with \"service xen start\"",
                                path));
    }
    return connection;
}

result<host> open(host_options const& options, std::function<void(int)> turn = {}) {
    host_parts parts;
    parts.kind = host_kind::native;
    parts.doors = XENPP_TRY(transport::native::open());
    auto const path = parts.doors->store_path();
    parts.store = XENPP_TRY(connect_store(path));
    parts.connect_store = [path] { return connect_store(path); };
    parts.state_dir = XENPP_TRY(native_state_dir(options.state_dir)).path();
    parts.daemon = options.daemon;
    parts.turn = std::move(turn);
    return assemble_host(std::move(parts));
}

/// Whether there is a domain to watch, one that is on its way, or a device to serve.
result<bool> is_work_for_monitor(session& s) {
    if (!XENPP_TRY(dev::list_beside_kernel(s.store())).empty()) {
        return true;
    }
    for (auto const node : {building_node, restarting_node}) {
        auto const notes = s.store().directory(node);
        if (notes && !notes->empty()) {
            return true;
        }
    }
    auto const domains = s.store().directory("/libxl");
    if (!domains) {
        return is_missing(domains.error()) ? result<bool>(false) : unexpected(domains.error());
    }
    for (auto const& name : *domains) {
        auto const id = store::parse_domid(name);
        if (id && XENPP_TRY(is_monitored(s.store(), *id))) {
            return true;
        }
    }
    return false;
}

} // namespace

result<os::state_dir> native_state_dir(std::string const& told) {
    auto const named = os::state_dir_environment::of_this_process().xenpp_state_dir;
    return os::state_dir::open(!told.empty() ? told : !named.empty() ? named : "/var/lib/xenpp");
}

result<void> ensure_monitor(session& s) {
    constexpr std::string_view operation = "start the monitor";
    auto const where = XENPP_TRY(os::state_dir::open(s.file("")));
    if (daemon_pid(where) != 0) {
        return {};
    }
    auto const program = find_daemon(s.daemon());
    if (program.empty()) {
        return fail(operation, ENOENT,
                    "xenppd, which carries out on_reboot and the like, is neither beside this "
                    "program nor in PATH, and XENPPD does not name it");
    }
    XENPP_TRY(os::spawn(
        {{program, "--monitor", "--state-dir", where.path()}, where.file("xenppd.log"), true}));
    return {};
}

result<host> open_monitored_host(host_options const& options, std::function<void(int)> turn) {
    return open(options, std::move(turn));
}

result<host> open_native_host(host_options const& options) {
    auto h = XENPP_TRY(open(options));
    auto& s = *h.session();
    auto const where = XENPP_TRY(os::state_dir::open(s.file("")));
    if (daemon_pid(where) == 0) {
        XENPP_TRY(reap_dead_builders(s, [](std::string const&) {}));
        if (options.start && XENPP_TRY(is_work_for_monitor(s))) {
            // Whoever only looks should not fail for want of it.
            static_cast<void>(ensure_monitor(s).has_value());
        }
    }
    return h;
}

} // namespace xenpp::detail
