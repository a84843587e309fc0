// SPDX-License-Identifier: Apache-2.0
// Starting a daemon as a process of its own.
#include <xenpp/daemon.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/process.hpp>
#include <xenpp/store/client.hpp>

#include <fmt/format.h>

#include <daemon/lock.hpp>

#include <filesystem>

namespace xenpp {

namespace {

std::uintmax_t size_of(std::string const& path) {
    std::error_code none;
    auto const size = std::filesystem::file_size(path, none);
    return none ? 0 : size;
}

bool answers(os::state_dir const& where) {
    auto const c = store::client::open(where.file("xenstored.socket"));
    return c && c->read("/local/domain/0/name");
}

} // namespace

result<void> start_daemon(os::state_dir const& where,
                          std::string const& program,
                          std::vector<std::string> const& arguments) {
    constexpr std::string_view operation = "start xenppd";
    constexpr int look_again_ms = 5;
    if (auto const pid = detail::daemon_pid(where); pid != 0) {
        return fail(operation, errc::busy,
                    fmt::format("xenppd is already running for {} (pid {})", where.path(), pid));
    }
    auto const log = where.file("xenppd.log");
    auto const begin = size_of(log);
    std::vector<std::string> all{program};
    all.insert(all.end(), arguments.begin(), arguments.end());
    auto const child = XENPP_TRY(os::spawn({std::move(all), log, true}));
    while (!answers(where)) {
        if (child.wait(look_again_ms)) {
            auto const size = size_of(log);
            return fail(operation,
                        "it ended:\n" + os::tail_of_file(log, size < begin ? size : size - begin));
        }
    }
    return {};
}

} // namespace xenpp
