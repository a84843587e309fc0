// SPDX-License-Identifier: Apache-2.0
// Delivering events: from a sender, a virtual interrupt or an unmasked port to a vCPU's upcall.
#pragma once

#include <xenpp/hv/domain.hpp>
#include <xenpp/hv/event_2level.hpp>
#include <xenpp/hv/event_fifo.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/interrupt.hpp>
#include <xenpp/hv/scheduler.hpp>
#include <xenpp/hv/vcpu.hpp>

#include <bit>
#include <cstdint>

namespace xenpp::hv {

/// Whether virtual interrupt `virq` exists once a domain, not once a vCPU (Xen: virq_is_global;
/// public xen.h marks each with V or G; those of the architecture are global on x86).
constexpr bool virq_is_global(std::uint32_t virq) noexcept {
    return virq != abi::virq_timer && virq != abi::virq_debug && virq != abi::virq_xenoprof &&
           virq != abi::virq_xenpmu;
}

/// Makes `v` look at its events: the upcall of its kind of domain, and an end to its sleep.
template <class P>
void vcpu_event_notify(vcpu<P>& v) noexcept {
    switch (v.dom.kind) {
    case domain_kind::control:
        if (auto const* const polled = v.dom.hv.events_polled;
            polled == nullptr || atomic_load(*polled) == 0) {
            v.dom.hv.platform.notify_control();
        }
        return;
    case domain_kind::hvm: hvm_assert_evtchn(v); break;
    case domain_kind::pv: break; // every entry looks at the flag
    }
    vcpu_unblock(v);
}

/// Sets the flag that tells `v` of pending events, and notifies it if the flag was clear.
template <class P>
void vcpu_mark_events_pending(vcpu<P>& v) noexcept {
    auto* const info = atomic_load(v.info);
    if (info != nullptr && atomic_exchange(info->evtchn_upcall_pending, 1) == 0) {
        vcpu_event_notify(v);
    }
}

/// Whether `v` has been told of events that it has not taken up yet.
template <class P>
bool event_pending(vcpu<P>& v) noexcept {
    auto* const info = atomic_load(v.info);
    return info != nullptr && atomic_load(info->evtchn_upcall_pending) != 0;
}

/// Whether `port` is pending, which SCHEDOP_poll asks. False for a port that does not exist.
template <class P>
bool port_is_pending(domain<P>& d, evtchn_port port) noexcept {
    if (d.events.find(port) == nullptr) {
        return false;
    }
    if (auto* const a = atomic_load(d.events.fifo)) {
        return fifo_test(*a, port, fifo_bit_pending);
    }
    return two_level_is_pending(d, port);
}

/// Ends the SCHEDOP_poll of every vCPU of `d` that waits for `port`.
template <class P>
void wake_pollers(domain<P>& d, evtchn_port port) noexcept {
    for (unsigned i = 0; i < d.events.pollers.size(); ++i) {
        std::uint64_t set = atomic_load(d.events.pollers[i], order::seq_cst);
        for (; set != 0; set &= set - 1) {
            auto const bit = static_cast<unsigned>(std::countr_zero(set));
            auto& v = *d.vcpus[i * 64 + bit];
            std::uint32_t const waits_for = atomic_load(v.poll_port);
            if ((waits_for == ~0U || waits_for == port.raw()) &&
                atomic_test_and_clear_bit(d.events.pollers[i], bit)) {
                vcpu_unblock(v);
            }
        }
    }
}

/// Marks `port` of `d` pending and tells the vCPU that it is bound to. The caller makes sure that
/// the port cannot be closed meanwhile: it holds the lock of the port, of its peer, or the table's.
template <class P>
void set_port_pending(domain<P>& d, event_channel<P>& c, evtchn_port port) noexcept {
    auto* const v = d.vcpus[atomic_load(c.notify_vcpu)];
    if (v == nullptr || d.shared_info == nullptr) {
        return;
    }
    if (d.kind == domain_kind::control) {
        d.hv.platform.await_control();
    }
    auto* const a = atomic_load(d.events.fifo);
    if (a != nullptr ? fifo_set_pending(d, *a, *v, c, port) : two_level_set_pending(d, *v, port)) {
        vcpu_mark_events_pending(*v);
    }
    wake_pollers(d, port);
}

/// Sends through port `local` of `d`: to the peer, or to itself for an IPI; an unbound port
/// swallows it. inval: no such port, or one that cannot be sent through.
template <class P>
expected<void, errc> send_port(domain<P>& d, evtchn_port local) noexcept {
    auto* const c = d.events.find(local);
    if (c == nullptr) {
        return unexpected(errc::inval);
    }
    lock_guard const hold(c->lock);
    switch (c->state) {
    case evtchn_state::interdomain: {
        evtchn_port const far(c->number);
        set_port_pending(*c->remote, c->remote->events.at(far), far);
        return {};
    }
    case evtchn_state::ipi: set_port_pending(d, *c, local); return {};
    case evtchn_state::unbound: return {};
    case evtchn_state::free:
    case evtchn_state::reserved:
    case evtchn_state::virq: break;
    }
    return unexpected(errc::inval);
}

/// Raises virtual interrupt `virq` as `v` has bound it (a global one is bound through vCPU 0,
/// whichever vCPU it notifies). Nothing happens if it is not bound.
template <class P>
void notify_via_virq(vcpu<P>& v, unsigned virq) noexcept {
    if (virq >= max_virqs) {
        return;
    }
    evtchn_port const port(atomic_load(v.virq_port[virq]));
    auto* const c = port.raw() == 0 ? nullptr : v.dom.events.find(port);
    if (c == nullptr) {
        return;
    }
    lock_guard const hold(c->lock);
    // The port may have been closed, or bound to something else, since its number was read.
    if (c->state == evtchn_state::virq && c->number == virq &&
        (virq_is_global(virq) || c->notify_vcpu == v.id.raw())) {
        set_port_pending(v.dom, *c, port);
    }
}

/// Raises a global virtual interrupt (domain exception, console, ...) for the control domain.
template <class P>
void notify_global_virq(hypervisor<P>& hv, unsigned virq) noexcept {
    if (hv.control != nullptr && hv.control->vcpus[0] != nullptr) {
        notify_via_virq(*hv.control->vcpus[0], virq);
    }
}

} // namespace xenpp::hv
