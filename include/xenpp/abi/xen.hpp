// SPDX-License-Identifier: Apache-2.0
// Hypercall numbers, virtual interrupts, MMU requests, shared info; public header xen.h.
#pragma once

#include <xenpp/abi/arch_x86.hpp>
#include <xenpp/abi/guest_handle.hpp>

#include <cstdint>

namespace xenpp::abi {

/// The newest guest interface that the headers of Xen 4.17 describe.
inline constexpr std::uint32_t latest_interface_version = 0x00040e00;

/// The hypercalls: an index into the hypercall page, and rax at the trap. 48 and up belong to the
/// architecture (`arch_0` is machine check).
// clang-format off
enum class hypercall : std::uint32_t {
    set_trap_table                = 0,
    mmu_update                    = 1,
    set_gdt                       = 2,
    stack_switch                  = 3,
    set_callbacks                 = 4,
    fpu_taskswitch                = 5,
    sched_op_compat               = 6,
    platform_op                   = 7,
    set_debugreg                  = 8,
    get_debugreg                  = 9,
    update_descriptor             = 10,
    memory_op                     = 12,
    multicall                     = 13,
    update_va_mapping             = 14,
    set_timer_op                  = 15,
    event_channel_op_compat       = 16,
    xen_version                   = 17,
    console_io                    = 18,
    physdev_op_compat             = 19,
    grant_table_op                = 20,
    vm_assist                     = 21,
    update_va_mapping_otherdomain = 22,
    iret                          = 23,
    vcpu_op                       = 24,
    set_segment_base              = 25,
    mmuext_op                     = 26,
    xsm_op                        = 27,
    nmi_op                        = 28,
    sched_op                      = 29,
    callback_op                   = 30,
    xenoprof_op                   = 31,
    event_channel_op              = 32,
    physdev_op                    = 33,
    hvm_op                        = 34,
    sysctl                        = 35,
    domctl                        = 36,
    kexec_op                      = 37,
    tmem_op                       = 38,
    argo_op                       = 39,
    xenpmu_op                     = 40,
    dm_op                         = 41,
    hypfs_op                      = 42,
    arch_0                        = 48,
    arch_1                        = 49,
    arch_2                        = 50,
    arch_3                        = 51,
    arch_4                        = 52,
    arch_5                        = 53,
    arch_6                        = 54,
    arch_7                        = 55,
};
// clang-format on

/// Virtual interrupts. Timer, debug, xenoprof and pmu exist per vCPU; the others once per domain,
/// and most of those for the control domain alone.
inline constexpr std::uint32_t virq_timer = 0;
inline constexpr std::uint32_t virq_debug = 1;
inline constexpr std::uint32_t virq_console = 2;
inline constexpr std::uint32_t virq_dom_exc = 3;
inline constexpr std::uint32_t virq_tbuf = 4;
inline constexpr std::uint32_t virq_debugger = 6;
inline constexpr std::uint32_t virq_xenoprof = 7;
inline constexpr std::uint32_t virq_con_ring = 8;
inline constexpr std::uint32_t virq_pcpu_state = 9;
inline constexpr std::uint32_t virq_mem_event = 10;
inline constexpr std::uint32_t virq_argo = 11;
inline constexpr std::uint32_t virq_enomem = 12;
inline constexpr std::uint32_t virq_xenpmu = 13;

/// Virtual interrupts that the architecture defines (the first is machine check).
inline constexpr std::uint32_t virq_arch_0 = 16;
inline constexpr std::uint32_t virq_arch_1 = 17;
inline constexpr std::uint32_t virq_arch_2 = 18;
inline constexpr std::uint32_t virq_arch_3 = 19;
inline constexpr std::uint32_t virq_arch_4 = 20;
inline constexpr std::uint32_t virq_arch_5 = 21;
inline constexpr std::uint32_t virq_arch_6 = 22;
inline constexpr std::uint32_t virq_arch_7 = 23;

/// One more than the highest virtual interrupt.
inline constexpr std::uint32_t nr_virqs = 24;

/// The command in the two low bits of `mmu_update::ptr`.
inline constexpr std::uint32_t mmu_normal_pt_update = 0;
inline constexpr std::uint32_t mmu_machphys_update = 1;
inline constexpr std::uint32_t mmu_pt_update_preserve_ad = 2;
inline constexpr std::uint32_t mmu_pt_update_no_translate = 3;

/// Commands of `hypercall::mmuext_op`.
// clang-format off
enum class mmuext_cmd : std::uint32_t {
    pin_l1_table       = 0,
    pin_l2_table       = 1,
    pin_l3_table       = 2,
    pin_l4_table       = 3,
    unpin_table        = 4,
    new_baseptr        = 5,
    tlb_flush_local    = 6,
    invlpg_local       = 7,
    tlb_flush_multi    = 8,
    invlpg_multi       = 9,
    tlb_flush_all      = 10,
    invlpg_all         = 11,
    flush_cache        = 12,
    set_ldt            = 13,
    new_user_baseptr   = 15,
    clear_page         = 16,
    copy_page          = 17,
    flush_cache_global = 18,
    mark_super         = 19,
    unmark_super       = 20,
};

// clang-format on

/// One command to the PV memory manager. `arg1` is a frame or an address, `arg2` a count, a vCPU
/// mask or a source frame, as the command has it.
struct mmuext_op {
    std::uint32_t cmd;
    std::uint32_t reserved_;

    union {
        pfn_t mfn;
        std::uint64_t linear_addr;
    } arg1;

    union {
        std::uint32_t nr_ents;
        guest_handle<void const> vcpumask;
        pfn_t src_mfn;
    } arg2;
};

static_assert(sizeof(mmuext_op) == 24);

/// Flags of `hypercall::update_va_mapping`: what to flush and where; bits from 3 up may hold the
/// address of a vCPU mask.
inline constexpr std::uint32_t uvmf_none = 0;
inline constexpr std::uint32_t uvmf_tlb_flush = 1u;
inline constexpr std::uint32_t uvmf_invlpg = 1u << 1;
inline constexpr std::uint32_t uvmf_flushtype_mask = 3;
inline constexpr std::uint32_t uvmf_multi = 0;
inline constexpr std::uint32_t uvmf_local = 0;
inline constexpr std::uint32_t uvmf_all = 1u << 2;

/// Commands of `hypercall::console_io`: the domain's emergency console, or the serial line for
/// the control domain.
// clang-format off
enum class console_io_op : std::uint32_t {
    write = 0,
    read  = 1,
};
// clang-format on

/// Commands of `hypercall::vm_assist`.
// clang-format off
enum class vm_assist_cmd : std::uint32_t {
    enable  = 0,
    disable = 1,
};
// clang-format on

/// What `hypercall::vm_assist` switches.
inline constexpr std::uint32_t vmasst_type_4gb_segments = 0;
inline constexpr std::uint32_t vmasst_type_4gb_segments_notify = 1;
inline constexpr std::uint32_t vmasst_type_writable_pagetables = 2;
inline constexpr std::uint32_t vmasst_type_pae_extended_cr3 = 3;
inline constexpr std::uint32_t vmasst_type_architectural_iopl = 4;
inline constexpr std::uint32_t vmasst_type_runstate_update_flag = 5;
inline constexpr std::uint32_t vmasst_type_m2p_strict = 32;

/// Domain numbers that name no ordinary domain: the caller itself, memory-mapped I/O, the
/// hypervisor, shared pages, nobody, the idle vCPUs.
inline constexpr std::uint16_t domid_first_reserved = 0x7ff0;
inline constexpr std::uint16_t domid_self = 0x7ff0;
inline constexpr std::uint16_t domid_io = 0x7ff1;
inline constexpr std::uint16_t domid_xen = 0x7ff2;
inline constexpr std::uint16_t domid_cow = 0x7ff3;
inline constexpr std::uint16_t domid_invalid = 0x7ff4;
inline constexpr std::uint16_t domid_idle = 0x7fff;
inline constexpr std::uint16_t domid_mask = 0x7fff;

/// One entry of `hypercall::mmu_update`: the machine address of a page-table entry, with the
/// command in its low bits, and the new value.
struct mmu_update {
    std::uint64_t ptr;
    std::uint64_t val;
};

static_assert(sizeof(mmu_update) == 16);

/// One hypercall of a batch; `result` is what it would have left in rax.
struct multicall_entry {
    std::uint64_t op;
    std::uint64_t result;
    std::uint64_t args[6];
};

static_assert(sizeof(multicall_entry) == 64);

/// A vCPU's clock. `version` is odd while an update is under way; nanoseconds are `((tsc -
/// tsc_timestamp) << tsc_shift) * tsc_to_system_mul >> 32` past `system_time`.
struct vcpu_time_info {
    std::uint32_t version;
    std::uint32_t pad0;
    std::uint64_t tsc_timestamp;
    std::uint64_t system_time;
    std::uint32_t tsc_to_system_mul;
    std::int8_t tsc_shift;
    std::uint8_t flags;
    std::uint8_t pad1[2];
};

static_assert(sizeof(vcpu_time_info) == 32);

/// `vcpu_time_info::flags`: the clock never runs backwards across vCPUs; the host stopped the
/// guest.
inline constexpr std::uint32_t pvclock_tsc_stable_bit = 1u;
inline constexpr std::uint32_t pvclock_guest_stopped = 1u << 1;

/// What one vCPU shares with the hypervisor: its upcall flags, the selector of event words, its
/// clock.
struct vcpu_info {
    std::uint8_t evtchn_upcall_pending;
    std::uint8_t evtchn_upcall_mask;
    std::uint8_t reserved_[6];
    std::uint64_t evtchn_pending_sel;
    arch_vcpu_info arch;
    vcpu_time_info time;
};

static_assert(sizeof(vcpu_info) == 64);

/// The page every domain shares with the hypervisor: vCPU state, event channels of the two-level
/// layout, wall clock. `wc_version` works as that of `vcpu_time_info`.
struct shared_info {
    abi::vcpu_info vcpu_info[legacy_max_vcpus];
    std::uint64_t evtchn_pending[64];
    std::uint64_t evtchn_mask[64];
    std::uint32_t wc_version;
    std::uint32_t wc_sec;
    std::uint32_t wc_nsec;
    std::uint32_t wc_sec_hi;
    arch_shared_info arch;
};

static_assert(sizeof(shared_info) == 3136);

/// The page that rsi of a PV guest's first vCPU points at. Frames of store and console are
/// machine frames.
struct start_info {
    char magic[32];
    std::uint64_t nr_pages;
    std::uint64_t shared_info;
    std::uint32_t flags;
    std::uint32_t reserved_;
    pfn_t store_mfn;
    std::uint32_t store_evtchn;
    std::uint32_t reserved_2;

    union {
        struct {
            pfn_t mfn;
            std::uint32_t evtchn;
            std::uint32_t reserved_3;
        } domU;

        struct {
            std::uint32_t info_off;
            std::uint32_t info_size;
        } dom0;
    } console;

    std::uint64_t pt_base;
    std::uint64_t nr_pt_frames;
    std::uint64_t mfn_list;
    std::uint64_t mod_start;
    std::uint64_t mod_len;
    std::int8_t cmd_line[1024];
    std::uint64_t first_p2m_pfn;
    std::uint64_t nr_p2m_frames;
};

static_assert(sizeof(start_info) == 1168);

/// Bytes of a PV command line, its terminator included.
inline constexpr std::uint32_t max_guest_cmdline = 1024;

/// `start_info::flags`.
inline constexpr std::uint32_t sif_privileged = 1u;
inline constexpr std::uint32_t sif_initdomain = 1u << 1;
inline constexpr std::uint32_t sif_multiboot_mod = 1u << 2;
inline constexpr std::uint32_t sif_mod_start_pfn = 1u << 3;
inline constexpr std::uint32_t sif_virt_p2m_4tools = 1u << 4;

/// `start_info::flags`: power-management settings for the control domain.
inline constexpr std::uint32_t sif_pm_mask = 0xff00;

/// One module, when `sif_multiboot_mod` is set and `start_info::mod_start` points at a list.
struct multiboot_mod_list {
    std::uint32_t mod_start;
    std::uint32_t mod_end;
    std::uint32_t cmdline;
    std::uint32_t pad;
};

static_assert(sizeof(multiboot_mod_list) == 16);

/// The display as the boot loader left it, for the control domain.
struct dom0_vga_console_info {
    std::uint8_t video_type;
    std::uint8_t reserved_[3];

    union {
        struct {
            std::uint16_t font_height;
            std::uint16_t cursor_x;
            std::uint16_t cursor_y;
            std::uint16_t rows;
            std::uint16_t columns;
        } text_mode_3;

        struct {
            std::uint16_t width;
            std::uint16_t height;
            std::uint16_t bytes_per_line;
            std::uint16_t bits_per_pixel;
            std::uint32_t lfb_base;
            std::uint32_t lfb_size;
            std::uint8_t red_pos;
            std::uint8_t red_size;
            std::uint8_t green_pos;
            std::uint8_t green_size;
            std::uint8_t blue_pos;
            std::uint8_t blue_size;
            std::uint8_t rsvd_pos;
            std::uint8_t rsvd_size;
            std::uint32_t gbl_caps;
            std::uint16_t mode_attrs;
            std::uint16_t pad;
            std::uint32_t ext_lfb_base;
        } vesa_lfb;
    } u;
};

static_assert(sizeof(dom0_vga_console_info) == 40);

/// `dom0_vga_console_info::video_type`.
inline constexpr std::uint32_t vgatype_text_mode_3 = 0x3;
inline constexpr std::uint32_t vgatype_vesa_lfb = 0x23;
inline constexpr std::uint32_t vgatype_efi_lfb = 0x70;

/// A bit set in the caller's memory: least significant bit of the first byte first, `nr_bits`
/// long.
struct xenctl_bitmap {
    guest_handle<std::uint8_t> bitmap;
    std::uint32_t nr_bits;
    std::uint32_t reserved_;
};

static_assert(sizeof(xenctl_bitmap) == 16);

} // namespace xenpp::abi
