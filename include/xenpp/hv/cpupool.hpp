// SPDX-License-Identifier: Apache-2.0
// A CPU pool: CPUs that run its domains alone, by a scheduler of its own.
#pragma once

#include <xenpp/abi/domctl.hpp>
#include <xenpp/hv/platform.hpp>

#include <cstdint>

namespace xenpp::hv {

inline constexpr unsigned max_cpupools = 64;

/// Under the scheduler's lock. A CPU is in one pool or in none; one that is in none runs nothing.
struct cpupool {
    bool exists = false;
    cpu_mask cpus = 0; ///< of pool 0 at the start all, also those that the machine lacks
    std::uint32_t sched_id = abi::scheduler_credit2; ///< or abi::scheduler_null
    std::uint32_t domains = 0;                       ///< that belong to it
    std::uint64_t min_vruntime = 0; ///< run times of its vCPUs are compared with it
    /// By how much a waking vCPU must be behind the one that runs to take its CPU (Xen: ratelimit).
    std::uint64_t ratelimit_ns = 500'000;

    bool is_null() const noexcept { return sched_id == abi::scheduler_null; }
};

} // namespace xenpp::hv
