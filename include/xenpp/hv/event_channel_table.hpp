// SPDX-License-Identifier: Apache-2.0
// A domain's event channels as data: the ports, in pages of buckets, and the layout in use.
#pragma once

#include <xenpp/abi/event_channel.hpp>
#include <xenpp/base/atomic.hpp>
#include <xenpp/base/strong.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv {

template <class P>
struct domain;
template <class P>
struct fifo_array;
template <class P>
struct fifo_controls;

/// What a port is (Xen: ECS_*). There are no physical interrupts to bind.
enum class evtchn_state : std::uint8_t {
    free,        ///< may be handed out
    reserved,    ///< port 0, which is never handed out
    unbound,     ///< waits for `remote_id` to bind it
    interdomain, ///< connected to port `number` of `remote`
    virq,        ///< virtual interrupt `number`
    ipi,         ///< raised by the domain itself
};

/// One port. `state`, `remote_id`, `number` and `remote` change only with the table's lock and
/// `lock` held, so either of them is enough to read; the rest is read without a lock.
template <class P>
struct event_channel {
    spinlock lock;           ///< a sender holds its own end's
    std::uint32_t queue = 0; ///< atomic; the FIFO queue linked to last: vCPU << 8 | priority
    evtchn_state state = evtchn_state::free;
    std::uint8_t priority = abi::evtchn_fifo_priority_default; ///< atomic
    std::uint8_t carried = 0;      ///< atomic; what a missing event word should hold: carried_*
    std::uint16_t notify_vcpu = 0; ///< atomic; whom it interrupts
    domid remote_id{};
    std::uint32_t number = 0;
    domain<P>* remote = nullptr; ///< stays valid while connected: it closes its end before it goes

    static constexpr std::uint8_t carried_pending = 1;
    static constexpr std::uint8_t carried_masked = 2;
};

/// 128 ports in a page.
template <class P>
struct event_bucket {
    std::array<event_channel<P>, page_size / sizeof(event_channel<P>)> port;
};

/// The addresses of 512 buckets in a page.
template <class P>
struct event_bucket_group {
    std::array<event_bucket<P>*, page_size / sizeof(event_bucket<P>*)> bucket{};
};

/// All ports of a domain. Buckets are added and never taken away until the domain is freed, so a
/// port once found stays valid memory. Operations are in hv/event_channel.hpp and
/// hv/event_channel_op.hpp.
template <class P>
struct event_channel_table {
    static constexpr std::uint32_t ports_per_bucket =
        static_cast<std::uint32_t>(page_size / sizeof(event_channel<P>));
    static constexpr std::uint32_t buckets_per_group =
        static_cast<std::uint32_t>(page_size / sizeof(event_bucket<P>*));
    static constexpr std::uint32_t most_ports = abi::evtchn_fifo_nr_channels;
    static constexpr std::uint32_t group_count = most_ports / ports_per_bucket / buckets_per_group;

    spinlock lock;                   ///< all changes; a sender needs only its port's lock
    std::uint32_t max_port = ~0U;    ///< the highest port number allowed (max_evtchn_port)
    std::uint32_t valid_ports = 0;   ///< atomic; ports that have memory
    std::uint32_t active_ports = 0;  ///< ports neither free nor reserved
    std::uint32_t first_free = 1;    ///< no free port is lower
    std::uint32_t next_to_close = 1; ///< how far a reset or the domain's end has come
    fifo_array<P>* fifo = nullptr;   ///< atomic; null: the two-level layout
    fifo_controls<P>* fifo_control_pages = nullptr;
    std::array<std::uint64_t, 2> pollers{}; ///< atomic; vCPUs that may be in SCHEDOP_poll
    std::array<event_bucket_group<P>*, group_count> group{};

    /// The channel of a port that has memory.
    event_channel<P>& at(evtchn_port port) noexcept {
        std::uint32_t const n = port.raw();
        std::uint32_t const b = n / ports_per_bucket;
        return group[b / buckets_per_group]
            ->bucket[b % buckets_per_group]
            ->port[n % ports_per_bucket];
    }

    /// The port's channel, or null if the domain has no such port.
    event_channel<P>* find(evtchn_port port) noexcept {
        return port.raw() < atomic_load(valid_ports) ? &at(port) : nullptr;
    }

    /// How many ports the layout in use can have.
    std::uint32_t layout_ports() const noexcept {
        return atomic_load(fifo) == nullptr ? abi::evtchn_2l_nr_channels : most_ports;
    }
};

} // namespace xenpp::hv
