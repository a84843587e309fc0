// SPDX-License-Identifier: Apache-2.0
// The FIFO event layout: event words in guest pages, linked into 16 queues per vCPU.
//
//   control block of a vCPU          event words (one a port, 1024 a page)
//   ready: bit p = queue p changed   31 pending  30 masked  29 linked  28 busy  16..0 link
//   head[p] ──► word of first port ── link ──► word of next port ── link 0
//
// The guest consumes from the head, the hypervisor appends at the tail, which only it knows.
// Everything in those pages may be changed by the guest at any moment: whatever is read there
// decides only what the guest itself gets to see, never an address, and no loop waits for it.
//
// The pages are the guest's to use otherwise, as page tables too, once it has left the layout.
// Therefore an event word is written with a queue's lock or the table's held, and only while the
// domain still has the array: fifo_destroy goes through all of these locks before it lets go.
#pragma once

#include <xenpp/hv/domain.hpp>
#include <xenpp/hv/p2m.hpp>
#include <xenpp/hv/vcpu.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv {

inline constexpr std::uint32_t fifo_bit_pending = 1U << abi::evtchn_fifo_pending;
inline constexpr std::uint32_t fifo_bit_masked = 1U << abi::evtchn_fifo_masked;
inline constexpr std::uint32_t fifo_bit_linked = 1U << abi::evtchn_fifo_linked;
inline constexpr std::uint32_t fifo_bit_busy = 1U << abi::evtchn_fifo_busy;

/// The pages of event words that a domain has given, one page-sized object.
template <class P>
struct fifo_array {
    static constexpr std::uint32_t words_per_page = page_size / sizeof(std::uint32_t);
    static constexpr std::uint32_t most_pages = abi::evtchn_fifo_nr_channels / words_per_page;

    std::uint32_t page_count = 0; ///< atomic; pages that may be used
    std::array<std::uint32_t*, most_pages> page{};
    std::array<page_ref<P>, most_pages> held;

    /// The event word of `port`, or null while its page is missing.
    std::uint32_t* word(evtchn_port port) noexcept {
        std::uint32_t const n = port.raw() / words_per_page;
        return n < atomic_load(page_count) ? page[n] + port.raw() % words_per_page : nullptr;
    }
};

/// References to the pages that hold the vCPUs' control blocks.
template <class P>
struct fifo_controls {
    std::array<page_ref<P>, max_vcpus_per_domain> held;
};

namespace detail {

/// Holds the locks of two queues, which may be one and the same, in the order of their addresses.
class queue_locks {
public:
    queue_locks(spinlock& a, spinlock& b) noexcept
        : first_(&a < &b ? a : b), second_(&a < &b ? b : a) {
        first_.lock();
        if (&second_ != &first_) {
            second_.lock();
        }
    }

    queue_locks(queue_locks const&) = delete;
    queue_locks& operator=(queue_locks const&) = delete;

    ~queue_locks() {
        if (&second_ != &first_) {
            second_.unlock();
        }
        first_.unlock();
    }

private:
    spinlock& first_;
    spinlock& second_;
};

/// How often a compare-exchange against the guest is tried. An honest guest needs one retry at
/// most: it waits while it sees the busy bit.
inline constexpr unsigned fifo_tries = 4;

/// Appends `port` to the word of the queue's tail. False: the tail has been consumed, the queue is
/// empty. True also where the guest fights for the word: the event is then lost, to that guest.
inline bool fifo_link(std::uint32_t& tail, evtchn_port port) noexcept {
    std::uint32_t seen = atomic_load(tail);
    for (unsigned i = 0; i < fifo_tries; ++i) {
        if ((seen & fifo_bit_linked) == 0) {
            if (i != 0) {
                atomic_fetch_and(tail, ~fifo_bit_busy);
            }
            return false;
        }
        std::uint32_t const want =
            (seen & ~(fifo_bit_busy | abi::evtchn_fifo_link_mask)) | port.raw();
        if (atomic_compare_exchange(tail, seen, want)) {
            return true;
        }
        seen = atomic_fetch_or(tail, fifo_bit_busy) | fifo_bit_busy;
    }
    atomic_fetch_and(tail, ~fifo_bit_busy);
    return true;
}

/// Takes `port` into queue `p` of `v`; true if the queue was empty and not announced. The locks of
/// that queue and of the one where the port was linked before are held.
template <class P>
bool fifo_append(domain<P>& d,
                 fifo_array<P>& a,
                 vcpu<P>& v,
                 abi::evtchn_fifo_control_block& control,
                 event_channel<P>& c,
                 evtchn_port port,
                 std::uint32_t p) noexcept {
    std::uint32_t const last = atomic_load(c.queue);
    auto* const old = d.vcpus[last >> 8];
    if (old != nullptr && old->fifo_tail[last & 0xff] == port.raw()) {
        old->fifo_tail[last & 0xff] = 0; // the old queue has been consumed up to its end
    }
    atomic_store(c.queue, v.id.raw() << 8 | p);
    auto& tail = v.fifo_tail[p];
    auto* const tail_word = tail == 0 ? nullptr : a.word(evtchn_port(tail));
    bool const appended = tail_word != nullptr && fifo_link(*tail_word, port);
    if (!appended) {
        atomic_store(control.head[p], port.raw());
    }
    tail = port.raw();
    return !appended && !atomic_test_and_set_bit(control.ready, p);
}

} // namespace detail

/// Marks `port` pending and links it if it is neither masked nor linked; true if `v` must get an
/// upcall for it. A port whose word is missing is remembered and raised when its page comes.
template <class P>
bool fifo_set_pending(
    domain<P>& d, fifo_array<P>& a, vcpu<P>& v, event_channel<P>& c, evtchn_port port) noexcept {
    auto* word = a.word(port);
    if (word == nullptr) {
        atomic_fetch_or(c.carried, event_channel<P>::carried_pending);
        word = a.word(port);
        if (word == nullptr) {
            return false; // fifo_add_page finds it
        }
        atomic_fetch_and(c.carried, static_cast<std::uint8_t>(~event_channel<P>::carried_pending));
    }
    for (unsigned i = 0; i < detail::fifo_tries; ++i) {
        std::uint32_t const last = atomic_load(c.queue);
        std::uint32_t const p = atomic_load(c.priority) % abi::evtchn_fifo_max_queues;
        auto* const old = d.vcpus[last >> 8] == nullptr ? &v : d.vcpus[last >> 8];
        detail::queue_locks const hold(old->fifo_lock[last & 0xff], v.fifo_lock[p]);
        if (atomic_load(d.events.fifo) != &a) [[unlikely]] {
            return false; // see fifo_destroy
        }
        if (atomic_load(c.queue) != last || atomic_load(c.priority) != p) {
            continue; // somebody else moved the port meanwhile
        }
        std::uint32_t const was = atomic_fetch_or(*word, fifo_bit_pending);
        auto* const control = atomic_load(v.fifo_control);
        if (control == nullptr || (was & (fifo_bit_masked | fifo_bit_linked)) != 0 ||
            (atomic_fetch_or(*word, fifo_bit_linked) & fifo_bit_linked) != 0) {
            return false;
        }
        return detail::fifo_append(d, a, v, *control, c, port, p);
    }
    lock_guard const hold(v.fifo_lock[0]);
    if (atomic_load(d.events.fifo) == &a) {
        atomic_fetch_or(*word, fifo_bit_pending);
    }
    return false;
}

/// Forgets that `port` is pending. It may stay linked; it is then not handed out again until the
/// guest has consumed the link. The table's lock is held.
template <class P>
void fifo_clear_pending(fifo_array<P>& a, event_channel<P>& c, evtchn_port port) noexcept {
    atomic_store(c.carried, 0);
    if (auto* const word = a.word(port)) {
        atomic_fetch_and(*word, ~fifo_bit_pending);
    }
}

/// Unmasks `port`; true if `v` must get an upcall for it.
template <class P>
bool fifo_unmask(
    domain<P>& d, fifo_array<P>& a, vcpu<P>& v, event_channel<P>& c, evtchn_port port) noexcept {
    auto* const word = a.word(port);
    if (word == nullptr) {
        atomic_fetch_and(c.carried, static_cast<std::uint8_t>(~event_channel<P>::carried_masked));
        return false;
    }
    {
        lock_guard const hold(v.fifo_lock[0]);
        if (atomic_load(d.events.fifo) != &a ||
            (atomic_fetch_and(*word, ~fifo_bit_masked) & fifo_bit_pending) == 0) {
            return false;
        }
    }
    return fifo_set_pending(d, a, v, c, port);
}

/// Whether any of `bits` is set in the port's word.
template <class P>
bool fifo_test(fifo_array<P>& a, evtchn_port port, std::uint32_t bits) noexcept {
    auto* const word = a.word(port);
    return word != nullptr && (atomic_load(*word) & bits) != 0;
}

} // namespace xenpp::hv
