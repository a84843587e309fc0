// SPDX-License-Identifier: Apache-2.0
// Sitting down at a domain's console.
#include "host/session.hpp"

#include <xenpp/console.hpp>
#include <xenpp/os/clock.hpp>
#include <xenpp/os/file.hpp>

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

namespace xenpp {
namespace {

constexpr std::string_view operation = "attach to console";
constexpr char escape_key = 0x1d; // Ctrl-]

/// Raw mode for a terminal, the old mode at the end; nothing for what is no terminal.
class raw_terminal {
public:
    explicit raw_terminal(int fd) noexcept : fd_(tcgetattr(fd, &old_) == 0 ? fd : -1) {
        if (fd_ >= 0) {
            auto raw = old_;
            cfmakeraw(&raw);
            tcsetattr(fd_, TCSANOW, &raw);
        }
    }

    raw_terminal(raw_terminal const&) = delete;
    raw_terminal& operator=(raw_terminal const&) = delete;

    ~raw_terminal() {
        if (fd_ >= 0) {
            tcsetattr(fd_, TCSAFLUSH, &old_);
        }
    }

private:
    termios old_{};
    int fd_;
};

/// False when the other end is gone.
bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        auto const n = write(fd, bytes.data(), bytes.size());
        if (n > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
        } else if (n < 0 && errno == EAGAIN) {
            pollfd p{fd, POLLOUT, 0};
            poll(&p, 1, -1);
        } else if (n == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

/// How copying between user and terminal ended.
enum class copy_end : std::uint8_t {
    escape,
    terminal_gone,
    input_ended,
};

class copier {
public:
    copier(int in, int out, int terminal) noexcept : in_(in), out_(out), terminal_(terminal) {}

    copy_end run() {
        for (;;) {
            std::array<pollfd, 2> fds{{{in_, POLLIN, 0}, {terminal_, POLLIN, 0}}};
            if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
                return copy_end::input_ended;
            }
            // What the guest said before it went is shown before anything else.
            if (fds[1].revents != 0 && !from_terminal()) {
                return copy_end::terminal_gone;
            }
            if (fds[0].revents != 0) {
                if (auto const end = from_user(); end != copy_end::terminal_gone || is_gone_) {
                    return end;
                }
            }
        }
    }

private:
    bool from_terminal() {
        auto const n = read(terminal_, buffer_.data(), buffer_.size());
        return n > 0 ? write_all(out_, {buffer_.data(), static_cast<std::size_t>(n)})
                     : n < 0 && (errno == EINTR || errno == EAGAIN);
    }

    /// `terminal_gone` with `is_gone_` unset: go on.
    copy_end from_user() {
        auto const n = read(in_, buffer_.data(), buffer_.size());
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
            return copy_end::input_ended;
        }
        if (n < 0) {
            return copy_end::terminal_gone;
        }
        std::string_view const typed(buffer_.data(), static_cast<std::size_t>(n));
        auto const end = typed.find(escape_key);
        is_gone_ = !write_all(terminal_, typed.substr(0, end));
        return end != std::string_view::npos ? copy_end::escape : copy_end::terminal_gone;
    }

    int in_, out_, terminal_;
    bool is_gone_ = false;
    std::array<char, 4096> buffer_{};
};

result<os::unique_fd> open_terminal(std::string const& path) {
    auto fd = os::open_file(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (fd) {
        termios raw{};
        if (tcgetattr(fd->get(), &raw) == 0) { // the guest does echo and line ends itself
            cfmakeraw(&raw);
            tcsetattr(fd->get(), TCSANOW, &raw);
        }
    }
    return fd;
}

} // namespace

result<std::string> console::tty(std::chrono::milliseconds timeout) const {
    constexpr std::chrono::milliseconds between{20};
    auto const end = std::chrono::steady_clock::now() + timeout;
    auto& s = *domain_->s;
    for (;;) {
        XENPP_TRY(domain_->check("find console"));
        s.turn();
        auto const path = s.store().read(detail::domain_node(domain_->id, "console/tty"));
        if (path && !path->empty()) {
            return path;
        }
        if (!path && !detail::is_missing(path.error())) {
            XENPP_TRY(s.reopen_store());
        }
        if (std::chrono::steady_clock::now() >= end) {
            return fail("find console", ETIMEDOUT, "no console backend has made a terminal for it");
        }
        os::sleep_ns(static_cast<std::uint64_t>(between.count()) * 1'000'000);
    }
}

result<std::string> console::log() const {
    XENPP_TRY(domain_->check("find console log"));
    auto const name = XENPP_TRY(domain_->s->name_of(domain_->id));
    if (domain_->s->kind() == host_kind::native) { // where xenconsoled puts it if it is told to log
        return "/var/log/xen/console/guest-" + name + ".log";
    }
    return domain_->s->file("consoles/" + name + ".log");
}

result<console_end> console::attach(int in, int out) const {
    raw_terminal const raw(in);
    for (;;) {
        auto const path = tty();
        if (!path) {
            return path.error().code == ESRCH ? result<console_end>(console_end::domain_gone)
                                              : unexpected(path.error());
        }
        auto const terminal = open_terminal(*path);
        if (terminal) {
            switch (copier(in, out, terminal->get()).run()) {
            case copy_end::escape: return console_end::escape;
            case copy_end::input_ended: return console_end::input_ended;
            case copy_end::terminal_gone: break;
            }
        }
        // The domain ended, or the backend did and its successor makes a new terminal.
        auto const info = domain_->check(operation);
        if (!info && info.error().code != ESRCH) {
            return unexpected(info.error());
        }
        if (!info || (info->flags & (abi::dominf_dying | abi::dominf_shutdown)) != 0) {
            return console_end::domain_gone;
        }
        os::sleep_ns(100'000'000);
    }
}

} // namespace xenpp
