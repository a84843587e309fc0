// SPDX-License-Identifier: Apache-2.0
// xenppd: the embedded host's daemon, a main() around xenpp::daemon.
#include <xenpp/daemon.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <malloc.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view usage = R"(Usage: xenppd [options]
Serves the embedded host of a state folder, and starts its machine if it does not run.
With --monitor: carries out on_reboot, on_crash and the like on a real Xen host, as long as there
are domains that xenpp made; xl starts it by itself.

      --monitor        watch the domains of the Xen host of which this is domain 0
  -f, --foreground     stay in the foreground, log to standard error
  --state-dir PATH     the state folder (default: $XENPP_STATE_DIR, else the usual one)
  --memory MIB         the machine's memory (default: $XENPP_MEMORY_MIB, else 4096)
  --cpus N             its CPUs (default: $XENPP_CPUS, else as many as there are, 8 at most)
  --image PATH         the hypervisor (default: $XENPP_IMAGE, else beside this program)
  -h, --help           this text

SIGTERM stops the machine with all its domains; SIGINT ends the daemon alone, and the
machine goes on until the next one.
)";

struct options {
    bool foreground = false;
    bool help = false;
    bool monitor = false;
    std::string state_dir;
    xenpp::transport::machine_config machine;
    std::vector<std::string> notes; ///< on the machine's description
};

template <class T>
bool read_number(std::string_view text, T& into) {
    auto const r = std::from_chars(text.data(), text.data() + text.size(), into);
    return r.ec == std::errc() && r.ptr == text.data() + text.size();
}

xenpp::result<options> read_options(std::vector<std::string> const& arguments) {
    constexpr std::string_view operation = "xenppd";
    options o;
    o.machine = XENPP_TRY(xenpp::machine_config_from_environment(&o.notes));
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        auto const& a = arguments[i];
        if (a == "-f" || a == "--foreground") {
            o.foreground = true;
            continue;
        }
        if (a == "--monitor") {
            o.monitor = true;
            continue;
        }
        if (a == "-h" || a == "--help") {
            o.help = true;
            continue;
        }
        bool is_good = i + 1 < arguments.size();
        auto const value = is_good ? arguments[i + 1] : std::string();
        ++i;
        if (a == "--state-dir") {
            o.state_dir = value;
        } else if (a == "--image") {
            o.machine.image = value;
        } else if (a == "--memory") {
            is_good = is_good && read_number(value, o.machine.memory_mib);
        } else if (a == "--cpus") {
            is_good = is_good && read_number(value, o.machine.cpus);
        } else {
            return xenpp::fail(operation, "unknown option " + a + "; --help lists them");
        }
        if (!is_good) {
            return xenpp::fail(operation, "option " + a + " wants a value");
        }
    }
    return o;
}

void say(std::string_view line) {
    fmt::print(stderr, "{:%Y-%m-%d %H:%M:%S} xenppd[{}]: {}\n", fmt::localtime(std::time(nullptr)),
               ::getpid(), line);
}

/// Serves until the machine ends or a signal comes. The program's exit code.
xenpp::result<int> serve(xenpp::os::state_dir const& where, options const& o, int signals) {
    for (auto const& note : o.notes) {
        say(note);
    }
    auto d = XENPP_TRY(xenpp::daemon::start(where, o.machine, say));
    for (;;) {
        pollfd fds[]{{d.fd(), POLLIN, 0}, {signals, POLLIN, 0}};
        ::poll(fds, 2, -1);
        signalfd_siginfo signal{};
        if (fds[1].revents != 0 && ::read(signals, &signal, sizeof signal) == sizeof signal) {
            if (signal.ssi_signo == SIGTERM) {
                XENPP_TRY(d.stop());
            }
            return 0;
        }
        if (!XENPP_TRY(d.dispatch())) {
            return 1;
        }
    }
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

int watch(options const& o) {
    auto const done = xenpp::serve_monitor(o.state_dir, catch_signals(), say);
    if (!done && done.error().code != EBUSY) {
        say(done.error().message());
        return 1;
    }
    return 0;
}

int run(xenpp::os::state_dir const& where, options const& o) {
    auto const code = serve(where, o, catch_signals());
    if (!code) {
        // Without date: whoever started us shows it to a person.
        fmt::print(stderr, "{}\n", code.error().message());
        return 1;
    }
    return *code;
}

} // namespace

int main(int argc, char** argv) {
    std::vector<std::string> const arguments(argv + 1, argv + argc);
    auto const o = read_options(arguments);
    if (!o) {
        fmt::print(stderr, "{}\n", o.error().message());
        return 2;
    }
    if (o->help) {
        fmt::print("{}", usage);
        return 0;
    }
    if (o->monitor) {
        return watch(*o);
    }
    auto const where = o->state_dir.empty() ? xenpp::os::state_dir::open()
                                            : xenpp::os::state_dir::open(o->state_dir);
    if (!where) {
        fmt::print(stderr, "xenppd: {}\n", where.error().message());
        return 1;
    }
    if (o->foreground) {
        // glibc's threshold would rise with the first large buffer that is freed; those of the
        // user-mode network then lie on the heap, and what lies above them keeps it from shrinking.
        static_cast<void>(mallopt(M_MMAP_THRESHOLD, 64 << 10));
        return run(*where, *o);
    }
    std::vector<std::string> foreground{"--foreground"};
    foreground.insert(foreground.end(), arguments.begin(), arguments.end());
    auto const started = xenpp::start_daemon(*where, "/proc/self/exe", foreground);
    if (!started) {
        fmt::print(stderr, "{}\n", started.error().message());
        return 1;
    }
    return 0;
}
