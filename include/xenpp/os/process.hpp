// SPDX-License-Identifier: Apache-2.0
// Starting a program and watching it, whoever its parent is.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xenpp::os {

/// A process, held by descriptor: its number cannot come to mean another process.
class process {
public:
    process() noexcept = default;

    /// The running process `pid`; ESRCH if there is none.
    static result<process> open(int pid);

    int pid() const noexcept { return pid_; }

    /// Readable when the process has ended.
    int fd() const noexcept { return pidfd_.get(); }

    bool is_running() const noexcept;
    /// Waits at most `timeout_ms` for its end; whether it has ended. Reaps it if it is our child.
    bool wait(int timeout_ms) const noexcept;
    /// How our child ended: its exit code, or 128 and the signal that killed it. Nothing while it
    /// runs. Reaps it, so it says so once.
    std::optional<int> exit_status() const noexcept;
    result<void> send_signal(int signal) const;
    /// The path of its program; empty if it may not be known.
    std::string program() const;
    /// Its arguments; none if it has ended. An error: they cannot be read now.
    result<std::vector<std::string>> arguments() const;

private:
    process(int pid, unique_fd pidfd) noexcept : pid_(pid), pidfd_(std::move(pidfd)) {}

    friend result<process> spawn(struct spawn_config const& config);

    int pid_ = 0;
    unique_fd pidfd_;
};

/// The process that a file names in a line of its own, as daemons write it. ENOENT: there is no
/// such file, or anything else in it; else why it could not be read.
result<int> read_pid_file(std::string const& path);

/// What to start. The child gets descriptors 0 (/dev/null), 1 and 2 (`log`), those that are named,
/// and no other, and may have 1024 at most unless it asks for more: some programs know no others.
struct spawn_config {
    /// The program, by path or by name in PATH, comes first.
    std::vector<std::string> arguments = {};
    std::string log = {};  ///< appended to; empty: /dev/null
    bool detached = false; ///< in a session of its own and nobody's child, so it outlives us
    std::vector<int> descriptors = {}; ///< of ours, at most six: it has them as 3 and on
};

/// Errors name the program, and say if it could not be executed.
result<process> spawn(spawn_config const& config);

/// Lets this process have as many descriptors as it may ask for.
void raise_descriptor_limit() noexcept;

/// When process `pid` was started, in clock ticks since the computer's start (field 22 of
/// /proc/PID/stat): with the number it names one process. ESRCH: there is none; what else goes
/// wrong says nothing of the process.
result<std::uint64_t> start_time(int pid);

/// The path of `program` in PATH; empty if it is not there.
std::string find_program(std::string const& program);

} // namespace xenpp::os
