// SPDX-License-Identifier: Apache-2.0
// Where an embedded host lives, and what can be wrong with that place.
#include <xenpp/os/file.hpp>
#include <xenpp/os/state_dir.hpp>

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace xenpp::os {

namespace {

std::string variable(char const* name) {
    char const* const v = std::getenv(name); // NOLINT(concurrency-mt-unsafe): read only
    return v != nullptr ? v : "";
}

/// Makes a folder and those above it.
result<void> make_folders(std::string const& path) {
    for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
        auto const part = path.substr(0, at);
        if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
            return fail_errno("state folder", fmt::format("{} cannot be made", part));
        }
        if (at == std::string::npos) {
            return {};
        }
    }
}

} // namespace

state_dir_environment state_dir_environment::of_this_process() {
    return {variable("XENPP_STATE_DIR"), variable("XDG_RUNTIME_DIR"), ::geteuid()};
}

std::string state_dir::default_path(state_dir_environment const& e) {
    if (!e.xenpp_state_dir.empty()) {
        return e.xenpp_state_dir;
    }
    if (e.uid == 0) {
        return "/run/xenpp";
    }
    if (!e.xdg_runtime_dir.empty()) {
        return e.xdg_runtime_dir + "/xenpp";
    }
    return fmt::format("/tmp/xenpp-{}", e.uid);
}

result<state_dir> state_dir::open() {
    return open(default_path(state_dir_environment::of_this_process()));
}

result<state_dir> state_dir::open(std::string path) {
    constexpr std::uint64_t least = 256U << 10;
    if (path.empty() || path.front() != '/') {
        return fail("state folder", errc::inval, fmt::format("'{}' is not an absolute path", path));
    }
    while (path.size() > 1 && path.back() == '/') {
        path.pop_back();
    }
    XENPP_TRY(make_folders(path));

    struct stat s {};

    // Not what a link leads to: in /tmp anybody can have made one.
    if (::lstat(path.c_str(), &s) != 0) {
        return fail_errno("state folder", path);
    }
    if (!S_ISDIR(s.st_mode)) {
        return fail("state folder", errc::notdir, path + " is no folder");
    }
    if (s.st_uid != ::geteuid()) {
        return fail(
            "state folder", errc::perm,
            fmt::format("{} belongs to user {}; set XENPP_STATE_DIR to a folder of your own", path,
                        s.st_uid));
    }
    if ((s.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return fail("state folder", errc::perm,
                    fmt::format("others may write to {0}; chmod go-w {0}", path));
    }
    if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
        return fail_errno("state folder",
                          path + " is not writable; set XENPP_STATE_DIR to one that is");
    }
    auto const room = XENPP_TRY(free_space(path));
    if (room < least) {
        return fail("state folder", errc::nospc,
                    fmt::format("the file system of {} is full ({} KiB left)", path, room >> 10));
    }
    return state_dir(std::move(path));
}

std::string state_dir::file(std::string_view name) const {
    return fmt::format("{}/{}", path_, name);
}

} // namespace xenpp::os
