// SPDX-License-Identifier: Apache-2.0
// Timers: one sorted queue a CPU, fired from that CPU's run loop.
#pragma once

#include <xenpp/base/atomic.hpp>

#include <cstdint>

namespace xenpp::hv {

/// Calls `fire(owner)` once system time reaches the deadline. Lives inside its owner; armed on one
/// CPU's queue at a time.
struct timer {
    void (*fire)(void* owner) = nullptr;
    void* owner = nullptr;
    std::uint64_t deadline_ns = 0;
    timer* next = nullptr;
    std::uint32_t cpu = no_cpu; ///< the queue it is armed on; changed under `guard`
    bool retired = false;       ///< its owner ends: it is never armed again; under `guard`
    spinlock guard;             ///< orders arm and cancel of this timer

    static constexpr std::uint32_t no_cpu = ~std::uint32_t{0};
};

/// The armed timers of one CPU, soonest first. A vCPU owns at most four timers, so the length is
/// bounded by the vCPUs that last ran here.
class timer_queue {
public:
    /// Adds `t`; says whether it is now the soonest.
    bool insert(timer& t) noexcept {
        lock_guard const hold(lock_);
        timer** at = &head_;
        while (*at != nullptr && (*at)->deadline_ns <= t.deadline_ns) {
            at = &(*at)->next;
        }
        t.next = *at;
        *at = &t;
        return at == &head_;
    }

    void remove(timer& t) noexcept {
        lock_guard const hold(lock_);
        for (timer** at = &head_; *at != nullptr; at = &(*at)->next) {
            if (*at == &t) {
                *at = t.next;
                t.next = nullptr;
                return;
            }
        }
    }

    /// Takes the soonest timer off if it is due at `now`.
    timer* take_due(std::uint64_t now) noexcept {
        lock_guard const hold(lock_);
        timer* const t = head_;
        if (t == nullptr || t->deadline_ns > now) {
            return nullptr;
        }
        head_ = t->next;
        t->next = nullptr;
        return t;
    }

    /// When the soonest timer is due; 0: none is armed.
    std::uint64_t soonest_ns() noexcept {
        lock_guard const hold(lock_);
        return head_ == nullptr ? 0 : head_->deadline_ns;
    }

private:
    timer* head_ = nullptr;
    spinlock lock_;
};

} // namespace xenpp::hv
