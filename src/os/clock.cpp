// SPDX-License-Identifier: Apache-2.0
// The clocks of the operating system.
#include <xenpp/os/clock.hpp>

#include <ctime>

namespace xenpp::os {

namespace {

std::uint64_t read(clockid_t clock) noexcept {
    timespec t{};
    ::clock_gettime(clock, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(t.tv_nsec);
}

} // namespace

std::uint64_t monotonic_ns() noexcept {
    return read(CLOCK_MONOTONIC);
}

std::uint64_t wall_clock_ns() noexcept {
    return read(CLOCK_REALTIME);
}

void sleep_ns(std::uint64_t ns) noexcept {
    timespec t{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
    while (::nanosleep(&t, &t) != 0) { // interrupted: the rest
    }
}

} // namespace xenpp::os
