// SPDX-License-Identifier: Apache-2.0
// The virtual machine control block of SVM, its fields' clean bits, and event injection (APM2 15,
// app. B).
#pragma once

#include <xenpp/x86/control_register.hpp>
#include <xenpp/x86/exception.hpp>
#include <xenpp/x86/msr.hpp>
#include <xenpp/x86/register_value.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

namespace xenpp::x86 {

/// A segment register as the VMCB holds it. `attrib` is the descriptor's bits 55:52 and 47:40
/// without a gap: type 3:0, S 4, DPL 6:5, P 7, AVL 8, L 9, D/B 10, G 11. `limit` is in bytes.
struct vmcb_segment {
    std::uint16_t selector;
    std::uint16_t attrib;
    std::uint32_t limit;
    std::uint64_t base;

    friend constexpr bool operator==(vmcb_segment const&, vmcb_segment const&) noexcept = default;
};

static_assert(sizeof(vmcb_segment) == 16);

// clang-format off

/// Intercepts of words 3 to 5: the word index times 32 plus the bit.
enum class intercept : std::uint8_t {
    intr            = 3 * 32 + 0,
    nmi             = 3 * 32 + 1,
    smi             = 3 * 32 + 2,
    init            = 3 * 32 + 3,
    vintr           = 3 * 32 + 4,
    cr0_selective   = 3 * 32 + 5,  // writes of CR0 that change other bits than TS and MP
    idtr_read       = 3 * 32 + 6,
    gdtr_read       = 3 * 32 + 7,
    ldtr_read       = 3 * 32 + 8,
    tr_read         = 3 * 32 + 9,
    idtr_write      = 3 * 32 + 10,
    gdtr_write      = 3 * 32 + 11,
    ldtr_write      = 3 * 32 + 12,
    tr_write        = 3 * 32 + 13,
    rdtsc           = 3 * 32 + 14,
    rdpmc           = 3 * 32 + 15,
    pushf           = 3 * 32 + 16,
    popf            = 3 * 32 + 17,
    cpuid           = 3 * 32 + 18,
    rsm             = 3 * 32 + 19,
    iret            = 3 * 32 + 20,
    software_int    = 3 * 32 + 21,
    invd            = 3 * 32 + 22,
    pause           = 3 * 32 + 23,
    hlt             = 3 * 32 + 24,
    invlpg          = 3 * 32 + 25,
    invlpga         = 3 * 32 + 26,
    ioio            = 3 * 32 + 27, // where the I/O permission map says so
    msr             = 3 * 32 + 28, // where the MSR permission map says so
    task_switch     = 3 * 32 + 29,
    ferr_freeze     = 3 * 32 + 30,
    shutdown        = 3 * 32 + 31,
    vmrun           = 4 * 32 + 0,  // must be set, or VMRUN fails
    vmmcall         = 4 * 32 + 1,
    vmload          = 4 * 32 + 2,
    vmsave          = 4 * 32 + 3,
    stgi            = 4 * 32 + 4,
    clgi            = 4 * 32 + 5,
    skinit          = 4 * 32 + 6,
    rdtscp          = 4 * 32 + 7,
    icebp           = 4 * 32 + 8,
    wbinvd          = 4 * 32 + 9,
    monitor         = 4 * 32 + 10,
    mwait           = 4 * 32 + 11,
    mwait_armed     = 4 * 32 + 12,
    xsetbv          = 4 * 32 + 13,
    rdpru           = 4 * 32 + 14,
    efer_write_trap = 4 * 32 + 15,
    invlpgb         = 5 * 32 + 0,
    invlpgb_illegal = 5 * 32 + 1,
    invpcid         = 5 * 32 + 2,
    mcommit         = 5 * 32 + 3,
    tlbsync         = 5 * 32 + 4,
    bus_lock        = 5 * 32 + 5,
    idle_hlt        = 5 * 32 + 6,
};

/// The virtual-interrupt word at offset 0x60.
namespace v_intr {
using value = register_value<struct tag>;
inline constexpr register_field<value> tpr{0, 8};
inline constexpr value irq{1u << 8};                 ///< a virtual interrupt is pending
inline constexpr value gif{1u << 9};                 ///< virtual global interrupt flag
inline constexpr value nmi{1u << 11};
inline constexpr value nmi_mask{1u << 12};
inline constexpr register_field<value> priority{16, 4};
inline constexpr value ignore_tpr{1u << 20};
inline constexpr value intr_masking{1u << 24};       ///< the guest's IF and TPR do not mask host interrupts
inline constexpr value gif_enable{1u << 25};
inline constexpr value nmi_enable{1u << 26};
inline constexpr value x2avic_enable{1u << 30};
inline constexpr value avic_enable{1u << 31};
inline constexpr register_field<value> vector{32, 8};
} // namespace v_intr

/// The word at offset 0x68.
namespace interrupt_shadow {
using value = register_value<struct tag>;
inline constexpr value shadow{1u << 0};              ///< after STI or MOV SS
inline constexpr value guest_interrupt_mask{1u << 1};
} // namespace interrupt_shadow

/// The word at offset 0x90.
namespace nested_ctl {
using value = register_value<struct tag>;
inline constexpr value np_enable{1u << 0};
inline constexpr value sev_enable{1u << 1};
inline constexpr value sev_es_enable{1u << 2};
inline constexpr value gmet_enable{1u << 3};
} // namespace nested_ctl

/// The word at offset 0xb8.
namespace virt_ext {
using value = register_value<struct tag>;
inline constexpr value lbr_enable{1u << 0};
inline constexpr value vmload_vmsave_enable{1u << 1};
} // namespace virt_ext

/// What VMRUN flushes (TLB_CONTROL, APM2 15.16.1). The last two need CPUID FLUSHBYASID.
enum class tlb_control : std::uint8_t {
    nothing          = 0,
    all              = 1, // every ASID; also correct without FLUSHBYASID
    guest            = 3,
    guest_non_global = 7,
};

/// Groups of state that the processor may keep cached over a VMRUN if their bit is set (APM2 15.15).
namespace vmcb_clean {
using value = register_value<struct tag, std::uint32_t>;
inline constexpr value none{0};                      ///< never cached
inline constexpr value intercepts{1u << 0};          ///< all intercepts, TSC offset, pause filter
inline constexpr value iopm{1u << 1};                ///< both permission map bases
inline constexpr value asid{1u << 2};
inline constexpr value tpr{1u << 3};                 ///< the whole virtual-interrupt word
inline constexpr value np{1u << 4};                  ///< NP_ENABLE, N_CR3, G_PAT
inline constexpr value crx{1u << 5};                 ///< CR0, CR3, CR4, EFER
inline constexpr value drx{1u << 6};                 ///< DR6, DR7
inline constexpr value dt{1u << 7};                  ///< GDTR, IDTR
inline constexpr value seg{1u << 8};                 ///< CS, DS, SS, ES, CPL
inline constexpr value cr2{1u << 9};
inline constexpr value lbr{1u << 10};
inline constexpr value avic{1u << 11};
inline constexpr value cet{1u << 12};
inline constexpr value all{0x1fff};
} // namespace vmcb_clean

/// The page that VMRUN takes. One flat structure: the control area up to 0x400, the state save area after.
struct alignas(4096) vmcb {
    // Control area
    std::array<std::uint32_t, 6>  intercepts;        // 000 CR rd/wr, DR rd/wr, exceptions, three of `intercept`
    std::array<std::uint8_t, 36>  reserved_018;
    std::uint16_t                 pause_filter_threshold; // 03c
    std::uint16_t                 pause_filter_count;     // 03e
    std::uint64_t                 iopm_base_pa;      // 040 three pages
    std::uint64_t                 msrpm_base_pa;     // 048 two pages
    std::uint64_t                 tsc_offset;        // 050
    std::uint32_t                 asid;              // 058 zero is the host's and makes VMRUN fail
    x86::tlb_control              tlb_control;       // 05c
    std::array<std::uint8_t, 3>   reserved_05d;
    v_intr::value                 v_intr;            // 060
    x86::interrupt_shadow::value  interrupt_shadow;  // 068
    std::uint64_t                 exit_code;         // 070 svm_exit.hpp
    std::uint64_t                 exit_info1;        // 078
    std::uint64_t                 exit_info2;        // 080
    std::uint64_t                 exit_int_info;     // 088 the event whose delivery the exit interrupted
    x86::nested_ctl::value        nested_ctl;        // 090
    std::uint64_t                 avic_apic_bar;     // 098
    std::uint64_t                 ghcb_pa;           // 0a0
    std::uint64_t                 event_inj;         // 0a8
    std::uint64_t                 n_cr3;             // 0b0
    x86::virt_ext::value          virt_ext;          // 0b8
    vmcb_clean::value             clean;             // 0c0
    std::array<std::uint8_t, 4>   reserved_0c4;
    std::uint64_t                 nrip;              // 0c8 zero without CPUID NRIPS
    std::uint8_t                  bytes_fetched;     // 0d0 zero without decode assists
    std::array<std::uint8_t, 15>  instruction;       // 0d1
    std::uint64_t                 avic_backing_page; // 0e0
    std::array<std::uint8_t, 8>   reserved_0e8;
    std::uint64_t                 avic_logical_table;  // 0f0
    std::uint64_t                 avic_physical_table; // 0f8
    std::array<std::uint8_t, 8>   reserved_100;
    std::uint64_t                 vmsa_pointer;      // 108
    std::uint64_t                 vmgexit_rax;       // 110
    std::uint8_t                  vmgexit_cpl;       // 118
    std::array<std::uint8_t, 7>   reserved_119;
    std::uint16_t                 bus_lock_counter;  // 120
    std::array<std::uint8_t, 734> reserved_122;      // from 3e0 for the hypervisor's own use
    // State save area
    vmcb_segment                  es;                // 400
    vmcb_segment                  cs;                // 410
    vmcb_segment                  ss;                // 420
    vmcb_segment                  ds;                // 430
    vmcb_segment                  fs;                // 440 by VMLOAD and VMSAVE
    vmcb_segment                  gs;                // 450 by VMLOAD and VMSAVE
    vmcb_segment                  gdtr;              // 460 base and limit
    vmcb_segment                  ldtr;              // 470 by VMLOAD and VMSAVE
    vmcb_segment                  idtr;              // 480 base and limit
    vmcb_segment                  tr;                // 490 by VMLOAD and VMSAVE
    std::array<std::uint8_t, 43>  reserved_4a0;
    std::uint8_t                  cpl;               // 4cb
    std::array<std::uint8_t, 4>   reserved_4cc;
    x86::efer::value              efer;              // 4d0 SVME must be set
    std::array<std::uint8_t, 112> reserved_4d8;
    x86::cr4::value               cr4;               // 548
    std::uint64_t                 cr3;               // 550
    x86::cr0::value               cr0;               // 558
    x86::dr7::value               dr7;               // 560
    x86::dr6::value               dr6;               // 568
    x86::rflags::value            rflags;            // 570
    std::uint64_t                 rip;               // 578
    std::array<std::uint8_t, 88>  reserved_580;
    std::uint64_t                 rsp;               // 5d8
    std::uint64_t                 s_cet;             // 5e0
    std::uint64_t                 ssp;               // 5e8
    std::uint64_t                 isst_addr;         // 5f0
    std::uint64_t                 rax;               // 5f8
    std::uint64_t                 star;              // 600 from here to sysenter_eip by VMLOAD and VMSAVE
    std::uint64_t                 lstar;             // 608
    std::uint64_t                 cstar;             // 610
    std::uint64_t                 sfmask;            // 618
    std::uint64_t                 kernel_gs_base;    // 620
    std::uint64_t                 sysenter_cs;       // 628
    std::uint64_t                 sysenter_esp;      // 630
    std::uint64_t                 sysenter_eip;      // 638
    std::uint64_t                 cr2;               // 640
    std::array<std::uint8_t, 32>  reserved_648;
    std::uint64_t                 g_pat;             // 668 used with nested paging
    std::uint64_t                 dbg_ctl;           // 670
    std::uint64_t                 br_from;           // 678
    std::uint64_t                 br_to;             // 680
    std::uint64_t                 last_excp_from;    // 688
    std::uint64_t                 last_excp_to;      // 690
    std::array<std::uint8_t, 72>  reserved_698;
    std::uint64_t                 spec_ctrl;         // 6e0
    std::array<std::uint8_t, 2328> reserved_6e8;
};

static_assert(sizeof(vmcb) == 4096 && std::is_standard_layout_v<vmcb> && std::is_trivially_copyable_v<vmcb>);
static_assert(offsetof(vmcb, intercepts)          == 0x000);
static_assert(offsetof(vmcb, pause_filter_threshold) == 0x03c);
static_assert(offsetof(vmcb, pause_filter_count)  == 0x03e);
static_assert(offsetof(vmcb, iopm_base_pa)        == 0x040);
static_assert(offsetof(vmcb, msrpm_base_pa)       == 0x048);
static_assert(offsetof(vmcb, tsc_offset)          == 0x050);
static_assert(offsetof(vmcb, asid)                == 0x058);
static_assert(offsetof(vmcb, tlb_control)         == 0x05c);
static_assert(offsetof(vmcb, v_intr)              == 0x060);
static_assert(offsetof(vmcb, interrupt_shadow)    == 0x068);
static_assert(offsetof(vmcb, exit_code)           == 0x070);
static_assert(offsetof(vmcb, exit_info1)          == 0x078);
static_assert(offsetof(vmcb, exit_info2)          == 0x080);
static_assert(offsetof(vmcb, exit_int_info)       == 0x088);
static_assert(offsetof(vmcb, nested_ctl)          == 0x090);
static_assert(offsetof(vmcb, avic_apic_bar)       == 0x098);
static_assert(offsetof(vmcb, ghcb_pa)             == 0x0a0);
static_assert(offsetof(vmcb, event_inj)           == 0x0a8);
static_assert(offsetof(vmcb, n_cr3)               == 0x0b0);
static_assert(offsetof(vmcb, virt_ext)            == 0x0b8);
static_assert(offsetof(vmcb, clean)               == 0x0c0);
static_assert(offsetof(vmcb, nrip)                == 0x0c8);
static_assert(offsetof(vmcb, bytes_fetched)       == 0x0d0);
static_assert(offsetof(vmcb, instruction)         == 0x0d1);
static_assert(offsetof(vmcb, avic_backing_page)   == 0x0e0);
static_assert(offsetof(vmcb, avic_logical_table)  == 0x0f0);
static_assert(offsetof(vmcb, avic_physical_table) == 0x0f8);
static_assert(offsetof(vmcb, vmsa_pointer)        == 0x108);
static_assert(offsetof(vmcb, vmgexit_rax)         == 0x110);
static_assert(offsetof(vmcb, vmgexit_cpl)         == 0x118);
static_assert(offsetof(vmcb, bus_lock_counter)    == 0x120);
static_assert(offsetof(vmcb, es)                  == 0x400);
static_assert(offsetof(vmcb, cs)                  == 0x410);
static_assert(offsetof(vmcb, ss)                  == 0x420);
static_assert(offsetof(vmcb, ds)                  == 0x430);
static_assert(offsetof(vmcb, fs)                  == 0x440);
static_assert(offsetof(vmcb, gs)                  == 0x450);
static_assert(offsetof(vmcb, gdtr)                == 0x460);
static_assert(offsetof(vmcb, ldtr)                == 0x470);
static_assert(offsetof(vmcb, idtr)                == 0x480);
static_assert(offsetof(vmcb, tr)                  == 0x490);
static_assert(offsetof(vmcb, cpl)                 == 0x4cb);
static_assert(offsetof(vmcb, efer)                == 0x4d0);
static_assert(offsetof(vmcb, cr4)                 == 0x548);
static_assert(offsetof(vmcb, cr3)                 == 0x550);
static_assert(offsetof(vmcb, cr0)                 == 0x558);
static_assert(offsetof(vmcb, dr7)                 == 0x560);
static_assert(offsetof(vmcb, dr6)                 == 0x568);
static_assert(offsetof(vmcb, rflags)              == 0x570);
static_assert(offsetof(vmcb, rip)                 == 0x578);
static_assert(offsetof(vmcb, rsp)                 == 0x5d8);
static_assert(offsetof(vmcb, s_cet)               == 0x5e0);
static_assert(offsetof(vmcb, ssp)                 == 0x5e8);
static_assert(offsetof(vmcb, isst_addr)           == 0x5f0);
static_assert(offsetof(vmcb, rax)                 == 0x5f8);
static_assert(offsetof(vmcb, star)                == 0x600);
static_assert(offsetof(vmcb, lstar)               == 0x608);
static_assert(offsetof(vmcb, cstar)               == 0x610);
static_assert(offsetof(vmcb, sfmask)              == 0x618);
static_assert(offsetof(vmcb, kernel_gs_base)      == 0x620);
static_assert(offsetof(vmcb, sysenter_cs)         == 0x628);
static_assert(offsetof(vmcb, sysenter_esp)        == 0x630);
static_assert(offsetof(vmcb, sysenter_eip)        == 0x638);
static_assert(offsetof(vmcb, cr2)                 == 0x640);
static_assert(offsetof(vmcb, g_pat)               == 0x668);
static_assert(offsetof(vmcb, dbg_ctl)             == 0x670);
static_assert(offsetof(vmcb, br_from)             == 0x678);
static_assert(offsetof(vmcb, br_to)               == 0x680);
static_assert(offsetof(vmcb, last_excp_from)      == 0x688);
static_assert(offsetof(vmcb, last_excp_to)        == 0x690);
static_assert(offsetof(vmcb, spec_ctrl)           == 0x6e0);

/// The field table: the clean bit of each field that software may set. A field without a row, such as
/// an exit code, cannot be set through `vmcb_ref`; adding a field means deciding its row.
template <auto Member>
struct vmcb_field;

template <std::uint32_t CleanRaw>
struct vmcb_field_row {
    static constexpr vmcb_clean::value clean{CleanRaw};
};
// Rows in the order of APM2 table 15-13; the last group is read at every VMRUN or VMLOAD.
template <> struct vmcb_field<&vmcb::intercepts>             : vmcb_field_row<vmcb_clean::intercepts.raw()> {};
template <> struct vmcb_field<&vmcb::tsc_offset>             : vmcb_field_row<vmcb_clean::intercepts.raw()> {};
template <> struct vmcb_field<&vmcb::pause_filter_threshold> : vmcb_field_row<vmcb_clean::intercepts.raw()> {};
template <> struct vmcb_field<&vmcb::pause_filter_count>     : vmcb_field_row<vmcb_clean::intercepts.raw()> {};
template <> struct vmcb_field<&vmcb::iopm_base_pa>           : vmcb_field_row<vmcb_clean::iopm.raw()> {};
template <> struct vmcb_field<&vmcb::msrpm_base_pa>          : vmcb_field_row<vmcb_clean::iopm.raw()> {};
template <> struct vmcb_field<&vmcb::asid>                   : vmcb_field_row<vmcb_clean::asid.raw()> {};
template <> struct vmcb_field<&vmcb::v_intr>                 : vmcb_field_row<vmcb_clean::tpr.raw()> {};
template <> struct vmcb_field<&vmcb::nested_ctl>             : vmcb_field_row<vmcb_clean::np.raw()> {};
template <> struct vmcb_field<&vmcb::n_cr3>                  : vmcb_field_row<vmcb_clean::np.raw()> {};
template <> struct vmcb_field<&vmcb::g_pat>                  : vmcb_field_row<vmcb_clean::np.raw()> {};
template <> struct vmcb_field<&vmcb::cr0>                    : vmcb_field_row<vmcb_clean::crx.raw()> {};
template <> struct vmcb_field<&vmcb::cr3>                    : vmcb_field_row<vmcb_clean::crx.raw()> {};
template <> struct vmcb_field<&vmcb::cr4>                    : vmcb_field_row<vmcb_clean::crx.raw()> {};
template <> struct vmcb_field<&vmcb::efer>                   : vmcb_field_row<vmcb_clean::crx.raw()> {};
template <> struct vmcb_field<&vmcb::dr6>                    : vmcb_field_row<vmcb_clean::drx.raw()> {};
template <> struct vmcb_field<&vmcb::dr7>                    : vmcb_field_row<vmcb_clean::drx.raw()> {};
template <> struct vmcb_field<&vmcb::gdtr>                   : vmcb_field_row<vmcb_clean::dt.raw()> {};
template <> struct vmcb_field<&vmcb::idtr>                   : vmcb_field_row<vmcb_clean::dt.raw()> {};
template <> struct vmcb_field<&vmcb::cs>                     : vmcb_field_row<vmcb_clean::seg.raw()> {};
template <> struct vmcb_field<&vmcb::ds>                     : vmcb_field_row<vmcb_clean::seg.raw()> {};
template <> struct vmcb_field<&vmcb::ss>                     : vmcb_field_row<vmcb_clean::seg.raw()> {};
template <> struct vmcb_field<&vmcb::es>                     : vmcb_field_row<vmcb_clean::seg.raw()> {};
template <> struct vmcb_field<&vmcb::cpl>                    : vmcb_field_row<vmcb_clean::seg.raw()> {};
template <> struct vmcb_field<&vmcb::cr2>                    : vmcb_field_row<vmcb_clean::cr2.raw()> {};
template <> struct vmcb_field<&vmcb::virt_ext>               : vmcb_field_row<vmcb_clean::lbr.raw()> {};
template <> struct vmcb_field<&vmcb::dbg_ctl>                : vmcb_field_row<vmcb_clean::lbr.raw()> {};
template <> struct vmcb_field<&vmcb::br_from>                : vmcb_field_row<vmcb_clean::lbr.raw()> {};
template <> struct vmcb_field<&vmcb::br_to>                  : vmcb_field_row<vmcb_clean::lbr.raw()> {};
template <> struct vmcb_field<&vmcb::last_excp_from>         : vmcb_field_row<vmcb_clean::lbr.raw()> {};
template <> struct vmcb_field<&vmcb::last_excp_to>           : vmcb_field_row<vmcb_clean::lbr.raw()> {};
template <> struct vmcb_field<&vmcb::avic_apic_bar>          : vmcb_field_row<vmcb_clean::avic.raw()> {};
template <> struct vmcb_field<&vmcb::avic_backing_page>      : vmcb_field_row<vmcb_clean::avic.raw()> {};
template <> struct vmcb_field<&vmcb::avic_logical_table>     : vmcb_field_row<vmcb_clean::avic.raw()> {};
template <> struct vmcb_field<&vmcb::avic_physical_table>    : vmcb_field_row<vmcb_clean::avic.raw()> {};
template <> struct vmcb_field<&vmcb::s_cet>                  : vmcb_field_row<vmcb_clean::cet.raw()> {};
template <> struct vmcb_field<&vmcb::ssp>                    : vmcb_field_row<vmcb_clean::cet.raw()> {};
template <> struct vmcb_field<&vmcb::isst_addr>              : vmcb_field_row<vmcb_clean::cet.raw()> {};
template <> struct vmcb_field<&vmcb::tlb_control>            : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::interrupt_shadow>       : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::event_inj>              : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::fs>                     : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::gs>                     : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::ldtr>                   : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::tr>                     : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::rflags>                 : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::rip>                    : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::rsp>                    : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::rax>                    : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::star>                   : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::lstar>                  : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::cstar>                  : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::sfmask>                 : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::kernel_gs_base>         : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::sysenter_cs>            : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::sysenter_esp>           : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::sysenter_eip>           : vmcb_field_row<0> {};
template <> struct vmcb_field<&vmcb::spec_ctrl>              : vmcb_field_row<0> {};

// clang-format on

/// A member of `vmcb` with a row in the field table: one that software may set.
template <auto Member>
concept VmcbWritable = requires {
    vmcb_field<Member>::clean;
};

/// The type of a data member of `vmcb`.
template <auto Member>
using vmcb_member_t = std::remove_cvref_t<decltype(std::declval<vmcb&>().*Member)>;

/// A view of a VMCB that keeps the clean bits right: reads through `->`, writes through `set`
/// alone.
class vmcb_ref {
public:
    constexpr explicit vmcb_ref(vmcb& v) noexcept : vmcb_(&v) {}

    constexpr vmcb const* operator->() const noexcept { return vmcb_; }

    constexpr vmcb const& operator*() const noexcept { return *vmcb_; }

    /// Replaces one field and takes its group out of the processor's cache.
    template <auto Member>
    requires VmcbWritable<Member>

    constexpr void set(vmcb_member_t<Member> const& v) const noexcept {
        vmcb_->*Member = v;
        vmcb_->clean &= ~vmcb_field<Member>::clean;
    }

    /// Switches one of the instruction and event intercepts.
    constexpr void set_intercept(intercept i, bool on) const noexcept {
        auto const n = static_cast<unsigned>(i);
        set_intercept_bit(n / 32, n % 32, on);
    }

    constexpr bool has_intercept(intercept i) const noexcept {
        auto const n = static_cast<unsigned>(i);
        return (vmcb_->intercepts[n / 32] >> (n % 32) & 1u) != 0;
    }

    /// `n` below 16, here and in the next.
    constexpr void set_dr_read_intercept(unsigned n, bool on) const noexcept {
        set_intercept_bit(1, n % 16, on);
    }

    constexpr void set_dr_write_intercept(unsigned n, bool on) const noexcept {
        set_intercept_bit(1, 16 + n % 16, on);
    }

    constexpr void set_exception_intercept(exception e, bool on) const noexcept {
        set_intercept_bit(2, vector(e) % 32, on);
    }

    /// Before the first VMRUN, and whenever the VMCB was changed behind this view or moved to
    /// another CPU: everything is read from memory.
    constexpr void set_all_dirty() const noexcept { vmcb_->clean = vmcb_clean::none; }

    /// After an exit: the processor's cache agrees with memory.
    constexpr void set_all_clean() const noexcept { vmcb_->clean = vmcb_clean::all; }

private:
    constexpr void set_intercept_bit(unsigned word, unsigned bit, bool on) const noexcept {
        std::uint32_t const mask = std::uint32_t{1} << bit;
        std::uint32_t const old = vmcb_->intercepts[word];
        vmcb_->intercepts[word] = on ? old | mask : old & ~mask;
        vmcb_->clean &= ~vmcb_clean::intercepts;
    }

    vmcb* vmcb_;
};

/// An event to inject, or one whose delivery an exit interrupted (EVENTINJ and EXITINTINFO,
/// APM2 15.20).
struct event_injection {
    enum class kind : std::uint8_t {
        interrupt = 0,          ///< external or virtual
        nmi = 2,                ///< `vector` is ignored
        exception = 3,          ///< fault or trap
        software_interrupt = 4, ///< INTn
    };

    kind type = kind::interrupt;
    std::uint8_t vector = 0;
    std::optional<std::uint32_t> error_code;

    friend constexpr bool operator==(event_injection const&,
                                     event_injection const&) noexcept = default;

    static constexpr event_injection interrupt(std::uint8_t v) noexcept {
        return {kind::interrupt, v, std::nullopt};
    }

    static constexpr event_injection non_maskable() noexcept {
        return {kind::nmi, 2, std::nullopt};
    }

    /// `code` is used if the exception pushes one.
    static constexpr event_injection exception(x86::exception e, std::uint32_t code = 0) noexcept {
        event_injection ev{kind::exception, static_cast<std::uint8_t>(e), std::nullopt};
        if (pushes_error_code(e)) {
            ev.error_code = code;
        }
        return ev;
    }
};

constexpr std::uint64_t encode(event_injection const& e) noexcept {
    std::uint64_t const code = e.error_code ? std::uint64_t{*e.error_code} << 32 | 1u << 11 : 0;
    return e.vector | static_cast<std::uint64_t>(e.type) << 8 | code | 1ull << 31;
}

/// Nothing if the valid bit is clear or the type is reserved.
constexpr std::optional<event_injection> decode_event(std::uint64_t raw) noexcept {
    auto const type = static_cast<unsigned>(raw >> 8 & 7);
    if ((raw >> 31 & 1) == 0 || type == 1 || type > 4) {
        return std::nullopt;
    }
    event_injection e{static_cast<event_injection::kind>(type), static_cast<std::uint8_t>(raw),
                      std::nullopt};
    if ((raw >> 11 & 1) != 0) {
        e.error_code = static_cast<std::uint32_t>(raw >> 32);
    }
    return e;
}

static_assert(encode(event_injection::exception(exception::general_protection)) == 0x8000'0b0d);
static_assert(encode(event_injection::interrupt(0xf3)) == 0x8000'00f3);
static_assert(encode({event_injection::kind::nmi, 2, std::nullopt}) == 0x8000'0202);

} // namespace xenpp::x86
