// SPDX-License-Identifier: Apache-2.0
// Removing what a machine left.
#include <xenpp/os/file.hpp>
#include <xenpp/os/process.hpp>

#include <fmt/format.h>

#include <daemon/machine_state.hpp>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <string>

namespace xenpp::detail {

namespace {

namespace fs = std::filesystem;

constexpr auto id_name = "machine.id";

/// What would be believed of the next machine.
void forget_domains(os::state_dir const& where) {
    std::error_code none;
    fs::remove(where.file("store.journal"), none);
    remove_files(where.file("consoles"), ".state");
    remove_files(where.file("domains"), ".json");
    fs::remove(where.file(id_name), none);
}

/// `os::replace_file` writes to NAME.PID first.
void remove_half_written(fs::path const& folder) {
    std::error_code none;
    for (auto const& entry : fs::directory_iterator(folder, none)) {
        auto const extension = entry.path().extension().string();
        int pid = 0;
        if (extension.size() > 1) {
            std::from_chars(extension.data() + 1, extension.data() + extension.size(), pid);
        }
        auto const writer = pid != 0 ? os::start_time(pid) : result<std::uint64_t>(0U);
        if (!writer && writer.error().code == ESRCH) {
            fs::remove(entry.path(), none);
        }
    }
}

} // namespace

void remove_files(fs::path const& folder, std::string_view extension) {
    std::error_code none;
    for (auto const& entry : fs::directory_iterator(folder, none)) {
        if (entry.path().extension() == extension) {
            fs::remove(entry.path(), none);
        }
    }
}

result<void> adopt_machine_state(os::state_dir const& where, int qemu) {
    remove_half_written(where.file("domains"));
    auto const id = fmt::format("{} {}\n", qemu, XENPP_TRY(os::start_time(qemu)));
    auto const last = os::read_file(where.file(id_name));
    if (last && *last == id) {
        return {};
    }
    if (!last && last.error().code != ENOENT) {
        return unexpected(last.error()); // it may be of this machine
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
