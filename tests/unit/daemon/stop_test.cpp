// SPDX-License-Identifier: Apache-2.0
// Who stops a host takes nothing from the one that somebody starts meanwhile.
#include <xenpp/daemon.hpp>
#include <xenpp/os/file.hpp>

#include <daemon/lock.hpp>
#include <scenario/link/temporary_state.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

using namespace xenpp;

TEST_CASE("stop_host.leaves_the_files_of_a_daemon_that_came_meanwhile") {
    tests::temporary_state const state;
    auto const& where = state.where;
    int ready[2]{};
    REQUIRE(::pipe(ready) == 0);
    auto const daemon = ::fork();
    if (daemon == 0) {
        ::signal(SIGTERM, SIG_DFL); // not the test program's
        auto const lock = detail::daemon_lock::take(where);
        if (!lock) {
            ::_exit(1);
        }
        // Who has it next has it at once: a fork of ours.
        if (::fork() == 0) {
            auto const me = ::getpid();
            static_cast<void>(!::write(ready[1], &me, sizeof me));
            ::pause();
        }
        ::pause();
        ::_exit(1);
    }
    ::close(ready[1]);
    pid_t next = 0;
    REQUIRE(::read(ready[0], &next, sizeof next) == sizeof next);
    REQUIRE(detail::daemon_pid(where) == daemon);
    REQUIRE(os::replace_file(where.file("store.journal"), "of the new daemon's machine"));
    auto const stopped = stop_host(where, true);
    ::kill(next, SIGKILL);
    ::waitpid(daemon, nullptr, 0);
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == EBUSY);
    CHECK(std::filesystem::exists(where.file("store.journal")));
}
