// SPDX-License-Identifier: Apache-2.0
// What the interface adds for x86-64: registers, PV selectors, vCPU contexts; public headers
// arch-x86/xen.h and xen-x86_64.h.
#pragma once

#include <xenpp/abi/arch_x86_cpu_policy.hpp>
#include <xenpp/abi/guest_handle.hpp>

#include <cstdint>

namespace xenpp::abi {

/// Flat ring-3 selectors in the part of the GDT that the hypervisor keeps.
inline constexpr std::uint16_t flat_ring3_cs32 = 0xe023;
inline constexpr std::uint16_t flat_ring3_cs64 = 0xe033;
inline constexpr std::uint16_t flat_ring3_ds32 = 0xe02b;
inline constexpr std::uint16_t flat_ring3_ds64 = 0x0;
inline constexpr std::uint16_t flat_ring3_ss32 = 0xe02b;
inline constexpr std::uint16_t flat_ring3_ss64 = 0xe02b;

/// The selectors for a PV kernel, which itself runs in ring 3.
inline constexpr std::uint16_t flat_kernel_ds64 = flat_ring3_ds64;
inline constexpr std::uint16_t flat_kernel_ds32 = flat_ring3_ds32;
inline constexpr std::uint16_t flat_kernel_ds = flat_kernel_ds64;
inline constexpr std::uint16_t flat_kernel_cs64 = flat_ring3_cs64;
inline constexpr std::uint16_t flat_kernel_cs32 = flat_ring3_cs32;
inline constexpr std::uint16_t flat_kernel_cs = flat_kernel_cs64;
inline constexpr std::uint16_t flat_kernel_ss64 = flat_ring3_ss64;
inline constexpr std::uint16_t flat_kernel_ss32 = flat_ring3_ss32;
inline constexpr std::uint16_t flat_kernel_ss = flat_kernel_ss64;

/// The selectors for a PV user process.
inline constexpr std::uint16_t flat_user_ds64 = flat_ring3_ds64;
inline constexpr std::uint16_t flat_user_ds32 = flat_ring3_ds32;
inline constexpr std::uint16_t flat_user_ds = flat_user_ds64;
inline constexpr std::uint16_t flat_user_cs64 = flat_ring3_cs64;
inline constexpr std::uint16_t flat_user_cs32 = flat_ring3_cs32;
inline constexpr std::uint16_t flat_user_cs = flat_user_cs64;
inline constexpr std::uint16_t flat_user_ss64 = flat_ring3_ss64;
inline constexpr std::uint16_t flat_user_ss32 = flat_ring3_ss32;
inline constexpr std::uint16_t flat_user_ss = flat_user_ss64;

/// The part of the address space that belongs to the hypervisor.
inline constexpr std::uint64_t hypervisor_virt_start = 0xffff800000000000u;
inline constexpr std::uint64_t hypervisor_virt_end = 0xffff880000000000u;

/// The machine-to-physical table, which every PV guest may read.
inline constexpr std::uint64_t mach2phys_virt_start = 0xffff800000000000u;
inline constexpr std::uint64_t mach2phys_virt_end = 0xffff804000000000u;
inline constexpr std::uint64_t mach2phys_nr_entries = 0x800000000u;

/// Which base `hypercall::set_segment_base` sets; the last one loads a GS selector instead.
inline constexpr std::uint32_t segbase_fs = 0;
inline constexpr std::uint32_t segbase_gs_user = 1;
inline constexpr std::uint32_t segbase_gs_kernel = 2;
inline constexpr std::uint32_t segbase_gs_user_sel = 3;

/// In `iret_context::flags`: return by SYSRET, which leaves rcx and r11 undefined.
inline constexpr std::uint32_t vgcf_in_syscall_bit = 8;
inline constexpr std::uint32_t vgcf_in_syscall = 1u << vgcf_in_syscall_bit;

/// What lies on the stack of a PV kernel that calls `hypercall::iret`.
struct iret_context {
    std::uint64_t rax;
    std::uint64_t r11;
    std::uint64_t rcx;
    std::uint64_t flags;
    std::uint64_t rip;
    std::uint64_t cs;
    std::uint64_t rflags;
    std::uint64_t rsp;
    std::uint64_t ss;
};

static_assert(sizeof(iret_context) == 72);

/// Integer registers in the order in which the hypervisor saves them. C names the sub-registers
/// too; here only the 64-bit ones are members.
struct cpu_user_regs {
    std::uint64_t r15;
    std::uint64_t r14;
    std::uint64_t r13;
    std::uint64_t r12;
    std::uint64_t rbp;
    std::uint64_t rbx;
    std::uint64_t r11;
    std::uint64_t r10;
    std::uint64_t r9;
    std::uint64_t r8;
    std::uint64_t rax;
    std::uint64_t rcx;
    std::uint64_t rdx;
    std::uint64_t rsi;
    std::uint64_t rdi;
    std::uint32_t error_code;
    std::uint32_t entry_vector;
    std::uint64_t rip;
    std::uint16_t cs;
    std::uint16_t _pad0[1];
    std::uint8_t saved_upcall_mask;
    std::uint8_t _pad1[3];
    std::uint64_t rflags;
    std::uint64_t rsp;
    std::uint16_t ss;
    std::uint16_t _pad2[3];
    std::uint16_t es;
    std::uint16_t _pad3[3];
    std::uint16_t ds;
    std::uint16_t _pad4[3];
    std::uint16_t fs;
    std::uint16_t _pad5[3];
    std::uint16_t gs;
    std::uint16_t _pad6[3];
};

static_assert(sizeof(cpu_user_regs) == 200);

/// The x86 part of `vcpu_info`: where a PV kernel reads the address of its last page fault.
struct arch_vcpu_info {
    std::uint64_t cr2;
    std::uint64_t pad;
};

static_assert(sizeof(arch_vcpu_info) == 16);

/// The end of a PV GDT is the hypervisor's: from this page, byte and entry on.
inline constexpr std::uint32_t first_reserved_gdt_page = 14;
inline constexpr std::uint32_t first_reserved_gdt_byte = 57344;
inline constexpr std::uint32_t first_reserved_gdt_entry = 7168;

/// How many vCPUs have their `vcpu_info` inside the shared info page.
inline constexpr std::uint32_t legacy_max_vcpus = 32;

/// One gate of a PV guest. `flags`: bits 0-1 the lowest privilege that may raise it, bit 2
/// whether events are masked on entry.
struct trap_info {
    std::uint8_t vector;
    std::uint8_t flags;
    std::uint16_t cs;
    std::uint32_t reserved_;
    std::uint64_t address;
};

static_assert(sizeof(trap_info) == 16);

/// Everything that starts a PV vCPU, or is read back from one. `ctrlreg[1]` is the frame of the
/// user page table, cr3-encoded as `ctrlreg[3]`.
struct vcpu_guest_context {
    struct {
        char x[512];
    } fpu_ctxt;

    std::uint64_t flags;
    cpu_user_regs user_regs;
    trap_info trap_ctxt[256];
    std::uint64_t ldt_base;
    std::uint64_t ldt_ents;
    std::uint64_t gdt_frames[16];
    std::uint64_t gdt_ents;
    std::uint64_t kernel_ss;
    std::uint64_t kernel_sp;
    std::uint64_t ctrlreg[8];
    std::uint64_t debugreg[8];
    std::uint64_t event_callback_eip;
    std::uint64_t failsafe_callback_eip;
    std::uint64_t syscall_callback_eip;
    std::uint64_t vm_assist;
    std::uint64_t fs_base;
    std::uint64_t gs_base_kernel;
    std::uint64_t gs_base_user;
};

static_assert(sizeof(vcpu_guest_context) == 5168);

/// `vcpu_guest_context::flags`.
inline constexpr std::uint32_t vgcf_i387_valid = 1u;
inline constexpr std::uint32_t vgcf_in_kernel = 1u << 2;
inline constexpr std::uint32_t vgcf_i387_valid_bit = 0;
inline constexpr std::uint32_t vgcf_in_kernel_bit = 2;
inline constexpr std::uint32_t vgcf_failsafe_disables_events_bit = 3;
inline constexpr std::uint32_t vgcf_failsafe_disables_events = 1u << 3;
inline constexpr std::uint32_t vgcf_syscall_disables_events_bit = 4;
inline constexpr std::uint32_t vgcf_syscall_disables_events = 1u << 4;
inline constexpr std::uint32_t vgcf_online_bit = 5;
inline constexpr std::uint32_t vgcf_online = 1u << vgcf_online_bit;

/// The x86 part of `shared_info`: where a PV guest keeps its p2m, for the toolstack to read when
/// it saves the guest.
struct arch_shared_info {
    std::uint64_t max_pfn;
    pfn_t pfn_to_mfn_frame_list_list;
    std::uint64_t nmi_reason;
    std::uint64_t p2m_cr3;
    std::uint64_t p2m_vaddr;
    std::uint64_t p2m_generation;
};

static_assert(sizeof(arch_shared_info) == 48);

/// The x86 part of a domain's creation: which devices the hypervisor emulates, and MSR
/// strictness.
struct arch_domainconfig {
    std::uint32_t emulation_flags;
    std::uint32_t misc_flags;
};

static_assert(sizeof(arch_domainconfig) == 8);

/// `arch_domainconfig::emulation_flags`.
inline constexpr std::uint32_t x86_emu_lapic_bit = 0;
inline constexpr std::uint32_t x86_emu_lapic = 1u << x86_emu_lapic_bit;
inline constexpr std::uint32_t x86_emu_hpet_bit = 1;
inline constexpr std::uint32_t x86_emu_hpet = 1u << x86_emu_hpet_bit;
inline constexpr std::uint32_t x86_emu_pm_bit = 2;
inline constexpr std::uint32_t x86_emu_pm = 1u << x86_emu_pm_bit;
inline constexpr std::uint32_t x86_emu_rtc_bit = 3;
inline constexpr std::uint32_t x86_emu_rtc = 1u << x86_emu_rtc_bit;
inline constexpr std::uint32_t x86_emu_ioapic_bit = 4;
inline constexpr std::uint32_t x86_emu_ioapic = 1u << x86_emu_ioapic_bit;
inline constexpr std::uint32_t x86_emu_pic_bit = 5;
inline constexpr std::uint32_t x86_emu_pic = 1u << x86_emu_pic_bit;
inline constexpr std::uint32_t x86_emu_vga_bit = 6;
inline constexpr std::uint32_t x86_emu_vga = 1u << x86_emu_vga_bit;
inline constexpr std::uint32_t x86_emu_iommu_bit = 7;
inline constexpr std::uint32_t x86_emu_iommu = 1u << x86_emu_iommu_bit;
inline constexpr std::uint32_t x86_emu_pit_bit = 8;
inline constexpr std::uint32_t x86_emu_pit = 1u << x86_emu_pit_bit;
inline constexpr std::uint32_t x86_emu_use_pirq_bit = 9;
inline constexpr std::uint32_t x86_emu_use_pirq = 1u << x86_emu_use_pirq_bit;
inline constexpr std::uint32_t x86_emu_vpci_bit = 10;
inline constexpr std::uint32_t x86_emu_vpci = 1u << x86_emu_vpci_bit;

/// All of them.
inline constexpr std::uint32_t x86_emu_all = 2047;

/// `arch_domainconfig::misc_flags`: reads of unknown MSRs give zero and writes are dropped,
/// instead of a fault.
inline constexpr std::uint32_t x86_msr_relaxed = 1u;
inline constexpr std::uint32_t x86_misc_flags_max = x86_msr_relaxed;

/// Bytes that an HVM guest writes to this port appear on the hypervisor's console.
inline constexpr std::uint32_t hvm_debugcons_ioport = 0xe9;

} // namespace xenpp::abi
