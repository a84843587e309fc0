// SPDX-License-Identifier: Apache-2.0
// The state in which a vCPU with hardware virtualisation starts; public header hvm/hvm_vcpu.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// Start in a 32-bit mode. Segment attributes are in the packed form of the VMCB; `tr_ar` 0 asks
/// for the default.
struct vcpu_hvm_x86_32 {
    std::uint32_t eax;
    std::uint32_t ecx;
    std::uint32_t edx;
    std::uint32_t ebx;
    std::uint32_t esp;
    std::uint32_t ebp;
    std::uint32_t esi;
    std::uint32_t edi;
    std::uint32_t eip;
    std::uint32_t eflags;
    std::uint32_t cr0;
    std::uint32_t cr3;
    std::uint32_t cr4;
    std::uint32_t pad1;
    std::uint64_t efer;
    std::uint32_t cs_base;
    std::uint32_t ds_base;
    std::uint32_t ss_base;
    std::uint32_t es_base;
    std::uint32_t tr_base;
    std::uint32_t cs_limit;
    std::uint32_t ds_limit;
    std::uint32_t ss_limit;
    std::uint32_t es_limit;
    std::uint32_t tr_limit;
    std::uint16_t cs_ar;
    std::uint16_t ds_ar;
    std::uint16_t ss_ar;
    std::uint16_t es_ar;
    std::uint16_t tr_ar;
    std::uint16_t pad2[3];
};

static_assert(sizeof(vcpu_hvm_x86_32) == 120);

/// Start in 64-bit mode, with flat segments.
struct vcpu_hvm_x86_64 {
    std::uint64_t rax;
    std::uint64_t rcx;
    std::uint64_t rdx;
    std::uint64_t rbx;
    std::uint64_t rsp;
    std::uint64_t rbp;
    std::uint64_t rsi;
    std::uint64_t rdi;
    std::uint64_t rip;
    std::uint64_t rflags;
    std::uint64_t cr0;
    std::uint64_t cr3;
    std::uint64_t cr4;
    std::uint64_t efer;
};

static_assert(sizeof(vcpu_hvm_x86_64) == 112);

/// The argument of `vcpu_op::initialise` for such a vCPU.
struct vcpu_hvm_context {
    std::uint32_t mode;
    std::uint32_t pad;

    union {
        vcpu_hvm_x86_32 x86_32;
        vcpu_hvm_x86_64 x86_64;
    } cpu_regs;
};

static_assert(sizeof(vcpu_hvm_context) == 128);

/// `vcpu_hvm_context::mode`.
inline constexpr std::uint32_t vcpu_hvm_mode_32b = 0;
inline constexpr std::uint32_t vcpu_hvm_mode_64b = 1;

} // namespace xenpp::abi
