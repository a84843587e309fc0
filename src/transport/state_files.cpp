// SPDX-License-Identifier: Apache-2.0
// Finding the machine of a state folder.
#include <xenpp/os/file.hpp>

#include <transport/state_files.hpp>
#include <unistd.h>

#include <array>
#include <climits>

namespace xenpp::transport::state_files {

std::string ram_target(os::state_dir const& where) {
    std::array<char, PATH_MAX> target{};
    auto const n = ::readlink(where.file(ram).c_str(), target.data(), target.size());
    return n > 0 ? std::string(target.data(), static_cast<std::size_t>(n)) : std::string();
}

result<os::process> find_qemu(os::state_dir const& where) {
    auto const none = [&] {
        return fail("find machine", errc::noent, "no machine runs in " + where.path());
    };
    auto const pid = os::read_pid_file(where.file(qemu_pid));
    if (!pid) {
        return none();
    }
    auto found = os::process::open(*pid);
    auto const target = ram_target(where);
    if (!found || !found->is_running() || target.empty()) {
        return none();
    }
    // The number may have gone to another process: only ours has been given this file.
    for (auto const& argument : found->arguments()) {
        if (argument.find("mem-path=" + target) != std::string::npos) {
            return found;
        }
    }
    return none();
}

} // namespace xenpp::transport::state_files
