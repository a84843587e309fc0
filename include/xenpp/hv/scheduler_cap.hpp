// SPDX-License-Identifier: Apache-2.0
// Caps: how much of each period a domain may run.
#pragma once

#include <xenpp/hv/domain.hpp>
#include <xenpp/hv/scheduler_state.hpp>

#include <cstdint>

namespace xenpp::hv {

/// A cap is a share of each period.
inline constexpr std::uint64_t cap_period_ns = 10'000'000;
/// What a domain that wanted to run did not get of its share it may use within so much time. A CPU
/// wakes late where its machine is a process that waits for its turn; without this, the domain
/// would lose what it waited for.
inline constexpr std::uint64_t cap_kept_ns = 1'000'000'000;
/// What a domain ran too long is paid off with its share of so much time at once: no sum overflows.
inline constexpr std::uint64_t cap_paid_ns = 1'000'000'000'000;

namespace detail {

/// Whether the cap of `v`'s domain leaves it time in this period; starts a new period when one is
/// over. What a period ran too long counts against the next.
template <class P>
bool within_cap(vcpu<P>& v, std::uint64_t now) noexcept {
    auto& d = v.dom;
    if (d.cap == 0 || d.hv.scheduler.pool_of(d).is_null()) {
        d.cap_period_start_ns = now; // what passed without a cap gives no share
        return true;
    }
    auto const share = [&d](std::uint64_t ns) {
        return static_cast<std::int64_t>(ns * d.cap / 100);
    };
    if (std::uint64_t const elapsed = now - d.cap_period_start_ns; elapsed >= cap_period_ns) {
        std::uint64_t const over = elapsed - elapsed % cap_period_ns;
        std::int64_t const left = d.cap_used_ns - share(over < cap_paid_ns ? over : cap_paid_ns);
        std::int64_t const least = -share(cap_kept_ns);
        d.cap_used_ns = left > least ? left : least;
        d.cap_period_start_ns += over;
    }
    return d.cap_used_ns < share(cap_period_ns);
}

/// `v` slept: what its domain has not used of its share until now it did not want.
template <class P>
void give_up_share(vcpu<P>& v, std::uint64_t now) noexcept {
    static_cast<void>(within_cap(v, now));
    v.dom.cap_used_ns = v.dom.cap_used_ns < 0 ? 0 : v.dom.cap_used_ns;
}

} // namespace detail

} // namespace xenpp::hv
