// SPDX-License-Identifier: Apache-2.0
// CPUID, model-specific, control and debug registers.
#include "../lib/guest.hpp"
#include "checks.hpp"
#include "traps.hpp"

#include <xenpp/abi/arch_x86_cpuid.hpp>

#include <array>

namespace checks {

namespace {

using guest::cpuid;
using guest::rdmsr;
using guest::wrmsr;

constexpr std::uint32_t efer = 0xc0000080, star = 0xc0000081, lstar = 0xc0000082, pat = 0x277,
                        fs_base = 0xc0000100, gs_base = 0xc0000101, kernel_gs_base = 0xc0000102,
                        tsc_aux = 0xc0000103, sysenter_eip = 0x176, apic_base = 0x1b;

bool rdmsr_faults(std::uint32_t msr) noexcept {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    asm volatile(CHECKS_ATTEMPT("rdmsr")
                 : "=a"(low), "=d"(high), [resume] "=m"(resume_at)
                 : "c"(msr)
                 : "memory");
    return last_trap.vector == 13 && last_trap.error == 0;
}

bool wrmsr_faults(std::uint32_t msr, std::uint64_t v) noexcept {
    asm volatile(CHECKS_ATTEMPT("wrmsr")
                 : [resume] "=m"(resume_at)
                 : "c"(msr), "a"(static_cast<std::uint32_t>(v)),
                   "d"(static_cast<std::uint32_t>(v >> 32))
                 : "memory");
    return last_trap.vector == 13 && last_trap.error == 0;
}

bool keeps(std::uint32_t msr, std::uint64_t v) noexcept {
    auto const before = rdmsr(msr);
    wrmsr(msr, v);
    bool const kept = rdmsr(msr) == v;
    wrmsr(msr, before);
    return kept && rdmsr(msr) == before;
}

#define CHECKS_CONTROL_REGISTER(n)                                                                 \
    std::uint64_t read_cr##n() noexcept {                                                          \
        std::uint64_t v = 0;                                                                       \
        asm volatile("mov %%cr" #n ", %0" : "=r"(v) : : "memory");                                 \
        return v;                                                                                  \
    }                                                                                              \
    void write_cr##n(std::uint64_t v) noexcept {                                                   \
        asm volatile("mov %0, %%cr" #n : : "r"(v) : "memory");                                     \
    }
CHECKS_CONTROL_REGISTER(0)
CHECKS_CONTROL_REGISTER(3)
CHECKS_CONTROL_REGISTER(4)
CHECKS_CONTROL_REGISTER(8)

constexpr check list[] = {
    {"cpuid.names_xen",
     [] {
         auto const r = cpuid(0x40000000);
         return r.ebx == xenpp::abi::cpuid_signature_ebx &&
                r.ecx == xenpp::abi::cpuid_signature_ecx &&
                r.edx == xenpp::abi::cpuid_signature_edx;
     }},
    {"cpuid.says_that_there_is_a_hypervisor", [] { return (cpuid(1).ecx >> 31) == 1; }},
    {"cpuid.offers_neither_vmx_nor_svm",
     [] { return (cpuid(1).ecx >> 5 & 1) == 0 && (cpuid(0x80000001).ecx >> 2 & 1) == 0; }},
    {"cpuid.clears_the_upper_halves",
     [] {
         std::uint64_t a = 0xffffffff00000000;
         std::uint64_t b = ~0ULL;
         std::uint64_t c = 0xffffffff00000000;
         std::uint64_t d = ~0ULL;
         asm volatile("cpuid" : "+a"(a), "+b"(b), "+c"(c), "+d"(d));
         return ((a | b | c | d) >> 32) == 0;
     }},
    {"cpuid.numbers_this_cpu_0", [] { return cpuid(1).ebx >> 24 == 0; }},
    {"msr.efer_says_long_mode", [] { return (rdmsr(efer) & 0x500) == 0x500; }},
    {"msr.efer_keeps_nxe_and_sce", [] { return keeps(efer, rdmsr(efer) | 0x801); }},
    {"msr.efer_refuses_lme_off_while_paging", [] { return wrmsr_faults(efer, 0); }},
    {"msr.one_that_is_not_there_cannot_be_read", [] { return rdmsr_faults(0x7777); }},
    {"msr.one_that_is_not_there_cannot_be_written", [] { return wrmsr_faults(0x7777, 1); }},
    {"msr.pat_keeps_what_is_written", [] { return keeps(pat, 0x0007010600070406); }},
    {"msr.pat_refuses_a_type_that_is_none", [] { return wrmsr_faults(pat, 2); }},
    {"msr.fs_base_is_the_guests", [] { return keeps(fs_base, 0xffff800012345000); }},
    {"msr.gs_base_is_the_guests", [] { return keeps(gs_base, 0x7fff12345000); }},
    {"msr.swapgs_brings_kernel_gs_base",
     [] {
         wrmsr(gs_base, 0x1000);
         wrmsr(kernel_gs_base, 0x2000);
         (void)cpuid(0); // an exit in between
         asm volatile("swapgs");
         bool const swapped = rdmsr(gs_base) == 0x2000 && rdmsr(kernel_gs_base) == 0x1000;
         wrmsr(gs_base, 0);
         wrmsr(kernel_gs_base, 0);
         return swapped;
     }},
    {"msr.star_and_lstar_are_the_guests",
     [] { return keeps(star, 0x0013000800000000) && keeps(lstar, 0xffffffff81000000); }},
    {"msr.sysenter_is_the_guests", [] { return keeps(sysenter_eip, 0x12345678); }},
    {"msr.rdtscp_reads_tsc_aux",
     [] {
         if ((cpuid(0x80000001).edx >> 27 & 1) == 0) {
             return rdmsr_faults(tsc_aux);
         }
         wrmsr(tsc_aux, 42);
         std::uint32_t a = 0;
         std::uint32_t c = 0;
         std::uint32_t d = 0;
         asm volatile("rdtscp" : "=a"(a), "=c"(c), "=d"(d));
         return c == 42 && rdmsr(tsc_aux) == 42;
     }},
    {"msr.apic_base_says_boot_cpu", [] { return (rdmsr(apic_base) & 0xfffff900) == 0xfee00900; }},
    {"tsc.counts",
     [] {
         auto const before = guest::rdtsc();
         (void)cpuid(0);
         return guest::rdtsc() > before;
     }},
    {"cr0.ts_is_set_and_cleared",
     [] {
         auto const was = read_cr0();
         write_cr0(was | 8);
         bool const set = (read_cr0() & 8) != 0;
         asm volatile("clts");
         bool const cleared = (read_cr0() & 8) == 0;
         write_cr0(was);
         return set && cleared;
     }},
    {"cr0.ne_is_as_the_guest_has_it",
     [] {
         auto const was = read_cr0();
         write_cr0(was | 0x20);
         bool const set = (read_cr0() & 0x20) != 0;
         write_cr0(was & ~0x20ULL);
         bool const clear = (read_cr0() & 0x20) == 0;
         (void)cpuid(0);
         bool const still = (read_cr0() & 0x20) == 0;
         write_cr0(was);
         return set && clear && still;
     }},
    {"cr0.cd_may_be_set",
     [] {
         auto const was = read_cr0();
         write_cr0(was | 0x40000000);
         bool const set = (read_cr0() & 0x40000000) != 0;
         write_cr0(was);
         return set && read_cr0() == was;
     }},
    {"cr3.loads_again",
     [] {
         auto const was = read_cr3();
         write_cr3(was);
         return read_cr3() == was;
     }},
    {"cr4.pge_is_set_and_cleared",
     [] {
         auto const was = read_cr4();
         write_cr4(was | 0x80);
         bool const set = (read_cr4() & 0x80) != 0;
         write_cr4(was);
         return set && read_cr4() == was;
     }},
    {"cr4.hides_vmxe", [] { return (read_cr4() & 0x2000) == 0; }},
    {"cr8.keeps_the_task_priority",
     [] {
         write_cr8(5);
         (void)cpuid(0);
         bool const kept = read_cr8() == 5;
         write_cr8(0);
         return kept && read_cr8() == 0;
     }},
    {"xcr0.refuses_what_cannot_be",
     [] {
         if ((cpuid(1).ecx >> 26 & 1) == 0) {
             return true;
         }
         write_cr4(read_cr4() | 1U << 18);
         asm volatile(CHECKS_ATTEMPT("xsetbv")
                      : [resume] "=m"(resume_at)
                      : "c"(0), "a"(6), "d"(0)
                      : "memory");
         return last_trap.vector == 13;
     }},
    {"xcr0.keeps_what_is_written",
     [] {
         if ((cpuid(1).ecx >> 26 & 1) == 0) {
             return true;
         }
         asm volatile("xsetbv" : : "c"(0), "a"(3), "d"(0));
         (void)cpuid(0);
         std::uint32_t a = 0;
         std::uint32_t d = 0;
         asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
         return a == 3 && d == 0;
     }},
    {"dr.addresses_are_the_guests",
     [] {
         std::uint64_t out = 0;
         asm volatile("mov %1, %%dr0; mov %2, %%dr3" : "=r"(out) : "r"(0x1234ULL), "r"(0x5678ULL));
         (void)cpuid(0);
         std::uint64_t dr0 = 0;
         std::uint64_t dr3 = 0;
         asm volatile("mov %%dr0, %0; mov %%dr3, %1" : "=r"(dr0), "=r"(dr3));
         return dr0 == 0x1234 && dr3 == 0x5678;
     }},
    {"dr.a_single_step_is_noted_in_dr6",
     [] {
         std::uint64_t dr6 = 0xffff0ff0;
         asm volatile("mov %0, %%dr6" : : "r"(dr6));
         asm volatile("pushfq; orq $0x100, (%%rsp); popfq; nop; nop" : : : "memory", "cc");
         asm volatile("mov %%dr6, %0" : "=r"(dr6));
         return last_trap.vector == 1 && (dr6 & 0x4000) != 0;
     }},
};

} // namespace

std::span<check const> processor() noexcept {
    return list;
}

} // namespace checks
