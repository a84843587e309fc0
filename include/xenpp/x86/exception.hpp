// SPDX-License-Identifier: Apache-2.0
// Exception vectors, which of them push an error code, and how two of them combine (APM2 8; SDM3
// 6).
#pragma once

#include <xenpp/x86/register_value.hpp>

#include <cstdint>
#include <string_view>

namespace xenpp::x86 {

// clang-format off
enum class exception : std::uint8_t {
    divide_error          = 0,  // #DE
    debug                 = 1,  // #DB
    nmi                   = 2,
    breakpoint            = 3,  // #BP
    overflow              = 4,  // #OF
    bound_range           = 5,  // #BR
    invalid_opcode        = 6,  // #UD
    device_not_available  = 7,  // #NM
    double_fault          = 8,  // #DF
    coprocessor_overrun   = 9,
    invalid_tss           = 10, // #TS
    segment_not_present   = 11, // #NP
    stack_fault           = 12, // #SS
    general_protection    = 13, // #GP
    page_fault            = 14, // #PF
    x87_error             = 16, // #MF
    alignment_check       = 17, // #AC
    machine_check         = 18, // #MC
    simd_error            = 19, // #XM
    virtualization        = 20, // #VE, Intel
    control_protection    = 21, // #CP
    hypervisor_injection  = 28, // #HV, AMD
    vmm_communication     = 29, // #VC, AMD
    security              = 30, // #SX, AMD
};
// clang-format on

inline constexpr unsigned exception_vectors = 32;

constexpr unsigned vector(exception e) noexcept {
    return static_cast<unsigned>(e);
}

/// Bit n set: vector n pushes an error code.
inline constexpr std::uint32_t error_code_vectors = 1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 |
                                                    1u << 13 | 1u << 14 | 1u << 17 | 1u << 21 |
                                                    1u << 29 | 1u << 30;

constexpr bool pushes_error_code(exception e) noexcept {
    return vector(e) < exception_vectors && (error_code_vectors >> vector(e) & 1u) != 0;
}

/// What an exception means when it strikes during the delivery of another (APM2 8.2.9).
enum class exception_class : std::uint8_t {
    benign,
    contributory,
    page_fault,
};

constexpr exception_class class_of(exception e) noexcept {
    if (e == exception::page_fault) {
        return exception_class::page_fault;
    }
    constexpr std::uint32_t contributory =
        1u << 0 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 21;
    bool const is_contributory =
        vector(e) < exception_vectors && (contributory >> vector(e) & 1u) != 0;
    return is_contributory ? exception_class::contributory : exception_class::benign;
}

/// What follows when `second` is raised while `first` is being delivered.
enum class escalation : std::uint8_t {
    serial,       ///< deliver `second`; `first` is raised again by its instruction
    double_fault, ///< deliver #DF instead of both
    shutdown,     ///< triple fault
};

constexpr escalation escalate(exception first, exception second) noexcept {
    bool const second_is_benign = class_of(second) == exception_class::benign;
    if (first == exception::double_fault) {
        return second_is_benign ? escalation::serial : escalation::shutdown;
    }
    switch (class_of(first)) {
    case exception_class::benign: return escalation::serial;
    case exception_class::contributory:
        return class_of(second) == exception_class::contributory ? escalation::double_fault
                                                                 : escalation::serial;
    case exception_class::page_fault:
        return second_is_benign ? escalation::serial : escalation::double_fault;
    }
    return escalation::serial;
}

/// The error code of #PF, and the low half of that of a nested page fault (APM2 8.4.2).
namespace page_fault_error {
// clang-format off
using value = register_value<struct tag, std::uint32_t>;
inline constexpr value present{1u << 0};       ///< the entry was present: a protection fault
inline constexpr value write{1u << 1};
inline constexpr value user{1u << 2};
inline constexpr value reserved{1u << 3};      ///< a reserved bit was set in an entry
inline constexpr value fetch{1u << 4};
inline constexpr value protection_key{1u << 5};
inline constexpr value shadow_stack{1u << 6};
// clang-format on
} // namespace page_fault_error

/// The mnemonic, for messages; empty for a reserved vector.
constexpr std::string_view name(exception e) noexcept {
    switch (e) {
    case exception::divide_error: return "#DE";
    case exception::debug: return "#DB";
    case exception::nmi: return "NMI";
    case exception::breakpoint: return "#BP";
    case exception::overflow: return "#OF";
    case exception::bound_range: return "#BR";
    case exception::invalid_opcode: return "#UD";
    case exception::device_not_available: return "#NM";
    case exception::double_fault: return "#DF";
    case exception::coprocessor_overrun: return "#CSO";
    case exception::invalid_tss: return "#TS";
    case exception::segment_not_present: return "#NP";
    case exception::stack_fault: return "#SS";
    case exception::general_protection: return "#GP";
    case exception::page_fault: return "#PF";
    case exception::x87_error: return "#MF";
    case exception::alignment_check: return "#AC";
    case exception::machine_check: return "#MC";
    case exception::simd_error: return "#XM";
    case exception::virtualization: return "#VE";
    case exception::control_protection: return "#CP";
    case exception::hypervisor_injection: return "#HV";
    case exception::vmm_communication: return "#VC";
    case exception::security: return "#SX";
    }
    return {};
}

static_assert(pushes_error_code(exception::page_fault) && !pushes_error_code(exception::debug));
static_assert(escalate(exception::page_fault, exception::page_fault) == escalation::double_fault);
static_assert(escalate(exception::general_protection, exception::page_fault) == escalation::serial);

} // namespace xenpp::x86
