// SPDX-License-Identifier: Apache-2.0
// Domain 1 is the neighbour, which must not notice; each other one ends itself in its own way by
// what no hypervisor goes on from.
#include "../lib/guest.hpp"

#include <xenpp/abi/arch_x86_cpuid.hpp>
#include <xenpp/abi/sched.hpp>

#include <array>
#include <cstddef>

namespace abi = xenpp::abi;

namespace {

constexpr std::uint64_t hole = 0xd0000000; ///< where no memory is

using descriptors = std::array<std::uint64_t, 7>;
constexpr unsigned task_now = 5, task_then = 6; // 3 is 32-bit code, below

std::array<std::uint32_t, 26> task_states[2]; // two 32-bit TSS, empty

/// A 32-bit task state segment that is not busy.
std::uint64_t task(std::array<std::uint32_t, 26> const& state) noexcept {
    auto const base = reinterpret_cast<std::uint64_t>(state.data());
    std::uint64_t const limit = sizeof state - 1;
    return limit | (base & 0xffffff) << 16 | 0x89ULL << 40 | (base >> 24 & 0xff) << 56;
}

struct [[gnu::packed]] table_pointer {
    std::uint16_t limit;
    std::uint64_t base;
};

} // namespace

extern "C" [[noreturn]] void crash_by_task() noexcept;
asm(R"(
    .section .text
crash_by_task:                  # tasks are switched in 32-bit code alone
    pushq   $3 * 8
    pushq   $1f
    lretq
    .code32
1:  movl    %cr0, %eax
    andl    $0x7fffffff, %eax
    movl    %eax, %cr0
    movl    $0xc0000080, %ecx
    rdmsr
    andl    $~0x100, %eax       # no long mode
    wrmsr
    movl    $0x0badcafe, %ebx   # to be seen in the dump
    movw    $5 * 8, %ax
    ltr     %ax
    ljmp    $6 * 8, $0
    .code64
)");

namespace {

[[noreturn]] void switch_task() noexcept {
    static descriptors table{0, 0x00af9b000000ffff,   0x00cf93000000ffff,  0x00cf9b000000ffff,
                             0, task(task_states[0]), task(task_states[1])};
    static_assert(table.size() == task_then + 1 && task_then == task_now + 1);
    table_pointer const p{sizeof table - 1, reinterpret_cast<std::uint64_t>(table.data())};
    asm volatile("lgdt %0" : : "m"(p));
    crash_by_task();
}

[[noreturn]] void walk_into_a_hole() noexcept {
    asm volatile("mov %0, %%cr3" : : "r"(hole) : "memory");
    __builtin_trap();
}

[[noreturn]] void execute_a_hole() noexcept {
    asm volatile("jmp *%0" : : "r"(hole) : "memory");
    __builtin_unreachable();
}

[[noreturn]] void fault_three_times() noexcept {
    table_pointer const nothing{0, 0};
    asm volatile("lidt %0; ud2" : : "m"(nothing));
    __builtin_unreachable();
}

/// Waits until the others have ended, whose end takes a few milliseconds each.
void go_on() noexcept {
    constexpr std::uint64_t wait_ms = 300;
    auto const end = guest::rdtsc() + wait_ms * guest::cpuid(abi::cpuid_first_leaf + 3).ecx;
    while (guest::rdtsc() < end) {
        guest::hypercall(abi::hypercall::sched_op,
                         static_cast<std::uint64_t>(abi::sched_op::yield));
    }
    guest::print("the neighbour goes on\n");
}

} // namespace

void guest::test() noexcept {
    auto const domain = cpuid(abi::cpuid_first_leaf + 4).ecx;
    switch (domain) {
    case 1: go_on(); return;
    case 2: print("switches tasks\n"); switch_task();
    case 3: print("walks into a hole\n"); walk_into_a_hole();
    case 4: print("executes a hole\n"); execute_a_hole();
    case 5: print("faults three times\n"); fault_three_times();
    default: print("has no part in this\n");
    }
}
