// SPDX-License-Identifier: Apache-2.0
// How long a loop looks for work before it sleeps: as long as that has paid off of late.
#pragma once

#include <cstdint>

namespace xenpp::detail {

/// Times are nanoseconds of a clock that does not go back.
class looking {
public:
    /// About what it takes to sleep and be woken.
    static constexpr std::uint64_t longest_ns = 50'000;
    /// Others have their turn in between, whatever there is to do.
    static constexpr std::uint64_t longest_turn_ns = 2'000'000;

    /// The loop comes back from its sleep.
    void woken(std::uint64_t now) noexcept {
        turn_began_ns_ = now;
        if (now - slept_ns_ < longest_ns) {
            window_ns_ = longest_ns; // it would have paid off
        }
        found_ns_ = 0;
    }

    /// There was work.
    void found(std::uint64_t now) noexcept {
        if (found_ns_ != 0) {
            window_ns_ = longest_ns;
        }
        found_ns_ = now;
    }

    /// Whether to look once more; false: the loop goes to sleep.
    bool goes_on(std::uint64_t now) noexcept {
        if (found_ns_ != 0 && now - turn_began_ns_ < longest_turn_ns) {
            if (now - found_ns_ < window_ns_) {
                return true;
            }
            window_ns_ /= 2;
        }
        slept_ns_ = now;
        return false;
    }

private:
    std::uint64_t window_ns_ = longest_ns;
    std::uint64_t turn_began_ns_ = 0;
    std::uint64_t found_ns_ = 0; ///< 0: nothing since the sleep
    std::uint64_t slept_ns_ = 0;
};

} // namespace xenpp::detail
