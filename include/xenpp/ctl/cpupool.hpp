// SPDX-License-Identifier: Apache-2.0
// Calls about CPU pools.
#pragma once

#include <xenpp/ctl/connection.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace xenpp::ctl {

/// A pool as the hypervisor describes it. CPUs as bits, CPU 0 lowest.
struct cpupool_info {
    std::uint32_t id = 0;
    std::uint32_t sched_id = 0; ///< abi::scheduler_*
    std::uint32_t domains = 0;
    std::vector<std::uint64_t> cpus;
};

/// Every pool, by number. `cpus`: how many CPUs the answer has room for.
result<std::vector<cpupool_info>> get_cpupools(connection& c, std::uint32_t cpus);
/// The CPUs that are in no pool.
result<std::vector<std::uint64_t>> get_free_cpus(connection& c, std::uint32_t cpus);

/// An empty pool; its number is the hypervisor's choice. ENOENT: no such scheduler.
result<std::uint32_t> create_cpupool(connection& c, std::uint32_t sched_id);
/// EBUSY: it has CPUs or domains.
result<void> destroy_cpupool(connection& c, std::uint32_t pool);
/// EBUSY: the CPU is in a pool; or is the last one of a pool with domains.
result<void> add_cpu_to_cpupool(connection& c, std::uint32_t pool, std::uint32_t cpu);
result<void> remove_cpu_from_cpupool(connection& c, std::uint32_t pool, std::uint32_t cpu);
/// EBUSY: the pool has no CPU.
result<void> move_domain_to_cpupool(connection& c, domid d, std::uint32_t pool);

/// The rate limit of a pool that credit2 runs, in microseconds; 0: none.
result<std::uint32_t> get_credit2_ratelimit(connection& c, std::uint32_t pool);
result<void> set_credit2_ratelimit(connection& c, std::uint32_t pool, std::uint32_t us);

} // namespace xenpp::ctl
