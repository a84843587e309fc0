// SPDX-License-Identifier: Apache-2.0
// At most one daemon a state folder, and which process it is.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/os/state_dir.hpp>
#include <xenpp/os/unique_fd.hpp>

namespace xenpp::detail {

/// Held by the daemon for its life; the kernel lets go of it when the process ends.
class daemon_lock {
public:
    /// EBUSY: another process has it, and which.
    static result<daemon_lock> take(os::state_dir const& where);
    /// As `take`, for who serves nobody and keeps daemons away meanwhile: `daemon_pid` is 0 then.
    static result<daemon_lock> hold(os::state_dir const& where);

private:
    explicit daemon_lock(os::unique_fd file) noexcept : file_(std::move(file)) {}

    os::unique_fd file_;
};

/// The process that holds the lock; 0: none does, or it does not say yet.
int daemon_pid(os::state_dir const& where);

} // namespace xenpp::detail
