// SPDX-License-Identifier: Apache-2.0
// Descriptor tables and what the vector stubs hand over.
#pragma once

#include "platform/percpu.hpp"

#include <cstdint>

namespace xenpp::image {

/// What exceptions.S pushes, lowest address first.
struct vector_frame {
    std::uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    std::uint64_t vector, error;
    std::uint64_t rip, cs, rflags, rsp, ss;
};

/// Fills the IDT. Once.
void exceptions_init() noexcept;
/// Loads this CPU's own GDT and TSS and the IDT.
void exceptions_init_cpu(percpu& here) noexcept;
/// Whether #DB, NMI, #DF and #MC change to stacks of their own on this CPU, by its task register.
/// They must where ring 3 can run: they may strike just after SYSCALL.
void exceptions_use_own_stacks(bool on) noexcept;
/// What an interrupt's vector means to this CPU; says it to the APIC.
void take_interrupt(percpu& here, std::uint64_t vector) noexcept;

} // namespace xenpp::image
