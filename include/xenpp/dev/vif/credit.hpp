// SPDX-License-Identifier: Apache-2.0
// How much a guest may send now under its rate limit.
#pragma once

#include <xenpp/dev/vif/config.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace xenpp::dev {

/// Bytes that come with each interval and are spent by packets. What is not spent is kept up to
/// an interval's worth, and at least for the largest packet. Without a rate there is no limit.
class credit {
public:
    explicit credit(std::optional<vif_rate> rate) noexcept : rate_(rate) {
        if (rate_) {
            most_ = std::max<std::uint64_t>(rate_->bytes_per_interval, largest_packet);
            left_ = rate_->bytes_per_interval;
        }
    }

    /// Whether a packet of `bytes` may go now; it is spent then.
    bool spend(std::uint64_t bytes, std::uint64_t now_us) noexcept {
        if (!rate_) {
            return true;
        }
        if (began_ == 0) {
            began_ = now_us;
        }
        if (auto const intervals = (now_us - began_) / rate_->interval_us; intervals != 0) {
            began_ += intervals * rate_->interval_us;
            // An interval's bytes may be near 2^64, and so may the intervals.
            auto const lacks = most_ - left_;
            auto const enough = lacks / rate_->bytes_per_interval + 1;
            left_ = intervals >= enough ? most_ : left_ + intervals * rate_->bytes_per_interval;
        }
        if (bytes > left_) {
            return false;
        }
        left_ -= bytes;
        return true;
    }

    /// When there is more, in the time of `spend`.
    std::uint64_t ready_at() const noexcept { return began_ + (rate_ ? rate_->interval_us : 0); }

private:
    static constexpr std::uint64_t largest_packet = 65535;

    std::optional<vif_rate> rate_;
    std::uint64_t most_ = 0;
    std::uint64_t left_ = 0;
    std::uint64_t began_ = 0;
};

} // namespace xenpp::dev
