// SPDX-License-Identifier: Apache-2.0
// Changes to CPU pools: which there are, which CPUs they have, which domains belong to them.
#pragma once

#include <xenpp/abi/sysctl.hpp>
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/hv/scheduler.hpp>

#include <cstdint>

namespace xenpp::hv {

namespace detail {

template <class P>
cpupool* find_pool(scheduler_state<P>& s, std::uint32_t id) noexcept {
    return id < max_cpupools && s.pools[id].exists ? &s.pools[id] : nullptr;
}

/// The CPUs that run and are in no pool.
template <class P>
cpu_mask free_cpus(scheduler_state<P>& s) noexcept {
    auto const n = s.hv.platform.cpu_count();
    cpu_mask left = n >= max_cpus ? ~cpu_mask{0} : (cpu_mask{1} << n) - 1;
    for (auto const& pool : s.pools) {
        left &= ~pool.cpus;
    }
    return left;
}

/// Every CPU of `cpus` looks anew at what it runs.
template <class P>
void interrupt_cpus(scheduler_state<P>& s, cpu_mask cpus) noexcept {
    for (unsigned c = 0; c != s.hv.platform.cpu_count(); ++c) {
        if (((cpus >> c) & 1) != 0) {
            atomic_store(s.cpu[c].resched, true);
            if (cpu_id(c) != s.hv.platform.this_cpu()) {
                s.hv.platform.kick(cpu_id(c));
            }
        }
    }
}

} // namespace detail

/// A pool without CPUs. `id`: its number, `sysctl_cpupool_par_any` for the first free one. Errors:
/// `noent` a scheduler that is neither credit2 nor null; `exist`; `inval` beyond the numbers;
/// `nospc` all are taken.
template <class P>
expected<std::uint32_t, errc>
cpupool_create(hypervisor<P>& hv, std::uint32_t id, std::uint32_t sched_id) noexcept {
    auto& s = hv.scheduler;
    if (sched_id != abi::scheduler_credit2 && sched_id != abi::scheduler_null) {
        return unexpected(errc::noent);
    }
    lock_guard const hold(s.lock);
    bool const any = id == abi::sysctl_cpupool_par_any;
    std::uint32_t n = any ? 0 : id;
    while (any && n != max_cpupools && s.pools[n].exists) {
        ++n;
    }
    if (n >= max_cpupools) {
        return unexpected(any ? errc::nospc : errc::inval);
    }
    if (s.pools[n].exists) {
        return unexpected(errc::exist);
    }
    s.pools[n] = cpupool{.exists = true, .sched_id = sched_id};
    return n;
}

/// Ends a pool without CPUs and domains. Errors: `noent`; `busy` it has some, or is pool 0.
template <class P>
expected<void, errc> cpupool_destroy(hypervisor<P>& hv, std::uint32_t id) noexcept {
    lock_guard const hold(hv.scheduler.lock);
    auto* const pool = detail::find_pool(hv.scheduler, id);
    if (pool == nullptr) {
        return unexpected(errc::noent);
    }
    if (id == 0 || pool->cpus != 0 || pool->domains != 0) {
        return unexpected(errc::busy);
    }
    *pool = cpupool{};
    return {};
}

/// Gives a pool a CPU that is in none; `sysctl_cpupool_par_any`: the first such. Errors: `noent`
/// no such pool; `inval` no such CPU; `busy` it is in a pool, or all are.
template <class P>
expected<void, errc>
cpupool_add_cpu(hypervisor<P>& hv, std::uint32_t id, std::uint32_t cpu) noexcept {
    auto& s = hv.scheduler;
    lock_guard const hold(s.lock);
    auto* const pool = detail::find_pool(s, id);
    if (pool == nullptr) {
        return unexpected(errc::noent);
    }
    cpu_mask const left = detail::free_cpus(s);
    if (cpu == abi::sysctl_cpupool_par_any) {
        cpu = left == 0 ? max_cpus : static_cast<std::uint32_t>(__builtin_ctzll(left));
    } else if (cpu >= hv.platform.cpu_count()) {
        return unexpected(errc::inval);
    }
    if (cpu == max_cpus || ((left >> cpu) & 1) == 0) {
        return unexpected(errc::busy);
    }
    pool->cpus |= cpu_mask{1} << cpu;
    detail::tickle_all(s);
    detail::interrupt_cpus(s, cpu_mask{1} << cpu);
    return {};
}

/// Takes a CPU out of its pool; `sysctl_cpupool_par_any`: the last one. Errors: `noent` no such
/// pool; `inval` the CPU is not in it; `busy` it is the last one and the pool has domains.
template <class P>
expected<void, errc>
cpupool_remove_cpu(hypervisor<P>& hv, std::uint32_t id, std::uint32_t cpu) noexcept {
    auto& s = hv.scheduler;
    lock_guard const hold(s.lock);
    auto* const pool = detail::find_pool(s, id);
    if (pool == nullptr) {
        return unexpected(errc::noent);
    }
    auto const n = hv.platform.cpu_count();
    cpu_mask const there = n >= max_cpus ? pool->cpus : pool->cpus & ((cpu_mask{1} << n) - 1);
    if (cpu == abi::sysctl_cpupool_par_any && there != 0) {
        cpu = max_cpus - 1 - static_cast<std::uint32_t>(__builtin_clzll(there));
    }
    if (cpu >= n || ((there >> cpu) & 1) == 0) {
        return unexpected(errc::inval);
    }
    cpu_mask const one = cpu_mask{1} << cpu;
    if (there == one && pool->domains != 0) {
        return unexpected(errc::busy);
    }
    pool->cpus = there & ~one;
    s.cpu[cpu].seated = nullptr;
    detail::interrupt_cpus(s, one);
    detail::tickle_all(s);
    return {};
}

/// A domain that has no vCPU yet becomes one of a pool. `inval`: no such pool, or one without CPUs.
template <class P>
expected<void, errc> cpupool_join(domain<P>& d, std::uint32_t id) noexcept {
    auto& s = d.hv.scheduler;
    lock_guard const hold(s.lock);
    auto* const pool = detail::find_pool(s, id);
    if (pool == nullptr || pool->cpus == 0) {
        return unexpected(errc::inval);
    }
    ++pool->domains;
    d.cpupool = id;
    d.is_in_pool = true;
    return {};
}

/// A domain whose vCPUs are gone is no longer one of its pool.
template <class P>
void cpupool_leave(domain<P>& d) noexcept {
    auto& s = d.hv.scheduler;
    lock_guard const hold(s.lock);
    if (d.is_in_pool) {
        d.is_in_pool = false;
        --s.pool_of(d).domains;
    }
}

/// A domain becomes one of another pool; its vCPUs leave the CPUs of the old one at once. Errors:
/// `noent` no such pool; `busy` it has no CPU.
template <class P>
expected<void, errc> cpupool_move(domain<P>& d, std::uint32_t id) noexcept {
    auto& s = d.hv.scheduler;
    lock_guard const hold(s.lock);
    auto* const pool = detail::find_pool(s, id);
    if (pool == nullptr) {
        return unexpected(errc::noent);
    }
    if (d.cpupool == id) {
        return {};
    }
    if (pool->cpus == 0) {
        return unexpected(errc::busy);
    }
    --s.pool_of(d).domains;
    ++pool->domains;
    d.cpupool = id;
    for (unsigned n = 0; n != d.max_vcpus; ++n) {
        auto* const v = atomic_load(d.vcpus[n]);
        if (v == nullptr) {
            continue;
        }
        detail::leave_seat(s, *v);
        bool const was_queued = v->queued;
        if (was_queued) { // its place depends on its run time
            detail::dequeue(s, *v);
        }
        v->vruntime = pool->min_vruntime;
        if (was_queued) {
            detail::enqueue(s, *v);
        } else if (v->running) {
            detail::interrupt(s, *v);
        }
    }
    detail::tickle_all(s);
    return {};
}

} // namespace xenpp::hv
