// SPDX-License-Identifier: Apache-2.0
// Memory that a kernel or a ramdisk lies in: a mapped file or an anonymous buffer, unmapped once.
#pragma once

#include <xenpp/base/error.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace xenpp::builder {

/// Read-only bytes that live in a mapping of this process. Move-only; `bytes()` stays where it is
/// when the object is moved.
class mapping {
public:
    mapping() noexcept = default;

    mapping(mapping&& o) noexcept
        : base_(std::exchange(o.base_, {}))
        , skip_(std::exchange(o.skip_, 0))
        , is_of_file_(std::exchange(o.is_of_file_, false)) {}

    mapping(mapping const&) = delete;
    mapping& operator=(mapping const&) = delete;

    mapping& operator=(mapping&& o) noexcept {
        std::swap(base_, o.base_);
        std::swap(skip_, o.skip_);
        std::swap(is_of_file_, o.is_of_file_);
        return *this;
    }

    ~mapping();

    /// The mapping without its first `skip` bytes (a header in front of the contents).
    std::span<std::byte const> bytes() const noexcept { return base_.subspan(skip_); }

    /// Whether the bytes are a file's, which need not stay in memory: see `forget_pages`.
    bool is_of_file() const noexcept { return is_of_file_; }

    /// Maps the first `size` bytes of an open file read-only, and hides the first `skip` of them.
    /// `size` is not 0, `skip` at most `size`. Errors: mmap's errno.
    static result<mapping> of_file(int fd, std::size_t size, std::size_t skip = 0);

private:
    friend class output_buffer;
    std::span<std::byte const> base_;
    std::size_t skip_ = 0;
    bool is_of_file_ = false;
};

/// Takes the whole pages of `part`, which lies in the mapping of a file, out of this process's
/// memory. They come back from the file when they are read again.
void forget_pages(std::span<std::byte const> part) noexcept;

/// Zeroed anonymous memory for output of a size that is known only by its limit: address space is
/// reserved at once, memory is taken as it is written.
class output_buffer {
public:
    /// Errors: ENOMEM when `capacity` bytes of address space are not to be had.
    static result<output_buffer> create(std::size_t capacity);

    std::span<std::byte> bytes() noexcept { return whole_; }

    /// Keeps the first `size` bytes and gives the rest back. `size` is at most the capacity.
    mapping keep(std::size_t size) &&;

    output_buffer(output_buffer const&) = delete;
    output_buffer& operator=(output_buffer const&) = delete;

    output_buffer(output_buffer&& o) noexcept : whole_(std::exchange(o.whole_, {})) {}

    output_buffer& operator=(output_buffer&& o) noexcept {
        std::swap(whole_, o.whole_);
        return *this;
    }

    ~output_buffer();

private:
    explicit output_buffer(std::span<std::byte> whole) noexcept : whole_(whole) {}

    std::span<std::byte> whole_;
};

} // namespace xenpp::builder
