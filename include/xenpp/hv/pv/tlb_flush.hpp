// SPDX-License-Identifier: Apache-2.0
// Who may hold stale translations of a PV domain, and making them forget.
//
// A domain has a clock, which counts the flushes of its address spaces. Each CPU notes whose tables
// are in its CR3 and what that domain's clock showed at its last flush. A frame whose last type
// count goes away takes the clock's time as its stamp: a CPU that has flushed later holds nothing
// of it.
//
// Nobody waits for a CPU that is inside the hypervisor: it uses no guest translation there, and
// flushes before it enters a guest (or touches guest memory by guest addresses) again. So a CPU may
// wait with any lock held.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/hv/platform.hpp>

#include <cstdint>

namespace xenpp::hv {

template <class P>
struct domain;
template <class P>
struct vcpu;
template <class P>
class hypervisor;

namespace pv {

/// What others must know of one CPU's TLB.
struct alignas(64) tlb_cpu {
    std::uint32_t in_guest = 0;  ///< it may be using guest translations; written by itself only
    std::uint32_t wanted = 0;    ///< it is to flush before it enters a guest; atomic
    void const* space = nullptr; ///< the domain whose tables it has loaded; atomic
    std::uint64_t flushed = 0;   ///< that domain's clock at its last flush; atomic
    std::uint64_t flushes = 0;   ///< how many there were; atomic
    /// The vCPU for a copy of whose kernel's root CR3 stands, see root_pair.hpp; null: CR3 is as
    /// the guest has it. Atomic; written by this CPU only.
    void* copied_for = nullptr;
};

/// Drops all translations of guests on this CPU, whatever domain they belong to, and leaves a copy
/// of a root.
template <class P>
void flush_here(hypervisor<P>& hv) noexcept {
    auto& cpu = hv.tlb[hv.platform.this_cpu().raw()];
    atomic_store(cpu.wanted, 0U);
    full_barrier(); // a wish that comes from now on stays
    auto* const d = static_cast<domain<P>*>(const_cast<void*>(cpu.space));
    auto const now = d != nullptr ? atomic_fetch_add(d->pv_memory.tlb_clock, 1) + 1 : 0;
    if (auto* const v = static_cast<vcpu<P>*>(cpu.copied_for); v != nullptr) {
        atomic_store(cpu.copied_for, nullptr);
        hv.platform.pv_load_root(*v);
    } else {
        hv.platform.flush_local_tlb();
    }
    atomic_store(cpu.flushed, now);
    atomic_store(cpu.flushes, cpu.flushes + 1);
}

namespace detail {

/// Has `load` change this CPU's CR3 to what `v` is to run on, and notes that.
template <class P, class Load>
void load_noted(vcpu<P>& v, void* copied_for, Load load) noexcept {
    auto& cpu = v.dom.hv.tlb[v.dom.hv.platform.this_cpu().raw()];
    atomic_store(cpu.wanted, 0U);
    if (cpu.space != &v.dom) {
        atomic_store(cpu.space, &v.dom);
    }
    // Also orders `space` and `wanted` before the load: who does not see them removed its entries
    // before.
    auto const now = atomic_fetch_add(v.dom.pv_memory.tlb_clock, 1) + 1;
    load();
    atomic_store(cpu.copied_for, copied_for);
    atomic_store(cpu.flushed, now);
    atomic_store(cpu.flushes, cpu.flushes + 1);
}

} // namespace detail

/// Loads this CPU's CR3 with the root that `v` is to run on. A switch between the two roots of a
/// vCPU need not come this way: it only flushes more than is noted.
template <class P>
void load_root(vcpu<P>& v) noexcept {
    detail::load_noted(v, nullptr, [&] { v.dom.hv.platform.pv_load_root(v); });
}

/// The same with a copy of its kernel's root, which it is on.
template <class P>
void load_root_copy(vcpu<P>& v) noexcept {
    detail::load_noted(v, &v, [&] { v.dom.hv.platform.pv_load_root_copy(v); });
}

/// This CPU has loaded a CR3 of the hypervisor's own. A CPU does so before it lets go of a PV vCPU
/// (`running` falls) and before it says that it is idle.
template <class P>
void leave_space(hypervisor<P>& hv) noexcept {
    auto& cpu = hv.tlb[hv.platform.this_cpu().raw()];
    atomic_store(cpu.wanted, 0U);
    atomic_store(cpu.copied_for, nullptr);
    atomic_store(cpu.space, nullptr);
}

/// Before this CPU, whose entry is `cpu`, enters a PV guest or touches guest memory by guest
/// addresses.
template <class P>
[[gnu::always_inline]] inline void enter_guest(hypervisor<P>& hv, tlb_cpu& cpu) noexcept {
    atomic_exchange(cpu.in_guest, 1U); // a full barrier: now we see the wish, or are seen
    if (atomic_load(cpu.wanted) != 0) [[unlikely]] {
        flush_here(hv);
    }
}

template <class P>
void enter_guest(hypervisor<P>& hv) noexcept {
    enter_guest(hv, hv.tlb[hv.platform.this_cpu().raw()]);
}

/// After it.
[[gnu::always_inline]] inline void leave_guest(tlb_cpu& cpu) noexcept {
    atomic_store(cpu.in_guest, 0U);
}

template <class P>
void leave_guest(hypervisor<P>& hv) noexcept {
    leave_guest(hv.tlb[hv.platform.this_cpu().raw()]);
}

/// When this returns, no CPU of `cpus` uses, in a guest, a translation from before the call.
template <class P>
void flush_cpus(hypervisor<P>& hv, cpu_mask cpus) noexcept {
    auto const here = hv.platform.this_cpu().raw();
    auto const others = cpus & ~(cpu_mask{1} << here);
    for (unsigned c = 0; others >> c != 0; ++c) {
        if ((others >> c & 1) != 0) {
            atomic_store(hv.tlb[c].wanted, 1U);
        }
        if (c == max_cpus - 1) {
            break;
        }
    }
    full_barrier();
    cpu_mask waits = 0;
    for (unsigned c = 0; c != hv.platform.cpu_count(); ++c) {
        if ((others >> c & 1) != 0 && atomic_load(hv.tlb[c].in_guest) != 0) {
            waits |= cpu_mask{1} << c;
            hv.platform.kick(cpu_id(c));
        }
    }
    if ((cpus >> here & 1) != 0) {
        flush_here(hv);
    }
    for (unsigned c = 0; c != hv.platform.cpu_count() && waits != 0; ++c) {
        if ((waits >> c & 1) == 0) {
            continue;
        }
        // It leaves the guest, or has done so and flushed on its way back.
        auto const& cpu = hv.tlb[c];
        while (atomic_load(cpu.in_guest) != 0 && atomic_load(cpu.wanted) != 0) {
            cpu_relax();
        }
        waits &= ~(cpu_mask{1} << c);
    }
}

/// The CPUs that have tables of `d` loaded.
template <class P>
cpu_mask cpus_of(domain<P> const& d) noexcept {
    cpu_mask cpus = 0;
    for (unsigned c = 0; c != d.hv.platform.cpu_count(); ++c) {
        if (atomic_load(d.hv.tlb[c].space) == &d) {
            cpus |= cpu_mask{1} << c;
        }
    }
    return cpus;
}

/// Makes the CPUs flush that may hold a translation of `d` from before the time `stamp`.
template <class P>
void flush_stale(domain<P>& d, std::uint64_t stamp) noexcept {
    auto& hv = d.hv;
    full_barrier(); // what was removed is removed for a CPU that loads tables of `d` from now on
    cpu_mask stale = 0;
    for (unsigned c = 0; c != hv.platform.cpu_count(); ++c) {
        if (atomic_load(hv.tlb[c].space) == &d && atomic_load(hv.tlb[c].flushed) <= stamp) {
            stale |= cpu_mask{1} << c;
        }
    }
    if (stale != 0) {
        flush_cpus(hv, stale);
    }
}

/// What a CPU does on each pass through its run loop: frames freed before it may be used anew as
/// far as this CPU is concerned.
template <class P>
void pass_epoch(hypervisor<P>& hv) noexcept {
    auto const here = hv.platform.this_cpu().raw();
    auto const now = atomic_load(hv.epoch);
    if (hv.cpu_epoch[here] != now) {
        if (hv.tlb[here].space != nullptr) {
            flush_here(hv);
        }
        atomic_store(hv.cpu_epoch[here], now);
    }
}

} // namespace pv

} // namespace xenpp::hv
