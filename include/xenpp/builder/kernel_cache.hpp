// SPDX-License-Identifier: Apache-2.0
// Unpacked kernels kept in a folder, so that a kernel is unpacked once and not for every domain.
#pragma once

#include <xenpp/builder/file.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xenpp::builder {

/// An unpacked kernel out of the cache.
struct cached_kernel {
    mapping elf;
    std::string description;
};

/// A folder of unpacked kernels, one file per kernel file. The folder must belong to the calling
/// user and be writable by nobody else; otherwise it is left alone. Any number of processes may
/// use one folder: entries appear and vanish by rename and unlink.
class kernel_cache {
public:
    static constexpr std::uint64_t default_capacity = std::uint64_t{512} << 20;

    /// `capacity`: bytes of all entries together. `boot`: the system's present life. Touches
    /// nothing yet.
    explicit kernel_cache(std::string folder,
                          std::uint64_t capacity = default_capacity,
                          std::string boot = current_boot())
        : folder_(std::move(folder)), capacity_(capacity), boot_(std::move(boot)) {}

    /// What the operating system calls the time since it was started; empty: it does not say.
    static std::string current_boot();

    /// What was stored for exactly this file; a damaged entry is removed. The checksum is computed
    /// only of an entry that may have been written to since it was last found whole: its
    /// modification time says so, or the system was started anew.
    std::optional<cached_kernel> find(file_identity const& id) const;

    /// Stores an entry in place of an older one of the same file; makes the folder (mode 0700) if
    /// it is missing, and room by removing the entries that were used longest ago.
    /// Errors: the folder is not ours alone, the entry exceeds the capacity, errno of the OS.
    result<void> store(file_identity const& id,
                       std::string_view description,
                       std::span<std::byte const> elf) const;

private:
    std::string folder_;
    std::uint64_t capacity_;
    std::string boot_;
};

} // namespace xenpp::builder
