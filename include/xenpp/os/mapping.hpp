// SPDX-License-Identifier: Apache-2.0
// A piece of address space with one owner.
#pragma once

#include <xenpp/base/error.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace xenpp::os {

enum class access : bool {
    read_only,
    read_write
};

/// Unmaps its pages at the end of its life.
class mapping {
public:
    mapping() noexcept = default;

    mapping(mapping&& o) noexcept
        : data_(std::exchange(o.data_, nullptr)), size_(std::exchange(o.size_, 0)) {}

    mapping& operator=(mapping&& o) noexcept {
        std::swap(data_, o.data_);
        std::swap(size_, o.size_);
        return *this;
    }

    mapping(mapping const&) = delete;
    mapping& operator=(mapping const&) = delete;
    ~mapping();

    /// `size` bytes of a file from `offset` (both multiples of the page size), shared with others.
    static result<mapping> of_file(int fd, std::uint64_t offset, std::size_t size, access a);

    /// The same at an address where nothing may be mapped yet; EEXIST otherwise.
    static result<mapping>
    of_file_at(std::uintptr_t address, int fd, std::uint64_t offset, std::size_t size, access a);

    /// Zeroed memory that costs nothing until it is touched; not counted against overcommit.
    static result<mapping> anonymous(std::size_t size);

    /// Address space in which every access faults, for `place` to fill.
    static result<mapping> reserve(std::size_t size);

    /// Puts `size` bytes of a file at `at` bytes into this mapping, in the place of what is there.
    result<void> place(std::size_t at, int fd, std::uint64_t offset, std::size_t size, access a);

    std::byte* data() const noexcept { return data_; }

    std::size_t size() const noexcept { return size_; }

    explicit operator bool() const noexcept { return data_ != nullptr; }

private:
    mapping(std::byte* data, std::size_t size) noexcept : data_(data), size_(size) {}

    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace xenpp::os
