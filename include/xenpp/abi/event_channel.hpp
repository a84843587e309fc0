// SPDX-License-Identifier: Apache-2.0
// Event-channel operations, and the FIFO layout; public header event_channel.h.
#pragma once

#include <xenpp/abi/xen.hpp>

#include <cstdint>

namespace xenpp::abi {

/// A port of the calling domain, unless a structure says whose.
using evtchn_port_t = std::uint32_t;

/// Sub-operations of `hypercall::event_channel_op`.
// clang-format off
enum class evtchn_op : std::uint32_t {
    bind_interdomain = 0,
    bind_virq        = 1,
    bind_pirq        = 2,
    close            = 3,
    send             = 4,
    status           = 5,
    alloc_unbound    = 6,
    bind_ipi         = 7,
    bind_vcpu        = 8,
    unmask           = 9,
    reset            = 10,
    init_control     = 11,
    expand_array     = 12,
    set_priority     = 13,
};

// clang-format on

/// Makes a port of `dom` that `remote_dom` may bind; `port` is the answer.
struct evtchn_alloc_unbound {
    std::uint16_t dom;
    std::uint16_t remote_dom;
    evtchn_port_t port;
};

static_assert(sizeof(evtchn_alloc_unbound) == 8);

/// Binds a port of the caller to an unbound one that accepts it.
struct evtchn_bind_interdomain {
    std::uint16_t remote_dom;
    std::uint16_t reserved_;
    evtchn_port_t remote_port;
    evtchn_port_t local_port;
};

static_assert(sizeof(evtchn_bind_interdomain) == 12);

/// Binds a virtual interrupt to a vCPU.
struct evtchn_bind_virq {
    std::uint32_t virq;
    std::uint32_t vcpu;
    evtchn_port_t port;
};

static_assert(sizeof(evtchn_bind_virq) == 12);

/// Binds a physical interrupt.
struct evtchn_bind_pirq {
    std::uint32_t pirq;
    std::uint32_t flags;
    evtchn_port_t port;
};

static_assert(sizeof(evtchn_bind_pirq) == 12);

/// `evtchn_bind_pirq::flags`: the line may be shared with other domains.
inline constexpr std::uint32_t bind_pirq__will_share = 1;

/// Makes a port by which the domain interrupts one of its own vCPUs.
struct evtchn_bind_ipi {
    std::uint32_t vcpu;
    evtchn_port_t port;
};

static_assert(sizeof(evtchn_bind_ipi) == 8);

/// Closes a port; the peer's becomes unbound.
struct evtchn_close {
    evtchn_port_t port;
};

static_assert(sizeof(evtchn_close) == 4);

/// Notifies the other end of a port.
struct evtchn_send {
    evtchn_port_t port;
};

static_assert(sizeof(evtchn_send) == 4);

/// Asks what a port is bound to.
struct evtchn_status {
    std::uint16_t dom;
    std::uint16_t reserved_;
    evtchn_port_t port;
    std::uint32_t status;
    std::uint32_t vcpu;

    union {
        struct {
            std::uint16_t dom;
        } unbound;

        struct {
            std::uint16_t dom;
            std::uint16_t reserved_2;
            evtchn_port_t port;
        } interdomain;

        std::uint32_t pirq;
        std::uint32_t virq;
    } u;
};

static_assert(sizeof(evtchn_status) == 24);

/// `evtchn_status::status`.
inline constexpr std::uint32_t evtchnstat_closed = 0;
inline constexpr std::uint32_t evtchnstat_unbound = 1;
inline constexpr std::uint32_t evtchnstat_interdomain = 2;
inline constexpr std::uint32_t evtchnstat_pirq = 3;
inline constexpr std::uint32_t evtchnstat_virq = 4;
inline constexpr std::uint32_t evtchnstat_ipi = 5;

/// Says which vCPU a port notifies.
struct evtchn_bind_vcpu {
    evtchn_port_t port;
    std::uint32_t vcpu;
};

static_assert(sizeof(evtchn_bind_vcpu) == 8);

/// Unmasks a port and delivers what is pending.
struct evtchn_unmask {
    evtchn_port_t port;
};

static_assert(sizeof(evtchn_unmask) == 4);

/// Closes all ports of a domain, and goes back to the two-level layout.
struct evtchn_reset {
    std::uint16_t dom;
};

static_assert(sizeof(evtchn_reset) == 2);

/// Switches a domain to the FIFO layout, and gives the control block of one vCPU.
struct evtchn_init_control {
    std::uint64_t control_gfn;
    std::uint32_t offset;
    std::uint32_t vcpu;
    std::uint8_t link_bits;
    std::uint8_t _pad[7];
};

static_assert(sizeof(evtchn_init_control) == 24);

/// Adds a page of event words.
struct evtchn_expand_array {
    std::uint64_t array_gfn;
};

static_assert(sizeof(evtchn_expand_array) == 8);

/// Moves a port to another queue.
struct evtchn_set_priority {
    evtchn_port_t port;
    std::uint32_t priority;
};

static_assert(sizeof(evtchn_set_priority) == 8);

/// The argument of the old hypercall, which carries its operation number inside.
struct evtchn_op_t {
    std::uint32_t cmd;

    union {
        evtchn_alloc_unbound alloc_unbound;
        evtchn_bind_interdomain bind_interdomain;
        evtchn_bind_virq bind_virq;
        evtchn_bind_pirq bind_pirq;
        evtchn_bind_ipi bind_ipi;
        evtchn_close close;
        evtchn_send send;
        evtchn_status status;
        evtchn_bind_vcpu bind_vcpu;
        evtchn_unmask unmask;
    } u;
};

static_assert(sizeof(evtchn_op_t) == 28);

/// Ports of the two-level layout: one bit each in 64 words of 64.
inline constexpr std::uint32_t evtchn_2l_nr_channels = 4096;

/// Priorities of the FIFO layout; a lower number is served first.
inline constexpr std::uint32_t evtchn_fifo_priority_max = 0;
inline constexpr std::uint32_t evtchn_fifo_priority_default = 7;
inline constexpr std::uint32_t evtchn_fifo_priority_min = 15;
inline constexpr std::uint32_t evtchn_fifo_max_queues = 16;

/// Bit numbers in an event word.
inline constexpr std::uint32_t evtchn_fifo_pending = 31;
inline constexpr std::uint32_t evtchn_fifo_masked = 30;
inline constexpr std::uint32_t evtchn_fifo_linked = 29;
inline constexpr std::uint32_t evtchn_fifo_busy = 28;

/// The low part of an event word: the next port of its queue.
inline constexpr std::uint32_t evtchn_fifo_link_bits = 17;
inline constexpr std::uint32_t evtchn_fifo_link_mask = 131071;

/// Ports of the FIFO layout.
inline constexpr std::uint32_t evtchn_fifo_nr_channels = 1u << 17;

/// One vCPU's queues: which of them hold something, and the first port of each.
struct evtchn_fifo_control_block {
    std::uint32_t ready;
    std::uint32_t _rsvd;
    std::uint32_t head[evtchn_fifo_max_queues];
};

static_assert(sizeof(evtchn_fifo_control_block) == 72);

} // namespace xenpp::abi
