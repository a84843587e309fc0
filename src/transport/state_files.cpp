// SPDX-License-Identifier: Apache-2.0
// Finding the machine of a state folder.
#include <xenpp/os/file.hpp>

#include <transport/state_files.hpp>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

namespace xenpp::transport::state_files {

namespace {

constexpr std::string_view operation = "find machine";

} // namespace

result<std::string> ram_target(os::state_dir const& where) {
    std::array<char, PATH_MAX> target{};
    auto const n = ::readlink(where.file(ram).c_str(), target.data(), target.size());
    if (n < 0 && errno != ENOENT) {
        return os::fail_errno(operation, where.file(ram));
    }
    return std::string(target.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
}

result<os::process> find_qemu(os::state_dir const& where) {
    auto const none = [&] {
        return fail(operation, errc::noent, "no machine runs in " + where.path());
    };
    auto const pid = os::read_pid_file(where.file(qemu_pid));
    if (!pid) {
        return pid.error().code == ENOENT ? none() : unexpected(pid.error());
    }
    auto found = os::process::open(*pid);
    if (!found) {
        return found.error().code == ESRCH ? none() : unexpected(found.error());
    }
    auto const target = XENPP_TRY(ram_target(where));
    if (!found->is_running() || target.empty()) {
        return none();
    }
    // The number may have gone to another process: only ours has been given this file.
    for (auto const& argument : XENPP_TRY(found->arguments())) {
        if (argument.find("mem-path=" + target) != std::string::npos) {
            return found;
        }
    }
    return none();
}

} // namespace xenpp::transport::state_files
