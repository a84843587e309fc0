// SPDX-License-Identifier: Apache-2.0
// Sysctls of CPU pools and of their schedulers.
#pragma once

#include <xenpp/hv/bitmap_access.hpp>
#include <xenpp/hv/cpupool_change.hpp>
#include <xenpp/hv/sysctl_call.hpp>

#include <cstdint>

namespace xenpp::hv {

/// A pool's rate limit: wake-ups closer than this do not preempt. Errors: `srch` no such pool;
/// `inval` it has another scheduler, or the limit is not 0 or within Xen's bounds.
template <class P>
sysctl_result sysctl_scheduler_op(sysctl_call<P> const& c) noexcept {
    constexpr std::uint64_t ns_per_us = 1000;
    auto& q = c.op.u.scheduler_op;
    auto& s = c.hv().scheduler;
    lock_guard const hold(s.lock);
    auto* const pool = detail::find_pool(s, q.cpupool_id);
    if (pool == nullptr) {
        return unexpected(errc::srch);
    }
    auto& limit = q.u.sched_credit2.ratelimit_us;
    if (q.sched_id != pool->sched_id || pool->is_null() ||
        (q.cmd == abi::sysctl_schedop_putinfo && limit != 0 &&
         (limit < abi::sysctl_sched_ratelimit_min || limit > abi::sysctl_sched_ratelimit_max))) {
        return unexpected(errc::inval);
    }
    if (q.cmd == abi::sysctl_schedop_putinfo) {
        pool->ratelimit_ns = limit * ns_per_us;
    } else if (q.cmd != abi::sysctl_schedop_getinfo) {
        return unexpected(errc::inval);
    }
    limit = static_cast<std::uint32_t>(pool->ratelimit_ns / ns_per_us);
    return sysctl_answer::copy_back;
}

namespace detail {

/// The first pool with a number of at least the given one.
template <class P>
sysctl_result cpupool_info(sysctl_call<P> const& c) noexcept {
    auto& q = c.op.u.cpupool_op;
    auto& s = c.hv().scheduler;
    cpu_mask cpus = 0;
    {
        lock_guard const hold(s.lock);
        std::uint32_t id = q.cpupool_id;
        while (id < max_cpupools && !s.pools[id].exists) {
            ++id;
        }
        if (id >= max_cpupools) {
            return unexpected(errc::noent);
        }
        auto const& pool = s.pools[id];
        q.cpupool_id = id;
        q.sched_id = pool.sched_id;
        q.n_dom = pool.domains;
        cpus = pool.cpus & all_cpus(c.hv());
    }
    XENPP_TRY(write_bitmap(c.caller, q.cpumap, cpus));
    return sysctl_answer::copy_back;
}

template <class P>
sysctl_result cpupool_freeinfo(sysctl_call<P> const& c) noexcept {
    auto& s = c.hv().scheduler;
    cpu_mask cpus = 0;
    {
        lock_guard const hold(s.lock);
        cpus = free_cpus(s);
    }
    XENPP_TRY(write_bitmap(c.caller, c.op.u.cpupool_op.cpumap, cpus));
    return sysctl_answer::copy_back;
}

template <class P>
sysctl_result cpupool_movedomain(sysctl_call<P> const& c) noexcept {
    auto const& q = c.op.u.cpupool_op;
    auto const d = find_domain(c.caller, domid(static_cast<std::uint16_t>(q.domid)));
    if (!d) {
        return unexpected(errc::srch);
    }
    if (d->is_dying() || (d->kind == domain_kind::control && q.cpupool_id != 0)) {
        return unexpected(errc::inval);
    }
    XENPP_TRY(cpupool_move(*d, q.cpupool_id));
    return sysctl_answer::none;
}

} // namespace detail

/// Pools and their CPUs and domains. Errors: `nosys` for an unknown operation; `inval` for domain
/// 0, which stays in pool 0, and a dying domain; else as of cpupool_change.hpp.
template <class P>
sysctl_result sysctl_cpupool_op(sysctl_call<P> const& c) noexcept {
    auto& q = c.op.u.cpupool_op;
    auto& hv = c.hv();
    switch (q.op) {
    case abi::sysctl_cpupool_op_create:
        q.cpupool_id = XENPP_TRY(cpupool_create(hv, q.cpupool_id, q.sched_id));
        return sysctl_answer::copy_back;
    case abi::sysctl_cpupool_op_destroy:
        XENPP_TRY(cpupool_destroy(hv, q.cpupool_id));
        return sysctl_answer::none;
    case abi::sysctl_cpupool_op_info: return detail::cpupool_info(c);
    case abi::sysctl_cpupool_op_addcpu:
        XENPP_TRY(cpupool_add_cpu(hv, q.cpupool_id, q.cpu));
        return sysctl_answer::none;
    case abi::sysctl_cpupool_op_rmcpu:
        XENPP_TRY(cpupool_remove_cpu(hv, q.cpupool_id, q.cpu));
        return sysctl_answer::none;
    case abi::sysctl_cpupool_op_movedomain: return detail::cpupool_movedomain(c);
    case abi::sysctl_cpupool_op_freeinfo: return detail::cpupool_freeinfo(c);
    default: return unexpected(errc::nosys);
    }
}

} // namespace xenpp::hv
