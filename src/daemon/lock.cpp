// SPDX-License-Identifier: Apache-2.0
// xenppd.lock and xenppd.pid.
#include <xenpp/os/file.hpp>
#include <xenpp/os/process.hpp>

#include <fmt/format.h>

#include <daemon/lock.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace xenpp::detail {

namespace {

constexpr auto lock_name = "xenppd.lock";
constexpr auto pid_name = "xenppd.pid";

/// Who holds the lock, for people.
std::string holder(os::state_dir const& where) {
    auto const pid = os::read_pid_file(where.file(pid_name));
    if (pid) {
        return fmt::format("xenppd is already running for {} (pid {})", where.path(), *pid);
    }
    return pid.error().code == ENOENT
               ? fmt::format("the host of {} is just being stopped", where.path())
               : fmt::format("another process serves or stops the host of {}", where.path());
}

} // namespace

result<daemon_lock> daemon_lock::hold(os::state_dir const& where) {
    auto file = XENPP_TRY(os::open_file(where.file(lock_name), O_RDWR | O_CREAT));
    if (!XENPP_TRY(os::try_lock_byte(file.get(), 0))) {
        return fail("start xenppd", errc::busy, holder(where));
    }
    ::unlink(where.file(pid_name).c_str());
    return daemon_lock(std::move(file));
}

result<daemon_lock> daemon_lock::take(os::state_dir const& where) {
    auto lock = XENPP_TRY(hold(where));
    XENPP_TRY(os::replace_file(where.file(pid_name), fmt::format("{}\n", ::getpid())));
    return lock;
}

int daemon_pid(os::state_dir const& where) {
    auto const file = os::open_file(where.file(lock_name), O_RDWR);
    if (!file) {
        return 0;
    }
    auto const is_held = os::is_byte_locked(file->get(), 0);
    return is_held && *is_held ? os::read_pid_file(where.file(pid_name)).value_or(0) : 0;
}

} // namespace xenpp::detail
