// SPDX-License-Identifier: Apache-2.0
// Files, FIFOs and locks on single bytes of a file.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace xenpp::os {

/// An error from errno, with the path it is about.
unexpected<error> fail_errno(std::string_view operation, std::string detail = {});

/// open(2) with O_CLOEXEC. `mode` is for O_CREAT.
result<unique_fd> open_file(std::string const& path, int flags, unsigned mode = 0600);

/// A whole file of at most `most` bytes.
result<std::string> read_file(std::string const& path, std::size_t most = std::size_t{16} << 20);

/// Replaces a file in one step: a reader sees the old or the new content, whole.
result<void> replace_file(std::string const& path, std::string_view content);

/// Writes all of `bytes` at an offset of an open file.
result<void> write_at(int fd, std::uint64_t offset, std::span<std::byte const> bytes);

/// The last `most` bytes of a file; empty if it cannot be read. For diagnostics.
std::string tail_of_file(std::string const& path, std::size_t most);

/// For a log that `fd` appends to: if it is the file at `path` and longer than `most` bytes, that
/// becomes `path`.1, in the place of the one before it, and `fd` a new one.
void rotate_log(int fd, std::string const& path, std::uint64_t most) noexcept;

/// Makes a FIFO unless there is one; an error if there is something else.
result<void> make_fifo(std::string const& path);

/// A path to an open file that has no name, in this process.
std::string path_of(int fd);

/// Bytes free for this user in the file system that holds `path`.
result<std::uint64_t> free_space(std::string const& path);

/// Locks byte `n` of a file for as long as this open file lives (an OFD lock: the lock goes when
/// the last copy of the descriptor is closed, also by a kill). False: another open file has it.
result<bool> try_lock_byte(int fd, std::uint64_t n);
void unlock_byte(int fd, std::uint64_t n) noexcept;
/// Whether another open file has byte `n` locked. It is not locked for that, not for a moment.
result<bool> is_byte_locked(int fd, std::uint64_t n);

} // namespace xenpp::os
