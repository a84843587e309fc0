// SPDX-License-Identifier: Apache-2.0
// The hypervisor's message buffer: what `xl dmesg` reads.
#pragma once

#include <xenpp/base/atomic.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace xenpp::hv {

/// A ring of the last 32 KiB of messages. Positions only grow; a reader asks from a position on.
class console_ring {
public:
    static constexpr std::uint32_t size = 32U << 10;

    void append(std::string_view text) noexcept {
        lock_guard const hold(lock_);
        for (char const c : text) {
            data_[produced_++ % size] = c;
        }
        if (produced_ - consumed_ > size) {
            consumed_ = produced_ - size;
        }
    }

    /// The oldest position still held, and the position after the newest character.
    std::uint32_t oldest() const noexcept { return consumed_; }

    std::uint32_t newest() const noexcept { return produced_; }

    /// The character at `position`, which lies in [oldest, newest).
    char at(std::uint32_t position) const noexcept { return data_[position % size]; }

    /// Forgets everything (`xl dmesg -c`).
    void clear() noexcept {
        lock_guard const hold(lock_);
        consumed_ = produced_;
    }

private:
    std::array<char, size> data_{};
    std::uint32_t produced_ = 0;
    std::uint32_t consumed_ = 0;
    spinlock lock_;
};

} // namespace xenpp::hv
