// SPDX-License-Identifier: Apache-2.0
// Interrupts of an HVM vCPU: which is due, how events become one, what the ICR command does.
#pragma once

#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/scheduler.hpp>
#include <xenpp/hv/timer_service.hpp>

#include <cstdint>

namespace xenpp::hv {

/// An event channel became pending: requests the upcall vector that the guest set for this vCPU.
/// A domain-wide callback vector is level-like and found by `next_interrupt` instead.
template <class P>
void hvm_assert_evtchn(vcpu<P>& v) noexcept {
    if (v.upcall_vector != 0) {
        v.lapic.post(v.upcall_vector);
    }
}

/// The domain-wide callback vector of HVM_PARAM_CALLBACK_IRQ (type 2), or 0.
template <class P>
unsigned callback_vector(domain<P> const& d) noexcept {
    std::uint64_t const via = d.hvm_params[abi::hvm_param_callback_irq];
    return (via >> 56) == 2 ? static_cast<unsigned>(via & 0xff) : 0;
}

/// An interrupt that waits for the vCPU to take it.
struct due_interrupt {
    int vector = -1; ///< -1: none
    bool from_lapic = false;
};

/// The callback vector where it is to be delivered, as soon as the vCPU is open for it.
template <class P>
due_interrupt next_callback(vcpu<P> const& v) noexcept {
    if (v.upcall_vector == 0 && v.info != nullptr &&
        atomic_load(v.info->evtchn_upcall_pending) != 0) {
        if (unsigned const vector = callback_vector(v.dom); vector != 0) {
            return {static_cast<int>(vector), false};
        }
    }
    return {};
}

/// The interrupt to deliver as soon as the vCPU is open for one.
template <class P>
due_interrupt next_interrupt(vcpu<P> const& v) noexcept {
    auto const callback = next_callback(v);
    return callback.vector >= 0 ? callback : due_interrupt{v.lapic.deliverable(), true};
}

/// Whether anything waits that ends a HLT.
template <class P>
bool interrupt_waits(vcpu<P> const& v) noexcept {
    return next_interrupt(v).vector >= 0 || atomic_load(v.nmi_pending);
}

/// Requests a non-maskable interrupt. One that is requested before the last is delivered is the
/// same one.
template <class P>
void post_nmi(vcpu<P>& v) noexcept {
    atomic_store(v.nmi_pending, true);
    vcpu_unblock(v);
    auto& hv = v.dom.hv;
    if (v.dom.kind == domain_kind::pv && atomic_load(v.running) &&
        v.processor == hv.platform.this_cpu()) {
        // Its own: on the short way back into a PV guest nobody looks for NMIs.
        atomic_store(hv.scheduler.on(v.processor).resched, true);
    }
}

/// Requests `vector` at the vCPU's APIC and makes the vCPU look.
template <class P>
void post_interrupt(vcpu<P>& v, unsigned vector) noexcept {
    if (v.lapic.post(vector)) {
        vcpu_unblock(v);
    }
}

namespace detail {

/// INIT: the vCPU stops and waits for a SIPI, its APIC as after reset. One that has never run is
/// left as it is: what was set up for it before its start must last (Xen: likewise).
template <class P>
void send_init(vcpu<P>& target) noexcept {
    lock_guard const hold(target.dom.lock); // VCPUOP_initialise may be at it
    if (!target.initialised) {
        return;
    }
    target.initialised = false;
    atomic_fetch_or(target.pause, pause_wait_sipi);
    target.lapic.reset_registers();
    atomic_store(target.nmi_pending, false);
    vcpu_sleep(target);
}

template <class P>
void send_sipi(vcpu<P>& target, unsigned vector) noexcept {
    lock_guard const hold(target.dom.lock); // likewise: the state that it loads must be whole
    if ((atomic_load(target.pause) & (pause_wait_sipi | pause_down)) == 0) {
        return; // only a CPU that waits for it hears a SIPI
    }
    atomic_store(target.startup, startup_sipi | (vector & 0xff));
    target.initialised = true;
    atomic_fetch_and(target.pause,
                     ~std::uint32_t{pause_wait_sipi | pause_down | pause_blocked | pause_poll});
    vcpu_wake(target);
}

} // namespace detail

/// Carries out an interrupt command (SDM3 10.6.1). `x2apic`: the layout of its destination.
template <class P>
void send_ipi(vcpu<P>& from, std::uint64_t icr, bool x2apic) noexcept {
    auto const vector = static_cast<unsigned>(icr & 0xff);
    auto const mode = static_cast<unsigned>(icr >> 8 & 7);
    bool const logical = (icr >> 11 & 1) != 0;
    bool const assert_level = (icr >> 14 & 1) != 0;
    auto const shorthand = static_cast<unsigned>(icr >> 18 & 3);
    auto const destination = static_cast<std::uint32_t>(x2apic ? icr >> 32 : icr >> 56);
    for (unsigned i = 0; i < from.dom.max_vcpus; ++i) {
        vcpu<P>* const to = from.dom.vcpus[i];
        if (to == nullptr || (shorthand == 1 && to != &from) || (shorthand == 3 && to == &from) ||
            (shorthand == 0 && !to->lapic.matches(destination, logical, x2apic))) {
            continue;
        }
        switch (mode) {
        case 0: // fixed
        case 1: // lowest priority: the first that matches
            post_interrupt(*to, vector);
            if (mode == 1) {
                return;
            }
            break;
        case 4: post_nmi(*to); break;
        case 5: // INIT; its level de-assert means nothing to these processors
            if (assert_level && to != &from) {
                detail::send_init(*to);
            }
            break;
        case 6:
            if (to != &from) {
                detail::send_sipi(*to, vector);
            }
            break;
        default: break; // SMI and reserved modes have no effect here
        }
    }
}

/// The local APIC's own timer: 100 MHz bus clock (10 ns), as on Xen.
inline constexpr std::uint64_t apic_bus_cycle_ns = 10;

template <class P>
void lapic_timer_changed(vcpu<P>& v) noexcept {
    std::uint64_t const period =
        (std::uint64_t{v.lapic.timer_initial()} << v.lapic.timer_divide_shift()) *
        apic_bus_cycle_ns;
    v.lapic_timer.owner = &v;
    v.lapic_timer.fire = [](void* owner) {
        auto& self = *static_cast<vcpu<P>*>(owner);
        std::uint32_t const entry = self.lapic.timer_vector_entry();
        if ((entry & vlapic::lvt_masked) == 0) {
            post_interrupt(self, entry & 0xff);
        }
        if ((entry & vlapic::lvt_periodic) != 0) {
            lapic_timer_changed(self);
        }
    };
    // A guest's timer must not become the host's whole work, least of all one that re-arms itself.
    bool const is_periodic = (v.lapic.timer_vector_entry() & vlapic::lvt_periodic) != 0;
    std::uint64_t const shortest_ns = is_periodic ? 1'000'000 : 100'000;
    std::uint64_t const wait = period < shortest_ns ? shortest_ns : period;
    set_timer(v.dom.hv, v.lapic_timer, period == 0 ? 0 : v.dom.hv.platform.now_ns() + wait);
}

/// Does what a write to the APIC asks for.
template <class P>
void apply(vcpu<P>& v, vlapic_effect e) noexcept {
    switch (e.what) {
    case vlapic_effect::kind::ipi: send_ipi(v, e.icr, v.lapic.is_x2apic()); break;
    case vlapic_effect::kind::timer: lapic_timer_changed(v); break;
    case vlapic_effect::kind::enabled:
        // An upcall that came while the APIC was deaf would never be asserted again.
        if (v.info != nullptr && atomic_load(v.info->evtchn_upcall_pending) != 0) {
            hvm_assert_evtchn(v);
        }
        break;
    case vlapic_effect::kind::none:
    case vlapic_effect::kind::eoi:
    case vlapic_effect::kind::recheck: break; // the next entry looks at the APIC anyway
    }
}

} // namespace xenpp::hv
