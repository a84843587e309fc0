// SPDX-License-Identifier: Apache-2.0
// Domctls of vCPUs and scheduling: affinity, state, weight and cap.
#pragma once

#include <xenpp/hv/bitmap_access.hpp>
#include <xenpp/hv/domain_info.hpp>
#include <xenpp/hv/domctl_call.hpp>
#include <xenpp/hv/scheduler.hpp>

#include <cstdint>

namespace xenpp::hv {

template <class P>
domctl_result domctl_getdomaininfo(domctl_call<P> const& c) noexcept {
    c.op.u.getdomaininfo = domain_info_of(c.dom);
    c.op.domain = c.dom.id.raw();
    return domctl_answer::copy_back;
}

template <class P>
domctl_result domctl_getvcpuinfo(domctl_call<P> const& c) noexcept {
    auto* const v = XENPP_TRY(c.find_vcpu(c.op.u.getvcpuinfo.vcpu));
    c.op.u.getvcpuinfo = vcpu_info_of(*v);
    return domctl_answer::copy_back;
}

namespace detail {

constexpr bool are_affinity_flags(std::uint32_t flags) noexcept {
    auto const maps = abi::vcpuaffinity_hard | abi::vcpuaffinity_soft;
    return (flags & maps) != 0 && (flags & ~(maps | abi::vcpuaffinity_force)) == 0;
}

} // namespace detail

/// Sets where a vCPU may run and had best run, and answers what is in force. `inval` for a map
/// without any CPU that runs, a hard one without any of the domain's pool.
template <class P>
domctl_result domctl_setvcpuaffinity(domctl_call<P> const& c) noexcept {
    auto const& a = c.op.u.vcpuaffinity;
    auto* const v = XENPP_TRY(c.find_vcpu(a.vcpu));
    if (!detail::are_affinity_flags(a.flags)) {
        return unexpected(errc::inval);
    }
    auto const online = all_cpus(c.hv());
    auto hard = v->hard_affinity;
    auto soft = v->soft_affinity;
    if ((a.flags & abi::vcpuaffinity_hard) != 0) {
        hard = XENPP_TRY(read_bitmap(c.caller, a.cpumap_hard)) & online;
    }
    if ((a.flags & abi::vcpuaffinity_soft) != 0) {
        soft = XENPP_TRY(read_bitmap(c.caller, a.cpumap_soft)) & online;
    }
    bool const sets_hard = (a.flags & abi::vcpuaffinity_hard) != 0;
    if (hard == 0 || soft == 0 || (sets_hard && (hard & pool_cpus(c.dom)) == 0)) {
        return unexpected(errc::inval);
    }
    atomic_store(v->hard_affinity, hard);
    atomic_store(v->soft_affinity, soft);
    vcpu_affinity_changed(*v);
    if ((a.flags & abi::vcpuaffinity_hard) != 0) {
        XENPP_TRY(write_bitmap(c.caller, a.cpumap_hard, hard & online));
    }
    if ((a.flags & abi::vcpuaffinity_soft) != 0) {
        XENPP_TRY(write_bitmap(c.caller, a.cpumap_soft, soft & hard & online));
    }
    return domctl_answer::copy_back;
}

template <class P>
domctl_result domctl_getvcpuaffinity(domctl_call<P> const& c) noexcept {
    auto const& a = c.op.u.vcpuaffinity;
    auto* const v = XENPP_TRY(c.find_vcpu(a.vcpu));
    if (!detail::are_affinity_flags(a.flags)) {
        return unexpected(errc::inval);
    }
    auto const online = all_cpus(c.hv());
    if ((a.flags & abi::vcpuaffinity_hard) != 0) {
        XENPP_TRY(write_bitmap(c.caller, a.cpumap_hard, v->hard_affinity & online));
    }
    if ((a.flags & abi::vcpuaffinity_soft) != 0) {
        XENPP_TRY(write_bitmap(c.caller, a.cpumap_soft, v->soft_affinity & online));
    }
    return domctl_answer::copy_back;
}

/// Weight and cap of the domain under the credit2 scheduler, the one that runs here. A cap is in
/// percent of one CPU, 0: none. `inval` for another scheduler than its pool's, parameters of single
/// vCPUs.
template <class P>
domctl_result domctl_scheduler_op(domctl_call<P> const& c) noexcept {
    auto& s = c.op.u.scheduler_op;
    if (s.sched_id != abi::scheduler_credit2 || is_null_scheduled(c.dom)) {
        return unexpected(errc::inval);
    }
    switch (s.cmd) {
    case abi::domctl_schedop_getinfo:
        s.u.credit2.weight = static_cast<std::uint16_t>(c.dom.weight);
        s.u.credit2.cap = static_cast<std::uint16_t>(c.dom.cap);
        return domctl_answer::copy_back;
    case abi::domctl_schedop_putinfo: {
        constexpr std::uint16_t keep_cap = 0xffff;
        if (s.u.credit2.weight != 0) {
            atomic_store(c.dom.weight, s.u.credit2.weight);
        }
        if (s.u.credit2.cap != keep_cap) {
            set_cap(c.dom, s.u.credit2.cap);
        }
        return domctl_answer::none;
    }
    default: return unexpected(errc::inval);
    }
}

} // namespace xenpp::hv
