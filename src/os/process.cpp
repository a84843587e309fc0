// SPDX-License-Identifier: Apache-2.0
// fork and exec with nothing inherited but what was asked for, and pidfds.
#include <xenpp/os/file.hpp>
#include <xenpp/os/process.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>

namespace xenpp::os {

namespace {

/// What a new process reports through the pipe: how far it came.
struct birth {
    pid_t pid = 0;
    int failed = 0; ///< errno of exec
};

/// In the new process, after fork in a program that may have threads: system calls only.
[[noreturn]] void
become(char* const* arguments, char const* program, int null, int log, int report) {
    signal(SIGPIPE, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    // `report` moves to 3, closed by a successful exec; all above goes.
    ::dup2(null, 0);
    ::dup2(log, 1);
    ::dup2(log, 2);
    ::dup2(report, 3);
    ::fcntl(3, F_SETFD, FD_CLOEXEC);
    ::syscall(SYS_close_range, 4U, ~0U, 0U);
    ::execv(program, arguments);
    birth const b{0, errno};
    static_cast<void>(!::write(3, &b, sizeof b));
    ::_exit(127);
}

/// The same open file under a number that is not one of those the child is to have.
result<unique_fd> out_of_the_way(unique_fd fd) {
    unique_fd high(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 10));
    if (!high) {
        return fail_errno("dup");
    }
    return high;
}

int open_pidfd(pid_t pid) noexcept {
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U));
}

/// What the reports say: the pid, or the errno of exec. Ends when the last writer is gone.
birth read_reports(int fd) {
    birth all;
    for (;;) {
        birth b;
        auto const n = ::read(fd, &b, sizeof b);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n != static_cast<ssize_t>(sizeof b)) {
            return all;
        }
        all.pid = b.pid != 0 ? b.pid : all.pid;
        all.failed = b.failed != 0 ? b.failed : all.failed;
    }
}

void reap(pid_t child) noexcept {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
}

} // namespace

std::string find_program(std::string const& program) {
    if (program.find('/') != std::string::npos) {
        return ::access(program.c_str(), X_OK) == 0 ? program : std::string();
    }
    char const* const path = std::getenv("PATH"); // NOLINT(concurrency-mt-unsafe): read only
    std::string_view rest = path != nullptr ? path : "/usr/bin:/bin";
    while (!rest.empty()) {
        auto const end = rest.find(':');
        auto const candidate = fmt::format("{}/{}", rest.substr(0, end), program);
        if (::access(candidate.c_str(), X_OK) == 0) {
            return candidate;
        }
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return {};
}

result<process> spawn(spawn_config const& config) {
    auto const program = find_program(config.arguments.front());
    if (program.empty()) {
        return fail("spawn", errc::noent, config.arguments.front() + " is not installed");
    }
    auto const null = XENPP_TRY(out_of_the_way(XENPP_TRY(open_file("/dev/null", O_RDWR))));
    auto const log = XENPP_TRY(out_of_the_way(XENPP_TRY(
        open_file(config.log.empty() ? "/dev/null" : config.log, O_WRONLY | O_CREAT | O_APPEND))));
    std::vector<char*> arguments;
    for (auto const& a : config.arguments) {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): execv's old type
        arguments.push_back(const_cast<char*>(a.c_str()));
    }
    arguments.push_back(nullptr);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail_errno("pipe");
    }
    unique_fd const in(ends[0]);
    auto out = XENPP_TRY(out_of_the_way(unique_fd(ends[1])));

    pid_t const child = ::fork();
    if (child < 0) {
        return fail_errno("fork");
    }
    if (child == 0) {
        if (!config.detached) {
            become(arguments.data(), program.c_str(), null.get(), log.get(), out.get());
        }
        ::setsid();
        pid_t const grandchild = ::fork();
        if (grandchild == 0) {
            become(arguments.data(), program.c_str(), null.get(), log.get(), out.get());
        }
        birth const b{grandchild, grandchild < 0 ? errno : 0};
        static_cast<void>(!::write(out.get(), &b, sizeof b));
        ::_exit(0);
    }
    out.reset();
    auto born = read_reports(in.get());
    if (config.detached) {
        reap(child);
    } else {
        born.pid = child;
    }
    if (born.failed != 0) {
        if (!config.detached) {
            reap(child);
        }
        return fail("spawn", born.failed, program);
    }
    return process::open(born.pid);
}

result<process> process::open(int pid) {
    unique_fd fd(pid > 0 ? open_pidfd(pid) : (errno = ESRCH, -1));
    if (!fd) {
        return fail_errno("pidfd_open", fmt::format("process {}", pid));
    }
    return process(pid, std::move(fd));
}

bool process::is_running() const noexcept {
    return pidfd_ && !wait(0);
}

bool process::wait(int timeout_ms) const noexcept {
    pollfd p{pidfd_.get(), POLLIN, 0};
    int const n = ::poll(&p, 1, timeout_ms);
    if (n <= 0) {
        return false;
    }
    siginfo_t info{};
    ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG);
    return true;
}

std::optional<int> process::exit_status() const noexcept {
    constexpr int killed = 128;
    siginfo_t info{};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG) != 0 ||
        info.si_pid == 0) {
        return std::nullopt;
    }
    return info.si_code == CLD_EXITED ? info.si_status : killed + info.si_status;
}

result<void> process::send_signal(int signal) const {
    if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0U) != 0) {
        return fail_errno("kill", fmt::format("process {}", pid_));
    }
    return {};
}

std::string process::program() const {
    std::array<char, PATH_MAX> path{};
    auto const n = ::readlink(fmt::format("/proc/{}/exe", pid_).c_str(), path.data(), path.size());
    return n > 0 ? std::string(path.data(), static_cast<std::size_t>(n)) : std::string();
}

std::vector<std::string> process::arguments() const {
    auto const line = read_file(fmt::format("/proc/{}/cmdline", pid_));
    std::vector<std::string> out;
    std::string_view rest = line ? std::string_view(*line) : std::string_view();
    while (!rest.empty()) {
        auto const end = rest.find('\0');
        out.emplace_back(rest.substr(0, end));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return out;
}

} // namespace xenpp::os
