// SPDX-License-Identifier: Apache-2.0
// Hypercalls over a ring in shared memory.
#include <xenpp/base/atomic.hpp>
#include <xenpp/os/clock.hpp>

#include <transport/link_client.hpp>
#include <unistd.h>

namespace xenpp::transport {

namespace {

// An answer from a hypervisor that is awake takes a few microseconds; one from a sleeping machine
// thirty or more. Looking for longer only takes the processor away from the machine.
constexpr std::uint64_t look_ns = 20'000;
constexpr std::uint64_t first_sleep_ns = 200'000;
constexpr std::uint64_t longest_sleep_ns = 5'000'000;
constexpr std::uint64_t check_every_ns = 50'000'000;

} // namespace

link::link_header& link_client::header() const noexcept {
    return *reinterpret_cast<link::link_header*>(window_);
}

link::slot_header& link_client::page() const noexcept {
    return *reinterpret_cast<link::slot_header*>(window_ + link::slot_offset(slot_));
}

void link_client::call_attention() noexcept {
    // The exchange orders our entry before the look at `polling`: either the hypervisor still
    // looks, or it sees the bit before it sleeps (link_rings::set_polling).
    atomic_fetch_or(header().pending_slots, std::uint64_t{1} << slot_);
    if (atomic_load(header().polling) == 0) {
        bell_.ring();
    }
}

result<void> link_client::await(std::uint32_t const& word, std::uint32_t wanted) {
    auto const answered = [&] { return atomic_load(word) == wanted; };
    auto const begin = os::monotonic_ns();
    do {
        for (unsigned i = 0; i < 64; ++i) {
            if (answered()) {
                return {};
            }
            cpu_relax();
        }
    } while (os::monotonic_ns() - begin < look_ns);

    auto& waiting = page().waiting;
    auto sleep = first_sleep_ns;
    auto checked = begin;
    result<void> outcome;
    while (outcome) {
        atomic_store(waiting, 1);
        full_barrier(); // against link_rings::wants_bell
        auto const seen = atomic_load(page().response_produced);
        if (answered()) {
            break;
        }
        // The futex is the answer count, for a reset too: its bell wakes by the same word.
        bell_.wait(page().response_produced, seen, sleep);
        if (answered()) {
            break;
        }
        sleep = sleep * 2 < longest_sleep_ns ? sleep * 2 : longest_sleep_ns;
        if (auto const now = os::monotonic_ns(); now - checked > check_every_ns) {
            checked = now;
            outcome = bell_.check();
            bell_.ring(); // a bell that was lost costs a while, not for ever
        }
    }
    atomic_store(waiting, 0);
    return outcome;
}

result<void> link_client::reset() {
    atomic_store(page().owner_pid, static_cast<std::uint32_t>(::getpid()));
    auto const wanted = atomic_load(page().reset_done) + 1;
    atomic_store(page().reset_request, wanted);
    call_attention();
    XENPP_TRY(await(page().reset_done, wanted));
    produced_ = 0;
    return {};
}

result<unsigned> link_client::next_entry() {
    if (produced_ - atomic_load(page().response_produced) >= link::ring_size) {
        XENPP_TRY(await(page().response_produced, produced_));
    }
    return produced_ % link::ring_size;
}

/// There is room.
void link_client::put(std::uint64_t number, std::array<std::uint64_t, 6> const& arg) noexcept {
    auto& entry = page().ring[produced_ % link::ring_size];
    atomic_store(entry.number, number, order::relaxed);
    for (std::size_t i = 0; i < arg.size(); ++i) {
        atomic_store(entry.arg[i], arg[i], order::relaxed);
    }
    atomic_store(page().request_produced, ++produced_);
    call_attention();
}

result<std::int64_t> link_client::call(std::uint64_t number,
                                       std::array<std::uint64_t, 6> const& arg) {
    auto const entry = XENPP_TRY(next_entry());
    put(number, arg);
    XENPP_TRY(await(page().response_produced, produced_));
    return atomic_load(page().ring[entry].result, order::relaxed);
}

result<void> link_client::post(std::uint64_t number, std::array<std::uint64_t, 6> const& arg) {
    XENPP_TRY(next_entry());
    put(number, arg);
    return {};
}

void link_client::nudge() noexcept {
    if (atomic_load(page().response_produced) != produced_) {
        call_attention();
    }
}

} // namespace xenpp::transport
