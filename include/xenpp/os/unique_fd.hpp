// SPDX-License-Identifier: Apache-2.0
// A file descriptor with one owner.
#pragma once

#include <utility>

namespace xenpp::os {

/// Closes its descriptor at the end of its life.
class unique_fd {
public:
    unique_fd() noexcept = default;

    explicit unique_fd(int fd) noexcept : fd_(fd) {}

    unique_fd(unique_fd&& o) noexcept : fd_(o.release()) {}

    unique_fd& operator=(unique_fd&& o) noexcept {
        reset(o.release());
        return *this;
    }

    unique_fd(unique_fd const&) = delete;
    unique_fd& operator=(unique_fd const&) = delete;

    ~unique_fd() { reset(); }

    int get() const noexcept { return fd_; }

    explicit operator bool() const noexcept { return fd_ >= 0; }

    int release() noexcept { return std::exchange(fd_, -1); }

    void reset(int fd = -1) noexcept;

private:
    int fd_ = -1;
};

} // namespace xenpp::os
