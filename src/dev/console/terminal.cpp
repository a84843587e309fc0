// SPDX-License-Identifier: Apache-2.0
// Pseudo-terminals.
#include <xenpp/dev/console/terminal.hpp>
#include <xenpp/os/file.hpp>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>

namespace xenpp::dev {

namespace {

constexpr std::string_view operation = "make a terminal";

} // namespace

result<console_terminal> console_terminal::open(std::size_t limit) {
    os::unique_fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    std::array<char, PATH_MAX> name{};
    if (!master || ::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0 ||
        ::ptsname_r(master.get(), name.data(), name.size()) != 0) {
        return os::fail_errno(operation);
    }
    os::unique_fd slave(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    termios mode{};
    if (!slave || ::tcgetattr(slave.get(), &mode) != 0) {
        return os::fail_errno(operation, name.data());
    }
    ::cfmakeraw(&mode);
    if (::tcsetattr(slave.get(), TCSANOW, &mode) != 0) {
        return os::fail_errno(operation, name.data());
    }
    return console_terminal(std::move(master), std::move(slave), name.data(), limit);
}

void console_terminal::show(std::string_view output) {
    waiting_ += output;
    flush();
    if (waiting_.size() > limit_) {
        // More than need be, so that it does not happen with every line.
        waiting_.erase(0, waiting_.size() - limit_ + limit_ / 4);
    }
}

void console_terminal::flush() {
    std::size_t done = 0;
    while (done < waiting_.size()) {
        auto const n = ::write(master_.get(), waiting_.data() + done, waiting_.size() - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break; // full: nobody reads
        }
        done += static_cast<std::size_t>(n);
    }
    waiting_.erase(0, done);
}

std::string_view console_terminal::read(std::span<char> into) const noexcept {
    auto const n = into.empty() ? 0 : ::read(master_.get(), into.data(), into.size());
    return {into.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
}

} // namespace xenpp::dev
