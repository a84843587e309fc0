// SPDX-License-Identifier: Apache-2.0
// The hypervisor's end of the machine link's rings: takes hypercalls in, puts results back.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/link/layout.hpp>

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>

namespace xenpp::hv {

/// What the rings need of the hypervisor behind them. Every call returns after bounded work.
template <class C>
concept LinkCalls = requires(C& c, unsigned slot, std::uint64_t number, hypercall_args& args) {
    // Carries out a hypercall of the slot; `errc::restart`: call again with `args` as they are now.
    { c.call(slot, number, args) } -> std::same_as<hypercall_result>;
    // Drops what the slot holds; false: there is more, call again.
    { c.release(slot) } -> std::same_as<bool>;
    // Rings the control domain's bell.
    {c.notify()};
    // The page of the window that starts at this offset.
    { c.page(std::uint64_t{}) } -> std::same_as<std::byte*>;
};

/// The rings of all slots. What a slot's owner writes is read once and believed in nothing: the
/// worst that nonsense in a ring achieves is hypercalls with nonsense arguments by that slot.
/// One CPU at a time pumps; others that try return at once.
template <LinkCalls Calls>
class link_rings {
public:
    explicit link_rings(Calls& calls) noexcept : calls_(calls) {}

    link_rings(link_rings const&) = delete;
    link_rings& operator=(link_rings const&) = delete;
    ~link_rings() = default;

    static constexpr unsigned no_slot = ~0U;

    /// Handles up to `budget` entries, or turns of long ones, the slots in turn. True: there is
    /// more to do, come back.
    bool pump(unsigned budget) noexcept {
        if (!busy_.try_lock()) {
            return false;
        }
        atomic_store(is_pumped_, true);
        ready_ |= atomic_exchange(header().pending_slots, 0) & all_slots;
        bool ring = false;
        while (ready_ != 0 && budget-- != 0) {
            auto const slot = next_slot();
            if (!step(slot, ring)) {
                ready_ &= ~(std::uint64_t{1} << slot);
            }
        }
        bool const more = ready_ != 0;
        if (ring) {
            atomic_store(header().bells, header().bells + 1, order::relaxed);
        }
        atomic_store(is_pumped_, false);
        busy_.unlock();
        if (ring) {
            calls_.notify();
        }
        // A CPU that was called for work which came since the exchange found the lock taken.
        full_barrier();
        return more || atomic_load(header().pending_slots, order::relaxed) != 0;
    }

    /// Whether a pump would find work. Cheap: a few loads. Not while another CPU pumps, which looks
    /// for more when it is done.
    bool has_work() noexcept {
        return !atomic_load(is_pumped_, order::relaxed) &&
               (atomic_load(header().pending_slots, order::relaxed) != 0 ||
                atomic_load(ready_, order::relaxed) != 0);
    }

    /// Says to clients whether a CPU polls `pending_slots`, so that they need not ring. After
    /// `set_polling(false)` look at `has_work()` once more before sleeping.
    void set_polling(bool polling) noexcept {
        atomic_store(header().polling, polling ? 1U : 0U);
        full_barrier();
    }

    void set_state(link::hv_state s) noexcept {
        atomic_store(header().state, static_cast<std::uint32_t>(s));
    }

    /// The slot whose hypercall is being carried out, or `no_slot`. Meaningful inside `call` only.
    unsigned current() const noexcept { return current_; }

    link::link_header& header() noexcept {
        return *reinterpret_cast<link::link_header*>(calls_.page(0));
    }

private:
    /// Private memory: what the hypervisor believes of a slot.
    struct slot_state {
        std::uint32_t done = 0;   ///< entries answered since the last reset
        std::uint32_t resets = 0; ///< the last `reset_request` carried out
        bool active = false;      ///< an entry has begun and asked for another turn
        std::uint64_t number = 0; ///< its hypercall
        hypercall_args args;      ///< its arguments and progress
    };

    static constexpr std::uint64_t all_slots = ~std::uint64_t{0} >> (64 - link::slot_count);

    link::slot_header& slot_page(unsigned slot) noexcept {
        return *reinterpret_cast<link::slot_header*>(calls_.page(link::slot_offset(slot)));
    }

    /// The next ready slot after the one served last.
    unsigned next_slot() noexcept {
        auto const later = ready_ & (~std::uint64_t{0} << cursor_);
        auto const slot = static_cast<unsigned>(std::countr_zero(later != 0 ? later : ready_));
        cursor_ = (slot + 1) % link::slot_count;
        return slot;
    }

    /// One turn of a slot. False: nothing is left to do for it. `ring` is set when its owner waits.
    bool step(unsigned slot, bool& ring) noexcept {
        auto& state = slots_[slot];
        auto& page = slot_page(slot);
        if (!state.active) {
            auto const wanted = atomic_load(page.reset_request);
            if (wanted != state.resets) {
                return reset(slot, wanted, ring);
            }
            if (!fetch(state, page)) {
                return false;
            }
        }
        current_ = slot;
        auto const result = calls_.call(slot, state.number, state.args);
        current_ = no_slot;
        if (!result && result.error() == errc::restart) {
            atomic_store(header().restarts, header().restarts + 1, order::relaxed);
            return true;
        }
        state.active = false;
        answer(state, page,
               result ? static_cast<std::int64_t>(*result) : std::int64_t{to_abi(result.error())});
        ring |= wants_bell(page);
        return true;
    }

    /// Takes the next entry into private memory. False: there is none, or the counts make no sense,
    /// in which case the slot gets nothing done until it is reset.
    static bool fetch(slot_state& state, link::slot_header& page) noexcept {
        auto const produced = atomic_load(page.request_produced);
        auto const waiting = produced - state.done;
        if (waiting == 0 || waiting > link::ring_size) {
            return false;
        }
        auto& entry = page.ring[state.done % link::ring_size];
        state.number = atomic_load(entry.number, order::relaxed);
        for (std::size_t i = 0; i < entry.arg.size(); ++i) {
            state.args.arg[i] = atomic_load(entry.arg[i], order::relaxed);
        }
        state.active = true;
        return true;
    }

    void answer(slot_state& state, link::slot_header& page, std::int64_t result) noexcept {
        atomic_store(page.ring[state.done % link::ring_size].result, result, order::relaxed);
        ++state.done;
        atomic_store(page.response_produced, state.done);
        atomic_store(header().hypercalls, header().hypercalls + 1, order::relaxed);
    }

    /// A new owner (or a departing one) starts over: drops what the slot holds, then the counts.
    bool reset(unsigned slot, std::uint32_t wanted, bool& ring) noexcept {
        if (!calls_.release(slot)) {
            return true;
        }
        auto& state = slots_[slot];
        auto& page = slot_page(slot);
        state.done = 0;
        state.resets = wanted;
        atomic_store(page.request_produced, 0, order::relaxed);
        atomic_store(page.response_produced, 0, order::relaxed);
        atomic_store(page.reset_done, wanted);
        ring |= wants_bell(page);
        return true;
    }

    /// Store, barrier, load against the owner's store of `waiting`, barrier, load of what it
    /// awaits.
    static bool wants_bell(link::slot_header& page) noexcept {
        full_barrier();
        return atomic_load(page.waiting, order::relaxed) != 0;
    }

    Calls& calls_;
    std::array<slot_state, link::slot_count> slots_{};
    std::uint64_t ready_ = 0;
    unsigned cursor_ = 0;
    unsigned current_ = no_slot;
    bool is_pumped_ = false; ///< as long as `busy_` is held
    spinlock busy_;
};

} // namespace xenpp::hv
