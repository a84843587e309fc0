// SPDX-License-Identifier: Apache-2.0
// Removing what a machine left.
#include <xenpp/os/file.hpp>

#include <fmt/format.h>

#include <daemon/machine_state.hpp>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace xenpp::detail {

namespace {

namespace fs = std::filesystem;

constexpr auto id_name = "machine.id";

/// The time at which a process was started, in clock ticks since the computer's start: field 22 of
/// /proc/PID/stat, where the second, in parentheses, may hold anything.
result<std::string> start_time(int pid) {
    auto const text = XENPP_TRY(os::read_file(fmt::format("/proc/{}/stat", pid)));
    std::istringstream rest(text.substr(std::min(text.rfind(')'), text.size() - 1) + 1));
    std::vector<std::string> const fields{std::istream_iterator<std::string>(rest), {}};
    constexpr std::size_t at = 22 - 3; // the first after the name is the third
    if (fields.size() <= at) {
        return fail("find machine", errc::srch, fmt::format("process {} is gone", pid));
    }
    return fields[at];
}

/// Files in a folder of the state folder with this extension.
void remove_files(fs::path const& folder, std::string_view extension) {
    std::error_code none;
    for (auto const& entry : fs::directory_iterator(folder, none)) {
        if (entry.path().extension() == extension) {
            fs::remove(entry.path(), none);
        }
    }
}

/// What would be believed of the next machine.
void forget_domains(os::state_dir const& where) {
    std::error_code none;
    fs::remove(where.file("store.journal"), none);
    remove_files(where.file("consoles"), ".state");
    remove_files(where.file("domains"), ".json");
    fs::remove(where.file(id_name), none);
}

} // namespace

result<void> adopt_machine_state(os::state_dir const& where, int qemu) {
    auto const id = fmt::format("{} {}\n", qemu, XENPP_TRY(start_time(qemu)));
    auto const last = os::read_file(where.file(id_name));
    if (last && *last == id) {
        return {};
    }
    forget_domains(where);
    return os::replace_file(where.file(id_name), id);
}

void remove_machine_state(os::state_dir const& where) {
    std::error_code none;
    if (auto const ram = fs::read_symlink(where.file("ram"), none); !ram.empty()) {
        fs::remove(ram, none);
    }
    forget_domains(where);
    for (auto const* const name :
         {"ram", "bell.in", "bell.out", "qemu.pid", "evtchn.socket", "xenstored.socket"}) {
        fs::remove(where.file(name), none);
    }
}

} // namespace xenpp::detail
