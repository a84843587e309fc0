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
    c.op.u.sched_id.sched_id = c.hv().scheduler.pools[0].sched_id;
    return sysctl_answer::copy_back;
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

/// Where each vCPU of `d` is, why it does not run, and what events wait for it.
template <class P>
void print_vcpus(domain<P>& d) noexcept {
    for (unsigned i = 0; i != d.max_vcpus; ++i) {
        auto const* const v = d.vcpus[i];
        if (v == nullptr) {
            continue;
        }
        auto const* const info = atomic_load(v->info);
        print(d.hv, "  d", d.id, "v", i, ": CPU ", v->processor,
              atomic_load(v->running) ? " running" : "", atomic_load(v->queued) ? " queued" : "",
              ", pause ", hex{atomic_load(v->pause)}, ", exits ", v->exits, ", upcall pending ",
              info == nullptr ? 0U : atomic_load(info->evtchn_upcall_pending), " mask ",
              info == nullptr ? 0U : atomic_load(info->evtchn_upcall_mask));
    }
}

/// Debug key 'q': each domain and its vCPUs. 'm': memory. 'v': VM exits. 'h': the list.
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
            if (d->kind != domain_kind::control) {
                print_vcpus(*d);
            }
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
