// SPDX-License-Identifier: Apache-2.0
// HYPERVISOR_event_channel_op: decodes EVTCHNOP_* and says who may do what to whom.
#pragma once

#include <xenpp/hv/event_channel_bind.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>

#include <cstdint>

namespace xenpp::hv {

/// Whether `v` may act on `d` as if it were its own: the control domain on every other.
template <class P>
bool may_act_for(vcpu<P>& v, domain<P>& d) noexcept {
    return &v.dom == &d || v.dom.kind == domain_kind::control;
}

namespace detail {

/// Writes the answer of an operation that made `port`; closes the port if it cannot be told.
template <class P, class Op>
hypercall_result
answer_port(vcpu<P>& v, std::uint64_t at, Op const& op, domain<P>& d, std::uint32_t port) noexcept {
    if (auto const told = write_guest<Op>(v, at, op); !told) {
        // The port is new: an error can only mean that somebody closed it already.
        static_cast<void>(evtchn_close(d, evtchn_port(port)));
        return unexpected(told.error());
    }
    return 0;
}

template <class P>
hypercall_result do_alloc_unbound(vcpu<P>& v, std::uint64_t at) noexcept {
    auto op = XENPP_TRY(read_guest<abi::evtchn_alloc_unbound>(v, at));
    auto const d = find_domain(v, domid(op.dom));
    if (!d) {
        return unexpected(errc::srch);
    }
    if (!may_act_for(v, *d)) {
        return unexpected(errc::perm);
    }
    domid const remote = domid(op.remote_dom) == domid_self ? v.dom.id : domid(op.remote_dom);
    op.port = XENPP_TRY(evtchn_alloc_unbound(*d, remote)).raw();
    return answer_port(v, at, op, *d, op.port);
}

template <class P>
hypercall_result do_bind_interdomain(vcpu<P>& v, std::uint64_t at) noexcept {
    auto op = XENPP_TRY(read_guest<abi::evtchn_bind_interdomain>(v, at));
    auto const remote = find_domain(v, domid(op.remote_dom));
    if (!remote) {
        return unexpected(errc::srch);
    }
    op.local_port =
        XENPP_TRY(evtchn_bind_interdomain(v.dom, *remote, evtchn_port(op.remote_port))).raw();
    return answer_port(v, at, op, v.dom, op.local_port);
}

template <class P>
hypercall_result do_bind_virq(vcpu<P>& v, std::uint64_t at) noexcept {
    auto op = XENPP_TRY(read_guest<abi::evtchn_bind_virq>(v, at));
    op.port = XENPP_TRY(evtchn_bind_virq(v.dom, op.virq, op.vcpu)).raw();
    return answer_port(v, at, op, v.dom, op.port);
}

template <class P>
hypercall_result do_bind_ipi(vcpu<P>& v, std::uint64_t at) noexcept {
    auto op = XENPP_TRY(read_guest<abi::evtchn_bind_ipi>(v, at));
    op.port = XENPP_TRY(evtchn_bind_ipi(v.dom, op.vcpu)).raw();
    return answer_port(v, at, op, v.dom, op.port);
}

/// Describes a port. The table's lock is held.
template <class P>
void describe_port(event_channel<P> const& c, abi::evtchn_status& op) noexcept {
    op.u = {};
    op.vcpu = c.notify_vcpu;
    switch (c.state) {
    case evtchn_state::free:
    case evtchn_state::reserved: op.status = abi::evtchnstat_closed; return;
    case evtchn_state::unbound:
        op.status = abi::evtchnstat_unbound;
        op.u.unbound.dom = c.remote_id.raw();
        return;
    case evtchn_state::interdomain:
        op.status = abi::evtchnstat_interdomain;
        op.u.interdomain.dom = c.remote->id.raw();
        op.u.interdomain.port = c.number;
        return;
    case evtchn_state::virq:
        op.status = abi::evtchnstat_virq;
        op.u.virq = c.number;
        return;
    case evtchn_state::ipi: op.status = abi::evtchnstat_ipi; return;
    }
}

template <class P>
hypercall_result do_status(vcpu<P>& v, std::uint64_t at) noexcept {
    auto op = XENPP_TRY(read_guest<abi::evtchn_status>(v, at));
    auto const d = find_domain(v, domid(op.dom));
    if (!d) {
        return unexpected(errc::srch);
    }
    if (!may_act_for(v, *d)) {
        return unexpected(errc::perm);
    }
    auto const* const c = d->events.find(evtchn_port(op.port));
    if (c == nullptr) {
        return unexpected(errc::inval);
    }
    {
        lock_guard const hold(d->events.lock);
        describe_port(*c, op);
    }
    XENPP_TRY(write_guest<abi::evtchn_status>(v, at, op));
    return 0;
}

/// Closes all ports of a domain: its own, or one that the control domain has paused.
template <class P>
hypercall_result do_reset(vcpu<P>& v, std::uint64_t at) noexcept {
    auto const op = XENPP_TRY(read_guest<abi::evtchn_reset>(v, at));
    auto const d = find_domain(v, domid(op.dom));
    if (!d) {
        return unexpected(errc::srch);
    }
    if (!may_act_for(v, *d)) {
        return unexpected(errc::perm);
    }
    if (d.get() != &v.dom && atomic_load(d->pause_count) == 0) {
        return unexpected(errc::inval);
    }
    XENPP_TRY(evtchn_close_all(*d));
    fifo_destroy(*d);
    return 0;
}

template <class P>
hypercall_result do_init_control(vcpu<P>& v, std::uint64_t at) noexcept {
    auto op = XENPP_TRY(read_guest<abi::evtchn_init_control>(v, at));
    op.link_bits = abi::evtchn_fifo_link_bits;
    XENPP_TRY(fifo_init_control(v.dom, op.vcpu, gfn(op.control_gfn), op.offset));
    XENPP_TRY(write_guest<abi::evtchn_init_control>(v, at, op));
    return 0;
}

template <class P>
[[gnu::always_inline]] inline hypercall_result do_send(vcpu<P>& v, std::uint64_t at) noexcept {
    std::uint32_t number;
    XENPP_TRY(read_guest_inline(v, number, at));
    XENPP_TRY(send_port(v.dom, evtchn_port(number)));
    return 0;
}

/// The other operations that act on one port of the caller and answer nothing.
template <class P>
expected<void, errc> do_port_op(vcpu<P>& v, abi::evtchn_op cmd, std::uint64_t at) noexcept {
    auto const port = evtchn_port(XENPP_TRY(read_guest<std::uint32_t>(v, at)));
    return cmd == abi::evtchn_op::close ? evtchn_close(v.dom, port) : evtchn_unmask(v.dom, port);
}

} // namespace detail

/// arg[0]: EVTCHNOP_*, arg[1]: the address of its structure. Errors: as public event_channel.h and
/// the functions above have them; `fault`; `nosys` for an unknown command. There are no physical
/// interrupts, so binding one is `inval`.
template <class P>
hypercall_result do_event_channel_op(vcpu<P>& v, hypercall_args& args) noexcept {
    auto const cmd = static_cast<abi::evtchn_op>(args.arg[0]);
    std::uint64_t const at = args.arg[1];
    switch (cmd) {
    case abi::evtchn_op::alloc_unbound: return detail::do_alloc_unbound(v, at);
    case abi::evtchn_op::bind_interdomain: return detail::do_bind_interdomain(v, at);
    case abi::evtchn_op::bind_virq: return detail::do_bind_virq(v, at);
    case abi::evtchn_op::bind_ipi: return detail::do_bind_ipi(v, at);
    case abi::evtchn_op::bind_pirq: return unexpected(errc::inval);
    case abi::evtchn_op::status: return detail::do_status(v, at);
    case abi::evtchn_op::reset: return detail::do_reset(v, at);
    case abi::evtchn_op::init_control: return detail::do_init_control(v, at);
    case abi::evtchn_op::send: return detail::do_send(v, at);
    case abi::evtchn_op::close:
    case abi::evtchn_op::unmask: XENPP_TRY(detail::do_port_op(v, cmd, at)); return 0;
    case abi::evtchn_op::bind_vcpu: {
        auto const op = XENPP_TRY(read_guest<abi::evtchn_bind_vcpu>(v, at));
        XENPP_TRY(evtchn_bind_vcpu(v.dom, evtchn_port(op.port), op.vcpu));
        return 0;
    }
    case abi::evtchn_op::expand_array: {
        auto const op = XENPP_TRY(read_guest<abi::evtchn_expand_array>(v, at));
        XENPP_TRY(fifo_expand_array(v.dom, gfn(op.array_gfn)));
        return 0;
    }
    case abi::evtchn_op::set_priority: {
        auto const op = XENPP_TRY(read_guest<abi::evtchn_set_priority>(v, at));
        XENPP_TRY(fifo_set_priority(v.dom, evtchn_port(op.port), op.priority));
        return 0;
    }
    }
    return unexpected(errc::nosys);
}

} // namespace xenpp::hv
