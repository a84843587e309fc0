// SPDX-License-Identifier: Apache-2.0
// Domctls of what a domain sees of the processor: CPUID policy and TSC.
#pragma once

#include <xenpp/hv/cpuid_policy.hpp>
#include <xenpp/hv/cr4_policy.hpp>
#include <xenpp/hv/domctl_call.hpp>

#include <cstdint>

namespace xenpp::hv {

/// Writes a policy's leaves into the caller's array `to`, which has room for `room`; says how many
/// there are. A null array only asks. `nobufs` when there are more.
template <class P>
expected<std::uint32_t, errc> write_cpuid_policy(vcpu<P>& v,
                                                 cpuid_policy const& policy,
                                                 abi::guest_handle<abi::cpuid_leaf> to,
                                                 std::uint32_t room) noexcept {
    if (to.p == 0) {
        return policy.size();
    }
    if (room < policy.size()) {
        return unexpected(errc::nobufs);
    }
    std::uint32_t n = 0;
    for (auto const& e : policy) {
        abi::cpuid_leaf const leaf{e.leaf, e.subleaf, e.value.a, e.value.b, e.value.c, e.value.d};
        XENPP_TRY(write_guest(v, to, leaf, n++));
    }
    return n;
}

template <class P>
domctl_result domctl_get_cpu_policy(domctl_call<P> const& c) noexcept {
    auto& q = c.op.u.cpu_policy;
    lock_guard const hold(c.dom.lock);
    q.nr_leaves = XENPP_TRY(write_cpuid_policy(c.caller, c.dom.cpuid, q.leaves, q.nr_leaves));
    q.nr_msrs = 0; // no MSR depends on a policy
    return domctl_answer::copy_back;
}

namespace detail {

/// Takes the caller's leaves into `policy`. On failure `q` names the leaf.
template <class P>
expected<void, errc> merge_leaves(domctl_call<P> const& c, cpuid_policy& policy) noexcept {
    auto& q = c.op.u.cpu_policy;
    auto const& most = c.dom.kind == domain_kind::pv ? c.hv().pv_cpuid : c.hv().hvm_cpuid;
    for (std::uint32_t n = 0; n != q.nr_leaves; ++n) {
        auto const l = XENPP_TRY(read_guest(c.caller, q.leaves, n));
        auto const merged =
            merge_cpuid_leaf(policy, most, {l.leaf, l.subleaf, {l.a, l.b, l.c, l.d}});
        if (!merged) {
            q.err_leaf = l.leaf;
            q.err_subleaf = l.subleaf;
            return merged;
        }
    }
    for (std::uint32_t n = 0; n != q.nr_msrs; ++n) {
        auto const m = XENPP_TRY(read_guest(c.caller, q.msrs, n));
        if (m.flags != 0 || m.val != 0) { // only "nothing" can be honoured
            q.err_msr = m.idx;
            return unexpected(m.flags != 0 ? errc::inval : errc::range);
        }
    }
    return {};
}

} // namespace detail

/// Sets what the domain sees, before it first runs (`exist` afterwards). Features beyond what the
/// hypervisor can give are left out. Errors: `toobig`, `range` with the leaf or MSR named.
template <class P>
domctl_result domctl_set_cpu_policy(domctl_call<P> const& c) noexcept {
    auto& q = c.op.u.cpu_policy;
    constexpr std::uint32_t none = ~std::uint32_t{0};
    if (c.dom.kind == domain_kind::control) {
        return unexpected(errc::inval);
    }
    if (q.nr_leaves > 2 * cpuid_policy::capacity || q.nr_msrs > 64) {
        return unexpected(errc::toobig);
    }
    lock_guard const hold(c.dom.lock);
    if (c.dom.was_unpaused) {
        return unexpected(errc::exist);
    }
    q.err_leaf = q.err_subleaf = q.err_msr = none;
    auto* const policy = XENPP_TRY(c.hv().frames.template create<cpuid_policy>(c.dom.cpuid));
    auto const merged = detail::merge_leaves(c, *policy);
    if (merged) {
        c.dom.cpuid = *policy;
        c.dom.cr4_offered = cr4_offered(*policy);
    }
    c.hv().frames.discard(policy);
    if (!merged) {
        XENPP_TRY(write_guest(c.caller, c.args.arg[0], c.op));
        return unexpected(merged.error());
    }
    return domctl_answer::copy_back;
}

/// The TSC is always the machine's: modes 0 (default) and 2 (native) are accepted, as they come to
/// the same on a machine with a stable TSC; `inval` for emulation.
template <class P>
domctl_result domctl_settscinfo(domctl_call<P> const& c) noexcept {
    auto const mode = c.op.u.tsc_info.tsc_mode;
    if (c.is_self() || (mode != 0 && mode != 2)) {
        return unexpected(errc::inval);
    }
    lock_guard const hold(c.dom.lock);
    c.dom.tsc_mode = mode;
    return domctl_answer::none;
}

template <class P>
domctl_result domctl_gettscinfo(domctl_call<P> const& c) noexcept {
    auto& platform = c.hv().platform;
    c.op.u.tsc_info = {.tsc_mode = c.dom.tsc_mode,
                       .gtsc_khz = platform.tsc_khz(),
                       .incarnation = 0,
                       .pad = 0,
                       .elapsed_nsec = platform.now_ns()};
    return domctl_answer::copy_back;
}

} // namespace xenpp::hv
