// SPDX-License-Identifier: Apache-2.0
// The two transports of a client: a file descriptor, and a server in this process.
#include <xenpp/store/connection.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <set>

namespace xenpp::store {

namespace {

constexpr std::string_view talking = "talk to xenstore";

class fd_connection final : public connection {
public:
    fd_connection(int fd, bool is_socket) : fd_(fd), is_socket_(is_socket) {}

    fd_connection(fd_connection const&) = delete;
    fd_connection& operator=(fd_connection const&) = delete;

    ~fd_connection() override { ::close(fd_); }

    result<message> ask(message request) override {
        request.req_id = ++last_request_;
        XENPP_TRY(write_all(encode(request)));
        for (;;) {
            auto m = XENPP_TRY(next_message(-1));
            if (!m) {
                continue;
            }
            if (m->type == op::watch_event) {
                events_.push_back(std::move(*m));
            } else if (m->req_id == request.req_id) {
                return std::move(*m);
            }
        }
    }

    result<std::optional<message>> next_event(int timeout_ms) override {
        while (events_.empty()) {
            auto m = XENPP_TRY(next_message(timeout_ms));
            if (!m) {
                return std::optional<message>{};
            }
            if (m->type == op::watch_event) {
                events_.push_back(std::move(*m));
            }
        }
        auto first = std::move(events_.front());
        events_.pop_front();
        return std::optional(std::move(first));
    }

    int event_fd() const noexcept override { return fd_; }

private:
    result<void> write_all(std::string_view bytes) {
        while (!bytes.empty()) {
            auto const n = is_socket_ ? ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL)
                                      : ::write(fd_, bytes.data(), bytes.size());
            if (n < 0 && errno == EINTR) {
                continue;
            }
            if (n < 0) {
                return fail(talking, errno);
            }
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return {};
    }

    /// Nothing only if the time is over.
    result<std::optional<message>> next_message(int timeout_ms) {
        for (;;) {
            auto next = in_.next();
            if (!next) {
                return fail(talking, next.error(), "the server announced too long a message");
            }
            if (*next) {
                return std::move(*next);
            }
            pollfd waiting{fd_, POLLIN, 0};
            auto const ready = ::poll(&waiting, 1, timeout_ms);
            if (ready == 0) {
                return std::optional<message>{};
            }
            if (ready < 0 && errno != EINTR) {
                return fail(talking, errno);
            }
            if (ready > 0) {
                XENPP_TRY(read_some());
            }
        }
    }

    result<void> read_some() {
        char buffer[8192];
        auto const n = ::read(fd_, buffer, sizeof buffer);
        if (n == 0) {
            return fail(talking, errc::io, "the server closed the connection");
        }
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            return fail(talking, errno);
        }
        if (n > 0) {
            in_.feed(std::string_view(buffer, static_cast<std::size_t>(n)));
        }
        return {};
    }

    int fd_;
    bool is_socket_;
    std::uint32_t last_request_ = 0;
    assembler in_;
    std::deque<message> events_;
};

class memory_connection final : public connection {
public:
    memory_connection(server& s, domid self, bool is_privileged)
        : server_(s), id_(s.connect_inside(self, is_privileged)) {}

    memory_connection(memory_connection const&) = delete;
    memory_connection& operator=(memory_connection const&) = delete;

    ~memory_connection() override { server_.disconnect(id_); }

    result<message> ask(message request) override {
        request.req_id = ++last_request_;
        server_.handle(id_, request);
        std::optional<message> reply;
        take(request.req_id, &reply);
        if (!reply) {
            return given_up();
        }
        return std::move(*reply);
    }

    result<std::optional<message>> next_event(int) override {
        if (!server_.is_open(id_)) {
            return given_up(); // events are lost, and nobody may go on as if there were none
        }
        take(0, nullptr);
        if (events_.empty()) {
            return std::optional<message>{};
        }
        auto first = std::move(events_.front());
        events_.pop_front();
        waiting_.erase(first.payload);
        note_unread(unread_ - first.payload.size());
        return std::optional(std::move(first));
    }

    int event_fd() const noexcept override { return -1; }

private:
    static unexpected<error> given_up() {
        return fail(talking, errc::io, "the server gave this client up");
    }

    void note_unread(std::size_t bytes) {
        unread_ = bytes;
        server_.set_unread(id_, bytes);
    }

    void take(std::uint32_t req_id, std::optional<message>* reply) {
        auto bytes = server_.output(id_);
        std::size_t total = 0;
        for (;;) {
            std::size_t used = 0;
            auto next = decode(bytes, used);
            if (!next || !*next) {
                break;
            }
            bytes.remove_prefix(used);
            total += used;
            if ((*next)->type == op::watch_event) {
                // One that waits already says all that a second could.
                if (waiting_.insert((*next)->payload).second) {
                    note_unread(unread_ + (*next)->payload.size());
                    events_.push_back(std::move(**next));
                }
            } else if (reply != nullptr && (*next)->req_id == req_id) {
                *reply = std::move(**next);
            }
        }
        server_.consume_output(id_, total);
    }

    server& server_;
    connection_id id_;
    std::uint32_t last_request_ = 0;
    std::size_t unread_ = 0; ///< bytes in `events_`
    std::deque<message> events_;
    std::set<std::string> waiting_; ///< their payloads
};

} // namespace

std::string default_server_path() {
    // NOLINTBEGIN(concurrency-mt-unsafe): read-only use of the environment
    if (auto const* path = std::getenv("XENSTORED_PATH")) {
        return path;
    }
    if (auto const* folder = std::getenv("XENSTORED_RUNDIR")) {
        return std::string(folder) + "/socket";
    }
    // NOLINTEND(concurrency-mt-unsafe)
    constexpr auto usual = "/run/xenstored/socket";
    return ::access(usual, F_OK) == 0 ? usual : "/dev/xen/xenbus";
}

result<std::unique_ptr<connection>> connect_path(std::string const& path) {
    constexpr std::string_view connecting = "connect to xenstore";

    struct stat info {};

    if (::stat(path.c_str(), &info) != 0) {
        return fail(connecting, errno, path);
    }
    if (S_ISCHR(info.st_mode)) {
        int const fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        if (fd < 0) {
            return fail(connecting, errno, path);
        }
        return std::unique_ptr<connection>(std::make_unique<fd_connection>(fd, false));
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return fail(connecting, ENAMETOOLONG, path);
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    int const fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fail(connecting, errno);
    }
    auto made = std::make_unique<fd_connection>(fd, true);
    if (::connect(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0) {
        return fail(connecting, errno, path);
    }
    return std::unique_ptr<connection>(std::move(made));
}

std::unique_ptr<connection> connect_memory(server& s, domid self, bool is_privileged) {
    return std::make_unique<memory_connection>(s, self, is_privileged);
}

} // namespace xenpp::store
