// SPDX-License-Identifier: Apache-2.0
// An allocator for a piece of shared memory, whose books are kept outside of it.
#pragma once

#include <cstddef>
#include <map>
#include <optional>

namespace xenpp::transport {

/// First fit over offsets [0, size). What other processes do to the memory cannot hurt it.
class arena {
public:
    explicit arena(std::size_t size) { free_.emplace(0, size); }

    /// The offset of `size` bytes, aligned to 64, or to a page if that much is asked for.
    std::optional<std::size_t> allocate(std::size_t size);

    /// Takes back what `allocate` gave for this size.
    void release(std::size_t offset, std::size_t size);

    std::size_t free_bytes() const noexcept;

private:
    std::map<std::size_t, std::size_t> free_; ///< offset -> size, never adjacent
};

} // namespace xenpp::transport
