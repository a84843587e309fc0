// SPDX-License-Identifier: Apache-2.0
// The terminal at which somebody may sit down at a domain's console.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace xenpp::dev {

/// A pseudo-terminal in raw mode, which exists as long as this object. Nobody has to sit there:
/// what it cannot take waits here, and beyond a limit the oldest of that is dropped.
class console_terminal {
public:
    static constexpr std::size_t default_limit = std::size_t{1} << 20;

    static result<console_terminal> open(std::size_t limit = default_limit);

    /// For the user: what to open.
    std::string const& path() const noexcept { return path_; }

    /// To be polled, for reading, and for writing while `wants_to_write()`.
    int fd() const noexcept { return master_.get(); }

    bool wants_to_write() const noexcept { return !waiting_.empty(); }

    void show(std::string_view output);

    /// Writes of what waits as much as goes.
    void flush();

    /// What was typed, at most as much as `into` holds; empty: nothing now.
    std::string_view read(std::span<char> into) const noexcept;

private:
    console_terminal(os::unique_fd master, os::unique_fd slave, std::string path, std::size_t limit)
        : master_(std::move(master))
        , slave_(std::move(slave))
        , path_(std::move(path))
        , limit_(limit) {}

    os::unique_fd master_;
    os::unique_fd slave_; ///< kept open: without any, reading fails and the mode is forgotten
    std::string path_;
    std::size_t limit_;
    std::string waiting_;
};

} // namespace xenpp::dev
