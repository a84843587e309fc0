// SPDX-License-Identifier: Apache-2.0
// Finding the embedded host, and starting it.
#include "host/find_daemon.hpp"
#include "host/open.hpp"

#include <xenpp/host_parts.hpp>
#include <xenpp/os/clock.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/process.hpp>
#include <xenpp/os/state_dir.hpp>
#include <xenpp/store/connection.hpp>
#include <xenpp/transport/machine.hpp>

#include <fmt/core.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>

namespace xenpp::detail {
namespace {

constexpr std::string_view operation = "start the embedded host";
using clock = std::chrono::steady_clock;

/// A connection that has been answered once: a daemon that is being killed still takes some.
result<std::unique_ptr<store::connection>> connect_alive(std::string const& socket) {
    auto connection = XENPP_TRY(store::connect_path(socket));
    store::message probe;
    probe.type = store::op::directory;
    probe.payload = std::string("/\0", 2);
    XENPP_TRY(connection->ask(std::move(probe)));
    return connection;
}

/// Both ways to a running host.
result<host_parts> connect(os::state_dir const& where) {
    host_parts parts;
    parts.kind = host_kind::embedded;
    // First this: it fails at once while nobody serves, and a slot of the machine's is not free.
    parts.store = XENPP_TRY(connect_alive(where.file("xenstored.socket")));
    auto machine =
        std::make_shared<transport::machine>(XENPP_TRY(transport::machine::connect(where)));
    parts.doors = std::shared_ptr<transport::doors>(machine, &machine->doors());
    parts.state_dir = where.path();
    return parts;
}

/// A daemon that we started, and what it writes.
struct starting {
    os::process process;
    std::string log;
    std::uintmax_t log_begins = 0;

    /// The end of what it wrote.
    std::string says() const {
        std::error_code none;
        auto const size = std::filesystem::file_size(log, none);
        auto const written = size >= log_begins ? size - log_begins : size; // a new one by now
        auto text = os::tail_of_file(
            log, static_cast<std::size_t>(std::min<std::uintmax_t>(written, 2000)));
        while (!text.empty() && text.back() == '\n') {
            text.pop_back();
        }
        return text;
    }
};

/// Begins the daemon's log. Its words are all that we know of a failure, and a quota shows only
/// when one writes.
result<void> begin_log(std::string const& path) {
    auto const fd = XENPP_TRY(os::open_file(path, O_WRONLY | O_CREAT | O_APPEND));
    auto const line = fmt::format("process {} starts a daemon\n", getpid());
    auto const written = write(fd.get(), line.data(), line.size());
    if (written != static_cast<ssize_t>(line.size())) {
        return fail(operation, written < 0 ? errno : ENOSPC, path);
    }
    return {};
}

result<starting> start_daemon(host_options const& options, os::state_dir const& where) {
    auto const program = find_daemon(options.daemon);
    if (program.empty()) {
        return fail(operation, ENOENT,
                    "xenppd is neither beside this program nor in PATH, and XENPPD does not name "
                    "it");
    }
    starting s{{}, where.file("xenppd.log"), 0};
    XENPP_TRY(begin_log(s.log));
    std::error_code none;
    auto const size = std::filesystem::file_size(s.log, none);
    s.log_begins = none ? 0 : size;
    std::vector<std::string> arguments{program, "--foreground"};
    if (!options.state_dir.empty()) {
        arguments.insert(arguments.end(), {"--state-dir", where.path()});
    }
    s.process = XENPP_TRY(os::spawn({std::move(arguments), s.log, true}));
    return s;
}

/// Whether another daemon than ours is on its way.
bool another_starts(os::state_dir const& where, int ours) {
    auto const pid = os::read_pid_file(where.file("xenppd.pid"));
    return pid && *pid != ours && os::process::open(*pid).has_value();
}

result<host_parts> start_and_connect(host_options const& options, os::state_dir const& where) {
    auto const end = clock::now() + options.start_timeout;
    auto const daemon = XENPP_TRY(start_daemon(options, where));
    for (;;) {
        bool const had_ended = !daemon.process.is_running();
        auto parts = connect(where);
        if (parts) {
            return parts;
        }
        if (had_ended && !another_starts(where, daemon.process.pid())) {
            auto const said = daemon.says();
            return fail(operation, said.empty() ? "xenppd ended without a word" : said);
        }
        if (clock::now() >= end) {
            return fail(operation, ETIMEDOUT,
                        fmt::format("it does not answer: {}", parts.error().message()));
        }
        daemon.process.wait(3); // not long: a machine that is up answers at once
        if (had_ended) {
            os::sleep_ns(3'000'000);
        }
    }
}

/// The host of a folder, whatever it takes.
result<host_parts> find(host_options const& options) {
    auto const where = XENPP_TRY(
        options.state_dir.empty() ? os::state_dir::open() : os::state_dir::open(options.state_dir));
    auto parts = connect(where);
    if (parts || !options.start) {
        return parts;
    }
    auto const why = std::move(parts.error());
    parts = start_and_connect(options, where);
    if (!parts && why.code != ENOENT && why.code != ECONNREFUSED) { // more than "not running"
        parts.error().detail +=
            fmt::format(" (it was to be started because of: {})", why.message());
    }
    return parts;
}

} // namespace

result<host> open_embedded_host(host_options const& options) {
    auto parts = XENPP_TRY(find(options));
    // The machine outlives its daemon: only the way to xenstore has to be found again.
    auto const socket = parts.state_dir + "/xenstored.socket";
    parts.connect_store = [options, socket]() -> result<std::unique_ptr<store::connection>> {
        if (auto again = connect_alive(socket)) {
            return again;
        }
        return std::move(XENPP_TRY(find(options)).store);
    };
    return assemble_host(std::move(parts));
}

} // namespace xenpp::detail
