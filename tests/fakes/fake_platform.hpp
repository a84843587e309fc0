// SPDX-License-Identifier: Apache-2.0
// A machine made of memory: RAM, a clock that stands still until told, CPUs that remember kicks.
#pragma once

#include <xenpp/hv/pv/registers_in_memory.hpp>
#include <xenpp/mm/second_level.hpp>

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::fakes {

/// Satisfies hv::Platform. RAM is sparse, so a machine of many gigabytes costs only what is
/// touched. Members may be called from several threads; each thread says which CPU it is with
/// `run_on`.
class fake_platform : public hv::pv_registers_in_memory<fake_platform> {
public:
    static constexpr unsigned most_cpus = hv::max_cpus;

    explicit fake_platform(std::uint64_t frames = 16384, unsigned cpus = 2)
        : frames_(frames), cpus_(cpus), root_copies_(cpus) {
        void* const p = ::mmap(nullptr, frames * page_size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED || cpus == 0 || cpus > most_cpus) {
            std::abort();
        }
        ram_ = static_cast<std::byte*>(p);
    }

    fake_platform(fake_platform const&) = delete;
    fake_platform& operator=(fake_platform const&) = delete;

    ~fake_platform() { ::munmap(ram_, frames_ * page_size); }

    // --- what the hypervisor asks for ---
    std::byte* map(mfn f) {
        if (f.raw() >= frames_) {
            std::abort(); // policy asked for memory that the machine does not have
        }
        return ram_ + f.raw() * page_size;
    }

    std::uint64_t now_ns() { return now_.load(); }

    std::uint64_t tsc() { return now_.load() * 2; }

    std::uint64_t tsc_base() { return 0; }

    std::uint32_t tsc_khz() { return 2'000'000; }

    unsigned cpu_count() { return cpus_; }

    unsigned cpu_limit() { return cpus_; }

    mm::second_level second_level() { return nested_format; }

    cpu_id this_cpu() { return current_cpu; }

    void kick(cpu_id c) {
        ++kicks_.at(c.raw());
        if (on_kick) {
            on_kick(c);
        }
    }

    void flush_local_tlb() {
        if (on_flush) {
            on_flush(current_cpu);
        }
    }

    void flush_local_page(std::uint64_t address) {
        if (on_flush_page) {
            on_flush_page(current_cpu, address);
        }
    }

    void pv_load_root(hv::vcpu<fake_platform>& /*v*/) {
        ++root_loads;
        flush_local_tlb();
    }

    void pv_load_root_copy(hv::vcpu<fake_platform>& v) {
        ++root_loads;
        std::memcpy(root_copies_.at(current_cpu.raw()).data(), map(hv::pv::kernel_root(v)),
                    page_size);
        flush_local_tlb();
    }

    void pv_write_root_copy(unsigned slot, std::uint64_t entry) {
        root_copies_.at(current_cpu.raw()).at(slot) = entry;
    }

    void set_deadline(std::uint64_t ns) { deadlines_.at(current_cpu.raw()) = ns; }

    void notify_control() { ++notifications_; }

    void await_control() {}

    void console_write(std::string_view text) {
        std::lock_guard const hold(mutex_);
        console_ += text;
    }

    std::uint64_t random() {
        std::lock_guard const hold(mutex_);
        return random_();
    }

    // What a vendor's exits ask for.
    void load_xcr0(std::uint64_t x) { xcr0 = x; }

    void load_tsc_aux(std::uint64_t x) { tsc_aux = x; }

    void load_debug_registers(std::array<std::uint64_t, 4> const& dr) { debug_addresses = dr; }

    void load_dr6(std::uint64_t x) { debug_status = x; }

    std::uint64_t dr6() const { return debug_status; }

    expected<void, errc> create_vcpu(hv::vcpu<fake_platform>& v) {
        std::lock_guard const hold(mutex_);
        if (fail_create_vcpu) {
            return unexpected(errc::nomem);
        }
        states_.try_emplace(&v);
        return {};
    }

    void destroy_vcpu(hv::vcpu<fake_platform>& v) {
        std::lock_guard const hold(mutex_);
        states_.erase(&v);
    }

    expected<void, errc> load_state(hv::vcpu<fake_platform>& v, abi::hvm_hw_cpu const& state) {
        std::lock_guard const hold(mutex_);
        states_[&v] = state;
        return {};
    }

    abi::hvm_hw_cpu save_state(hv::vcpu<fake_platform>& v) {
        std::lock_guard const hold(mutex_);
        return states_[&v];
    }

    void flush_guest_tlb(hv::vcpu<fake_platform>& /*v*/) { ++flushes_; }

    /// Asked by the frame allocator before every allocation; see `allocations_left`.
    bool may_allocate() {
        auto left = allocations_left.load();
        while (left != 0 && !allocations_left.compare_exchange_weak(left, left - 1)) {
        }
        return left != 0;
    }

    void shutdown_machine(bool reboot) {
        is_shut_down = true;
        is_rebooting = reboot;
    }

    // --- what a test does and sees ---
    void run_on(cpu_id c) { current_cpu = c; }

    void advance(std::uint64_t ns) { now_ += ns; }

    std::uint64_t frame_count() const { return frames_; }

    unsigned kicks(cpu_id c) const { return kicks_.at(c.raw()).load(); }

    /// What pv_load_root_copy has put into CR3 of that CPU.
    std::uint64_t const* root_copy(cpu_id c) const { return root_copies_.at(c.raw()).data(); }

    std::uint64_t deadline(cpu_id c) const { return deadlines_.at(c.raw()).load(); }

    unsigned notifications() const { return notifications_.load(); }

    unsigned flushes() const { return flushes_.load(); }

    std::string console() {
        std::lock_guard const hold(mutex_);
        return console_;
    }

    std::size_t vcpu_count() {
        std::lock_guard const hold(mutex_);
        return states_.size();
    }

    std::function<void(cpu_id)> on_kick;  ///< what a CPU does when it is kicked
    std::function<void(cpu_id)> on_flush; ///< a CPU's TLB forgets all that guests have
    std::function<void(cpu_id, std::uint64_t)> on_flush_page;
    bool fail_create_vcpu = false;
    std::atomic<unsigned> root_loads = 0; ///< how often CR3 was loaded
    std::uint64_t xcr0 = 0, tsc_aux = 0, debug_status = 0;
    std::array<std::uint64_t, 4> debug_addresses{};
    mm::second_level nested_format = mm::second_level::of<mm::npt>();
    std::atomic<std::uint64_t> allocations_left = ~std::uint64_t{0}; ///< then all fail
    std::atomic<bool> is_shut_down = false;
    bool is_rebooting = false;

private:
    inline static thread_local cpu_id current_cpu{0};

    std::byte* ram_ = nullptr;
    std::uint64_t frames_;
    unsigned cpus_;
    std::atomic<std::uint64_t> now_ = 1'000'000'000;
    std::array<std::atomic<unsigned>, most_cpus> kicks_{};
    std::array<std::atomic<std::uint64_t>, most_cpus> deadlines_{};
    std::atomic<unsigned> notifications_ = 0;
    std::atomic<unsigned> flushes_ = 0;
    std::mutex mutex_;
    std::string console_;
    std::mt19937_64 random_{4};
    std::map<hv::vcpu<fake_platform> const*, abi::hvm_hw_cpu> states_;
    std::vector<std::array<std::uint64_t, hv::pv::table_entries>> root_copies_;
};

static_assert(hv::Platform<fake_platform>);

} // namespace xenpp::fakes
