// SPDX-License-Identifier: Apache-2.0
// A file descriptor that closes itself.
#pragma once

#include <unistd.h>

#include <utility>

namespace xenpp::builder {

class descriptor {
public:
    explicit descriptor(int fd) noexcept : fd_(fd) {}

    descriptor(descriptor&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}

    descriptor& operator=(descriptor&&) = delete;
    descriptor(descriptor const&) = delete;
    descriptor& operator=(descriptor const&) = delete;

    ~descriptor() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }

    int get() const noexcept { return fd_; }

    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_;
};

} // namespace xenpp::builder
