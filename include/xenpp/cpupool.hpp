// SPDX-License-Identifier: Apache-2.0
// A host's CPU pools: groups of CPUs, each with a scheduler and the domains that it runs.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/cpu_set.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp {

namespace detail {
class session;
} // namespace detail

/// What decides which vCPU runs (Xen: XEN_SCHEDULER_*, the numbers agree).
enum class scheduler_kind : std::uint8_t {
    sedf = 4,
    credit = 5,
    credit2 = 6,
    arinc653 = 7,
    rtds = 8,
    null = 9,
};

/// "credit2", ... For a number that is none of the enumerators, "unknown".
char const* to_string(scheduler_kind k) noexcept;
/// A scheduler by the name that xl.cfg and Xen's command line give it.
std::optional<scheduler_kind> parse_scheduler(std::string_view name) noexcept;

/// A pool as the hypervisor and xenstore described it when asked.
struct cpupool_info {
    std::uint32_t id = 0;
    std::string name; ///< "Pool-N" if nobody gave it one
    scheduler_kind scheduler{};
    cpu_set cpus;
    std::uint32_t domains = 0;
};

/// A handle to all pools of a host. Pools are numbers to the hypervisor, and it never hands out a
/// number that is in use; who destroys a pool and makes another may be given the same.
class cpupools {
public:
    result<std::vector<cpupool_info>> list() const;

    /// One by name or number; a name of digits alone is a number. ENOENT.
    result<cpupool_info> find(std::string_view name_or_id) const;

    /// CPUs that are in no pool.
    result<cpu_set> free_cpus() const;

    /// A pool with these CPUs, which must be in none; nothing is left of it on failure. EEXIST: one
    /// has that name.
    result<cpupool_info>
    create(std::string_view name, scheduler_kind scheduler, cpu_set const& cpus) const;
    /// Its CPUs become free. EBUSY: it has domains.
    result<void> destroy(std::uint32_t pool) const;
    result<void> rename(std::uint32_t pool, std::string_view name) const;

    /// EBUSY: it is in a pool.
    result<void> add_cpu(std::uint32_t pool, std::uint32_t cpu) const;
    /// EBUSY: it is the last one, and the pool has domains.
    result<void> remove_cpu(std::uint32_t pool, std::uint32_t cpu) const;
    /// EBUSY: the pool has no CPU.
    result<void> move_domain(domid d, std::uint32_t pool) const;

    /// How long credit2 leaves a vCPU alone at least before another takes its CPU; 0: not at all.
    result<std::uint32_t> ratelimit_us(std::uint32_t pool) const;
    result<void> set_ratelimit_us(std::uint32_t pool, std::uint32_t us) const;

private:
    friend class host;

    explicit cpupools(std::shared_ptr<detail::session> s) noexcept : session_(std::move(s)) {}

    std::shared_ptr<detail::session> session_;
};

} // namespace xenpp
