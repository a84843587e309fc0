// SPDX-License-Identifier: Apache-2.0
// The records of a saved HVM context: framing and x86 contents; public headers hvm/save.h and
// arch-x86/hvm/save.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// `hvm_save_descriptor::typecode`; the record `end` has no body.
inline constexpr std::uint16_t hvm_save_code_end = 0;
inline constexpr std::uint16_t hvm_save_code_header = 1;
inline constexpr std::uint16_t hvm_save_code_cpu = 2;
inline constexpr std::uint16_t hvm_save_code_pic = 3;
inline constexpr std::uint16_t hvm_save_code_ioapic = 4;
inline constexpr std::uint16_t hvm_save_code_lapic = 5;
inline constexpr std::uint16_t hvm_save_code_lapic_regs = 6;
inline constexpr std::uint16_t hvm_save_code_pci_irq = 7;
inline constexpr std::uint16_t hvm_save_code_isa_irq = 8;
inline constexpr std::uint16_t hvm_save_code_pci_link = 9;
inline constexpr std::uint16_t hvm_save_code_pit = 10;
inline constexpr std::uint16_t hvm_save_code_rtc = 11;
inline constexpr std::uint16_t hvm_save_code_hpet = 12;
inline constexpr std::uint16_t hvm_save_code_pmtimer = 13;
inline constexpr std::uint16_t hvm_save_code_mtrr = 14;
inline constexpr std::uint16_t hvm_save_code_viridian_domain = 15;
inline constexpr std::uint16_t hvm_save_code_cpu_xsave = 16;
inline constexpr std::uint16_t hvm_save_code_viridian_vcpu = 17;
inline constexpr std::uint16_t hvm_save_code_vmce_vcpu = 18;
inline constexpr std::uint16_t hvm_save_code_tsc_adjust = 19;
inline constexpr std::uint16_t hvm_save_code_cpu_msr = 20;
inline constexpr std::uint16_t hvm_save_code_max = hvm_save_code_cpu_msr;

/// What precedes every record: its type, the vCPU or device it belongs to, and the bytes of its
/// body.
struct hvm_save_descriptor {
    std::uint16_t typecode;
    std::uint16_t instance;
    std::uint32_t length;
};

static_assert(sizeof(hvm_save_descriptor) == 8);

/// `hvm_save_header::magic` and `hvm_save_header::version`.
inline constexpr std::uint32_t hvm_file_magic = 0x54381286;
inline constexpr std::uint32_t hvm_file_version = 0x1;

/// The first record: which hypervisor on which processor saved this.
struct hvm_save_header {
    std::uint32_t magic;
    std::uint32_t version;
    std::uint64_t changeset;
    std::uint32_t cpuid;
    std::uint32_t gtsc_khz;
};

static_assert(sizeof(hvm_save_header) == 24);

/// A vCPU's registers. `fpu_regs` is an FXSAVE image; segment attributes are in the packed form
/// of VMCB and VMCS.
struct hvm_hw_cpu {
    std::uint8_t fpu_regs[512];
    std::uint64_t rax;
    std::uint64_t rbx;
    std::uint64_t rcx;
    std::uint64_t rdx;
    std::uint64_t rbp;
    std::uint64_t rsi;
    std::uint64_t rdi;
    std::uint64_t rsp;
    std::uint64_t r8;
    std::uint64_t r9;
    std::uint64_t r10;
    std::uint64_t r11;
    std::uint64_t r12;
    std::uint64_t r13;
    std::uint64_t r14;
    std::uint64_t r15;
    std::uint64_t rip;
    std::uint64_t rflags;
    std::uint64_t cr0;
    std::uint64_t cr2;
    std::uint64_t cr3;
    std::uint64_t cr4;
    std::uint64_t dr0;
    std::uint64_t dr1;
    std::uint64_t dr2;
    std::uint64_t dr3;
    std::uint64_t dr6;
    std::uint64_t dr7;
    std::uint32_t cs_sel;
    std::uint32_t ds_sel;
    std::uint32_t es_sel;
    std::uint32_t fs_sel;
    std::uint32_t gs_sel;
    std::uint32_t ss_sel;
    std::uint32_t tr_sel;
    std::uint32_t ldtr_sel;
    std::uint32_t cs_limit;
    std::uint32_t ds_limit;
    std::uint32_t es_limit;
    std::uint32_t fs_limit;
    std::uint32_t gs_limit;
    std::uint32_t ss_limit;
    std::uint32_t tr_limit;
    std::uint32_t ldtr_limit;
    std::uint32_t idtr_limit;
    std::uint32_t gdtr_limit;
    std::uint64_t cs_base;
    std::uint64_t ds_base;
    std::uint64_t es_base;
    std::uint64_t fs_base;
    std::uint64_t gs_base;
    std::uint64_t ss_base;
    std::uint64_t tr_base;
    std::uint64_t ldtr_base;
    std::uint64_t idtr_base;
    std::uint64_t gdtr_base;
    std::uint32_t cs_arbytes;
    std::uint32_t ds_arbytes;
    std::uint32_t es_arbytes;
    std::uint32_t fs_arbytes;
    std::uint32_t gs_arbytes;
    std::uint32_t ss_arbytes;
    std::uint32_t tr_arbytes;
    std::uint32_t ldtr_arbytes;
    std::uint64_t sysenter_cs;
    std::uint64_t sysenter_esp;
    std::uint64_t sysenter_eip;
    std::uint64_t shadow_gs;
    std::uint64_t msr_flags;
    std::uint64_t msr_lstar;
    std::uint64_t msr_star;
    std::uint64_t msr_cstar;
    std::uint64_t msr_syscall_mask;
    std::uint64_t msr_efer;
    std::uint64_t msr_tsc_aux;
    std::uint64_t tsc;

    __extension__ union {
        std::uint32_t pending_event;

        __extension__ struct {
            std::uint8_t pending_vector : 8;
            std::uint8_t pending_type : 3;
            std::uint8_t pending_error_valid : 1;
            std::uint32_t pending_reserved : 19;
            std::uint8_t pending_valid : 1;
        };
    };

    std::uint32_t error_code;
    std::uint32_t flags;
    std::uint32_t pad0;
};

static_assert(sizeof(hvm_hw_cpu) == 1032);

/// `hvm_hw_cpu::flags`: `fpu_regs` means something.
inline constexpr std::uint32_t x86_fpu_initialised_bit = 0;
inline constexpr std::uint32_t x86_fpu_initialised = 1u << x86_fpu_initialised_bit;

/// One of the two emulated 8259s.
struct hvm_hw_vpic {
    std::uint8_t irr;
    std::uint8_t imr;
    std::uint8_t isr;
    std::uint8_t irq_base;
    std::uint8_t init_state : 4;
    std::uint8_t priority_add : 4;
    std::uint8_t readsel_isr : 1;
    std::uint8_t poll : 1;
    std::uint8_t auto_eoi : 1;
    std::uint8_t rotate_on_auto_eoi : 1;
    std::uint8_t special_fully_nested_mode : 1;
    std::uint8_t special_mask_mode : 1;
    std::uint8_t is_master : 1;
    std::uint8_t reserved_ : 1;
    std::uint8_t elcr;
    std::uint8_t int_output;
};

static_assert(sizeof(hvm_hw_vpic) == 8);

/// One pin of the emulated I/O APIC, with the fields of the hardware.
union vioapic_redir_entry {
    std::uint64_t bits;

    struct {
        std::uint8_t vector;
        std::uint8_t delivery_mode : 3;
        std::uint8_t dest_mode : 1;
        std::uint8_t delivery_status : 1;
        std::uint8_t polarity : 1;
        std::uint8_t remote_irr : 1;
        std::uint8_t trig_mode : 1;
        std::uint8_t mask : 1;
        std::uint8_t reserve : 7;
        std::uint8_t reserved[4];
        std::uint8_t dest_id;
    } fields;
};

static_assert(sizeof(vioapic_redir_entry) == 8);

/// Pins of the emulated I/O APIC.
inline constexpr std::uint32_t vioapic_num_pins = 48;

/// The emulated I/O APIC.
struct hvm_hw_vioapic {
    std::uint64_t base_address;
    std::uint32_t ioregsel;
    std::uint32_t id;
    vioapic_redir_entry redirtbl[vioapic_num_pins];
};

static_assert(sizeof(hvm_hw_vioapic) == 400);

/// What of a local APIC does not live in its register page.
struct hvm_hw_lapic {
    std::uint64_t apic_base_msr;
    std::uint32_t disabled;
    std::uint32_t timer_divisor;
    std::uint64_t tdt_msr;
};

static_assert(sizeof(hvm_hw_lapic) == 24);

/// The register page of a local APIC, as far as it is used.
struct hvm_hw_lapic_regs {
    std::uint8_t data[1024];
};

static_assert(sizeof(hvm_hw_lapic_regs) == 1024);

/// Levels of the PCI interrupt lines, four a device.
struct hvm_hw_pci_irqs {
    union {
        std::uint64_t pad[2];
        std::uint64_t i[2];
    };
};

static_assert(sizeof(hvm_hw_pci_irqs) == 16);

/// Levels of the ISA interrupt lines.
struct hvm_hw_isa_irqs {
    union {
        std::uint64_t pad[1];
        std::uint64_t i[1];
    };
};

static_assert(sizeof(hvm_hw_isa_irqs) == 8);

/// To which ISA line each PCI link is routed; 0 for none.
struct hvm_hw_pci_link {
    std::uint8_t route[4];
    std::uint8_t pad0[4];
};

static_assert(sizeof(hvm_hw_pci_link) == 8);

/// The emulated 8254.
struct hvm_hw_pit {
    struct hvm_hw_pit_channel {
        std::uint32_t count;
        std::uint16_t latched_count;
        std::uint8_t count_latched;
        std::uint8_t status_latched;
        std::uint8_t status;
        std::uint8_t read_state;
        std::uint8_t write_state;
        std::uint8_t write_latch;
        std::uint8_t rw_mode;
        std::uint8_t mode;
        std::uint8_t bcd;
        std::uint8_t gate;
    } channels[3];

    std::uint32_t speaker_data_on;
    std::uint32_t pad0;
};

static_assert(sizeof(hvm_hw_pit) == 56);

/// Bytes of CMOS that belong to the clock.
inline constexpr std::uint32_t rtc_cmos_size = 14;

/// The emulated real-time clock.
struct hvm_hw_rtc {
    std::uint8_t cmos_data[rtc_cmos_size];
    std::uint8_t cmos_index;
    std::uint8_t pad0;
    std::int64_t rtc_offset;
};

static_assert(sizeof(hvm_hw_rtc) == 24);

/// Comparators of the emulated HPET.
inline constexpr std::uint32_t hpet_timer_num = 3;

/// The emulated HPET.
struct hvm_hw_hpet {
    std::uint64_t capability;
    std::uint64_t res0;
    std::uint64_t config;
    std::uint64_t res1;
    std::uint64_t isr;
    std::uint64_t res2[25];
    std::uint64_t mc64;
    std::uint64_t res3;

    struct {
        std::uint64_t config;
        std::uint64_t cmp;
        std::uint64_t fsb;
        std::uint64_t res4;
    } timers[hpet_timer_num];

    std::uint64_t res5[84];
    std::uint64_t period[3];
};

static_assert(sizeof(hvm_hw_hpet) == 1048);

/// The ACPI timer and its event registers.
struct hvm_hw_pmtimer {
    std::uint32_t tmr_val;
    std::uint16_t pm1a_sts;
    std::uint16_t pm1a_en;
};

static_assert(sizeof(hvm_hw_pmtimer) == 8);

/// Memory types: PAT and MTRRs.
struct hvm_hw_mtrr {
    std::uint64_t msr_pat_cr;
    std::uint64_t msr_mtrr_var[16];
    std::uint64_t msr_mtrr_fixed[11];
    std::uint64_t msr_mtrr_cap;
    std::uint64_t msr_mtrr_def_type;
};

static_assert(sizeof(hvm_hw_mtrr) == 240);

/// Variable-range pairs, and fixed-range registers.
inline constexpr std::uint32_t mtrr_vcnt = 8;
inline constexpr std::uint32_t num_fixed_msr = 11;

/// A vCPU's extended state. The components beyond header and legacy area follow.
struct hvm_hw_cpu_xsave {
    std::uint64_t xfeature_mask;
    std::uint64_t xcr0;
    std::uint64_t xcr0_accum;

    struct {
        struct {
            char x[512];
        } fpu_sse;

        struct hvm_hw_cpu_xsave_hdr {
            std::uint64_t xstate_bv;
            std::uint64_t xcomp_bv;
            std::uint64_t reserved[6];
        } xsave_hdr;
    } save_area;
};

static_assert(sizeof(hvm_hw_cpu_xsave) == 600);

/// Hyper-V state of a domain.
struct hvm_viridian_domain_context {
    std::uint64_t hypercall_gpa;
    std::uint64_t guest_os_id;
    std::uint64_t time_ref_count;
    std::uint64_t reference_tsc;
};

static_assert(sizeof(hvm_viridian_domain_context) == 32);

/// Hyper-V state of a vCPU.
struct hvm_viridian_vcpu_context {
    std::uint64_t vp_assist_msr;
    std::uint8_t apic_assist_pending;
    std::uint8_t _pad[7];
    std::uint64_t simp_msr;
    std::uint64_t sint_msr[16];
    std::uint64_t stimer_config_msr[4];
    std::uint64_t stimer_count_msr[4];
};

static_assert(sizeof(hvm_viridian_vcpu_context) == 216);

/// Machine-check state of a vCPU.
struct hvm_vmce_vcpu {
    std::uint64_t caps;
    std::uint64_t mci_ctl2_bank0;
    std::uint64_t mci_ctl2_bank1;
    std::uint64_t mcg_ext_ctl;
};

static_assert(sizeof(hvm_vmce_vcpu) == 32);

/// The TSC adjustment of a vCPU.
struct hvm_tsc_adjust {
    std::uint64_t tsc_adjust;
};

static_assert(sizeof(hvm_tsc_adjust) == 8);

/// One MSR of such a record.
struct hvm_one_msr {
    std::uint32_t index;
    std::uint32_t _rsvd;
    std::uint64_t val;
};

static_assert(sizeof(hvm_one_msr) == 16);

/// MSRs of a vCPU that have no record of their own: `count` entries of index, zero and value
/// follow.
struct alignas(8) hvm_msr {
    std::uint32_t count;
    std::uint32_t reserved_;
    // msr[]: as many as fit follow.
};

static_assert(sizeof(hvm_msr) == 8);

} // namespace xenpp::abi
