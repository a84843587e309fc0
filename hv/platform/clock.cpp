// SPDX-License-Identifier: Apache-2.0
// TSC rate by the PIT's channel 2 (8254 data sheet), APIC timer rate by the TSC.
#include "platform/clock.hpp"

#include "platform/cpu.hpp"
#include "platform/lapic.hpp"

#include <xenpp/base/atomic.hpp>
#include <xenpp/hv/tsc_scale.hpp>

namespace xenpp::image {

namespace {

std::uint32_t khz = 1'000'000;
std::uint64_t tsc_base = 0;
hv::tsc_scale to_ns = hv::scale_for(1'000'000);
std::uint64_t timer_hz = 1'000'000'000;

std::uint32_t measure_by_pit() noexcept {
    constexpr std::uint32_t ticks = 11932;                         // 10 ms at 1193182 Hz
    outb(0x61, static_cast<std::uint8_t>((inb(0x61) & ~2U) | 1U)); // gate on, speaker off
    outb(0x43, 0xb0);                                              // channel 2, mode 0, both bytes
    outb(0x42, ticks & 0xff);
    outb(0x42, ticks >> 8);
    std::uint64_t const start = read_tsc();
    while ((inb(0x61) & 0x20) == 0) {
        cpu_relax();
    }
    return static_cast<std::uint32_t>((read_tsc() - start) / 10);
}

} // namespace

void clock_init(std::uint32_t known_khz) noexcept {
    khz = known_khz != 0 ? known_khz : measure_by_pit();
    to_ns = hv::scale_for(khz);
    tsc_base = read_tsc();
}

void clock_measure_timer() noexcept {
    // A virtual processor may lose its CPU between two of these lines. The time is looked at
    // outside of the ticks, so a round that was disturbed finds too low a rate, never too high a
    // one: a timer that comes early is armed again, one that comes late makes its guest late.
    constexpr std::uint32_t from = 0xffffffff;
    constexpr unsigned rounds = 3;
    timer_hz = 0;
    for (unsigned n = 0; n != rounds; ++n) {
        lapic_timer(from);
        std::uint64_t const t0 = clock_now_ns();
        std::uint32_t const c0 = lapic_timer_now();
        while (clock_now_ns() - t0 < 100'000) {
            cpu_relax();
        }
        std::uint32_t const c1 = lapic_timer_now();
        std::uint64_t const t1 = clock_now_ns();
        std::uint64_t const rate = std::uint64_t{c0 - c1} * 1'000'000'000 / (t1 - t0);
        timer_hz = rate > timer_hz ? rate : timer_hz;
    }
    lapic_timer(0);
}

std::uint32_t clock_khz() noexcept {
    return khz;
}

std::uint64_t clock_tsc_base() noexcept {
    return tsc_base;
}

std::uint64_t clock_now_ns() noexcept {
    return hv::scale_ticks(read_tsc() - tsc_base, to_ns);
}

void clock_arm(std::uint64_t deadline_ns) noexcept {
    if (deadline_ns == 0) {
        lapic_timer(0);
        return;
    }
    std::uint64_t const now = clock_now_ns();
    std::uint64_t const wait = deadline_ns > now ? deadline_ns - now : 0;
    // Long waits are cut short: the run loop finds nothing due and arms again.
    constexpr std::uint64_t longest = 1'000'000'000;
    std::uint64_t const ticks = (wait < longest ? wait : longest) * (timer_hz / 1000) / 1'000'000;
    lapic_timer(ticks < 1            ? 1
                : ticks > 0xffffffff ? 0xffffffff
                                     : static_cast<std::uint32_t>(ticks));
}

void busy_wait_us(std::uint32_t us) noexcept {
    std::uint64_t const until = read_tsc() + std::uint64_t{us} * khz / 1000;
    while (read_tsc() < until) {
        cpu_relax();
    }
}

} // namespace xenpp::image
