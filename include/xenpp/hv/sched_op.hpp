// SPDX-License-Identifier: Apache-2.0
// HYPERVISOR_sched_op: how a guest waits, gives way, ends itself or asks to be watched.
#pragma once

#include <xenpp/abi/sched.hpp>
#include <xenpp/hv/domain_life.hpp>
#include <xenpp/hv/event_channel_op.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/interrupt.hpp>
#include <xenpp/hv/scheduler.hpp>
#include <xenpp/hv/timer_service.hpp>

#include <cstdint>

namespace xenpp::hv {

/// Whether something waits for `v` to take it: an upcall, or an interrupt of an hvm vCPU. A PV vCPU
/// takes no upcall while it masks them, but NMIs.
template <class P>
bool has_work(vcpu<P>& v) noexcept {
    if (v.dom.kind == domain_kind::pv) {
        return (event_pending(v) && atomic_load(v.info->evtchn_upcall_mask) == 0) ||
               pv::nmi_is_due(v);
    }
    return event_pending(v) || (v.dom.kind == domain_kind::hvm && interrupt_waits(v));
}

/// Makes `v`, the caller, sleep until an event or interrupt arrives; not at all if one waits
/// already. The control domain's vCPU never runs here, so for it this is nothing.
template <class P>
void vcpu_block(vcpu<P>& v) noexcept {
    if (v.dom.kind == domain_kind::control) {
        return;
    }
    if (v.dom.kind == domain_kind::pv && v.info != nullptr) {
        atomic_store(v.info->evtchn_upcall_mask, 0); // or the wake-up might be missed
    }
    atomic_fetch_or(v.pause, std::uint32_t{pause_blocked});
    // Only now: what arrives after this look finds the flag and takes it back.
    if (has_work(v)) {
        atomic_fetch_and(v.pause, ~std::uint32_t{pause_blocked});
        return;
    }
    vcpu_sleep(v);
}

namespace detail {

template <class P>
void end_poll(vcpu<P>& v) noexcept {
    atomic_test_and_clear_bit(v.dom.events.pollers[v.id.raw() / 64], v.id.raw() % 64);
}

/// Looks at the ports that a poll names. True: one is pending. Errors: `fault`; `inval` no port.
template <class P>
expected<bool, errc> any_port_pending(vcpu<P>& v, abi::sched_poll const& op) noexcept {
    for (std::uint32_t i = 0; i < op.nr_ports; ++i) {
        auto const port = evtchn_port(XENPP_TRY(read_guest<std::uint32_t>(v, op.ports.p, i)));
        if (v.dom.events.find(port) == nullptr) {
            return unexpected(errc::inval);
        }
        // Should the poll have to wait for one port, only that one ends it.
        atomic_store(v.poll_port, op.nr_ports == 1 ? port.raw() : ~0U);
        if (port_is_pending(v.dom, port)) {
            return true;
        }
    }
    return false;
}

template <class P>
void arm_poll_timeout(vcpu<P>& v, std::uint64_t deadline_ns) noexcept {
    v.poll_timer.owner = &v;
    v.poll_timer.fire = [](void* owner) {
        auto& self = *static_cast<vcpu<P>*>(owner);
        end_poll(self);
        vcpu_unblock(self);
    };
    set_timer(v.dom.hv, v.poll_timer, deadline_ns);
}

template <class P>
hypercall_result do_poll(vcpu<P>& v, std::uint64_t at) noexcept {
    constexpr std::uint32_t most_ports = 128;
    auto const op = XENPP_TRY(read_guest<abi::sched_poll>(v, at));
    if (op.nr_ports > most_ports) {
        return unexpected(errc::inval);
    }
    if (v.dom.kind == domain_kind::control) {
        XENPP_TRY(any_port_pending(v, op)); // its processes wait for the doorbell
        return 0;
    }
    atomic_store(v.poll_port, ~0U);
    atomic_fetch_or(v.pause, std::uint32_t{pause_poll});
    atomic_test_and_set_bit(v.dom.events.pollers[v.id.raw() / 64], v.id.raw() % 64);
    // Only now are the ports looked at: a sender who comes later finds the poller.
    auto const pending = has_work(v) ? expected<bool, errc>(true) : any_port_pending(v, op);
    if (!pending || *pending) {
        end_poll(v);
        atomic_fetch_and(v.pause, ~std::uint32_t{pause_poll});
        return pending ? hypercall_result(0) : unexpected(pending.error());
    }
    arm_poll_timeout(v, op.timeout);
    vcpu_sleep(v);
    return 0;
}

template <class P>
hypercall_result do_remote_shutdown(vcpu<P>& v, std::uint64_t at) noexcept {
    auto const op = XENPP_TRY(read_guest<abi::sched_remote_shutdown>(v, at));
    auto const d = find_domain(v.dom.hv, domid(op.domain_id));
    if (!d) {
        return unexpected(errc::srch);
    }
    if (v.dom.kind != domain_kind::control || d.get() == &v.dom) {
        return unexpected(errc::perm);
    }
    domain_shutdown(*d, op.reason & 0xff);
    return 0;
}

/// Arms watchdog `t` of `d` to go off in `seconds`. The domain's lock is held.
template <class P>
void arm_watchdog(domain<P>& d, timer& t, std::uint32_t seconds) noexcept {
    t.owner = &d;
    t.fire = [](void* owner) {
        domain_shutdown(*static_cast<domain<P>*>(owner), abi::shutdown_watchdog);
    };
    set_timer(d.hv, t, d.hv.platform.now_ns() + std::uint64_t{seconds} * 1'000'000'000);
}

/// Answers the watchdog's number. Errors: `inval` no such watchdog, or not armed; `nospc` all are.
template <class P>
hypercall_result do_watchdog(vcpu<P>& v, std::uint64_t at) noexcept {
    auto const op = XENPP_TRY(read_guest<abi::sched_watchdog>(v, at));
    auto& d = v.dom;
    lock_guard const hold(d.lock);
    if (op.id > d.watchdogs.size()) {
        return unexpected(errc::inval);
    }
    if (op.id == 0) {
        for (std::uint32_t i = 0; op.timeout != 0 && i < d.watchdogs.size(); ++i) {
            if (d.watchdogs[i].owner == nullptr) {
                arm_watchdog(d, d.watchdogs[i], op.timeout);
                return i + 1;
            }
        }
        return op.timeout == 0 ? hypercall_result(0) : unexpected(errc::nospc);
    }
    auto& t = d.watchdogs[op.id - 1];
    if (t.owner == nullptr) {
        return unexpected(errc::inval);
    }
    if (op.timeout == 0) {
        set_timer(d.hv, t, 0);
        t.owner = nullptr;
    } else {
        arm_watchdog(d, t, op.timeout);
    }
    return 0;
}

} // namespace detail

/// arg[0]: SCHEDOP_*, arg[1]: the address of its structure. Errors: `fault`, `nosys` for an unknown
/// command, and as public sched.h has them. Pinning override is refused (`perm`): affinities are
/// the control plane's.
template <class P>
hypercall_result do_sched_op(vcpu<P>& v, hypercall_args& args) noexcept {
    std::uint64_t const at = args.arg[1];
    switch (static_cast<abi::sched_op>(args.arg[0])) {
    case abi::sched_op::yield:
        if (v.dom.kind != domain_kind::control) {
            vcpu_yield(v);
        }
        return 0;
    case abi::sched_op::block: vcpu_block(v); return 0;
    case abi::sched_op::shutdown: {
        auto const op = XENPP_TRY(read_guest<abi::sched_shutdown>(v, at));
        domain_shutdown(v.dom, op.reason & 0xff);
        return 0;
    }
    case abi::sched_op::poll: return detail::do_poll(v, at);
    case abi::sched_op::remote_shutdown: return detail::do_remote_shutdown(v, at);
    case abi::sched_op::shutdown_code: {
        auto const op = XENPP_TRY(read_guest<abi::sched_shutdown>(v, at));
        lock_guard const hold(v.dom.lock);
        if (v.dom.latched_code == v.dom.no_code) {
            v.dom.latched_code = op.reason & 0xff;
        }
        return 0;
    }
    case abi::sched_op::watchdog: return detail::do_watchdog(v, at);
    case abi::sched_op::pin_override: return unexpected(errc::perm);
    }
    return unexpected(errc::nosys);
}

} // namespace xenpp::hv
