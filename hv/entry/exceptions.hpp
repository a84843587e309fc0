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

/// Fills the one IDT. Once.
void exceptions_init() noexcept;
/// Loads this CPU's own GDT and TSS and the IDT.
void exceptions_init_cpu(percpu& here) noexcept;

} // namespace xenpp::image
