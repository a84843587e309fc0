// SPDX-License-Identifier: Apache-2.0
// Entering and leaving the FIFO event layout: control blocks, pages of event words, priorities.
#pragma once

#include <xenpp/hv/event_channel.hpp>
#include <xenpp/hv/own_page.hpp>

#include <cstdint>
#include <utility>

namespace xenpp::hv {

namespace detail {

/// What the two-level bitmaps say is kept with the ports until their event words exist. An event
/// that arrives on another CPU during this very call may be missed (public event_channel.h tells
/// guests to switch before they bind anything).
template <class P>
void carry_two_level_bits(domain<P>& d) noexcept {
    auto& t = d.events;
    for (std::uint32_t n = 1; n < t.valid_ports && n < abi::evtchn_2l_nr_channels; ++n) {
        evtchn_port const port(n);
        auto& c = t.at(port);
        if (c.state == evtchn_state::free) {
            continue;
        }
        unsigned const bits =
            (two_level_is_pending(d, port) ? event_channel<P>::carried_pending : 0U) |
            (two_level_is_masked(d, port) ? event_channel<P>::carried_masked : 0U);
        atomic_fetch_or(c.carried, static_cast<std::uint8_t>(bits));
    }
}

/// Makes the domain's FIFO state. The table's lock is held. nomem.
template <class P>
expected<void, errc> enter_fifo(domain<P>& d) noexcept {
    auto& frames = d.hv.frames;
    auto* const controls = XENPP_TRY(frames.template create<fifo_controls<P>>());
    auto array = frames.template create<fifo_array<P>>();
    if (!array) {
        frames.destroy(controls);
        return unexpected(array.error());
    }
    d.events.fifo_control_pages = controls;
    atomic_store(d.events.fifo, *array);
    full_barrier();
    carry_two_level_bits(d);
    return {};
}

template <class P>
void forget_queues(vcpu<P>& v) noexcept {
    atomic_store(v.fifo_control, nullptr);
    for (unsigned p = 0; p < v.fifo_tail.size(); ++p) {
        lock_guard const hold(v.fifo_lock[p]);
        v.fifo_tail[p] = 0;
    }
}

} // namespace detail

/// EVTCHNOP_init_control: the vCPU's control block, `offset` bytes into guest frame `frame`; the
/// domain's first one switches it from the two-level layout. Errors: `noent` no such vCPU; `inval`
/// misaligned, crossing the page, no RAM of its own, or given already; `nomem`.
template <class P>
expected<void, errc>
fifo_init_control(domain<P>& d, std::uint32_t vcpu, gfn frame, std::uint32_t offset) noexcept {
    auto* const v = vcpu < max_vcpus_per_domain ? d.vcpus[vcpu] : nullptr;
    if (v == nullptr) {
        return unexpected(errc::noent);
    }
    if (offset > page_size - sizeof(abi::evtchn_fifo_control_block) || offset % 8 != 0) {
        return unexpected(errc::inval);
    }
    auto page = own_page(d, frame);
    if (!page) {
        return unexpected(errc::inval);
    }
    lock_guard const hold(d.events.lock);
    if (d.dying != dying_state::alive || atomic_load(v->fifo_control) != nullptr) {
        return unexpected(errc::inval);
    }
    if (d.events.fifo == nullptr) {
        XENPP_TRY(detail::enter_fifo(d));
    }
    auto* const block = reinterpret_cast<abi::evtchn_fifo_control_block*>(page.map() + offset);
    d.events.fifo_control_pages->held[vcpu] = std::move(page);
    atomic_store(v->fifo_control, block);
    return {};
}

/// EVTCHNOP_expand_array: the next page of event words; events that waited for it are raised.
/// Errors: `opnotsupp` not in the FIFO layout; `nospc` all pages are there; `inval` no RAM of its
/// own.
template <class P>
expected<void, errc> fifo_expand_array(domain<P>& d, gfn frame) noexcept {
    auto page = own_page(d, frame);
    lock_guard const hold(d.events.lock);
    auto* const a = d.events.fifo;
    if (a == nullptr) {
        return unexpected(errc::opnotsupp);
    }
    if (a->page_count == a->most_pages) {
        return unexpected(errc::nospc);
    }
    if (!page || d.dying != dying_state::alive) {
        return unexpected(errc::inval);
    }
    std::uint32_t const n = a->page_count;
    a->page[n] = reinterpret_cast<std::uint32_t*>(page.map());
    a->held[n] = std::move(page);
    atomic_store(a->page_count, n + 1);
    full_barrier(); // before `carried` is read: a sender that saw no page has written it, see
                    // fifo_set_pending, or will see the page
    for (std::uint32_t i = n * a->words_per_page; i < (n + 1) * a->words_per_page; ++i) {
        evtchn_port const port(i);
        auto* const c = d.events.find(port);
        if (c == nullptr) {
            break;
        }
        unsigned const carried = atomic_exchange(c->carried, 0);
        if ((carried & event_channel<P>::carried_masked) != 0) {
            atomic_fetch_or(*a->word(port), fifo_bit_masked);
        }
        if ((carried & event_channel<P>::carried_pending) != 0) {
            set_port_pending(d, *c, port);
        }
    }
    return {};
}

/// EVTCHNOP_set_priority: the queue that the port's next event is linked into. Errors: `nosys` in
/// the two-level layout, which has no priorities; `inval` no such port or priority.
template <class P>
expected<void, errc>
fifo_set_priority(domain<P>& d, evtchn_port port, std::uint32_t priority) noexcept {
    auto* const c = d.events.find(port);
    if (c == nullptr) {
        return unexpected(errc::inval);
    }
    lock_guard const hold(c->lock);
    if (atomic_load(d.events.fifo) == nullptr) {
        return unexpected(errc::nosys);
    }
    if (priority > abi::evtchn_fifo_priority_min) {
        return unexpected(errc::inval);
    }
    atomic_store(c->priority, static_cast<std::uint8_t>(priority));
    return {};
}

/// Back to the two-level layout, all ports closed. A sender that has found the array before sees
/// under its queue's lock that it is left, or is waited for here; what it only reads stays memory
/// until every CPU has passed its run loop.
template <class P>
void fifo_destroy(domain<P>& d) noexcept {
    fifo_array<P>* array = nullptr;
    fifo_controls<P>* controls = nullptr;
    {
        lock_guard const hold(d.events.lock);
        array = d.events.fifo;
        controls = d.events.fifo_control_pages;
        atomic_store(d.events.fifo, nullptr);
        d.events.fifo_control_pages = nullptr;
        for (auto* const v : d.vcpus) {
            if (v != nullptr) {
                detail::forget_queues(*v);
            }
        }
    }
    if (array != nullptr) {
        d.hv.frames.destroy(array);
        d.hv.frames.destroy(controls);
    }
}

} // namespace xenpp::hv
