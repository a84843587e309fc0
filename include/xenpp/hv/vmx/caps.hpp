// SPDX-License-Identifier: Apache-2.0
// What VMX this processor has: what the hypervisor wants of it meets what it allows, in one table.
#pragma once

#include <xenpp/x86/control_register.hpp>
#include <xenpp/x86/cpuid.hpp>
#include <xenpp/x86/msr.hpp>
#include <xenpp/x86/vmx_control.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv::vmx {

/// The five control fields.
enum class field : std::uint8_t {
    pin,
    primary,
    secondary,
    exit,
    entry,
};

/// How much the hypervisor depends on a control.
enum class wish : std::uint8_t {
    needed,  ///< cannot run without it
    used,    ///< set where it may be
    off,     ///< must be clear, and must be allowed to be
    by_need, ///< changes while guests run; must be allowed to be both
};

struct row {
    field in;
    wish how;
    std::uint32_t bit;
    char const* what; ///< ends the sentence "VMX cannot be used: no ..."
};

// clang-format off
inline constexpr row rows[] = {
    {field::pin,       wish::needed,  x86::pin_based::external_interrupt.raw(),       "exits by interrupts"},
    {field::pin,       wish::needed,  x86::pin_based::nmi.raw(),                      "exits by NMIs"},
    {field::pin,       wish::needed,  x86::pin_based::virtual_nmis.raw(),             "virtual NMIs"},
    {field::pin,       wish::used,    x86::pin_based::preemption_timer.raw(),         "preemption timer"},
    {field::primary,   wish::by_need, x86::primary::interrupt_window.raw(),           "exits when interrupts open"},
    {field::primary,   wish::by_need, x86::primary::nmi_window.raw(),                 "exits when NMIs open"},
    {field::primary,   wish::by_need, x86::primary::mov_dr.raw(),                     "exits by debug registers"},
    {field::primary,   wish::needed,  x86::primary::hlt.raw(),                        "exits by HLT"},
    {field::primary,   wish::needed,  x86::primary::mwait.raw(),                      "exits by MWAIT"},
    {field::primary,   wish::needed,  x86::primary::monitor.raw(),                    "exits by MONITOR"},
    {field::primary,   wish::needed,  x86::primary::rdpmc.raw(),                      "exits by RDPMC"},
    {field::primary,   wish::needed,  x86::primary::tpr_shadow.raw(),                 "TPR shadow"},
    {field::primary,   wish::needed,  x86::primary::io_bitmaps.raw(),                 "I/O bitmaps"},
    {field::primary,   wish::needed,  x86::primary::msr_bitmaps.raw(),                "MSR bitmaps"},
    {field::primary,   wish::needed,  x86::primary::secondary_controls.raw(),         "secondary controls"},
    {field::primary,   wish::off,     x86::primary::cr3_load.raw(),                   "CR3 of the guest's own"},
    {field::primary,   wish::off,     x86::primary::cr3_store.raw(),                  "CR3 of the guest's own"},
    {field::primary,   wish::off,     x86::primary::cr8_load.raw(),                   "CR8 of the guest's own"},
    {field::primary,   wish::off,     x86::primary::cr8_store.raw(),                  "CR8 of the guest's own"},
    {field::secondary, wish::needed,  x86::secondary::ept.raw(),                      "extended page tables"},
    {field::secondary, wish::needed,  x86::secondary::unrestricted_guest.raw(),       "unrestricted guest (guests in real mode)"},
    {field::secondary, wish::needed,  x86::secondary::wbinvd.raw(),                   "exits by WBINVD"},
    {field::secondary, wish::used,    x86::secondary::vpid.raw(),                     "virtual processor identifiers"},
    {field::secondary, wish::used,    x86::secondary::rdtscp.raw(),                   "RDTSCP"},
    {field::secondary, wish::used,    x86::secondary::invpcid.raw(),                  "INVPCID"},
    {field::secondary, wish::used,    x86::secondary::xsaves.raw(),                   "XSAVES"},
    {field::secondary, wish::used,    x86::secondary::x2apic.raw(),                   "x2APIC virtualization"},
    {field::secondary, wish::used,    x86::secondary::interrupt_delivery.raw(),       "virtual-interrupt delivery"},
    {field::exit,      wish::needed,  x86::vm_exit::save_debug.raw(),                 "debug controls"},
    {field::exit,      wish::needed,  x86::vm_exit::host_is_64_bit.raw(),             "64-bit host"},
    {field::exit,      wish::needed,  x86::vm_exit::save_pat.raw(),                   "switch of PAT"},
    {field::exit,      wish::needed,  x86::vm_exit::load_pat.raw(),                   "switch of PAT"},
    {field::exit,      wish::needed,  x86::vm_exit::save_efer.raw(),                  "switch of EFER"},
    {field::exit,      wish::needed,  x86::vm_exit::load_efer.raw(),                  "switch of EFER"},
    {field::exit,      wish::off,     x86::vm_exit::acknowledge_interrupt.raw(),      "interrupts that stay pending"},
    {field::exit,      wish::off,     x86::vm_exit::save_preemption_timer.raw(),      "preemption timer that starts anew"},
    {field::entry,     wish::needed,  x86::vm_entry::load_debug.raw(),                "debug controls"},
    {field::entry,     wish::needed,  x86::vm_entry::load_pat.raw(),                  "switch of PAT"},
    {field::entry,     wish::needed,  x86::vm_entry::load_efer.raw(),                 "switch of EFER"},
    {field::entry,     wish::by_need, x86::vm_entry::ia32e_guest.raw(),               "64-bit guests"},
};

/// What together lets the processor deliver a guest's interrupts by itself: a vCPU has both or
/// none, as its APIC is.
inline constexpr auto apic_virtualization =
    x86::secondary::x2apic | x86::secondary::interrupt_delivery;

/// Where each field's allowed settings are read: with the true controls, and without.
inline constexpr struct { x86::msr true_controls, plain; } capability_msrs[] = {
    {x86::msr::ia32_vmx_true_pinbased_ctls,  x86::msr::ia32_vmx_pinbased_ctls},
    {x86::msr::ia32_vmx_true_procbased_ctls, x86::msr::ia32_vmx_procbased_ctls},
    {x86::msr::ia32_vmx_procbased_ctls2,     x86::msr::ia32_vmx_procbased_ctls2},
    {x86::msr::ia32_vmx_true_exit_ctls,      x86::msr::ia32_vmx_exit_ctls},
    {x86::msr::ia32_vmx_true_entry_ctls,     x86::msr::ia32_vmx_entry_ctls},
};

// clang-format on

struct capabilities {
    std::uint32_t revision = 0;
    std::array<std::uint32_t, 5> controls{}; ///< what each field starts with
    char const* lacks = nullptr;             ///< the first thing needed that is not there
    unsigned preemption_timer_shift = 0;     ///< it counts the TSC's bit of this number
    x86::ept_vpid::value ept;
    std::uint64_t cr0_must = 0, cr0_may = 0, cr4_must = 0, cr4_may = 0; ///< in VMX operation

    /// Whether all of `bits` are set.
    constexpr bool has(field f, std::uint32_t bits) const noexcept {
        return (controls[static_cast<unsigned>(f)] & bits) == bits;
    }

    constexpr bool has_vpid() const noexcept {
        return has(field::secondary, x86::secondary::vpid.raw());
    }

    constexpr bool delivers_interrupts() const noexcept {
        return has(field::secondary, apic_virtualization.raw());
    }

    constexpr bool notes_use() const noexcept { return ept.has(x86::ept_vpid::accessed_dirty); }
};

/// Reads the capability MSRs; `rdmsr` is asked for what exists only.
template <class Rdmsr>
constexpr capabilities decode(Rdmsr rdmsr) noexcept {
    using x86::msr;
    capabilities c;
    x86::vmx_basic::value const basic(rdmsr(msr::ia32_vmx_basic));
    c.revision = static_cast<std::uint32_t>((basic & x86::vmx_basic::revision).raw());
    std::array<x86::vmx_allowed, 5> allowed{};
    for (unsigned f = 0; f != allowed.size(); ++f) {
        bool const is_secondary = f == static_cast<unsigned>(field::secondary);
        auto const& primary = allowed[static_cast<unsigned>(field::primary)];
        if (is_secondary && (primary.may & x86::primary::secondary_controls.raw()) == 0) {
            continue; // there is no such MSR
        }
        auto const& m = capability_msrs[f];
        bool const is_true = basic.has(x86::vmx_basic::has_true_controls);
        allowed[f] = x86::decode_vmx_allowed(rdmsr(is_true ? m.true_controls : m.plain));
        c.controls[f] = allowed[f].must;
    }
    for (auto const& r : rows) {
        auto const& a = allowed[static_cast<unsigned>(r.in)];
        bool const may_be_set = (a.may & r.bit) != 0;
        bool const may_be_clear = (a.must & r.bit) == 0;
        bool const is_asked = r.how == wish::needed || r.how == wish::used;
        if (is_asked && may_be_set) {
            c.controls[static_cast<unsigned>(r.in)] |= r.bit;
        }
        bool const suits = r.how == wish::used     ? true
                           : r.how == wish::needed ? may_be_set
                           : r.how == wish::off    ? may_be_clear
                                                   : may_be_set && may_be_clear;
        if (!suits && c.lacks == nullptr) {
            c.lacks = r.what;
        }
    }
    if (!c.delivers_interrupts()) {
        c.controls[static_cast<unsigned>(field::secondary)] &= ~apic_virtualization.raw();
    }
    if (c.has(field::secondary, x86::secondary::ept.raw()) || c.has_vpid()) {
        c.ept = x86::ept_vpid::value(rdmsr(msr::ia32_vmx_ept_vpid_cap));
    }
    using namespace x86::ept_vpid;
    if (c.lacks == nullptr &&
        !c.ept.has(walk_of_four | write_back | pages_2m | invept | invept_single)) {
        c.lacks = "extended page tables of four levels with large pages";
    }
    if (c.has_vpid() && !c.ept.has(invvpid | invvpid_all)) {
        c.controls[static_cast<unsigned>(field::secondary)] &= ~x86::secondary::vpid.raw();
    }
    c.preemption_timer_shift = static_cast<unsigned>(rdmsr(msr::ia32_vmx_misc) & 31);
    c.cr0_must = rdmsr(msr::ia32_vmx_cr0_fixed0);
    c.cr0_may = rdmsr(msr::ia32_vmx_cr0_fixed1);
    c.cr4_must = rdmsr(msr::ia32_vmx_cr4_fixed0);
    c.cr4_may = rdmsr(msr::ia32_vmx_cr4_fixed1);
    return c;
}

/// What stands in the way of VMXON before any capability is looked at, or null: `leaf1` is CPUID 1,
/// `control` IA32_FEATURE_CONTROL.
constexpr char const* switched_off(x86::cpuid_leaf leaf1, std::uint64_t control) noexcept {
    x86::feature_control::value const fc(control);
    if ((leaf1.c >> 5 & 1) == 0) {
        return "the processor has no VMX";
    }
    if (fc.has(x86::feature_control::lock) && !fc.has(x86::feature_control::vmx_outside_smx)) {
        return "VMX is switched off by the firmware (IA32_FEATURE_CONTROL)";
    }
    return nullptr;
}

} // namespace xenpp::hv::vmx
