// SPDX-License-Identifier: Apache-2.0
// Exceptions into the guest, its own page tables, and memory that is not there.
#include "checks.hpp"
#include "traps.hpp"

#include <xenpp/x86/descriptor.hpp>

#include <array>
#include <cstdint>

namespace checks {

namespace {

/// Linear addresses of the check's own, mapped by 4 KiB pages at 1 GiB * 5.
constexpr std::uint64_t window = 0x140000000;
/// A guest-physical address where nothing is.
constexpr std::uint64_t hole = 0xd0000000;

// What follows has an address of its own, as the stack moves under those who use it.
xenpp::x86::table_pointer all_gates;
xenpp::x86::table_pointer few_gates;
std::uint64_t stands_at = 0; ///< an instruction

using table = std::array<std::uint64_t, 512>;
alignas(4096) table directory;
alignas(4096) table pages;
alignas(4096) std::array<std::uint64_t, 512> page_a{1};
alignas(4096) std::array<std::uint64_t, 512> page_b{2};

std::uint64_t volatile* at_window() noexcept {
    return reinterpret_cast<std::uint64_t volatile*>(window);
}

void invlpg(std::uint64_t address) noexcept {
    asm volatile("invlpg (%0)" : : "r"(address) : "memory");
}

void map(std::uint64_t physical, std::uint64_t flags) noexcept {
    std::uint64_t cr3 = 0;
    asm volatile("mov %%cr3, %0" : "=r"(cr3));
    auto* const root = reinterpret_cast<std::uint64_t*>(cr3);
    auto* const pointers = reinterpret_cast<std::uint64_t*>(root[0] & ~0xfffULL);
    directory[0] = reinterpret_cast<std::uint64_t>(pages.data()) | 3;
    pointers[window >> 30] = reinterpret_cast<std::uint64_t>(directory.data()) | 3;
    pages[0] = physical | flags;
    invlpg(window);
}

std::uint64_t address_of(std::array<std::uint64_t, 512> const& page) noexcept {
    return reinterpret_cast<std::uint64_t>(page.data());
}

void read(std::uint64_t address) noexcept {
    std::uint64_t v = 0;
    asm volatile(CHECKS_ATTEMPT("mov (%[at]), %[v]")
                 : [v] "=r"(v), [resume] "=m"(resume_at)
                 : [at] "r"(address)
                 : "memory");
}

void write(std::uint64_t address) noexcept {
    asm volatile(CHECKS_ATTEMPT("movq $7, (%[at])")
                 : [resume] "=m"(resume_at)
                 : [at] "r"(address)
                 : "memory");
}

#define CHECKS_FAULTS(instruction, number)                                                         \
    [] {                                                                                           \
        asm volatile(CHECKS_ATTEMPT(instruction)                                                   \
                     : [resume] "=m"(resume_at)                                                    \
                     : "a"(0), "c"(0), "d"(0)                                                      \
                     : "memory", "cc");                                                            \
        return last_trap.vector == (number);                                                       \
    }

constexpr check list[] = {
    {"exception.undefined_instruction", CHECKS_FAULTS("ud2", 6)},
    {"exception.divide_error", CHECKS_FAULTS("divl %%ecx", 0)},
    {"exception.breakpoint",
     [] {
         asm volatile("int3");
         return last_trap.vector == 3;
     }},
    {"exception.an_interrupt_without_a_gate_faults_where_it_stands",
     [] {
         asm volatile("sidt %0" : "=m"(all_gates));
         few_gates = {32 * 16 - 1, all_gates.base};
         asm volatile("pushfq\n\tcli\n\tlidt %[few]\n\t" CHECKS_ATTEMPT(
                          "8: int $0x40") "\n\tlidt %[all]\n\tpopfq\n\tmovq $8b, %[at]"
                      : [resume] "=m"(resume_at), [at] "=m"(stands_at)
                      : [few] "m"(few_gates), [all] "m"(all_gates)
                      : "memory", "cc");
         // Not by its error code, in which QEMU has the vector times 16.
         return last_trap.vector == 13 && last_trap.rip == stands_at;
     }},
    {"exception.null_segment_is_general_protection",
     CHECKS_FAULTS("movw $0x70, %%ax; movw %%ax, %%ds", 13)},
    {"exception.non_canonical_address",
     CHECKS_FAULTS("movabsq $0x800000000000, %%rax; movq (%%rax), %%rcx", 13)},
    {"exception.vmrun_is_undefined", CHECKS_FAULTS("vmrun %%rax", 6)},
    {"exception.vmxoff_is_undefined", CHECKS_FAULTS("vmxoff", 6)},
    {"exception.performance_counters_are_not_there", CHECKS_FAULTS("rdpmc", 13)},
    {"page_fault.says_address_and_reason",
     [] {
         map(0, 0);
         read(window + 8);
         bool const absent =
             last_trap.vector == 14 && last_trap.error == 0 && last_trap.address == window + 8;
         map(address_of(page_a), 1);
         write(window + 16);
         return absent && last_trap.vector == 14 && last_trap.error == 3 &&
                last_trap.address == window + 16;
     }},
    {"page_fault.is_gone_when_the_page_is_there",
     [] {
         map(0, 0);
         read(window);
         map(address_of(page_a), 3);
         return last_trap.vector == 14 && *at_window() == 1;
     }},
    {"invlpg.shows_another_page",
     [] {
         map(address_of(page_a), 3);
         bool const first = *at_window() == 1;
         map(address_of(page_b), 3);
         return first && *at_window() == 2;
     }},
    {"page_tables.note_use",
     [] {
         auto const used = [] {
             auto const volatile& entry = pages[0]; // the processor writes to it
             return entry & 0x60;
         };
         map(address_of(page_a), 3);
         bool const fresh = used() == 0;
         (void)*at_window();
         bool const read_only = used() == 0x20;
         *at_window() = 1;
         return fresh && read_only && used() == 0x60;
     }},
    {"nested_fault.a_hole_reads_as_ones",
     [] {
         map(hole, 3);
         auto const* const at = reinterpret_cast<std::uint32_t volatile*>(window);
         return *at == 0xffffffff;
     }},
    {"nested_fault.a_write_to_a_hole_vanishes",
     [] {
         map(hole, 3);
         auto* const at = reinterpret_cast<std::uint32_t volatile*>(window);
         *at = 5;
         return *at == 0xffffffff;
     }},
    {"nested_fault.sizes_and_extensions",
     [] {
         map(hole, 3);
         std::uint64_t byte = 0;
         std::uint64_t word = 0;
         std::int64_t wide = 0;
         asm volatile("movzbl (%1), %k0" : "=r"(byte) : "r"(window) : "memory");
         asm volatile("movzwl (%1), %k0" : "=r"(word) : "r"(window) : "memory");
         asm volatile("movswq (%1), %0" : "=r"(wide) : "r"(window) : "memory");
         return byte == 0xff && word == 0xffff && wide == -1;
     }},
    {"cache.wbinvd_goes_on",
     [] {
         asm volatile("wbinvd" : : : "memory");
         return true;
     }},
};

} // namespace

std::span<check const> exceptions() noexcept {
    return list;
}

} // namespace checks
