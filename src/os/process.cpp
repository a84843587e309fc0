// SPDX-License-Identifier: Apache-2.0
// fork and exec with nothing inherited but what was asked for, and pidfds.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/process.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <span>
#include <sstream>

namespace xenpp::os {

namespace {

/// A child's descriptors, and the one that it reports through, are below this.
constexpr int most_descriptors = 10;

/// What a new process reports through the pipe: how far it came.
struct birth {
    pid_t pid = 0;
    int failed = 0; ///< errno of exec
};

/// What a new process starts from.
struct becoming {
    char const* program;
    char* const* arguments;
    int null;
    int log;
    int report;
    std::span<unique_fd const> more;
};

/// In the new process, after fork in a program that may have threads: system calls only.
[[noreturn]] void become(becoming const& b) {
    signal(SIGPIPE, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    rlimit descriptors{};
    if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur > FD_SETSIZE) {
        descriptors.rlim_cur = FD_SETSIZE;
        ::setrlimit(RLIMIT_NOFILE, &descriptors);
    }
    ::dup2(b.null, 0);
    ::dup2(b.log, 1);
    ::dup2(b.log, 2);
    int next = 3;
    for (auto const& fd : b.more) {
        ::dup2(fd.get(), next++);
    }
    // `report` comes last, closed by a successful exec; all above goes.
    ::dup2(b.report, next);
    ::fcntl(next, F_SETFD, FD_CLOEXEC);
    ::syscall(SYS_close_range, static_cast<unsigned>(next) + 1, ~0U, 0U);
    ::execv(b.program, b.arguments);
    birth const failed{0, errno};
    static_cast<void>(!::write(next, &failed, sizeof failed));
    ::_exit(127);
}

/// The same open file under a number that is not one of those the child is to have.
result<unique_fd> out_of_the_way(int fd) {
    unique_fd high(::fcntl(fd, F_DUPFD_CLOEXEC, most_descriptors));
    if (!high) {
        return fail_errno("dup");
    }
    return high;
}

result<unique_fd> open_out_of_the_way(std::string const& path, int flags) {
    auto const fd = XENPP_TRY(open_file(path, flags));
    return out_of_the_way(fd.get());
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

/// A file of /proc/PID. ESRCH: there is no such process.
result<std::string> read_of_process(int pid, std::string_view name) {
    auto text = read_file(fmt::format("/proc/{}/{}", pid, name));
    if (!text && text.error().code == ENOENT) {
        return fail("find process", errc::srch, fmt::format("process {} is gone", pid));
    }
    return text;
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
    auto const null = XENPP_TRY(open_out_of_the_way("/dev/null", O_RDWR));
    auto const log = XENPP_TRY(open_out_of_the_way(config.log.empty() ? "/dev/null" : config.log,
                                                   O_WRONLY | O_CREAT | O_APPEND));
    std::vector<unique_fd> more;
    for (auto const fd : config.descriptors) {
        more.push_back(XENPP_TRY(out_of_the_way(fd)));
    }
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
    unique_fd low(ends[1]);
    auto out = XENPP_TRY(out_of_the_way(low.get()));
    low.reset();
    becoming const next{program.c_str(), arguments.data(), null.get(), log.get(), out.get(), more};

    pid_t const child = ::fork();
    if (child < 0) {
        return fail_errno("fork");
    }
    if (child == 0) {
        if (!config.detached) {
            become(next);
        }
        ::setsid();
        pid_t const grandchild = ::fork();
        if (grandchild == 0) {
            become(next);
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

void raise_descriptor_limit() noexcept {
    rlimit descriptors{};
    if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
        descriptors.rlim_cur = descriptors.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &descriptors);
    }
}

result<std::uint64_t> start_time(int pid) {
    auto const text = XENPP_TRY(read_of_process(pid, "stat"));
    // The second field, in parentheses, may hold anything.
    std::istringstream rest(text.substr(std::min(text.rfind(')'), text.size() - 1) + 1));
    constexpr int at = 22 - 3; // the first after the name is the third
    std::string skipped;
    for (int n = 0; n != at; ++n) {
        rest >> skipped;
    }
    std::uint64_t ticks = 0;
    if (!(rest >> ticks)) {
        return fail("find process", errc::badmsg, fmt::format("/proc/{}/stat makes no sense", pid));
    }
    return ticks;
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

result<std::vector<std::string>> process::arguments() const {
    auto const line = read_of_process(pid_, "cmdline");
    std::vector<std::string> out;
    if (!line) {
        return line.error().code == ESRCH ? result<std::vector<std::string>>(std::move(out))
                                          : unexpected(line.error());
    }
    std::string_view rest = *line;
    while (!rest.empty()) {
        auto const end = rest.find('\0');
        out.emplace_back(rest.substr(0, end));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return out;
}

result<int> read_pid_file(std::string const& path) {
    auto const text = read_file(path);
    if (!text) {
        return unexpected(text.error());
    }
    std::string_view const line = *text;
    if (line.ends_with('\n')) {
        auto const pid = parse_number<int>(line.substr(0, line.size() - 1));
        if (pid && *pid > 0) {
            return *pid;
        }
    }
    return fail("read pid file", ENOENT, path + " does not name a process");
}

} // namespace xenpp::os
