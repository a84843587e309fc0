// SPDX-License-Identifier: Apache-2.0
// Which vCPU runs where: one queue ordered by weighted run time; pools, affinity, caps honoured.
#pragma once

#include <xenpp/abi/vcpu.hpp>
#include <xenpp/base/atomic.hpp>
#include <xenpp/hv/domain.hpp>
#include <xenpp/hv/scheduler_cap.hpp>
#include <xenpp/hv/scheduler_state.hpp>

#include <cstdint>

namespace xenpp::hv {

namespace detail {

/// Books the time since the last change under the state it was spent in, and enters a new state.
template <class P>
void set_runstate(vcpu<P>& v, unsigned state, std::uint64_t now) noexcept {
    auto& r = v.runstate;
    r.time[static_cast<unsigned>(r.state) & 3] += now - r.state_entry_time;
    r.state = static_cast<decltype(r.state)>(state);
    r.state_entry_time = now;
}

template <class P>
unsigned waiting_runstate(vcpu<P> const& v) noexcept {
    std::uint32_t const p = atomic_load(v.pause);
    if (p == 0) {
        return abi::runstate_runnable;
    }
    return (p & ~std::uint32_t{pause_blocked | pause_poll}) == 0 ? abi::runstate_blocked
                                                                 : abi::runstate_offline;
}

template <class P>
void enqueue(scheduler_state<P>& s, vcpu<P>& v) noexcept {
    if (v.queued) {
        return;
    }
    vcpu<P>** at = &s.queue;
    while (*at != nullptr && (*at)->vruntime <= v.vruntime) {
        at = &(*at)->next_in_queue;
    }
    v.next_in_queue = *at;
    *at = &v;
    v.queued = true;
}

template <class P>
void dequeue(scheduler_state<P>& s, vcpu<P>& v) noexcept {
    for (vcpu<P>** at = &s.queue; *at != nullptr; at = &(*at)->next_in_queue) {
        if (*at == &v) {
            *at = v.next_in_queue;
            v.next_in_queue = nullptr;
            v.queued = false;
            return;
        }
    }
}

/// Where `v` may run now: its hard affinity within its pool, or all of the pool where they have no
/// CPU in common. In a pool of the null scheduler a vCPU runs on the CPU that is its own or
/// nowhere.
template <class P>
cpu_mask allowed_cpus(scheduler_state<P>& s, vcpu<P> const& v) noexcept {
    auto const& pool = s.pool_of(v.dom);
    if (pool.is_null()) {
        return s.on(v.processor).seated == &v ? pool.cpus & cpu_mask{1} << v.processor.raw() : 0;
    }
    cpu_mask const both = atomic_load(v.hard_affinity) & pool.cpus;
    return both != 0 ? both : pool.cpus;
}

/// Gives `v` a CPU of its own if its pool wants that and one is free: the one it was on if it can.
template <class P>
void take_seat(scheduler_state<P>& s, vcpu<P>& v) noexcept {
    auto const& pool = s.pool_of(v.dom);
    if (!pool.is_null() || v.running || s.on(v.processor).seated == &v) {
        return;
    }
    unsigned const n = s.hv.platform.cpu_count();
    cpu_mask const usable = atomic_load(v.hard_affinity) & pool.cpus;
    for (unsigned i = 0; i != n; ++i) {
        unsigned const c = (v.processor.raw() + i) % n;
        if (s.cpu[c].seated == nullptr && ((usable >> c) & 1) != 0) {
            s.cpu[c].seated = &v;
            v.processor = cpu_id(c);
            return;
        }
    }
}

/// Whether it had one.
template <class P>
bool leave_seat(scheduler_state<P>& s, vcpu<P> const& v) noexcept {
    auto& seated = s.on(v.processor).seated;
    bool const had_one = seated == &v;
    seated = had_one ? nullptr : seated;
    return had_one;
}

/// Charges the running vCPU for its time since the last charge.
template <class P>
void charge(scheduler_state<P>& s, vcpu<P>& v, std::uint64_t now) noexcept {
    std::uint64_t const ran = now > v.run_since_ns ? now - v.run_since_ns : 0; // of another CPU
    v.run_since_ns = now;
    v.vruntime += ran * 256 / (v.dom.weight == 0 ? 256 : v.dom.weight);
    v.dom.cap_used_ns = v.dom.cap == 0 ? 0 : v.dom.cap_used_ns + static_cast<std::int64_t>(ran);
    auto& pool = s.pool_of(v.dom);
    if (v.vruntime > pool.min_vruntime) {
        auto const* first = s.queue;
        while (first != nullptr && first->dom.cpupool != v.dom.cpupool) {
            first = first->next_in_queue;
        }
        std::uint64_t const least =
            first != nullptr && first->vruntime < v.vruntime ? first->vruntime : v.vruntime;
        pool.min_vruntime = least > pool.min_vruntime ? least : pool.min_vruntime;
    }
}

/// Finds a CPU for a vCPU that became runnable: an idle one it may use, else one whose vCPU is
/// further ahead. Tells it to look at the queue.
template <class P>
void tickle(scheduler_state<P>& s, vcpu<P>& v) noexcept {
    unsigned const n = s.hv.platform.cpu_count();
    take_seat(s, v);
    cpu_mask const allowed = allowed_cpus(s, v);
    cpu_mask const preferred =
        (allowed & v.soft_affinity) != 0 ? allowed & v.soft_affinity : allowed;
    int target = -1;
    std::uint64_t furthest = v.vruntime + s.pool_of(v.dom).ratelimit_ns;
    for (cpu_mask const mask : {preferred, allowed}) {
        for (unsigned i = 0; i < n && target < 0; ++i) {
            unsigned const c = (v.processor.raw() + i) % n; // the last one first: its cache is warm
            auto const& cpu = s.cpu[c];
            if (cpu.online && ((mask >> c) & 1) != 0 && cpu.current == nullptr &&
                !atomic_load(cpu.resched)) {
                target = static_cast<int>(c);
            }
        }
    }
    for (unsigned c = 0; c < n && target < 0; ++c) {
        auto const& cpu = s.cpu[c];
        if (cpu.online && ((allowed >> c) & 1) != 0 && cpu.current != nullptr &&
            cpu.current->dom.cpupool == v.dom.cpupool && cpu.current->vruntime > furthest) {
            furthest = cpu.current->vruntime;
            target = static_cast<int>(c);
        }
    }
    if (target < 0) { // nobody gives way: whoever may run it must see that somebody waits
        for (unsigned c = 0; c < n; ++c) {
            if (s.cpu[c].online && ((allowed >> c) & 1) != 0 && s.cpu[c].slice_end_ns == 0) {
                target = static_cast<int>(c);
                break;
            }
        }
    }
    if (target >= 0) {
        auto const c = cpu_id(static_cast<std::uint32_t>(target));
        atomic_store(s.on(c).resched, true);
        if (c != s.hv.platform.this_cpu()) {
            s.hv.platform.kick(c);
        }
    }
}

} // namespace detail

/// `v`'s pause flags changed: puts it in the queue if it can run now.
template <class P>
void vcpu_wake(vcpu<P>& v) noexcept {
    auto& s = v.dom.hv.scheduler;
    lock_guard const hold(s.lock);
    if (atomic_load(v.pause) != 0 || v.running || v.queued || v.dom.kind == domain_kind::control) {
        return;
    }
    auto const least = s.pool_of(v.dom).min_vruntime;
    if (v.vruntime + wake_bonus_ns < least) {
        v.vruntime = least - wake_bonus_ns;
    }
    auto const now = s.hv.platform.now_ns();
    detail::give_up_share(v, now);
    detail::set_runstate(v, abi::runstate_runnable, now);
    detail::enqueue(s, v);
    detail::tickle(s, v);
}

namespace detail {

/// Makes a running vCPU pass through `choose`.
template <class P>
void interrupt(scheduler_state<P>& s, vcpu<P>& v) noexcept {
    atomic_store(s.on(v.processor).resched, true);
    if (v.processor != s.hv.platform.this_cpu()) {
        s.hv.platform.kick(v.processor);
    }
}

/// CPUs or seats came free: every waiting vCPU looks for one. With the lock held.
template <class P>
void tickle_all(scheduler_state<P>& s) noexcept {
    for (auto* v = s.queue; v != nullptr; v = v->next_in_queue) {
        tickle(s, *v);
    }
}

/// `v` needs its own CPU no more: somebody else may have it.
template <class P>
void give_up_seat(scheduler_state<P>& s, vcpu<P> const& v) noexcept {
    if (leave_seat(s, v)) {
        tickle_all(s);
    }
}

} // namespace detail

/// `v` got a pause flag: takes it off the queue, or makes its CPU notice.
template <class P>
void vcpu_sleep(vcpu<P>& v) noexcept {
    auto& s = v.dom.hv.scheduler;
    lock_guard const hold(s.lock);
    if (v.queued) {
        detail::dequeue(s, v);
        detail::set_runstate(v, detail::waiting_runstate(v), s.hv.platform.now_ns());
    } else if (v.running) {
        detail::interrupt(s, v);
    } else if (v.dom.kind != domain_kind::control) {
        detail::set_runstate(v, detail::waiting_runstate(v), s.hv.platform.now_ns());
    }
    if ((atomic_load(v.pause) & pause_down) != 0 && !v.running) {
        detail::give_up_seat(s, v);
    }
}

/// An event arrived: ends a block or a poll, and makes a running vCPU look at its interrupts.
template <class P>
void vcpu_unblock(vcpu<P>& v) noexcept {
    std::uint32_t const before =
        atomic_fetch_and(v.pause, ~std::uint32_t{pause_blocked | pause_poll});
    if ((before & (pause_blocked | pause_poll)) != 0) {
        vcpu_wake(v);
    } else if (atomic_load(v.running) && v.processor != v.dom.hv.platform.this_cpu()) {
        v.dom.hv.platform.kick(v.processor);
    }
}

/// Whether `v` has left its CPU, its state saved. A caller that needs this asks again later
/// (errc::restart); it never waits.
template <class P>
bool vcpu_stopped(vcpu<P> const& v) noexcept {
    return !atomic_load(v.running);
}

/// The affinity changed: moves `v` if it stands on the wrong CPU.
template <class P>
void vcpu_affinity_changed(vcpu<P>& v) noexcept {
    auto& s = v.dom.hv.scheduler;
    lock_guard const hold(s.lock);
    if (((atomic_load(v.hard_affinity) >> v.processor.raw()) & 1) == 0) {
        detail::give_up_seat(s, v);
    }
    if (v.running && ((detail::allowed_cpus(s, v) >> v.processor.raw()) & 1) == 0) {
        detail::interrupt(s, v);
    } else if (v.queued) {
        detail::tickle(s, v);
    }
}

/// The current runstate with the time of the running state included; ns.
template <class P>
abi::vcpu_runstate_info vcpu_runstate(vcpu<P>& v) noexcept {
    auto& s = v.dom.hv.scheduler;
    lock_guard const hold(s.lock);
    auto r = v.runstate;
    std::uint64_t const now = s.hv.platform.now_ns();
    r.time[static_cast<unsigned>(r.state) & 3] += now - r.state_entry_time;
    return r;
}

/// A vCPU begins its life, offline.
template <class P>
void scheduler_add(vcpu<P>& v) noexcept {
    auto& s = v.dom.hv.scheduler;
    lock_guard const hold(s.lock);
    v.vruntime = s.pool_of(v.dom).min_vruntime;
    v.runstate.state = static_cast<decltype(v.runstate.state)>(abi::runstate_offline);
    v.runstate.state_entry_time = s.hv.platform.now_ns();
    v.processor = cpu_id(v.id.raw() % s.hv.platform.cpu_count());
}

/// A vCPU that is stopped and paused for good leaves the scheduler.
template <class P>
void scheduler_remove(vcpu<P>& v) noexcept {
    auto& s = v.dom.hv.scheduler;
    lock_guard const hold(s.lock);
    detail::dequeue(s, v);
    detail::give_up_seat(s, v);
}

/// Gives a domain another cap, 0: none. What it ran until now is neither share nor debt, and its
/// running vCPUs get slices in which the cap can bite.
template <class P>
void set_cap(domain<P>& d, std::uint32_t cap) noexcept {
    auto& s = d.hv.scheduler;
    lock_guard const hold(s.lock);
    auto const now = s.hv.platform.now_ns();
    for (auto* v : d.vcpus) {
        if (v != nullptr && v->running) {
            detail::charge(s, *v, now);
            detail::interrupt(s, *v);
        }
    }
    atomic_store(d.cap, cap);
    d.cap_used_ns = 0;
    d.cap_period_start_ns = now;
}

/// The CPUs of a domain's pool.
template <class P>
cpu_mask pool_cpus(domain<P>& d) noexcept {
    auto& s = d.hv.scheduler;
    lock_guard const hold(s.lock);
    return s.pool_of(d).cpus;
}

/// Whether the null scheduler runs a domain: weights and caps mean nothing to it.
template <class P>
bool is_null_scheduled(domain<P>& d) noexcept {
    auto& s = d.hv.scheduler;
    lock_guard const hold(s.lock);
    return s.pool_of(d).is_null();
}

/// Total idle time of a CPU, ns.
template <class P>
std::uint64_t cpu_idle_ns(hypervisor<P>& hv, cpu_id c) noexcept {
    lock_guard const hold(hv.scheduler.lock);
    auto const& cpu = hv.scheduler.on(c);
    return cpu.idle_ns +
           (cpu.online && cpu.current == nullptr ? hv.platform.now_ns() - cpu.idle_since_ns : 0);
}

namespace detail {

/// Who waits for a CPU and may run there now.
template <class P>
struct candidate {
    vcpu<P>* v = nullptr; ///< null: nobody
    std::uint64_t capped_until =
        0; ///< when another's cap lets it run again; 0: no cap is in the way
};

template <class P>
candidate<P> first_allowed(scheduler_state<P>& s, cpu_id here, std::uint64_t now) noexcept {
    candidate<P> out;
    for (vcpu<P>* v = s.queue; v != nullptr; v = v->next_in_queue) {
        if (((allowed_cpus(s, *v) >> here.raw()) & 1) == 0) {
            continue;
        }
        if (within_cap(*v, now)) {
            out.v = v;
            break;
        }
        out.capped_until = v->dom.cap_period_start_ns + cap_period_ns;
    }
    return out;
}

/// Whether `v`, which runs here and is charged up to now, may go on if nobody waits.
template <class P>
bool may_go_on(scheduler_state<P>& s, vcpu<P>& v, cpu_id here, std::uint64_t now) noexcept {
    return atomic_load(v.pause) == 0 && within_cap(v, now) &&
           ((allowed_cpus(s, v) >> here.raw()) & 1) != 0;
}

/// Whether `v` stays although `other` waits: it has not given way, its turn or its slice is not
/// over, and it is not ahead by more than its pool lets it.
template <class P>
bool stays_before(scheduler_state<P>& s,
                  vcpu<P> const& v,
                  vcpu<P> const& other,
                  bool is_within_slice) noexcept {
    return !v.yielded && (v.vruntime <= other.vruntime || is_within_slice) &&
           v.vruntime < other.vruntime + s.pool_of(v.dom).ratelimit_ns;
}

/// When this CPU is to choose again, with `next` running from now on; 0: no timer is needed, as
/// nobody waits and no cap is to bite.
template <class P>
std::uint64_t slice_end(scheduler_state<P>& s,
                        vcpu<P> const* next,
                        std::uint64_t now,
                        std::uint64_t capped_until) noexcept {
    if (next == nullptr) {
        return capped_until;
    }
    if (s.pool_of(next->dom).is_null() || (s.queue == nullptr && next->dom.cap == 0)) {
        return 0;
    }
    return now + (next->dom.cap != 0 ? cap_period_ns / 10 : time_slice_ns);
}

} // namespace detail

/// Chooses what this CPU runs next; null: nothing. If it is not `previous`, the caller saves the
/// state of `previous` and then calls `switched_from`. Called with `previous` still running.
template <class P>
vcpu<P>* choose(hypervisor<P>& hv, vcpu<P>* previous) noexcept {
    auto& s = hv.scheduler;
    cpu_id const here = hv.platform.this_cpu();
    auto& cpu = s.on(here);
    lock_guard const hold(s.lock);
    atomic_store(cpu.resched, false);
    std::uint64_t const now = hv.platform.now_ns();
    if (previous != nullptr) {
        detail::charge(s, *previous, now);
    } else {
        cpu.idle_ns += now - cpu.idle_since_ns;
        cpu.idle_since_ns = now;
    }
    auto const waiting = detail::first_allowed(s, here, now);
    auto* next = waiting.v;
    if (previous != nullptr) {
        if (detail::may_go_on(s, *previous, here, now) &&
            (next == nullptr ||
             detail::stays_before(s, *previous, *next, now < cpu.slice_end_ns))) {
            next = previous;
        }
        previous->yielded = false;
    }
    if (next != previous) {
        if (next != nullptr) {
            detail::dequeue(s, *next);
            detail::set_runstate(*next, abi::runstate_running, now);
            next->processor = here;
            next->run_since_ns = now;
            atomic_store(next->running, true);
        } else {
            cpu.idle_since_ns = now;
        }
        cpu.current = next;
    }
    cpu.slice_end_ns = detail::slice_end(s, next, now, waiting.capped_until);
    return next;
}

/// The state of `v` is saved: others may run it.
template <class P>
void switched_from(vcpu<P>& v) noexcept {
    auto& s = v.dom.hv.scheduler;
    lock_guard const hold(s.lock);
    detail::set_runstate(v, detail::waiting_runstate(v), s.hv.platform.now_ns());
    atomic_store(v.running, false);
    if (atomic_load(v.pause) == 0) {
        detail::enqueue(s, v);
        detail::tickle(s, v);
    } else if ((atomic_load(v.pause) & pause_down) != 0) {
        detail::give_up_seat(s, v);
    }
}

/// Whether this CPU must pass through `choose` before it enters its guest again.
template <class P>
bool needs_resched(hypervisor<P>& hv) noexcept {
    auto& cpu = hv.scheduler.on(hv.platform.this_cpu());
    return atomic_load(cpu.resched);
}

/// The vCPU gives way once to others of its CPU (SCHEDOP_yield).
template <class P>
void vcpu_yield(vcpu<P>& v) noexcept {
    v.yielded = true;
    atomic_store(v.dom.hv.scheduler.on(v.processor).resched, true);
}

} // namespace xenpp::hv
