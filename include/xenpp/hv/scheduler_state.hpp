// SPDX-License-Identifier: Apache-2.0
// What the scheduler keeps: its numbers, its CPUs, its queue, its pools.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/hv/cpupool.hpp>
#include <xenpp/hv/domain.hpp>
#include <xenpp/hv/platform.hpp>
#include <xenpp/hv/timer.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv {

/// How long a vCPU runs while others wait.
inline constexpr std::uint64_t time_slice_ns = 10'000'000;
/// A vCPU that slept starts at most this far behind the others, so that it cannot hoard time.
inline constexpr std::uint64_t wake_bonus_ns = 5'000'000;

/// What the scheduler keeps for one CPU.
template <class P>
struct alignas(64) scheduler_cpu {
    vcpu<P>* current = nullptr; ///< null: idle; changed under the scheduler's lock
    std::uint64_t slice_end_ns = 0;
    std::uint64_t idle_since_ns = 0;
    std::uint64_t idle_ns = 0; ///< total idle time
    bool resched = false;      ///< atomic: pass through `choose` before entering a guest
    bool online = false;
    vcpu<P>* seated = nullptr; ///< in a pool of the null scheduler: whose CPU this is
    timer_queue timers;
};

/// The scheduler's data. All members but the atomics are under `lock`.
template <class P>
struct scheduler_state {
    explicit scheduler_state(hypervisor<P>& h) noexcept : hv(h) {
        pools[0].exists = true;
        pools[0].cpus = ~cpu_mask{0};
    }

    hypervisor<P>& hv;
    spinlock lock;
    vcpu<P>* queue = nullptr; ///< runnable, not running; least run time first
    std::array<scheduler_cpu<P>, max_cpus> cpu;
    std::array<cpupool, max_cpupools> pools; ///< by number; 0 is there from the start

    scheduler_cpu<P>& on(cpu_id c) noexcept { return cpu[c.raw() % max_cpus]; }

    /// Whether some CPU has no vCPU to run, at this moment.
    bool has_idle_cpu() noexcept {
        for (unsigned c = 0; c != hv.platform.cpu_count(); ++c) {
            if (atomic_load(cpu[c].current, order::relaxed) == nullptr) {
                return true;
            }
        }
        return false;
    }

    cpupool& pool_of(domain<P> const& d) noexcept { return pools[d.cpupool % max_cpupools]; }
};

} // namespace xenpp::hv
