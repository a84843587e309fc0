// SPDX-License-Identifier: Apache-2.0
// Accepting, reading and writing sockets by epoll.
#include <xenpp/store/socket_server.hpp>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace xenpp::store {

namespace {

constexpr std::string_view listening = "listen for xenstore clients";

void set_interest(int epoll, int fd, std::uint32_t events, int how) {
    epoll_event e{};
    e.events = events;
    e.data.fd = fd;
    // Fails only for descriptors that are not ours, or without memory: then the client stalls.
    static_cast<void>(::epoll_ctl(epoll, how, fd, &e));
}

} // namespace

socket_server::socket_server(socket_server&& other) noexcept
    : path_(std::move(other.path_))
    , server_(other.server_)
    , listener_(std::exchange(other.listener_, -1))
    , epoll_(std::exchange(other.epoll_, -1))
    , is_listening_(other.is_listening_)
    , clients_(std::move(other.clients_)) {}

socket_server::~socket_server() {
    for (auto const& [fd, c] : clients_) {
        ::close(fd);
        server_->disconnect(c.id);
    }
    if (listener_ >= 0) {
        ::unlink(path_.c_str());
        ::close(listener_);
    }
    if (epoll_ >= 0) {
        ::close(epoll_);
    }
}

result<socket_server> socket_server::listen(std::string path, server& s) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return fail(listening, ENAMETOOLONG, path);
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    socket_server out(std::move(path), s);
    out.epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    int const fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (out.epoll_ < 0 || fd < 0) {
        return fail(listening, errno, out.path_);
    }
    ::unlink(out.path_.c_str());
    if (::bind(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0) {
        int const why = errno;
        ::close(fd);
        return fail(listening, why, out.path_);
    }
    out.listener_ = fd;
    // Nobody can connect before listen(), so the mode is right from the first client on.
    if (::chmod(out.path_.c_str(), 0600) != 0 || ::listen(fd, 128) != 0) {
        return fail(listening, errno, out.path_);
    }
    set_interest(out.epoll_, fd, EPOLLIN, EPOLL_CTL_ADD);
    return out;
}

void socket_server::watch_listener(bool is_on) {
    if (is_on != is_listening_) {
        is_listening_ = is_on;
        set_interest(epoll_, listener_, is_on ? std::uint32_t{EPOLLIN} : 0, EPOLL_CTL_MOD);
    }
}

void socket_server::accept_all() {
    for (;;) {
        int const fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            // Out of descriptors: those who wait are served when another client goes, or at the
            // next call of `accept_again`.
            if (errno == EMFILE || errno == ENFILE) {
                watch_listener(false);
            }
            return;
        }
        auto& c = clients_[fd];
        c.id = server_->connect(dom0, true);
        c.interest = EPOLLIN;
        set_interest(epoll_, fd, c.interest, EPOLL_CTL_ADD);
    }
}

void socket_server::drop(int fd) {
    if (auto const at = clients_.find(fd); at != clients_.end()) {
        server_->disconnect(at->second.id);
        clients_.erase(at);
        ::close(fd);
        watch_listener(true);
    }
}

bool socket_server::execute(client& c) {
    for (;;) {
        c.is_stalled = server_->output(c.id).size() > output_limit;
        if (c.is_stalled) {
            return true;
        }
        auto const next = c.in.next();
        if (!next) {
            return false;
        }
        if (!*next) {
            return true;
        }
        server_->handle(c.id, **next);
    }
}

bool socket_server::read_from(int fd, client& c) {
    std::array<char, 16 * 1024> buffer;
    auto const n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        return false;
    }
    if (n > 0) {
        c.in.feed(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
    }
    return true;
}

result<void> socket_server::receive() {
    std::array<epoll_event, 64> events;
    int const n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
    if (n < 0 && errno != EINTR) {
        return fail("serve xenstore clients", errno);
    }
    for (int i = 0; i < n; ++i) {
        auto const& e = events[static_cast<std::size_t>(i)];
        if (e.data.fd == listener_) {
            accept_all();
            continue;
        }
        auto const at = clients_.find(e.data.fd);
        if (at == clients_.end()) {
            continue;
        }
        bool is_fine = true;
        if ((e.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
            is_fine = read_from(e.data.fd, at->second);
        }
        if (!is_fine || !execute(at->second)) {
            drop(e.data.fd);
        }
    }
    return {};
}

bool socket_server::write_to(int fd, client& c) {
    if (!server_->is_open(c.id)) {
        return false;
    }
    for (auto bytes = server_->output(c.id); !bytes.empty(); bytes = server_->output(c.id)) {
        auto const n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            break;
        }
        if (n < 0) {
            return false;
        }
        server_->consume_output(c.id, static_cast<std::size_t>(n));
    }
    // A stalled client has requests in hand: being writable is what wakes it.
    bool const is_waiting = !server_->output(c.id).empty() || c.is_stalled;
    std::uint32_t const wanted =
        (c.is_stalled ? 0U : std::uint32_t{EPOLLIN}) | (is_waiting ? std::uint32_t{EPOLLOUT} : 0U);
    if (wanted != c.interest) {
        c.interest = wanted;
        set_interest(epoll_, fd, wanted, EPOLL_CTL_MOD);
    }
    return true;
}

void socket_server::send() {
    std::vector<int> gone;
    for (auto& [fd, c] : clients_) {
        if (!write_to(fd, c)) {
            gone.push_back(fd);
        }
    }
    for (int const fd : gone) {
        drop(fd);
    }
}

} // namespace xenpp::store
