// SPDX-License-Identifier: Apache-2.0
// The bits of VMX's control fields and capability MSRs (SDM3 24.6 to 24.8, app. A).
#pragma once

#include <xenpp/x86/register_value.hpp>

#include <cstdint>

namespace xenpp::x86 {

// clang-format off
namespace pin_based {
using value = register_value<struct tag, std::uint32_t>;
inline constexpr value external_interrupt{1u << 0};
inline constexpr value nmi{1u << 3};
inline constexpr value virtual_nmis{1u << 5};
inline constexpr value preemption_timer{1u << 6};
} // namespace pin_based

namespace primary {
using value = register_value<struct tag, std::uint32_t>;
inline constexpr value interrupt_window{1u << 2};
inline constexpr value hlt{1u << 7};
inline constexpr value mwait{1u << 10};
inline constexpr value rdpmc{1u << 11};
inline constexpr value cr3_load{1u << 15};
inline constexpr value cr3_store{1u << 16};
inline constexpr value cr8_load{1u << 19};
inline constexpr value cr8_store{1u << 20};
inline constexpr value tpr_shadow{1u << 21};
inline constexpr value nmi_window{1u << 22};
inline constexpr value mov_dr{1u << 23};
inline constexpr value io_bitmaps{1u << 25};
inline constexpr value msr_bitmaps{1u << 28};
inline constexpr value monitor{1u << 29};
inline constexpr value secondary_controls{1u << 31};
} // namespace primary

namespace secondary {
using value = register_value<struct tag, std::uint32_t>;
inline constexpr value ept{1u << 1};
inline constexpr value rdtscp{1u << 3};
inline constexpr value x2apic{1u << 4};             ///< virtualize x2APIC mode
inline constexpr value vpid{1u << 5};
inline constexpr value wbinvd{1u << 6};
inline constexpr value unrestricted_guest{1u << 7};
inline constexpr value interrupt_delivery{1u << 9}; ///< virtual-interrupt delivery
inline constexpr value invpcid{1u << 12};
inline constexpr value xsaves{1u << 20};
} // namespace secondary

namespace vm_exit {
using value = register_value<struct tag, std::uint32_t>;
inline constexpr value save_debug{1u << 2};
inline constexpr value host_is_64_bit{1u << 9};
inline constexpr value acknowledge_interrupt{1u << 15};
inline constexpr value save_pat{1u << 18};
inline constexpr value load_pat{1u << 19};
inline constexpr value save_efer{1u << 20};
inline constexpr value load_efer{1u << 21};
inline constexpr value save_preemption_timer{1u << 22};
} // namespace vm_exit

namespace vm_entry {
using value = register_value<struct tag, std::uint32_t>;
inline constexpr value load_debug{1u << 2};
inline constexpr value ia32e_guest{1u << 9};
inline constexpr value load_pat{1u << 14};
inline constexpr value load_efer{1u << 15};
} // namespace vm_entry

/// IA32_VMX_BASIC.
namespace vmx_basic {
using value = register_value<struct tag>;
inline constexpr value revision{0x7fff'ffff};
inline constexpr value has_true_controls{std::uint64_t{1} << 55};
} // namespace vmx_basic

/// IA32_VMX_EPT_VPID_CAP.
namespace ept_vpid {
using value = register_value<struct tag>;
inline constexpr value walk_of_four{1u << 6};
inline constexpr value write_back{1u << 14};
inline constexpr value pages_2m{1u << 16};
inline constexpr value pages_1g{1u << 17};
inline constexpr value invept{1u << 20};
inline constexpr value accessed_dirty{1u << 21};
inline constexpr value invept_single{1u << 25};
inline constexpr value invvpid{std::uint64_t{1} << 32};
inline constexpr value invvpid_all{std::uint64_t{1} << 42};
} // namespace ept_vpid

/// The guest's interruptibility state.
namespace interruptibility {
using value = register_value<struct tag, std::uint32_t>;
inline constexpr value by_sti{1u << 0};
inline constexpr value by_mov_ss{1u << 1};
inline constexpr value by_nmi{1u << 3};
} // namespace interruptibility

/// An event to inject, one that ended the stay, or one whose delivery did (24.8.3, 24.9.2, 24.9.3).
namespace interruption {
using value = register_value<struct tag, std::uint32_t>;
inline constexpr register_field<value> vector{0, 8};
inline constexpr register_field<value> type{8, 3};
inline constexpr value has_error_code{1u << 11};
inline constexpr value nmi_unblocked{1u << 12};    ///< undefined where an event was being delivered
inline constexpr value valid{1u << 31};
inline constexpr unsigned external = 0, nmi = 2, hardware_exception = 3;
} // namespace interruption

// clang-format on

/// A control field's capability MSR: low half the bits that must be set, high half those that may.
struct vmx_allowed {
    std::uint32_t must = 0;
    std::uint32_t may = 0;

    friend constexpr bool operator==(vmx_allowed const&, vmx_allowed const&) noexcept = default;
};

constexpr vmx_allowed decode_vmx_allowed(std::uint64_t msr) noexcept {
    return {static_cast<std::uint32_t>(msr), static_cast<std::uint32_t>(msr >> 32)};
}

/// EPT pointer: a walk of four levels, write-back tables (24.6.11).
constexpr std::uint64_t ept_pointer(std::uint64_t root, bool accessed_dirty) noexcept {
    return root | 6 | 3 << 3 | (accessed_dirty ? 1u << 6 : 0);
}

} // namespace xenpp::x86
