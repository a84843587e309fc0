// SPDX-License-Identifier: Apache-2.0
// Many descriptors behind one: epoll.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <cstdint>
#include <vector>

namespace xenpp::os {

/// A set of descriptors, each with a number of its user's. Its own `fd()` is readable when one of
/// them is ready, so sets nest.
class poller {
public:
    struct ready {
        std::uint64_t tag;
        bool readable; ///< or closed by the peer: read, and see
        bool writable;
    };

    static result<poller> create();

    result<void> add(int fd, std::uint64_t tag, bool to_write = false);
    result<void> modify(int fd, std::uint64_t tag, bool to_write);
    void remove(int fd) noexcept;

    /// What is ready, after waiting at most `timeout_ms` (negative: for ever) until something is.
    std::vector<ready> wait(int timeout_ms) const;

    int fd() const noexcept { return epoll_.get(); }

private:
    explicit poller(unique_fd epoll) noexcept : epoll_(std::move(epoll)) {}

    unique_fd epoll_;
};

} // namespace xenpp::os
