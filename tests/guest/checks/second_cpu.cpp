// SPDX-License-Identifier: Apache-2.0
// The second vCPU: INIT and SIPI, real mode, protected mode, long mode, interrupts to and fro.
#include "../lib/guest.hpp"
#include "checks.hpp"
#include "traps.hpp"

#include <xenpp/abi/vcpu.hpp>
#include <xenpp/base/atomic.hpp>

#include <array>
#include <cstddef>
#include <cstring>

asm(R"(
    .section .text
    .set second_at, 0x8000
    .code16
second_begin:
    cli
    cld
    movw %cs, %ax               # 0x800: the SIPI's vector
    movw %ax, second_cs - second_begin + second_at
    xorw %ax, %ax
    movw %ax, %ds
    movl $0x40000000, %eax
    cpuid                       # an exit in real mode
    movl %ebx, second_signature - second_begin + second_at
    movw $0x1234, %dx
    xorl %eax, %eax
    inb %dx, %al
    movw %ax, second_port - second_begin + second_at
    smsw %ax
    movw %ax, second_mode - second_begin + second_at
    lgdtl second_gdt - second_begin + second_at
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $24, $(second_32 - second_begin + second_at)
    .code32
second_32:
    movw $16, %ax
    movw %ax, %ds
    movw %ax, %ss
    movl $1, second_was_32 - second_begin + second_at
    movl $0x20, %eax
    movl %eax, %cr4
    movl second_root - second_begin + second_at, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl $0x80010031, %eax
    movl %eax, %cr0
    ljmp $8, $(second_64 - second_begin + second_at)
    .code64
second_64:
    movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movq second_stack - second_begin + second_at, %rsp
    movq second_main_at - second_begin + second_at, %rax
    jmp *%rax
    .align 8
second_table:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
second_gdt:
    .word . - second_table - 1
    .long second_table - second_begin + second_at
    .align 8
second_words:
second_root: .quad 0
second_stack: .quad 0
second_main_at: .quad 0
second_signature: .long 0
second_was_32: .long 0
second_cs: .word 0
second_port: .word 0
second_mode: .word 0
    .align 8
second_end:
)");

struct second_words_t {
    std::uint64_t root, stack, main_at;
    std::uint32_t signature, was_32;
    std::uint16_t cs, port, mode;
};

extern "C" {
extern std::byte const second_begin[]; // NOLINT: above
extern std::byte const second_words[]; // NOLINT: above
extern std::byte const second_end[];   // NOLINT: above
[[noreturn]] void second_main();
}

namespace checks {

namespace {

constexpr std::uint64_t start_at = 0x8000;
constexpr std::uint8_t to_second = 0x51, to_first = 0x61;

alignas(16) std::array<std::byte, 8192> stack;
std::uint32_t apic_id = 0; ///< of the second; atomic
std::uint32_t phase = 0;   ///< atomic; how far the second has come

second_words_t volatile& words() noexcept {
    return *reinterpret_cast<second_words_t volatile*>(
        start_at + static_cast<std::uint64_t>(second_words - second_begin));
}

void send(std::uint32_t to, std::uint32_t command) noexcept {
    guest::wrmsr(0x830, std::uint64_t{to} << 32 | command);
}

bool reaches(std::uint32_t p) noexcept {
    auto const start = guest::rdtsc();
    while (xenpp::atomic_load(phase) < p) {
        if (guest::rdtsc() - start > 200'000'000'000) {
            return false;
        }
        asm volatile("pause");
    }
    return true;
}

constexpr check list[] = {
    {"second.starts_by_init_and_sipi",
     [] {
         std::memcpy(reinterpret_cast<void*>(start_at), second_begin,
                     static_cast<std::size_t>(second_end - second_begin));
         std::uint64_t cr3 = 0;
         asm volatile("mov %%cr3, %0" : "=r"(cr3));
         words().root = cr3;
         words().stack = reinterpret_cast<std::uint64_t>(stack.data() + stack.size() - 8);
         words().main_at = reinterpret_cast<std::uint64_t>(&second_main);
         send(2, 5U << 8 | 1U << 14); // INIT to the APIC id of vCPU 1
         send(2, 6U << 8 | 1U << 14 | start_at >> 12);
         return reaches(1);
     }},
    {"second.began_in_real_mode_at_the_sipis_page",
     [] { return words().cs == 0x800 && (words().mode & 1) == 0; }},
    {"second.exits_in_real_mode",
     [] { return words().signature == 0x566e6558 && words().port == 0xff; }},
    {"second.went_through_32_bit_code", [] { return words().was_32 == 1; }},
    {"second.is_another_cpu", [] { return xenpp::atomic_load(apic_id) == 2; }},
    {"second.is_up",
     [] {
         return guest::hypercall(xenpp::abi::hypercall::vcpu_op,
                                 static_cast<std::uint64_t>(xenpp::abi::vcpu_op::is_up), 1) == 1;
     }},
    {"second.wakes_by_an_interrupt_and_answers",
     [] {
         auto const before = xenpp::atomic_load(interrupts[to_first]);
         send(2, 1U << 14 | to_second);
         bool const woke = reaches(2);
         auto const start = guest::rdtsc();
         while (xenpp::atomic_load(interrupts[to_first]) == before &&
                guest::rdtsc() - start < 200'000'000'000) {
             asm volatile("sti; pause; cli" : : : "memory");
         }
         return woke && xenpp::atomic_load(interrupts[to_first]) == before + 1;
     }},
};

} // namespace

std::span<check const> second_cpu() noexcept {
    return list;
}

} // namespace checks

void second_main() {
    using namespace checks;
    load_idt();
    guest::wrmsr(0x1b, guest::rdmsr(0x1b) | 0xc00);
    guest::wrmsr(0x80f, 0x1ff);
    xenpp::atomic_store(apic_id, static_cast<std::uint32_t>(guest::rdmsr(0x802)));
    xenpp::atomic_store(phase, 1);
    while (xenpp::atomic_load(interrupts[to_second]) == 0) {
        asm volatile("sti; hlt; cli" : : : "memory");
    }
    xenpp::atomic_store(phase, 2);
    send(0, 1U << 14 | to_first);
    for (;;) {
        asm volatile("cli; hlt");
    }
}
