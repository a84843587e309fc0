// SPDX-License-Identifier: Apache-2.0
// Arming timers, and firing those of a CPU that are due.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/hv/scheduler.hpp>
#include <xenpp/hv/timer.hpp>

#include <cstdint>

namespace xenpp::hv {

/// When this CPU must run again without being told: its soonest timer or the end of a slice.
template <class P>
std::uint64_t next_deadline(hypervisor<P>& hv) noexcept {
    auto& cpu = hv.scheduler.on(hv.platform.this_cpu());
    std::uint64_t const t = cpu.timers.soonest_ns();
    std::uint64_t const slice = cpu.slice_end_ns;
    if (t == 0 || slice == 0) {
        return t + slice;
    }
    return t < slice ? t : slice;
}

/// Arms `t` for an absolute system time on this CPU's queue; 0 only cancels. A retired timer stays
/// off.
template <class P>
void set_timer(hypervisor<P>& hv, timer& t, std::uint64_t deadline_ns) noexcept {
    auto& s = hv.scheduler;
    lock_guard const hold(t.guard);
    if (t.cpu != timer::no_cpu) {
        s.cpu[t.cpu % max_cpus].timers.remove(t);
        t.cpu = timer::no_cpu;
    }
    if (deadline_ns != 0 && !t.retired) {
        t.deadline_ns = deadline_ns;
        t.cpu = hv.platform.this_cpu().raw();
        if (s.cpu[t.cpu % max_cpus].timers.insert(t)) {
            hv.platform.set_deadline(next_deadline(hv));
        }
    }
}

/// Cancels `t` for ever, before its owner is freed: one that fires on another CPU at this moment
/// and would arm itself again no longer can.
template <class P>
void retire_timer(hypervisor<P>& hv, timer& t) noexcept {
    {
        lock_guard const hold(t.guard);
        t.retired = true;
    }
    set_timer(hv, t, 0);
}

/// Fires every timer of this CPU that is due, and ends an expired time slice.
template <class P>
void run_timers(hypervisor<P>& hv) noexcept {
    auto& cpu = hv.scheduler.on(hv.platform.this_cpu());
    std::uint64_t const now = hv.platform.now_ns();
    while (timer* const t = cpu.timers.take_due(now)) {
        void (*fire)(void*) = nullptr;
        void* owner = nullptr;
        {
            lock_guard const hold(t->guard);
            if (t->cpu != hv.platform.this_cpu().raw()) {
                continue; // cancelled or moved between the two locks
            }
            t->cpu = timer::no_cpu;
            fire = t->fire; // whoever cancels it from now on may give it another owner, or none
            owner = t->owner;
        }
        fire(owner);
    }
    if (cpu.slice_end_ns != 0 && now >= cpu.slice_end_ns) {
        atomic_store(cpu.resched, true);
    }
}

} // namespace xenpp::hv
