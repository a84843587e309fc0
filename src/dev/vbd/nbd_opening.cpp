// SPDX-License-Identifier: Apache-2.0
// Starting qemu-nbd or finding a server, without waiting for either.
#include <xenpp/os/file.hpp>

#include <fmt/format.h>

#include <dev/vbd/nbd_opening.hpp>
#include <libnbd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

namespace xenpp::dev::detail {

namespace {

constexpr std::string_view operation = "open disk image";

/// How often, and every how many milliseconds, a lock is looked at that a qemu-nbd of before may
/// still hold: it may have much to write when its client has died.
constexpr unsigned most_tries = 150;
constexpr long try_again_ms = 200;

constexpr std::array<std::string_view, 6> schemes{
    "nbd://", "nbds://", "nbd+unix://", "nbds+unix://", "nbd+vsock://", "nbds+vsock://",
};

/// QEMU's name of a format.
std::string_view driver_of(disk_format f) noexcept {
    return f == disk_format::vhd ? "vpc" : to_string(f);
}

std::vector<std::string> server_command(vbd_config const& c, std::string const& log) {
    // The shell only says where to complain; it becomes qemu-nbd, under the same number.
    std::vector<std::string> out{"/bin/sh",
                                 "-c",
                                 "exec 2>\"$0\"; exec \"$@\"",
                                 log.empty() ? "/dev/null" : log,
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

/// libnbd removes the socket that it gave qemu-nbd, and its folder, when the connection is closed:
/// nobody would if we are killed. Nobody needs them once there is the connection.
void remove_socket_of_server(nbd_handle* h) noexcept {
    sockaddr_un peer{};
    socklen_t size = sizeof peer - 1; // a zero is left at the end
    if (::getpeername(nbd_aio_get_fd(h), reinterpret_cast<sockaddr*>(&peer), &size) != 0 ||
        peer.sun_family != AF_UNIX) {
        return;
    }
    std::string_view const path = peer.sun_path;
    auto const folder = std::string(path.substr(0, path.rfind('/')));
    if (folder.starts_with("/tmp/libnbd")) {
        ::unlink(peer.sun_path);
        ::rmdir(folder.c_str());
    }
}

} // namespace

bool is_nbd_uri(std::string_view target) noexcept {
    return std::ranges::any_of(schemes,
                               [target](std::string_view s) { return target.starts_with(s); });
}

nbd_opening::nbd_opening(vbd_config config,
                         backend_services& services,
                         std::function<void()> opened)
    : config_(std::move(config)), services_(services), opened_(std::move(opened)) {
    start();
}

nbd_opening::~nbd_opening() {
    leave_fd();
    if (timer_) {
        services_.remove_fd(timer_.get());
    }
    if (auto const path = log_path(); !path.empty()) {
        ::unlink(path.c_str());
    }
}

std::string nbd_opening::log_path() const {
    auto name = config_.vdev + fmt::format("-{:x}.log", reinterpret_cast<std::uintptr_t>(this));
    return services_.state_file(name);
}

void nbd_opening::start() {
    handle_.reset(nbd_create());
    if (!handle_) {
        finish(error{operation, ENOMEM, nbd_get_error()});
        return;
    }
    auto* const h = handle_.get();
    int started = -1;
    if (is_nbd_uri(config_.target)) {
        started = nbd_aio_connect_uri(h, config_.target.c_str());
    } else {
        auto words = server_command(config_, log_path());
        std::vector<char*> argv;
        for (auto& w : words) {
            argv.push_back(w.data());
        }
        argv.push_back(nullptr);
        started = nbd_aio_connect_systemd_socket_activation(h, argv.data());
    }
    if (started < 0) {
        finish(error{operation, nbd_get_errno(),
                     fmt::format("{}: {}", config_.target, nbd_get_error())});
        return;
    }
    event();
}

void nbd_opening::event() {
    auto* const h = handle_.get();
    while (nbd_aio_is_connecting(h) == 1) {
        auto const before = nbd_aio_get_direction(h);
        int const moved = (before & LIBNBD_AIO_DIRECTION_WRITE) != 0  ? nbd_aio_notify_write(h)
                          : (before & LIBNBD_AIO_DIRECTION_READ) != 0 ? nbd_aio_notify_read(h)
                                                                      : -1;
        if (moved < 0 || nbd_aio_get_direction(h) == before) {
            break;
        }
    }
    if (nbd_aio_is_ready(h) == 1) {
        if (!is_nbd_uri(config_.target)) {
            remove_socket_of_server(h);
        }
        finish(std::nullopt);
    } else if (nbd_aio_is_connecting(h) == 1) {
        poll_fd();
    } else {
        auto const words = server_words();
        if (words.find("lock") != std::string::npos && tries_++ != most_tries) {
            try_later();
            return;
        }
        finish(error{operation, 0,
                     fmt::format("{}: {}", config_.target,
                                 words.empty() ? std::string(nbd_get_error()) : words)});
    }
}

/// The socket may change on the way.
void nbd_opening::poll_fd() {
    auto* const h = handle_.get();
    auto const fd = nbd_aio_get_fd(h);
    if (fd != polled_) {
        leave_fd();
    }
    polled_ = fd;
    bool const to_write = (nbd_aio_get_direction(h) & LIBNBD_AIO_DIRECTION_WRITE) != 0;
    static_cast<void>(services_.add_fd(
        fd, [this] { event(); }, to_write));
}

void nbd_opening::leave_fd() noexcept {
    if (polled_ >= 0) {
        services_.remove_fd(std::exchange(polled_, -1));
    }
}

/// What qemu-nbd complained about, in one line.
std::string nbd_opening::server_words() const {
    auto const path = log_path();
    auto text = path.empty() ? std::string() : os::tail_of_file(path, 2000);
    while (text.ends_with('\n')) {
        text.pop_back();
    }
    for (auto& c : text) {
        c = c == '\n' ? ' ' : c;
    }
    return text;
}

void nbd_opening::try_later() {
    leave_fd();
    handle_.reset();
    if (!timer_) {
        timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
        static_cast<void>(services_.add_fd(timer_.get(), [this] {
            std::uint64_t count = 0;
            static_cast<void>(!::read(timer_.get(), &count, sizeof count));
            start();
        }));
    }
    itimerspec const once{{0, 0}, {0, try_again_ms * 1'000'000}};
    ::timerfd_settime(timer_.get(), 0, &once, nullptr);
}

void nbd_opening::finish(std::optional<error> e) {
    leave_fd();
    error_ = std::move(e);
    is_finished_ = true;
    services_.later(opened_);
}

result<std::unique_ptr<block_image>> nbd_opening::take() {
    if (!is_finished_) {
        return std::unique_ptr<block_image>();
    }
    if (error_) {
        return unexpected(*error_);
    }
    return make_nbd_image(std::move(handle_), config_);
}

} // namespace xenpp::dev::detail
