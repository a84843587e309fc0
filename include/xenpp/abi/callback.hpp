// SPDX-License-Identifier: Apache-2.0
// Where a PV guest is entered for events and system calls; public header callback.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// Which entry point.
inline constexpr std::uint32_t callbacktype_event = 0;
inline constexpr std::uint32_t callbacktype_failsafe = 1;
inline constexpr std::uint32_t callbacktype_syscall = 2;
inline constexpr std::uint32_t callbacktype_sysenter_deprecated = 3;
inline constexpr std::uint32_t callbacktype_nmi = 4;
inline constexpr std::uint32_t callbacktype_sysenter = 5;
inline constexpr std::uint32_t callbacktype_syscall32 = 7;

/// `callback_register::flags`: enter with events masked.
inline constexpr std::uint32_t callbackf_mask_events_bit = 0;
inline constexpr std::uint32_t callbackf_mask_events = 1u << callbackf_mask_events_bit;

/// Sub-operations of `hypercall::callback_op`.
// clang-format off
enum class callback_op : std::uint32_t {
    register_  = 0,
    unregister = 1,
};

// clang-format on

/// Sets an entry point.
struct callback_register {
    std::uint16_t type;
    std::uint16_t flags;
    std::uint32_t reserved_;
    std::uint64_t address;
};

static_assert(sizeof(callback_register) == 16);

/// Removes one.
struct callback_unregister {
    std::uint16_t type;
    std::uint16_t _unused;
};

static_assert(sizeof(callback_unregister) == 4);

} // namespace xenpp::abi
