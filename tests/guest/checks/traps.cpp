// SPDX-License-Identifier: Apache-2.0
// One stub a vector, and what it calls.
#include "traps.hpp"

#include "../lib/guest.hpp"

#include <xenpp/base/atomic.hpp>
#include <xenpp/x86/descriptor.hpp>

#include <cstddef>

asm(R"(
    .section .text
    .macro checks_stub n
    .align 16
    .if !((\n == 8) || (\n >= 10 && \n <= 14) || (\n == 17) || (\n == 21))
    pushq $0
    .endif
    pushq $\n
    jmp checks_save
    .endm
    .align 16
checks_stubs:
    .set i, 0
    .rept 256
    checks_stub i
    .set i, i + 1
    .endr
checks_save:
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    movq %rsp, %rdi
    cld
    call checks_trap
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rax
    addq $16, %rsp
    iretq
)");

struct frame {
    std::array<std::uint64_t, 9> registers;
    std::uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

extern "C" {
extern std::byte const checks_stubs[]; // NOLINT: 256 stubs of 16 bytes
void checks_trap(frame* f) noexcept;
}

namespace checks {

trap last_trap;
std::uint64_t resume_at = 0;
std::array<std::uint32_t, 256> interrupts{};
std::uint8_t leave_in_service = 0;
std::uint8_t* taken_by_interrupt = nullptr;
std::array<std::uint8_t, 16> sequence{};
unsigned sequence_length = 0;

namespace {

struct gate {
    std::uint64_t low, high;
};

alignas(16) std::array<gate, 256> idt;

} // namespace

void make_idt() noexcept {
    for (unsigned n = 0; n != idt.size(); ++n) {
        auto const at = reinterpret_cast<std::uint64_t>(checks_stubs) + 16 * n;
        idt[n].low = (at & 0xffff) | 8U << 16 | 0x8e00ULL << 32 | (at >> 16 & 0xffff) << 48;
        idt[n].high = at >> 32;
    }
}

void load_idt() noexcept {
    xenpp::x86::table_pointer const p{sizeof idt - 1, reinterpret_cast<std::uint64_t>(idt.data())};
    asm volatile("lidt %0" : : "m"(p));
}

} // namespace checks

void checks_trap(frame* f) noexcept {
    using namespace checks;
    if (f->vector >= 32 || f->vector == 2) {
        interrupts[f->vector] = interrupts[f->vector] + 1;
        sequence[sequence_length++ % sequence.size()] = static_cast<std::uint8_t>(f->vector);
        if (taken_by_interrupt != nullptr) {
            xenpp::atomic_store(*taken_by_interrupt, 0);
        }
        if (f->vector >= 32 && f->vector != leave_in_service) {
            guest::wrmsr(0x80b, 0); // EOI
        }
        return;
    }
    last_trap = {f->vector, f->error, 0, f->rip};
    asm volatile("mov %%cr2, %0" : "=r"(last_trap.address));
    if (f->vector == 1) {
        f->rflags &= ~std::uint64_t{0x100}; // one step is enough
        return;
    }
    if (f->vector == 3) {
        return; // a trap: rip is behind it
    }
    if (resume_at == 0) {
        guest::print("an exception that no check expects: vector ");
        guest::print(f->vector);
        guest::print(" at ");
        guest::print(f->rip);
        guest::print("\n");
        guest::power_off();
    }
    f->rip = resume_at;
}
