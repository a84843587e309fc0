// SPDX-License-Identifier: Apache-2.0
// Operations on one virtual CPU; public header vcpu.h.
#pragma once

#include <xenpp/abi/xen.hpp>

#include <cstdint>

namespace xenpp::abi {

/// Sub-operations of `hypercall::vcpu_op`; its second argument is the vCPU.
// clang-format off
enum class vcpu_op : std::uint32_t {
    initialise                     = 0,
    up                             = 1,
    down                           = 2,
    is_up                          = 3,
    get_runstate_info              = 4,
    register_runstate_memory_area  = 5,
    set_periodic_timer             = 6,
    stop_periodic_timer            = 7,
    set_singleshot_timer           = 8,
    stop_singleshot_timer          = 9,
    register_vcpu_info             = 10,
    send_nmi                       = 11,
    get_physid                     = 12,
    register_vcpu_time_memory_area = 13,
};

// clang-format on

/// What a vCPU does now, since when, and how long it spent in each state so far (nanoseconds).
struct vcpu_runstate_info {
    std::int32_t state;
    std::uint32_t reserved_;
    std::uint64_t state_entry_time;
    std::uint64_t time[4];
};

static_assert(sizeof(vcpu_runstate_info) == 48);

/// Set in `vcpu_runstate_info::state_entry_time` while an update is under way.
inline constexpr std::uint64_t runstate_update = std::uint64_t{1} << 63;

/// `vcpu_runstate_info::state`.
inline constexpr std::uint32_t runstate_running = 0;
inline constexpr std::uint32_t runstate_runnable = 1;
inline constexpr std::uint32_t runstate_blocked = 2;
inline constexpr std::uint32_t runstate_offline = 3;

/// Where the hypervisor shall keep a vCPU's run state.
struct vcpu_register_runstate_memory_area {
    union {
        guest_handle<vcpu_runstate_info> h;
        std::uint64_t v;
        std::uint64_t p;
    } addr;
};

static_assert(sizeof(vcpu_register_runstate_memory_area) == 8);

/// Period of the vCPU's tick in nanoseconds.
struct vcpu_set_periodic_timer {
    std::uint64_t period_ns;
};

static_assert(sizeof(vcpu_set_periodic_timer) == 8);

/// One timer interrupt at an absolute system time.
struct vcpu_set_singleshot_timer {
    std::uint64_t timeout_abs_ns;
    std::uint32_t flags;
    std::uint32_t reserved_;
};

static_assert(sizeof(vcpu_set_singleshot_timer) == 16);

/// `vcpu_set_singleshot_timer::flags`: fail if that time has passed.
inline constexpr std::uint32_t vcpu_sshottmr_future_bit = 0;
inline constexpr std::uint32_t vcpu_sshottmr_future = 1u << vcpu_sshottmr_future_bit;

/// Moves a vCPU's `vcpu_info` to a page of the guest's. It cannot be moved again.
struct vcpu_register_vcpu_info {
    std::uint64_t mfn;
    std::uint32_t offset;
    std::uint32_t rsvd;
};

static_assert(sizeof(vcpu_register_vcpu_info) == 16);

/// Asks for the APIC id (low half) and ACPI id (high half) under a pinned vCPU.
struct vcpu_get_physid {
    std::uint64_t phys_id;
};

static_assert(sizeof(vcpu_get_physid) == 8);

/// Where the hypervisor shall keep a second copy of a vCPU's clock.
struct vcpu_register_time_memory_area {
    union {
        guest_handle<vcpu_time_info> h;
        std::uint64_t v;
        std::uint64_t p;
    } addr;
};

static_assert(sizeof(vcpu_register_time_memory_area) == 8);

} // namespace xenpp::abi
