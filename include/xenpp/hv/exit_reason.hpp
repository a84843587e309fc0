// SPDX-License-Identifier: Apache-2.0
// Why a vCPU left its guest, in words that both vendors share; what the exit counters count.
#pragma once

#include <cstdint>
#include <string_view>

namespace xenpp::hv {

enum class exit_reason : std::uint8_t {
    interrupt,
    interrupt_window,
    nmi,
    exception,
    cpuid,
    hlt,
    io,
    msr_read,
    msr_write,
    hypercall,
    nested_fault,
    xsetbv,
    debug_register,
    cache_control,
    other,
};

inline constexpr unsigned exit_reason_count = 15;

constexpr std::string_view name(exit_reason r) noexcept {
    switch (r) {
    case exit_reason::interrupt: return "interrupt";
    case exit_reason::interrupt_window: return "interrupt window";
    case exit_reason::nmi: return "nmi";
    case exit_reason::exception: return "exception";
    case exit_reason::cpuid: return "cpuid";
    case exit_reason::hlt: return "hlt";
    case exit_reason::io: return "i/o";
    case exit_reason::msr_read: return "rdmsr";
    case exit_reason::msr_write: return "wrmsr";
    case exit_reason::hypercall: return "hypercall";
    case exit_reason::nested_fault: return "nested page fault";
    case exit_reason::xsetbv: return "xsetbv";
    case exit_reason::debug_register: return "debug register";
    case exit_reason::cache_control: return "cache control";
    case exit_reason::other: return "other";
    }
    return {};
}

} // namespace xenpp::hv
