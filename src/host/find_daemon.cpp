// SPDX-License-Identifier: Apache-2.0
// Where the daemon's program is.
#include "host/find_daemon.hpp"

#include <xenpp/os/process.hpp>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace xenpp::detail {
namespace {

std::string environment(char const* name) {
    auto const* const value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): reads only
    return value != nullptr ? value : "";
}

} // namespace

std::string find_daemon(std::string const& told) {
    if (!told.empty()) {
        return told;
    }
    if (auto const named = environment("XENPPD"); !named.empty()) {
        return named;
    }
    std::error_code none;
    auto const folder = std::filesystem::read_symlink("/proc/self/exe", none).parent_path();
    for (auto const* const relative : {"../xenppd/xenppd", "xenppd"}) {
        auto const path = (folder / relative).lexically_normal();
        if (!folder.empty() && access(path.c_str(), X_OK) == 0) {
            return path;
        }
    }
    return os::find_program("xenppd");
}

} // namespace xenpp::detail
