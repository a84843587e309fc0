// SPDX-License-Identifier: Apache-2.0
// Making, connecting and closing ports, and the table's life: what EVTCHNOP does, without decoding.
#pragma once

#include <xenpp/hv/event_channel.hpp>
#include <xenpp/hv/event_fifo_setup.hpp>

#include <cstdint>

namespace xenpp::hv {

namespace detail {

/// Holds the table locks of two domains, which may be one, in the order of their addresses.
template <class P>
class table_locks {
public:
    table_locks(domain<P>& a, domain<P>& b) noexcept : locks_(a.events.lock, b.events.lock) {}

private:
    queue_locks locks_;
};

template <class P>
expected<void, errc> add_bucket(domain<P>& d) noexcept {
    auto& t = d.events;
    std::uint32_t const n = t.valid_ports / t.ports_per_bucket;
    auto*& group = t.group[n / t.buckets_per_group];
    if (group == nullptr) {
        group = XENPP_TRY(d.hv.frames.template create<event_bucket_group<P>>());
    }
    group->bucket[n % t.buckets_per_group] =
        XENPP_TRY(d.hv.frames.template create<event_bucket<P>>());
    atomic_store(t.valid_ports, t.valid_ports + t.ports_per_bucket);
    return {};
}

/// The lowest port that may be handed out, with memory behind it. The table's lock is held.
/// Errors: `nospc` the limit of the domain or of its layout is reached; `nomem`; `inval` dying.
template <class P>
expected<evtchn_port, errc> find_free_port(domain<P>& d) noexcept {
    auto& t = d.events;
    if (d.dying != dying_state::alive) {
        return unexpected(errc::inval);
    }
    auto* const a = atomic_load(t.fifo);
    bool none_so_far = true;
    for (std::uint32_t n = t.first_free; n < t.layout_ports() && n <= t.max_port; ++n) {
        if (n >= t.valid_ports) {
            XENPP_TRY(add_bucket(d));
        }
        evtchn_port const port(n);
        bool const is_free = t.at(port).state == evtchn_state::free;
        // A closed port may still stand in a queue of the guest; it would take its link along.
        if (is_free && (a == nullptr || !fifo_test(*a, port, fifo_bit_linked))) {
            return port;
        }
        none_so_far = none_so_far && !is_free;
        t.first_free = none_so_far ? n + 1 : t.first_free;
    }
    return unexpected(errc::nospc);
}

/// Gives a free port its meaning. The table's lock is held.
template <class P>
void open_port(domain<P>& d,
               event_channel<P>& c,
               evtchn_state state,
               std::uint32_t number,
               std::uint32_t notify_vcpu = 0) noexcept {
    lock_guard const hold(c.lock);
    c.number = number;
    atomic_store(c.notify_vcpu, static_cast<std::uint16_t>(notify_vcpu));
    c.state = state;
    ++d.events.active_ports;
}

/// Takes every meaning from a port that is not connected. The table's lock is held.
template <class P>
void free_port(domain<P>& d, event_channel<P>& c, evtchn_port port) noexcept {
    lock_guard const hold(c.lock);
    if (c.state == evtchn_state::virq) {
        auto const owner = virq_is_global(c.number) ? 0U : c.notify_vcpu;
        atomic_store(d.vcpus[owner]->virq_port[c.number], 0);
    }
    c.state = evtchn_state::free;
    c.remote = nullptr;
    atomic_store(c.notify_vcpu, 0);
    atomic_store(c.priority, static_cast<std::uint8_t>(abi::evtchn_fifo_priority_default));
    if (auto* const a = atomic_load(d.events.fifo)) {
        fifo_clear_pending(*a, c, port);
    } else if (d.shared_info != nullptr) {
        two_level_clear_pending(d, port);
    }
    --d.events.active_ports;
    if (port.raw() < d.events.first_free) {
        d.events.first_free = port.raw();
    }
}

/// Cuts a connection: the peer waits for `d` to bind it again. Both tables' locks are held.
template <class P>
void disconnect(domain<P>& d, event_channel<P>& c) noexcept {
    auto& far = c.remote->events.at(evtchn_port(c.number));
    queue_locks const hold(c.lock, far.lock);
    far.state = evtchn_state::unbound;
    far.remote_id = d.id;
    far.remote = nullptr;
    c.state = evtchn_state::unbound;
    c.remote = nullptr;
}

template <class P>
vcpu<P>* find_vcpu(domain<P>& d, std::uint32_t id) noexcept {
    return id < max_vcpus_per_domain ? d.vcpus[id] : nullptr;
}

} // namespace detail

/// Prepares the table of a new domain, whose ports may be numbered up to `max_port`
/// (domctl_createdomain::max_evtchn_port). nomem.
template <class P>
expected<void, errc> events_create(domain<P>& d, std::uint32_t max_port) noexcept {
    lock_guard const hold(d.events.lock);
    d.events.max_port = max_port;
    XENPP_TRY(detail::add_bucket(d));
    d.events.at(evtchn_port(0)).state = evtchn_state::reserved;
    return {};
}

/// A port of `d` that `remote` may bind to. Errors as `find_free_port`.
template <class P>
expected<evtchn_port, errc> evtchn_alloc_unbound(domain<P>& d, domid remote) noexcept {
    lock_guard const hold(d.events.lock);
    auto const port = XENPP_TRY(detail::find_free_port(d));
    auto& c = d.events.at(port);
    c.remote_id = remote;
    detail::open_port(d, c, evtchn_state::unbound, 0);
    return port;
}

/// Connects a new port of `d` to `remote_port` of `remote`, which must be waiting for `d`, and
/// marks the new port pending: the peer may have sent before. Errors: `inval` it does not wait for
/// `d`; as `find_free_port`.
template <class P>
expected<evtchn_port, errc>
evtchn_bind_interdomain(domain<P>& d, domain<P>& remote, evtchn_port remote_port) noexcept {
    detail::table_locks const hold(d, remote);
    auto* const far = remote.events.find(remote_port);
    if (far == nullptr || far->state != evtchn_state::unbound || far->remote_id != d.id) {
        return unexpected(errc::inval);
    }
    auto const port = XENPP_TRY(detail::find_free_port(d));
    auto& c = d.events.at(port);
    {
        detail::queue_locks const both(c.lock, far->lock);
        c.remote = &remote;
        c.number = remote_port.raw();
        c.state = evtchn_state::interdomain;
        far->remote = &d;
        far->number = port.raw();
        far->state = evtchn_state::interdomain;
        ++d.events.active_ports;
    }
    set_port_pending(d, c, port);
    return port;
}

/// A port for virtual interrupt `virq` of a vCPU. Errors: `inval` no such virq, or a global one
/// not on vCPU 0; `noent` no such vCPU; `exist` bound already; as `find_free_port`.
template <class P>
expected<evtchn_port, errc>
evtchn_bind_virq(domain<P>& d, std::uint32_t virq, std::uint32_t vcpu) noexcept {
    if (virq >= max_virqs || (virq_is_global(virq) && vcpu != 0)) {
        return unexpected(errc::inval);
    }
    auto* const v = detail::find_vcpu(d, vcpu);
    if (v == nullptr) {
        return unexpected(errc::noent);
    }
    lock_guard const hold(d.events.lock);
    if (atomic_load(v->virq_port[virq]) != 0) {
        return unexpected(errc::exist);
    }
    auto const port = XENPP_TRY(detail::find_free_port(d));
    detail::open_port(d, d.events.at(port), evtchn_state::virq, virq, vcpu);
    atomic_store(v->virq_port[virq], port.raw());
    return port;
}

/// A port by which `d` interrupts its own vCPU. Errors: `noent`; as `find_free_port`.
template <class P>
expected<evtchn_port, errc> evtchn_bind_ipi(domain<P>& d, std::uint32_t vcpu) noexcept {
    if (detail::find_vcpu(d, vcpu) == nullptr) {
        return unexpected(errc::noent);
    }
    lock_guard const hold(d.events.lock);
    auto const port = XENPP_TRY(detail::find_free_port(d));
    detail::open_port(d, d.events.at(port), evtchn_state::ipi, 0, vcpu);
    return port;
}

/// Closes a port; a connected peer goes back to waiting for `d`. Errors: `inval` not open;
/// `restart` other domains kept rebinding it meanwhile, call again.
template <class P>
expected<void, errc> evtchn_close(domain<P>& d, evtchn_port port) noexcept {
    auto* const c = d.events.find(port);
    if (c == nullptr) {
        return unexpected(errc::inval);
    }
    for (unsigned tries = 0; tries < 4; ++tries) {
        domain_ref<P> peer;
        {
            lock_guard const hold(d.events.lock);
            if (c->state == evtchn_state::free || c->state == evtchn_state::reserved) {
                return unexpected(errc::inval);
            }
            if (c->state != evtchn_state::interdomain || c->remote == &d) {
                if (c->state == evtchn_state::interdomain) {
                    detail::disconnect(d, *c);
                }
                detail::free_port(d, *c, port);
                return {};
            }
            // Connected, so the peer still exists; the reference keeps it while no lock is held.
            atomic_fetch_add(c->remote->references, 1);
            peer = domain_ref<P>(c->remote);
        }
        detail::table_locks const hold(d, *peer);
        if (c->state == evtchn_state::interdomain && c->remote == peer.get()) {
            detail::disconnect(d, *c);
            detail::free_port(d, *c, port);
            return {};
        }
    }
    return unexpected(errc::restart);
}

/// Says which vCPU a port notifies. Errors: `noent` no such vCPU; `inval` no such port, or one
/// whose vCPU was fixed when it was bound (IPIs, virtual interrupts of one vCPU).
template <class P>
expected<void, errc> evtchn_bind_vcpu(domain<P>& d, evtchn_port port, std::uint32_t vcpu) noexcept {
    if (detail::find_vcpu(d, vcpu) == nullptr) {
        return unexpected(errc::noent);
    }
    auto* const c = d.events.find(port);
    if (c == nullptr) {
        return unexpected(errc::inval);
    }
    lock_guard const hold(d.events.lock);
    bool const may_move = c->state == evtchn_state::unbound ||
                          c->state == evtchn_state::interdomain ||
                          (c->state == evtchn_state::virq && virq_is_global(c->number));
    if (!may_move) {
        return unexpected(errc::inval);
    }
    lock_guard const hold_port(c->lock);
    atomic_store(c->notify_vcpu, static_cast<std::uint16_t>(vcpu));
    return {};
}

/// Unmasks a port and delivers what is pending. inval: no such port.
template <class P>
expected<void, errc> evtchn_unmask(domain<P>& d, evtchn_port port) noexcept {
    auto* const c = d.events.find(port);
    if (c == nullptr) {
        return unexpected(errc::inval);
    }
    lock_guard const hold(c->lock);
    auto* const v = d.vcpus[c->notify_vcpu];
    if (v == nullptr || d.shared_info == nullptr) {
        return {};
    }
    auto* const a = atomic_load(d.events.fifo);
    if (a != nullptr ? fifo_unmask(d, *a, *v, *c, port) : two_level_unmask(d, *v, port)) {
        vcpu_mark_events_pending(*v);
    }
    return {};
}

/// Closes all ports. `restart`: bounded work done, call again; `again`: the domain opened ports
/// meanwhile.
template <class P>
expected<void, errc> evtchn_close_all(domain<P>& d) noexcept {
    constexpr std::uint32_t batch = 512;
    auto& t = d.events;
    std::uint32_t const valid = atomic_load(t.valid_ports);
    for (std::uint32_t i = 0; i < batch && t.next_to_close < valid; ++i) {
        auto const closed = evtchn_close(d, evtchn_port(t.next_to_close));
        if (!closed && closed.error() == errc::restart) {
            return unexpected(errc::restart);
        }
        ++t.next_to_close; // a port that was not open is as good as closed
    }
    if (t.next_to_close < valid) {
        return unexpected(errc::restart);
    }
    t.next_to_close = 1;
    if (t.active_ports != 0) {
        return unexpected(errc::again);
    }
    return {};
}

/// Ends the events of a dying domain: closes its ports, gives back the guest's pages. `restart`:
/// call again. The table itself stays readable until `events_free`.
template <class P>
expected<void, errc> events_destroy(domain<P>& d) noexcept {
    if (auto const closed = evtchn_close_all(d); !closed) {
        return unexpected(errc::restart); // a dying domain opens no ports, so `again` ends too
    }
    fifo_destroy(d);
    return {};
}

/// Gives the table's memory back when nothing can reach the domain any more.
template <class P>
void events_free(domain<P>& d) noexcept {
    auto& t = d.events;
    for (std::uint32_t n = 0; n < t.valid_ports / t.ports_per_bucket; ++n) {
        d.hv.frames.destroy(t.group[n / t.buckets_per_group]->bucket[n % t.buckets_per_group]);
    }
    t.valid_ports = 0;
    for (auto*& group : t.group) {
        if (group != nullptr) {
            d.hv.frames.destroy(group);
            group = nullptr;
        }
    }
}

} // namespace xenpp::hv
