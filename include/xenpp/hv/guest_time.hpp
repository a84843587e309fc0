// SPDX-License-Identifier: Apache-2.0
// What a guest sees of time: the pvclock page, the wall clock, and its timers.
#pragma once

#include <xenpp/hv/event_channel.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/pv/trap_bounce.hpp>
#include <xenpp/hv/scheduler.hpp>
#include <xenpp/hv/timer_service.hpp>
#include <xenpp/hv/tsc_scale.hpp>

#include <cstddef>
#include <cstdint>

namespace xenpp::hv {

namespace detail {

inline void publish_time(abi::vcpu_time_info& out, abi::vcpu_time_info const& t) noexcept {
    // An odd version tells the reader that the fields are changing (Xen: version protocol).
    std::uint32_t const v = (atomic_load(out.version) + 1) | 1U;
    atomic_store(out.version, v);
    full_barrier();
    out.tsc_timestamp = t.tsc_timestamp;
    out.system_time = t.system_time;
    out.tsc_to_system_mul = t.tsc_to_system_mul;
    out.tsc_shift = t.tsc_shift;
    out.flags = t.flags;
    full_barrier();
    atomic_store(out.version, v + 1);
}

} // namespace detail

/// Fills the vCPU's time information. All vCPUs get the same base and scale, the TSC is the same
/// on every CPU, so the clock is marked stable and never needs another update.
template <class P>
void update_time(vcpu<P>& v) noexcept {
    auto& p = v.dom.hv.platform;
    tsc_scale const s = scale_for(p.tsc_khz());
    abi::vcpu_time_info t{};
    t.tsc_timestamp = p.tsc_base();
    t.system_time = 0;
    t.tsc_to_system_mul = s.mul;
    t.tsc_shift = s.shift;
    t.flags = abi::pvclock_tsc_stable_bit;
    if (v.info != nullptr) {
        detail::publish_time(v.info->time, t);
    }
    if (v.secondary_time != nullptr) {
        detail::publish_time(*v.secondary_time, t);
    }
}

/// Fills the wall clock of the domain's shared info: UTC at system time 0, plus its offset.
template <class P>
void update_wallclock(domain<P>& d) noexcept {
    if (d.shared_info == nullptr) {
        return;
    }
    auto& s = *d.shared_info;
    std::uint64_t const ns = d.hv.wall_clock_base_ns;
    std::uint64_t const sec = ns / 1'000'000'000 + static_cast<std::uint64_t>(d.time_offset_s);
    std::uint32_t const version = (atomic_load(s.wc_version) + 1) | 1U;
    atomic_store(s.wc_version, version);
    full_barrier();
    s.wc_sec = static_cast<std::uint32_t>(sec);
    s.wc_nsec = static_cast<std::uint32_t>(ns % 1'000'000'000);
    s.wc_sec_hi = static_cast<std::uint32_t>(sec >> 32);
    full_barrier();
    atomic_store(s.wc_version, version + 1);
}

/// VCPUOP_set_singleshot_timer: VIRQ_TIMER at an absolute system time; 0 stops it.
template <class P>
void set_singleshot(vcpu<P>& v, std::uint64_t deadline_ns) noexcept {
    v.singleshot_ns = deadline_ns;
    v.singleshot_timer.owner = &v;
    v.singleshot_timer.fire = [](void* owner) {
        auto& self = *static_cast<vcpu<P>*>(owner);
        self.singleshot_ns = 0;
        notify_via_virq(self, abi::virq_timer);
    };
    set_timer(v.dom.hv, v.singleshot_timer, deadline_ns);
}

/// VCPUOP_set_periodic_timer: VIRQ_TIMER every `period_ns`; 0 stops it. Missed ticks are not made
/// up.
template <class P>
void set_periodic(vcpu<P>& v, std::uint64_t period_ns) noexcept {
    atomic_store(v.periodic_ns, period_ns);
    v.periodic_timer.owner = &v;
    v.periodic_timer.fire = [](void* owner) {
        auto& self = *static_cast<vcpu<P>*>(owner);
        std::uint64_t const now = self.dom.hv.platform.now_ns();
        notify_via_virq(self, abi::virq_timer);
        // Stopped meanwhile by another vCPU? A period of zero would fire without end.
        std::uint64_t const period = atomic_load(self.periodic_ns);
        set_timer(self.dom.hv, self.periodic_timer, period == 0 ? 0 : now + period);
    };
    std::uint64_t const now = v.dom.hv.platform.now_ns();
    set_timer(v.dom.hv, v.periodic_timer, period_ns == 0 ? 0 : now + period_ns);
}

/// Writes the vCPU's runstate to the area that the guest registered, if it did. The address is
/// linear and looked up each time, so an area that is unmapped is skipped without harm.
template <class P>
void publish_runstate(vcpu<P>& v) noexcept {
    if (v.runstate_area == 0) {
        return;
    }
    // A PV guest's areas are in its kernel's memory, which its processes have not.
    bool const was_process = v.dom.kind == domain_kind::pv && !pv::state_of(v).in_kernel;
    if (was_process) {
        pv::set_mode(v, true);
    }
    abi::vcpu_runstate_info r = v.runstate;
    constexpr std::uint64_t updating = std::uint64_t{1} << 63; // XEN_RUNSTATE_UPDATE
    constexpr std::size_t entry_time = offsetof(abi::vcpu_runstate_info, state_entry_time);
    bool const flagged = (v.dom.vm_assist >> abi::vmasst_type_runstate_update_flag & 1) != 0;
    if (flagged) { // tells other CPUs' readers that the copy is changing
        std::uint64_t const mark = r.state_entry_time | updating;
        (void)!copy_to_guest(v, v.runstate_area + entry_time, &mark, sizeof mark);
        r.state_entry_time = mark;
    }
    (void)!copy_to_guest(v, v.runstate_area, &r, sizeof r);
    if (flagged) {
        r.state_entry_time &= ~updating;
        (void)!copy_to_guest(v, v.runstate_area + entry_time, &r.state_entry_time,
                             sizeof r.state_entry_time);
    }
    if (was_process) {
        pv::set_mode(v, false);
    }
}

/// Takes every timer of `v` off its queue for good, before it is freed.
template <class P>
void retire_timers(vcpu<P>& v) noexcept {
    for (timer* const t : {&v.singleshot_timer, &v.periodic_timer, &v.poll_timer, &v.lapic_timer}) {
        retire_timer(v.dom.hv, *t);
    }
}

} // namespace xenpp::hv
