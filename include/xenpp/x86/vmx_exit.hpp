// SPDX-License-Identifier: Apache-2.0
// VMX exit reasons, and pure functions from the exit qualification to a view (SDM3 27.2, app. C).
#pragma once

#include <xenpp/base/strong.hpp>
#include <xenpp/x86/exit_view.hpp>
#include <xenpp/x86/register_value.hpp>

#include <cstdint>
#include <optional>

namespace xenpp::x86 {

// clang-format off
/// The basic exit reason, bits 15:0 of the exit-reason field.
enum class vmx_exit : std::uint16_t {
    exception_or_nmi         = 0,
    external_interrupt       = 1,
    triple_fault             = 2,
    init                     = 3,
    sipi                     = 4,
    io_smi                   = 5,
    other_smi                = 6,
    interrupt_window         = 7,
    nmi_window               = 8,
    task_switch              = 9,
    cpuid                    = 10,
    getsec                   = 11,
    hlt                      = 12,
    invd                     = 13,
    invlpg                   = 14,
    rdpmc                    = 15,
    rdtsc                    = 16,
    rsm                      = 17,
    vmcall                   = 18,
    vmclear                  = 19,
    vmlaunch                 = 20,
    vmptrld                  = 21,
    vmptrst                  = 22,
    vmread                   = 23,
    vmresume                 = 24,
    vmwrite                  = 25,
    vmxoff                   = 26,
    vmxon                    = 27,
    cr_access                = 28,
    dr_access                = 29,
    io_instruction           = 30,
    rdmsr                    = 31,
    wrmsr                    = 32,
    entry_invalid_state      = 33,
    entry_msr_loading        = 34,
    mwait                    = 36,
    monitor_trap             = 37,
    monitor                  = 39,
    pause                    = 40,
    entry_machine_check      = 41,
    tpr_below_threshold      = 43,
    apic_access              = 44,
    virtualized_eoi          = 45,
    gdtr_or_idtr             = 46,
    ldtr_or_tr               = 47,
    ept_violation            = 48,
    ept_misconfiguration     = 49,
    invept                   = 50,
    rdtscp                   = 51,
    preemption_timer         = 52,
    invvpid                  = 53,
    wbinvd                   = 54,
    xsetbv                   = 55,
    apic_write               = 56,
    rdrand                   = 57,
    invpcid                  = 58,
    vmfunc                   = 59,
    encls                    = 60,
    rdseed                   = 61,
    page_modification_log    = 62,
    xsaves                   = 63,
    xrstors                  = 64,
};
// clang-format on

/// Bit 31 of the exit-reason field: the entry failed and the guest did not run.
inline constexpr std::uint32_t vmx_entry_failed = std::uint32_t{1} << 31;

constexpr vmx_exit decode_vmx_exit(std::uint32_t exit_reason) noexcept {
    return static_cast<vmx_exit>(exit_reason & 0xffff);
}

/// Exit qualification of `io_instruction`. `address_size` and `segment` come from the instruction
/// information, which is valid for string forms.
constexpr io_exit decode_vmx_io(std::uint64_t qualification,
                                std::uint32_t instruction_info) noexcept {
    bool const is_string = (qualification >> 4 & 1) != 0;
    std::uint32_t const info = is_string ? instruction_info : 0;
    return {
        .port = static_cast<std::uint16_t>(qualification >> 16),
        .size = static_cast<std::uint8_t>((qualification & 7) + 1),
        .address_size = static_cast<std::uint8_t>(2u << (info >> 7 & 3)),
        .is_in = (qualification >> 3 & 1) != 0,
        .is_string = is_string,
        .is_rep = (qualification >> 5 & 1) != 0,
        .segment = static_cast<segment_register>(info >> 15 & 7),
    };
}

/// Exit qualification of `ept_violation`, and the guest-physical address.
constexpr npf_exit decode_vmx_ept(std::uint64_t qualification, std::uint64_t address) noexcept {
    bool const has_linear = (qualification >> 7 & 1) != 0;
    bool const is_final = (qualification >> 8 & 1) != 0;
    return {
        .address = gpa(address),
        .is_present = (qualification >> 3 & 7) != 0, // what the entries allowed together
        .is_write = (qualification >> 1 & 1) != 0,
        .is_fetch = (qualification >> 2 & 1) != 0,
        .is_reserved_bit = false, // an exit reason of its own
        .is_guest_walk = has_linear && !is_final,
    };
}

/// Exit qualification of `cr_access`, for MOV alone; nothing for CLTS and LMSW.
constexpr std::optional<register_access_exit> decode_vmx_cr(std::uint64_t qualification) noexcept {
    auto const type = static_cast<unsigned>(qualification >> 4 & 3);
    if (type > 1) {
        return std::nullopt;
    }
    return register_access_exit{
        .number = static_cast<std::uint8_t>(qualification & 0xf),
        .is_write = type == 0,
        .gpr = static_cast<std::uint8_t>(qualification >> 8 & 0xf),
    };
}

} // namespace xenpp::x86
