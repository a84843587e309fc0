// SPDX-License-Identifier: Apache-2.0
// xenppd: the embedded host's daemon, a main() around xenpp::daemon.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/base/printable.hpp>
#include <xenpp/cli/command.hpp>
#include <xenpp/cli/session.hpp>
#include <xenpp/daemon.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/process.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <malloc.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace xenpp;

constexpr std::array options{
    cli::option{0, "monitor", "",
                "On a real Xen host: do as on_reboot, on_crash and the like say, as long as there "
                "are domains that xenpp made. xl starts it."},
    cli::option{'f', "foreground", "", "Stay in the foreground, log to standard error."},
    cli::option{0, "state-dir", "FOLDER",
                "Serve this state folder; else $XENPP_STATE_DIR, else the usual one."},
    cli::option{0, "memory", "MIB",
                "Memory of a machine that is started: this much or none. Else $XENPP_MEMORY_MIB, "
                "xen.cfg's mem=, or 4096 and less where there is no room."},
    cli::option{
        0, "cpus", "N",
        "Its CPUs; else $XENPP_CPUS, xen.cfg's maxcpus=, or as many as there are, 8 at most."},
    cli::option{0, "image", "FILE", "The hypervisor; else $XENPP_IMAGE or the one beside xenppd."},
};

/// A number that an option gives instead of the environment.
template <class Number>
result<void> read_number(cli::arguments const& a, std::string_view key, Number& into) {
    if (!a.has(key)) {
        return {};
    }
    auto const n = parse_number<Number>(a.value(key));
    if (!n || *n == 0) {
        return cli::refuse(fmt::format("xenppd: --{} takes a number of at least 1", key));
    }
    into = *n;
    return {};
}

/// The machine to be started if none runs; what is to be said of it is added to `notes`.
result<transport::machine_config> machine_of(cli::arguments const& a,
                                             std::vector<std::string>& notes) {
    auto c = XENPP_TRY(machine_config_from_environment(&notes));
    XENPP_TRY(read_number(a, "memory", c.memory_mib));
    XENPP_TRY(read_number(a, "cpus", c.cpus));
    if (a.has("memory")) {
        c.least_mib = 0;
    }
    if (a.has("image")) {
        c.image = a.value("image");
    }
    return c;
}

/// What follows in a line's text on lines of its own is set in.
void say(std::string_view line) {
    std::string text;
    for (char const c : printable(line)) {
        text += c;
        text += c == '\n' ? "  " : "";
    }
    fmt::print(stderr, "{:%Y-%m-%d %H:%M:%S} xenppd[{}]: {}\n", fmt::localtime(std::time(nullptr)),
               ::getpid(), text);
}

/// The same, where the log of a state folder is kept short.
daemon_log log_in(std::string const& state_dir) {
    constexpr std::uint64_t most_bytes = 4 << 20;
    return [file = state_dir + "/xenppd.log"](std::string_view line) {
        say(line);
        os::rotate_log(STDERR_FILENO, file, most_bytes);
    };
}

/// A descriptor that is readable when the process is to end.
int catch_signals() {
    sigset_t wanted;
    sigemptyset(&wanted);
    for (int const s : {SIGTERM, SIGINT}) {
        sigaddset(&wanted, s);
    }
    sigprocmask(SIG_BLOCK, &wanted, nullptr);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    return ::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

/// Serves until the machine ends or a signal comes: SIGTERM stops the machine with all its domains,
/// at SIGINT it goes on until the next daemon. The program's exit code.
result<int> serve(os::state_dir const& where, cli::arguments const& a) {
    std::vector<std::string> notes;
    auto const machine = XENPP_TRY(machine_of(a, notes));
    for (auto const& note : notes) {
        say(note);
    }
    int const signals = catch_signals();
    auto d = XENPP_TRY(daemon::start(where, machine, log_in(where.path())));
    for (;;) {
        pollfd fds[]{{d.fd(), POLLIN, 0}, {signals, POLLIN, 0}};
        ::poll(fds, 2, -1);
        signalfd_siginfo signal{};
        if (fds[1].revents != 0 && ::read(signals, &signal, sizeof signal) == sizeof signal) {
            if (signal.ssi_signo == SIGTERM) {
                XENPP_TRY(d.stop());
            }
            return cli::exit_success;
        }
        if (!XENPP_TRY(d.dispatch())) {
            return cli::exit_failure;
        }
    }
}

int watch(std::string const& state_dir) {
    auto const done = serve_monitor(state_dir, catch_signals(), log_in(state_dir));
    if (!done && done.error().code != EBUSY) {
        say(done.error().message());
        return cli::exit_failure;
    }
    return cli::exit_success;
}

result<int> start(cli::arguments const& a) {
    std::string const state_dir(a.value("state-dir"));
    if (a.has("monitor")) {
        os::raise_descriptor_limit();
        return watch(state_dir);
    }
    auto const where =
        XENPP_TRY(state_dir.empty() ? os::state_dir::open() : os::state_dir::open(state_dir));
    if (a.has("foreground")) {
        // glibc's threshold would rise with the first large buffer that is freed; those of the
        // user-mode network then lie on the heap, and what lies above them keeps it from shrinking.
        static_cast<void>(mallopt(M_MMAP_THRESHOLD, 64 << 10));
        os::raise_descriptor_limit();
        return serve(where, a);
    }
    std::vector<std::string> words{"--foreground"};
    for (auto const& [key, argument] : a.given) {
        words.push_back("--" + key);
        if (!argument.empty()) {
            words.push_back(argument);
        }
    }
    XENPP_TRY(start_daemon(where, "/proc/self/exe", words));
    return cli::exit_success;
}

result<int> run(cli::session& /*s*/, cli::arguments const& a) {
    auto const code = start(a);
    // Just the reason: whoever started us shows it to a person.
    return code || code.error().operation.empty() ? code : cli::refuse(code.error().message());
}

constexpr cli::command xenppd{
    "xenppd", run,
    "",       "Serve the embedded host of a state folder, and start its machine if it does not run",
    options,  0,
    0,
};

} // namespace

int main(int argc, char** argv) {
    std::vector<std::string> const words(argv + (argc > 0 ? 1 : 0), argv + argc);
    cli::session session("xenppd", stdout, stderr);
    return cli::dispatch_one(session, xenppd, words);
}
