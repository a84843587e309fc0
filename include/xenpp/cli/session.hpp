// SPDX-License-Identifier: Apache-2.0
// What a running command works with: where to write, which host, the global options.
#pragma once

#include <xenpp/base/error.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace xenpp {
class host;
} // namespace xenpp

namespace xenpp::cli {

/// Options that stand before the command.
struct global_options {
    unsigned verbose = 0;        ///< -v, repeatable
    bool dry_run = false;        ///< -N
    bool force = false;          ///< -f
    bool is_progress_cr = false; ///< -t
    bool has_timestamps = false; ///< -T
};

/// Exit codes, as Xen 4.17's xl has them.
inline constexpr int exit_success = 0;
inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;

/// An error that is a whole line for the user.
unexpected<error> refuse(std::string line);

/// One run of a tool. The host is opened when a command first asks for it, so that commands that
/// need none work without.
class session {
public:
    /// Writes to `out` and `err`, which stay the caller's. With `h` that host is used, else
    /// `host::open()` when the time comes.
    session(std::string program, std::FILE* out, std::FILE* err, host* h = nullptr);
    ~session();
    session(session const&) = delete;
    session& operator=(session const&) = delete;

    std::string const& program() const noexcept { return program_; }

    /// To standard output, as it is. Failure to write is noticed at the end, by `finish`.
    void print(std::string_view text);

    /// To standard error: a line, with the time and the pid before it after -T.
    void complain(std::string_view line);

    /// The same with "xl: " before it. Returns `exit_failure`.
    int fail(std::string_view line);
    /// The same with the error's own words; an error without an operation (see `refuse`) is a line
    /// that stands as it is.
    int fail(error const& e);

    /// The same as `complain`, if the user asked for at least `level` -v.
    void log(unsigned level, std::string_view line);

    result<host*> open();
    /// The host, if there is one already: of the embedded host, do not start it.
    result<host*> open_running();
    /// Leaves a host that `open` opened, before it is ended.
    void close() noexcept;

    /// Flushes; `code`, or `exit_failure` with a message if what was printed could not be written.
    int finish(int code);

    std::FILE* out() const noexcept { return out_; }

    global_options global;

private:
    result<host*> open(bool may_start);

    std::string program_;
    std::FILE* out_;
    std::FILE* err_;
    host* host_;
    std::unique_ptr<host> own_;
};

} // namespace xenpp::cli
