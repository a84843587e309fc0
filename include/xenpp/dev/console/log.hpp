// SPDX-License-Identifier: Apache-2.0
// The file that holds all a domain ever wrote to its console, exact through the death of its
// writer.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace xenpp::dev {

/// Whose console it is.
struct console_owner {
    domid id{};
    std::array<std::uint8_t, 16> uuid{};
    std::string name; ///< names the log file, with '/' as '_'
};

/// FOLDER/NAME.log. A byte is in the log first and taken from the guest's ring then, so a writer
/// that is killed between the two leaves both; to its successor the log's length is the truth. For
/// that, FOLDER/DOMID.state keeps one number, by which a position in the ring differs from the
/// log's length: in the usual course it never changes, so nothing is written beside the log.
///
/// The log of a new domain begins empty, and the one of that name before it becomes NAME.log.1; so
/// does a log that has reached its size limit.
class console_log {
public:
    static constexpr std::uint64_t default_size_limit = std::uint64_t{16} << 20;

    /// Goes on with the domain's log if it has one, else begins one at ring position `position`.
    static result<console_log> open(std::string folder,
                                    console_owner owner,
                                    std::uint32_t position,
                                    std::uint64_t size_limit = default_size_limit);

    /// The ring position up to which the log has the output.
    std::uint32_t position() const noexcept {
        return difference_ + static_cast<std::uint32_t>(size_);
    }

    /// From now on the log's end is ring position `position`.
    result<void> set_position(std::uint32_t position);

    /// Appends output; the position is past it in any case. An error (a full disk) means that some
    /// of it is missing from the log.
    result<void> append(std::string_view output);

    /// The domain has another name now: its log goes with it.
    result<void> rename(std::string name);

    /// The domain is gone: the log stays, the state goes.
    void finish() noexcept;

    std::string const& path() const noexcept { return path_; }

private:
    console_log() = default;

    bool find_own();
    result<void> begin(std::uint32_t position);
    result<void> write_state();
    std::string log_path(std::string_view name) const;
    std::string state_path() const;

    std::string folder_;
    console_owner owner_;
    std::uint64_t size_limit_ = 0;
    std::string path_;
    os::unique_fd log_;
    os::unique_fd state_;
    std::uint64_t inode_ = 0;
    std::uint64_t size_ = 0;
    std::uint32_t difference_ = 0; ///< ring position less log length, modulo 2^32
};

} // namespace xenpp::dev
