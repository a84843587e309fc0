// SPDX-License-Identifier: Apache-2.0
// Sysctls about domains and scheduling: the list of domains, CPU pools, scheduler, debug keys.
#pragma once

#include <xenpp/hv/bitmap_access.hpp>
#include <xenpp/hv/domain_info.hpp>
#include <xenpp/hv/print.hpp>
#include <xenpp/hv/scheduler.hpp>
#include <xenpp/hv/sysctl_call.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv {

/// Information on up to `max_domains` domains from number `first_domain` on, in their order; a
/// part at a time. What was written stays when it is called again: the progress is where to go on
/// and how many there are.
template <class P>
sysctl_result sysctl_getdomaininfolist(sysctl_call<P> const& c) noexcept {
    constexpr std::uint32_t batch = 64;
    constexpr std::uint64_t mark = std::uint64_t{0x646c} << 48; // tells progress from leftovers
    auto& q = c.op.u.getdomaininfolist;
    auto& progress = c.args.arg[1];
    std::uint32_t next = q.first_domain;
    std::uint32_t done = 0;
    if ((progress >> 48) == (mark >> 48)) {
        next = static_cast<std::uint32_t>(progress >> 24) & 0xffff;
        done = static_cast<std::uint32_t>(progress) & 0xffff;
    }
    for (std::uint32_t n = 0; done < q.max_domains; ++n, ++done) {
        auto const d = find_domain_from(c.hv(), next);
        if (!d) {
            break;
        }
        if (n == batch) {
            progress = mark | std::uint64_t{next} << 24 | done;
            return unexpected(errc::restart);
        }
        auto const info = domain_info_of(*d);
        XENPP_TRY(write_guest(c.caller, q.buffer, info, done));
        next = std::uint32_t{d->id.raw()} + 1;
    }
    q.num_domains = done;
    return sysctl_answer::copy_back;
}

template <class P>
sysctl_result sysctl_sched_id(sysctl_call<P> const& c) noexcept {
    c.op.u.sched_id.sched_id = abi::scheduler_credit2;
    return sysctl_answer::copy_back;
}

/// The scheduler's own settings: wake-ups closer than this do not preempt.
template <class P>
sysctl_result sysctl_scheduler_op(sysctl_call<P> const& c) noexcept {
    auto& s = c.op.u.scheduler_op;
    if (s.cpupool_id != 0) {
        return unexpected(errc::srch);
    }
    if (s.sched_id != abi::scheduler_credit2) {
        return unexpected(errc::inval);
    }
    if (s.cmd != abi::sysctl_schedop_getinfo) {
        return unexpected(errc::opnotsupp);
    }
    s.u.sched_credit2.ratelimit_us = static_cast<std::uint32_t>(preempt_margin_ns / 1000);
    return sysctl_answer::copy_back;
}

namespace detail {

template <class P>
std::uint32_t count_domains(hypervisor<P>& hv) noexcept {
    lock_guard const hold(hv.domains_lock);
    std::uint32_t n = 0;
    for (auto const* d : hv.domains) {
        n += d != nullptr ? 1U : 0U;
    }
    return n;
}

} // namespace detail

/// There is one pool, number 0, with every CPU and domain. `noent` for information on another or
/// the next one; `opnotsupp` for changes.
template <class P>
sysctl_result sysctl_cpupool_op(sysctl_call<P> const& c) noexcept {
    auto& q = c.op.u.cpupool_op;
    auto& hv = c.hv();
    switch (q.op) {
    case abi::sysctl_cpupool_op_info: // the first pool with a number of at least this
        if (q.cpupool_id != 0) {
            return unexpected(errc::noent);
        }
        q.sched_id = abi::scheduler_credit2;
        q.n_dom = detail::count_domains(hv);
        XENPP_TRY(write_bitmap(c.caller, q.cpumap, all_cpus(hv)));
        return sysctl_answer::copy_back;
    case abi::sysctl_cpupool_op_freeinfo:
        XENPP_TRY(write_bitmap(c.caller, q.cpumap, 0));
        return sysctl_answer::copy_back;
    case abi::sysctl_cpupool_op_movedomain:
        if (q.cpupool_id != 0) {
            return unexpected(errc::noent);
        }
        if (!find_domain(c.caller, domid(static_cast<std::uint16_t>(q.domid)))) {
            return unexpected(errc::srch);
        }
        return sysctl_answer::none; // it is there already
    case abi::sysctl_cpupool_op_create:
    case abi::sysctl_cpupool_op_destroy:
    case abi::sysctl_cpupool_op_addcpu:
    case abi::sysctl_cpupool_op_rmcpu: return unexpected(errc::opnotsupp);
    default: return unexpected(errc::nosys);
    }
}

namespace detail {

/// The stays of all vCPUs of `d` that ended, by why.
template <class P>
void print_exits(domain<P>& d) noexcept {
    std::array<std::uint64_t, exit_reason_count> sum{};
    std::uint64_t all = 0;
    for (unsigned i = 0; i != d.max_vcpus; ++i) {
        if (auto const* const v = d.vcpus[i]; v != nullptr) {
            for (unsigned r = 0; r != exit_reason_count; ++r) {
                sum[r] += v->exit_counts[r];
            }
            all += v->exits;
        }
    }
    print(d.hv, "d", d.id, ": ", all, " exits");
    for (unsigned r = 0; r != exit_reason_count; ++r) {
        if (sum[r] != 0) {
            print(d.hv, "  ", name(static_cast<exit_reason>(r)), " ", sum[r]);
        }
    }
}

/// Debug key 'q': one line for each domain. 'm': memory. 'v': VM exits. 'h': the list.
template <class P>
void debug_key(hypervisor<P>& hv, char key) noexcept {
    switch (key) {
    case 'h': print(hv, "debug keys: h (this list), m (memory), q (domains), v (VM exits)"); return;
    case 'm':
        print(hv, "memory: ", hv.frames.total_pages(), " frames, ", hv.frames.free_pages(),
              " free (", hv.frames.dirty_pages(), " to be scrubbed, ", hv.frames.deferred_pages(),
              " waiting), ", hv.frames.claimed_pages(), " claimed");
        return;
    case 'q':
        for (auto d = find_domain_from(hv, 0); d;
             d = find_domain_from(hv, std::uint32_t{d->id.raw()} + 1)) {
            auto const info = domain_info_of(*d);
            print(hv, "d", d->id, ": flags ", hex{info.flags}, ", pages ", info.tot_pages, " of ",
                  info.max_pages, ", vcpus ", info.nr_online_vcpus, ", references ",
                  atomic_load(d->references));
        }
        return;
    case 'v':
        for (auto d = find_domain_from(hv, 1); d;
             d = find_domain_from(hv, std::uint32_t{d->id.raw()} + 1)) {
            print_exits(*d);
        }
        return;
    default: print(hv, "debug key ", std::string_view(&key, 1), ": unknown, h lists them");
    }
}

} // namespace detail

/// As if pressed on the serial console, at most 32 of them.
template <class P>
sysctl_result sysctl_debug_keys(sysctl_call<P> const& c) noexcept {
    auto const& q = c.op.u.debug_keys;
    if (q.nr_keys > 32) {
        return unexpected(errc::toobig);
    }
    for (std::uint32_t n = 0; n != q.nr_keys; ++n) {
        detail::debug_key(c.hv(), XENPP_TRY(read_guest(c.caller, q.keys, n)));
    }
    return sysctl_answer::none;
}

} // namespace xenpp::hv
