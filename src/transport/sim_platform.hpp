// SPDX-License-Identifier: Apache-2.0
// The machine of a simulation: RAM in a memory file, a clock, processors that only count.
#pragma once

#include <xenpp/hv/pv/registers_in_memory.hpp>
#include <xenpp/mm/second_level.hpp>
#include <xenpp/os/clock.hpp>
#include <xenpp/os/mapping.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace xenpp::transport {

/// Satisfies hv::Platform, in one thread.
class sim_platform : public hv::pv_registers_in_memory<sim_platform> {
public:
    sim_platform(os::mapping ram, unsigned cpus, bool is_clock_manual, int wake) noexcept
        : ram_(std::move(ram))
        , cpus_(cpus)
        , is_clock_manual_(is_clock_manual)
        , wake_(wake)
        , begin_ns_(os::monotonic_ns()) {}

    // --- what the hypervisor asks for ---
    std::byte* map(mfn f) noexcept {
        if (f.raw() >= ram_.size() >> page_shift) {
            std::abort(); // the hypervisor's policy is broken: it asks for memory there is not
        }
        return ram_.data() + (f.raw() << page_shift);
    }

    std::uint64_t now_ns() const noexcept {
        return is_clock_manual_ ? manual_ns_ : os::monotonic_ns() - begin_ns_ + 1;
    }

    std::uint64_t tsc() const noexcept { return now_ns() * (khz / 1'000'000); }

    std::uint64_t tsc_base() const noexcept { return 0; }

    std::uint32_t tsc_khz() const noexcept { return khz; }

    unsigned cpu_count() const noexcept { return cpus_; }

    unsigned cpu_limit() const noexcept { return cpus_; }

    mm::second_level second_level() const noexcept { return mm::second_level::of<mm::npt>(); }

    cpu_id this_cpu() const noexcept { return current_; }

    void kick(cpu_id) noexcept;

    void set_deadline(std::uint64_t ns) noexcept { deadlines_[current_.raw()] = ns; }

    void notify_control() noexcept;

    void await_control() noexcept {}

    void console_write(std::string_view text) { console_ += text; }

    std::uint64_t random() noexcept { // splitmix64, from a fixed seed: runs repeat themselves
        auto x = random_ += 0x9e3779b97f4a7c15;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
    }

    expected<void, errc> create_vcpu(hv::vcpu<sim_platform>& v) {
        states_.try_emplace(&v);
        return {};
    }

    void destroy_vcpu(hv::vcpu<sim_platform>& v) { states_.erase(&v); }

    expected<void, errc> load_state(hv::vcpu<sim_platform>& v, abi::hvm_hw_cpu const& state) {
        states_[&v] = state;
        return {};
    }

    abi::hvm_hw_cpu save_state(hv::vcpu<sim_platform>& v) { return states_[&v]; }

    void flush_guest_tlb(hv::vcpu<sim_platform>&) noexcept {}

    void shutdown_machine(bool) noexcept { is_shut_down_ = true; }

    // --- what the simulation does and sees ---
    std::byte* ram() const noexcept { return ram_.data(); }

    std::uint64_t ram_size() const noexcept { return ram_.size(); }

    void be_cpu(cpu_id c) noexcept { current_ = c; }

    void advance(std::uint64_t ns) noexcept { manual_ns_ += ns; }

    bool is_clock_manual() const noexcept { return is_clock_manual_; }

    bool take_notification() noexcept { return std::exchange(is_notified_, false); }

    bool is_shut_down() const noexcept { return is_shut_down_; }

    std::string const& console() const noexcept { return console_; }

    /// The soonest deadline of any CPU; 0: none.
    std::uint64_t next_deadline_ns() const noexcept {
        std::uint64_t soonest = 0;
        for (auto const d : deadlines_) {
            soonest = d != 0 && (soonest == 0 || d < soonest) ? d : soonest;
        }
        return soonest;
    }

private:
    static constexpr std::uint32_t khz = 2'000'000;

    os::mapping ram_;
    unsigned cpus_;
    bool is_clock_manual_;
    int wake_; ///< an eventfd: there is something to do
    std::uint64_t begin_ns_;
    std::uint64_t manual_ns_ = 1'000'000; // 0 would read as "never" in places
    cpu_id current_{0};
    std::array<std::uint64_t, hv::max_cpus> deadlines_{};
    bool is_notified_ = false;
    bool is_shut_down_ = false;
    std::uint64_t random_ = 4;
    std::string console_;
    std::map<hv::vcpu<sim_platform> const*, abi::hvm_hw_cpu> states_;
};

static_assert(hv::Platform<sim_platform>);

} // namespace xenpp::transport
