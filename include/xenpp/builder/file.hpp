// SPDX-License-Identifier: Apache-2.0
// A kernel or ramdisk file, mapped read-only, and what identifies its contents.
#pragma once

#include <xenpp/builder/mapping.hpp>

#include <compare>
#include <cstdint>
#include <string>

namespace xenpp::builder {

/// Two equal identities mean the same contents: the change time cannot be set by a program.
struct file_identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;    ///< bytes
    std::int64_t mtime_ns = 0; ///< last write, since 1970
    std::int64_t ctime_ns = 0; ///< last change of contents or inode, since 1970

    friend bool operator==(file_identity const&, file_identity const&) = default;
};

/// A whole file, mapped. The file must not be cut short while it is mapped (the kernel answers an
/// access beyond its end with SIGBUS, as for every mapped file).
class file {
public:
    /// Errors carry `operation` and name the path: missing, unreadable (errno), a directory or
    /// other special file, empty.
    static result<file> open(std::string const& path, std::string_view operation);

    std::span<std::byte const> bytes() const noexcept { return contents_.bytes(); }

    file_identity const& identity() const noexcept { return identity_; }

    mapping take() && noexcept { return std::move(contents_); }

private:
    file(mapping contents, file_identity identity) noexcept
        : contents_(std::move(contents)), identity_(identity) {}

    mapping contents_;
    file_identity identity_;
};

} // namespace xenpp::builder
