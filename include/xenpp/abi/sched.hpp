// SPDX-License-Identifier: Apache-2.0
// Scheduler operations and the reasons of a shutdown; public header sched.h.
#pragma once

#include <xenpp/abi/event_channel.hpp>

#include <cstdint>

namespace xenpp::abi {

/// Sub-operations of `hypercall::sched_op`.
// clang-format off
enum class sched_op : std::uint32_t {
    yield           = 0,
    block           = 1,
    shutdown        = 2,
    poll            = 3,
    remote_shutdown = 4,
    shutdown_code   = 5,
    watchdog        = 6,
    pin_override    = 7,
};

// clang-format on

/// Why the caller goes down.
struct sched_shutdown {
    std::uint32_t reason;
};

static_assert(sizeof(sched_shutdown) == 4);

/// Sleeps until one of the ports is pending, or until `timeout` (absolute system time in
/// nanoseconds; 0 for ever).
struct sched_poll {
    guest_handle<evtchn_port_t> ports;
    std::uint32_t nr_ports;
    std::uint32_t reserved_;
    std::uint64_t timeout;
};

static_assert(sizeof(sched_poll) == 24);

/// Declares another domain shut down.
struct sched_remote_shutdown {
    std::uint16_t domain_id;
    std::uint16_t reserved_;
    std::uint32_t reason;
};

static_assert(sizeof(sched_remote_shutdown) == 8);

/// Arms watchdog `id` for `timeout` seconds; `id` 0 asks for a new one, `timeout` 0 disarms.
struct sched_watchdog {
    std::uint32_t id;
    std::uint32_t timeout;
};

static_assert(sizeof(sched_watchdog) == 8);

/// Pins the calling vCPU to a physical CPU for a while; a negative number ends it.
struct sched_pin_override {
    std::int32_t pcpu;
};

static_assert(sizeof(sched_pin_override) == 4);

/// Reasons of a shutdown.
inline constexpr std::uint32_t shutdown_poweroff = 0;
inline constexpr std::uint32_t shutdown_reboot = 1;
inline constexpr std::uint32_t shutdown_suspend = 2;
inline constexpr std::uint32_t shutdown_crash = 3;
inline constexpr std::uint32_t shutdown_watchdog = 4;
inline constexpr std::uint32_t shutdown_soft_reset = 5;
inline constexpr std::uint32_t shutdown_max = 5;

} // namespace xenpp::abi
