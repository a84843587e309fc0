// SPDX-License-Identifier: Apache-2.0
// xl top: becomes xentop.
#include <xenpp/cli/xl.hpp>

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace xenpp::cli::xl {

result<int> top(session& s, arguments const&) {
    static_cast<void>(s.finish(exit_success)); // nothing of ours may come after
    std::error_code none;
    auto const folder = std::filesystem::read_symlink("/proc/self/exe", none).parent_path();
    for (auto const& path : {folder.parent_path() / "xentop" / "xentop", folder / "xentop"}) {
        execl(path.c_str(), "xentop", nullptr);
    }
    execlp("xentop", "xentop", nullptr);
    return refuse(
        fmt::format("cannot run xentop: {}; it is neither beside this program nor in PATH",
                    std::strerror(errno))); // NOLINT(concurrency-mt-unsafe)
}

} // namespace xenpp::cli::xl
