// SPDX-License-Identifier: Apache-2.0
// Starting qemu-nbd with a socket to listen at, as systemd would.
#include <xenpp/os/file.hpp>
#include <xenpp/os/unix_socket.hpp>

#include <fmt/format.h>

#include <dev/vbd/nbd_server.hpp>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string_view>
#include <utility>
#include <vector>

namespace xenpp::dev::detail {

namespace {

constexpr std::string_view operation = "start qemu-nbd";

/// How long a process that was killed may take to go.
constexpr int most_kill_ms = 1000;

/// Becomes qemu-nbd, under the same number; it listens at 3. Without a client that was greeted it
/// would wait for another one for ever, with its image locked. 4 tells of our end: without a word
/// before it somebody asks qemu-nbd to end, for a minute, since it forgets what it is asked while
/// it starts.
constexpr char const* script =
    "( (read _ <&4 || while kill $$ && [ $((n += 1)) -lt 60 ]; do sleep 1; done) 3<&- "
    "2>/dev/null & ); LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\" 4<&-";

/// QEMU's name of a format.
std::string_view driver_of(disk_format f) noexcept {
    return f == disk_format::vhd ? "vpc" : to_string(f);
}

std::vector<std::string> server_command(vbd_config const& c) {
    std::vector<std::string> out{"sh",
                                 "-c",
                                 script,
                                 "sh",
                                 "qemu-nbd",
                                 fmt::format("--format={}", driver_of(c.format)),
                                 "--discard=unmap",
                                 "--shared=1"};
    if (c.is_read_only) {
        out.emplace_back("--read-only");
    }
    // Ours is the cache that a guest's flush is about, as with raw images.
    out.emplace_back(c.direct_io_safe ? "--cache=none" : "--cache=writeback");
    out.emplace_back("--");
    out.push_back(c.target);
    return out;
}

} // namespace

result<nbd_server> nbd_server::start(vbd_config const& c, std::string const& name) {
    nbd_server s;
    auto const listener = XENPP_TRY(os::listen_unix(name, os::socket_kind::stream));
    auto connection = os::connect_unix(name, os::socket_kind::stream);
    ::unlink(name.c_str());
    s.connection_ = XENPP_TRY(std::move(connection));
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return os::fail_errno(operation);
    }
    s.bond_.reset(ends[0]);
    os::unique_fd const its_end(ends[1]);
    s.log_.reset(::memfd_create("qemu-nbd.log", MFD_CLOEXEC));
    if (!s.log_) {
        return os::fail_errno(operation);
    }
    s.process_ = XENPP_TRY(os::spawn({.arguments = server_command(c),
                                      .log = os::path_of(s.log_.get()),
                                      .descriptors = {listener.get(), its_end.get()}}));
    return s;
}

nbd_server::~nbd_server() {
    if (bond_ && process_.fd() >= 0) {
        static_cast<void>(process_.send_signal(SIGKILL));               // it has nothing to write
        static_cast<void>(!::send(bond_.get(), "\n", 1, MSG_NOSIGNAL)); // nobody need end it
        process_.wait(most_kill_ms);
    }
}

os::process nbd_server::is_met() {
    static_cast<void>(!::send(bond_.get(), "\n", 1, MSG_NOSIGNAL));
    bond_.reset();
    return std::move(process_);
}

std::string nbd_server::words() const {
    auto text = os::tail_of_file(os::path_of(log_.get()), 2000);
    while (text.ends_with('\n')) {
        text.pop_back();
    }
    std::ranges::replace(text, '\n', ' ');
    return text;
}

} // namespace xenpp::dev::detail
