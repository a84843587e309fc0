// SPDX-License-Identifier: Apache-2.0
// Attempts by instructions: control and debug registers, MSRs, ports, gates, privileged ones.
#include "attempt.hpp"

namespace attack {

namespace {

outcome write_msr(std::uint32_t msr, std::uint64_t value) noexcept {
    return faults([=] {
        asm volatile("wrmsr"
                     :
                     : "c"(msr), "a"(static_cast<std::uint32_t>(value)),
                       "d"(static_cast<std::uint32_t>(value >> 32)));
    });
}

std::uint64_t read_msr(std::uint32_t msr) noexcept {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return std::uint64_t{high} << 32 | low;
}

/// A write that may be dropped, but must not change what is read.
outcome write_msr_in_vain(std::uint32_t msr, std::uint64_t change) noexcept {
    return faults_or([=]() -> outcome {
        auto const before = read_msr(msr);
        auto const o = write_msr(msr, before ^ change);
        return o.what == outcome::kind::fault ? o : harmless_if(read_msr(msr) == before);
    });
}

outcome set_debugreg(std::uint64_t number, std::uint64_t value) noexcept {
    auto const r = hypercall(abi::hypercall::set_debugreg, number, value);
    if (r >= 0) {
        hypercall(abi::hypercall::set_debugreg, number, number == 7 ? std::uint64_t{0x400} : 0);
    }
    return refused_if_negative(r);
}

/// DR7.GD or reserved bits: taken without them, or refused.
outcome debug_control(std::uint64_t bits) noexcept {
    auto const r = hypercall(abi::hypercall::set_debugreg, 7, 0x400 | bits);
    if (r < 0) {
        return refused_if_negative(r);
    }
    auto const now = hypercall(abi::hypercall::get_debugreg, 7);
    hypercall(abi::hypercall::set_debugreg, 7, 0x400);
    return harmless_if((static_cast<std::uint64_t>(now) & bits) == 0);
}

std::uint64_t read_cr4() noexcept {
    std::uint64_t v = 0;
    asm volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}

/// A bit of CR4 that must stay the hypervisor's.
outcome change_cr4(std::uint64_t bit) noexcept {
    return faults_or([bit]() -> outcome {
        auto const before = read_cr4();
        asm volatile("mov %0, %%cr4" : : "r"(before ^ bit));
        auto const after = read_cr4();
        return harmless_if(((before ^ after) & bit) == 0);
    });
}

outcome port_out(std::uint16_t port, std::uint8_t value) noexcept {
    return faults_or([=]() -> outcome {
        asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
        return harmless_if(true); // we are here still
    });
}

outcome port_in(std::uint16_t port) noexcept {
    return faults_or([=]() -> outcome {
        std::uint8_t v = 0;
        asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
        return harmless_if(v == 0xff);
    });
}

/// CLI is skipped: time and others go on, which the neighbour shows.
outcome disable_interrupts() noexcept {
    return faults_or([]() -> outcome {
        asm volatile("cli");
        for (unsigned i = 0; i != 50'000'000; ++i) {
            asm volatile("");
        }
        asm volatile("sti");
        return harmless_if(true);
    });
}

/// The time-stamp counter is everybody's: a write faults, or is dropped.
outcome set_tsc_back() noexcept {
    return faults_or([]() -> outcome {
        auto const before = read_msr(0x10);
        auto const o = write_msr(0x10, 0);
        return o.what == outcome::kind::fault ? o : harmless_if(read_msr(0x10) >= before);
    });
}

/// INVD would lose what is in the caches: it faults, or does nothing.
outcome invalidate_caches() noexcept {
    static std::uint64_t volatile word = 0;
    return faults_or([]() -> outcome {
        word = 0x1234;
        asm volatile("invd" ::: "memory");
        return harmless_if(word == 0x1234);
    });
}

/// IOPL in rflags is not the guest's to raise.
outcome raise_iopl() noexcept {
    std::uint64_t flags = 0;
    asm volatile("pushfq\n\torq $0x3000, (%%rsp)\n\tpopfq\n\tpushfq\n\tpopq %0"
                 : "=r"(flags)
                 :
                 : "cc");
    return harmless_if((flags & 0x3000) == 0);
}

/// WRGSBASE without the kernel's word in CR4, which its processes must not have then either.
outcome write_base_without_leave() noexcept {
    return faults([] {
        asm volatile("mov %%cr4, %%rax\n\tandq %0, %%rax\n\tmov %%rax, %%cr4\n\t"
                     "rdgsbase %%rcx\n\twrgsbase %%rcx"
                     :
                     : "i"(~0x10000)
                     : "rax", "rcx", "cc");
    });
}

#define XENPP_INSTRUCTION(name, text)                                                              \
    {                                                                                              \
        name, []() noexcept {                                                                      \
            return faults([] { asm volatile(text ::: "rax", "rcx", "cc", "memory"); });            \
        }                                                                                          \
    }

constexpr attempt list[] = {
    {"wrmsr_efer_without_long_mode",
     []() noexcept { return write_msr_in_vain(0xc0000080, 0x500); }},
    {"wrgsbase_without_leave", write_base_without_leave},
    {"wrmsr_lstar", []() noexcept { return write_msr_in_vain(0xc0000082, ~std::uint64_t{0}); }},
    {"wrmsr_star", []() noexcept { return write_msr_in_vain(0xc0000081, ~std::uint64_t{0}); }},
    {"wrmsr_cstar", []() noexcept { return write_msr_in_vain(0xc0000083, ~std::uint64_t{0}); }},
    {"wrmsr_sfmask", []() noexcept { return write_msr_in_vain(0xc0000084, ~std::uint64_t{0}); }},
    {"wrmsr_sysenter_eip", []() noexcept { return write_msr_in_vain(0x176, ~std::uint64_t{0}); }},
    {"wrmsr_apic_base", []() noexcept { return write_msr_in_vain(0x1b, 0x800); }},
    {"wrmsr_pat", []() noexcept { return write_msr_in_vain(0x277, 0xff); }},
    {"wrmsr_mtrr_default", []() noexcept { return write_msr_in_vain(0x2ff, 0x800); }},
    {"wrmsr_vm_hsave", []() noexcept { return write_msr_in_vain(0xc0010117, 0x1000); }},
    {"wrmsr_smm_base", []() noexcept { return write_msr_in_vain(0xc0010111, 0x1000); }},
    {"wrmsr_tsc", set_tsc_back},
    {"wrmsr_fs_base_non_canonical", []() noexcept { return write_msr(0xc0000100, non_canonical); }},
    {"wrmsr_gs_base_non_canonical", []() noexcept { return write_msr(0xc0000101, non_canonical); }},
    {"wrmsr_kernel_gs_base_non_canonical",
     []() noexcept { return write_msr(0xc0000102, non_canonical); }},
    {"wrmsr_unknown", []() noexcept { return write_msr(0xdeadbeef, 1); }},
    {"rdmsr_unknown", []() noexcept { return faults([] { read_msr(0xdeadbeef); }); }},
    {"cr3_by_instruction",
     []() noexcept {
         return faults([] { asm volatile("mov %0, %%cr3" : : "r"(~std::uint64_t{0xfff})); });
     }},
    {"cr0_without_paging",
     []() noexcept {
         return faults([] { asm volatile("mov %0, %%cr0" : : "r"(std::uint64_t{0x11})); });
     }},
    {"cr4_pae", []() noexcept { return change_cr4(0x20); }},
    {"cr4_smep", []() noexcept { return change_cr4(0x100000); }},
    {"cr4_vmxe", []() noexcept { return change_cr4(0x2000); }},
    {"cr4_reserved", []() noexcept { return change_cr4(std::uint64_t{1} << 40); }},
    {"cr8_by_instruction",
     []() noexcept {
         return faults([] { asm volatile("mov %0, %%cr8" : : "r"(std::uint64_t{15})); });
     }},
    {"breakpoint_in_the_hypervisor", []() noexcept { return set_debugreg(0, image_address); }},
    {"breakpoint_non_canonical", []() noexcept { return set_debugreg(1, non_canonical); }},
    {"debugreg_that_is_not", []() noexcept { return set_debugreg(9, 0); }},
    {"debugreg_general_detect", []() noexcept { return debug_control(0x2000); }},
    {"debugreg_high_bits", []() noexcept { return debug_control(std::uint64_t{1} << 40); }},
    {"port_debug_exit", []() noexcept { return port_out(0xf4, 0); }},
    {"port_reset", []() noexcept { return port_out(0xcf9, 6); }},
    {"port_keyboard_reset", []() noexcept { return port_out(0x64, 0xfe); }},
    {"port_serial", []() noexcept { return port_out(0x3f8, 'X'); }},
    {"port_doorbell", []() noexcept { return port_in(0x2f8); }},
    {"port_pci_config", []() noexcept { return port_in(0xcfc); }},
    {"cli_and_spin", disable_interrupts},
    {"raise_iopl", raise_iopl},
    XENPP_INSTRUCTION("hlt", "hlt"),
    {"invd", invalidate_caches},
    XENPP_INSTRUCTION("swapgs", "swapgs"),
    XENPP_INSTRUCTION("sysretq", "sysretq"),
    XENPP_INSTRUCTION("vmrun", "xorl %%eax, %%eax\n\tvmrun %%rax"),
    XENPP_INSTRUCTION("vmmcall", "vmmcall"),
    XENPP_INSTRUCTION("lidt", "lidt (%%rsp)"),
    XENPP_INSTRUCTION("lgdt", "lgdt (%%rsp)"),
    XENPP_INSTRUCTION("rdpmc", "xorl %%ecx, %%ecx\n\trdpmc"),
    XENPP_INSTRUCTION("int_nmi", "int $2"),
    XENPP_INSTRUCTION("int_double_fault", "int $8"),
    XENPP_INSTRUCTION("int_machine_check", "int $18"),
    XENPP_INSTRUCTION("int_device_vector", "int $0x24"),
    XENPP_INSTRUCTION("int_unregistered", "int $0xf0"),
    XENPP_INSTRUCTION(
        "far_call_through_the_hypervisors_selector",
        "subq $16, %%rsp\n\tmovl $0, (%%rsp)\n\tmovw $0xe008, 4(%%rsp)\n\tlcall *(%%rsp)"),
    {"load_at_a_non_canonical_address",
     []() noexcept {
         return faults([] { static_cast<void>(*at<std::uint64_t volatile>(non_canonical)); });
     }},
    {"jump_to_a_non_canonical_address",
     []() noexcept { return faults([] { at<void()>(non_canonical)(); }); }},
};

#undef XENPP_INSTRUCTION

} // namespace

std::span<attempt const> processor_attempts() noexcept {
    return list;
}

} // namespace attack
