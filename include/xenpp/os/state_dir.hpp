// SPDX-License-Identifier: Apache-2.0
// The folder in which an embedded host lives (docs/architecture.md, "State folder").
#pragma once

#include <xenpp/base/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace xenpp::os {

/// The folder's path: `$XENPP_STATE_DIR`, else /run/xenpp for root, else `$XDG_RUNTIME_DIR/xenpp`,
/// else /tmp/xenpp-UID. The environment is an argument so that the rule can be tested.
struct state_dir_environment {
    std::string xenpp_state_dir;
    std::string xdg_runtime_dir;
    std::uint32_t uid = 0;

    static state_dir_environment of_this_process();
};

class state_dir {
public:
    /// The folder of this process, made (mode 0700) if it is not there. Errors say which folder and
    /// what is wrong: not writable, not ours, not a folder, full.
    static result<state_dir> open();
    static result<state_dir> open(std::string path);

    static std::string default_path(state_dir_environment const& e);

    std::string const& path() const noexcept { return path_; }

    /// The path of a file in it.
    std::string file(std::string_view name) const;

private:
    explicit state_dir(std::string path) noexcept : path_(std::move(path)) {}

    std::string path_;
};

} // namespace xenpp::os
