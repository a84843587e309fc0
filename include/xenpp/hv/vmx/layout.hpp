// SPDX-License-Identifier: Apache-2.0
// A vCPU's VMCS: how it starts, and how Xen's CPU record goes in and out of it.
#pragma once

#include <xenpp/abi/hvm/save.hpp>
#include <xenpp/hv/cpu_record.hpp>
#include <xenpp/hv/vcpu.hpp>
#include <xenpp/hv/vmx/caps.hpp>
#include <xenpp/x86/exception.hpp>
#include <xenpp/x86/vmcs.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace xenpp::hv::vmx {

/// What VMX keeps for a vCPU beside the VMCS. `Cpu` reads and writes the VMCS that is current
/// (x86::VmcsAccess); on the real processor it is empty.
template <class Cpu>
struct vcpu_state {
    [[no_unique_address]] Cpu cpu;
    std::byte* region = nullptr; ///< the VMCS itself, not to be touched but for its revision
    std::uint64_t region_pa = 0;
    std::byte* virtual_apic = nullptr; ///< the page that CR8 is kept in
    std::uint64_t virtual_apic_pa = 0;
    std::byte* fpu = nullptr; ///< XSAVE area, standard form
    unsigned fpu_order = 0;
    bool launched = false; ///< since VMCLEAR: VMRESUME, not VMLAUNCH
    bool dr_live = false;  ///< DR0-3 and DR6 are in the registers and the guest may touch them
    bool flush = true;     ///< the next entry starts without translations by old tables; atomic
    std::uint32_t tag_cpu = ~std::uint32_t{0};
    std::uint64_t tag_generation = 0;
    std::array<std::uint64_t, 4> dr{};
    std::uint64_t dr6 = x86::dr6::reset.raw();
    std::uint64_t cr2 = 0;
    // What only MSRs hold: loaded and saved with the vCPU.
    std::uint64_t star = 0, lstar = 0, cstar = 0, fmask = 0, kernel_gs_base = 0;
    std::uint32_t primary = 0;    ///< the primary controls as they stand in the VMCS
    std::uint32_t secondary = 0;  ///< the secondary ones but for `apic_virtualization`
    bool apic_is_virtual = false; ///< the processor delivers interrupts by itself
    std::uint16_t interrupt_status =
        0;                             ///< as it stands in the VMCS: what waits, what is in service
    x86::interruption::value reinject; ///< an event to deliver at the next entry; not valid: none
    std::uint32_t reinject_error = 0;
};

template <class Cpu, class P>
vcpu_state<Cpu>& state_of(vcpu<P>& v) noexcept {
    return *static_cast<vcpu_state<Cpu>*>(v.arch);
}

/// The VMCS of `v`, which must be current.
template <class Cpu, class P>
x86::vmcs_ref<Cpu> vmcs_of(vcpu<P>& v) noexcept {
    return x86::vmcs_ref<Cpu>(state_of<Cpu>(v).cpu);
}

/// Physical addresses that every VMCS points to.
struct shared_tables {
    std::uint64_t io_bitmap_a = 0, io_bitmap_b = 0;
    std::uint64_t msr_bitmap = 0;
    std::uint64_t msr_bitmap_x2apic = 0; ///< where the processor has the APIC's registers
};

/// Bits of CR0 that the guest's value and the real one may differ in: VMX wants NE, and the caches
/// are the hypervisor's.
inline constexpr x86::cr0::value cr0_owned = x86::cr0::ne | x86::cr0::cd | x86::cr0::nw;

/// CR0 as the processor has it where the guest has `wanted`.
constexpr std::uint64_t real_cr0(std::uint64_t wanted) noexcept {
    return ((x86::cr0::value(wanted) | x86::cr0::ne | x86::cr0::et)
                .without(x86::cr0::cd | x86::cr0::nw))
        .raw();
}

/// Puts `wanted` into the VMCS as the guest's CR0; the paging bits have been seen to.
template <class Cpu>
void set_cr0(x86::vmcs_ref<Cpu> b, std::uint64_t wanted) noexcept {
    b.write(x86::vmcs::guest_cr0, real_cr0(wanted));
    b.write(x86::vmcs::cr0_shadow, wanted | x86::cr0::et.raw());
}

template <class Cpu>
void set_cr4(x86::vmcs_ref<Cpu> b, std::uint64_t wanted) noexcept {
    b.write(x86::vmcs::guest_cr4, wanted | x86::cr4::vmxe.raw());
    b.write(x86::vmcs::cr4_shadow, wanted);
}

/// EFER and the entry control that goes with LMA, which follows from LME and CR0.PG.
template <class Cpu>
void set_efer(x86::vmcs_ref<Cpu> b, std::uint64_t wanted, bool is_paged) noexcept {
    x86::efer::value e(wanted);
    bool const is_long = is_paged && e.has(x86::efer::lme);
    e = is_long ? e | x86::efer::lma : e.without(x86::efer::lma);
    b.write(x86::vmcs::guest_ia32_efer, e.raw());
    x86::vm_entry::value const now(b.read(x86::vmcs::entry_controls));
    auto const then =
        is_long ? now | x86::vm_entry::ia32e_guest : now.without(x86::vm_entry::ia32e_guest);
    if (!(then == now)) {
        b.write(x86::vmcs::entry_controls, then.raw());
    }
}

/// What a VMCS holds from the start and never changes.
struct fixed_fields {
    shared_tables tables;
    std::uint64_t ept_pointer = 0;
    std::uint64_t cr4_offered = 0;
    std::uint32_t preemption_ticks = 0; ///< how long a stay lasts at most
};

/// The exits: what would let a guest see or change the machine, and what we must hear of.
template <class Cpu>
void init_block(vcpu_state<Cpu>& s, capabilities const& caps, fixed_fields const& fixed) noexcept {
    namespace vmcs = x86::vmcs;
    x86::vmcs_ref<Cpu> const b(s.cpu);
    auto const control = [&](field f) { return caps.controls[static_cast<unsigned>(f)]; };
    s.primary = control(field::primary) | x86::primary::mov_dr.raw();
    b.write(vmcs::pin_based_controls, control(field::pin));
    b.write(vmcs::primary_controls, s.primary);
    s.secondary = control(field::secondary) & ~apic_virtualization.raw();
    b.write(vmcs::secondary_controls, s.secondary);
    b.write(vmcs::exit_controls, control(field::exit));
    b.write(vmcs::entry_controls, control(field::entry));
    // #AC and #DB can be made to raise themselves for ever in delivery; a machine check is ours.
    b.write(vmcs::exception_bitmap, 1U << x86::vector(x86::exception::alignment_check) |
                                        1U << x86::vector(x86::exception::debug) |
                                        1U << x86::vector(x86::exception::machine_check));
    b.write(vmcs::page_fault_error_mask, 0);
    b.write(vmcs::page_fault_error_match, 0);
    b.write(vmcs::cr3_target_count, 0);
    b.write(vmcs::exit_msr_store_count, 0);
    b.write(vmcs::exit_msr_load_count, 0);
    b.write(vmcs::entry_msr_load_count, 0);
    b.write(vmcs::io_bitmap_a, fixed.tables.io_bitmap_a);
    b.write(vmcs::io_bitmap_b, fixed.tables.io_bitmap_b);
    b.write(vmcs::msr_bitmap, fixed.tables.msr_bitmap);
    b.write(vmcs::virtual_apic_address, s.virtual_apic_pa);
    b.write(vmcs::tpr_threshold, 0);
    b.write(vmcs::tsc_offset, 0);
    b.write(vmcs::ept_pointer, fixed.ept_pointer);
    b.write(vmcs::link_pointer, ~std::uint64_t{0});
    b.write(vmcs::cr0_mask, cr0_owned.raw());
    b.write(vmcs::cr4_mask, ~fixed.cr4_offered);
    b.write(vmcs::guest_ia32_debugctl, 0);
    b.write(vmcs::guest_ia32_pat, x86::pat_reset);
    b.write(vmcs::guest_activity, 0);
    b.write(vmcs::guest_pending_debug, 0);
    if (caps.has(field::secondary, x86::secondary::xsaves.raw())) {
        b.write(vmcs::xss_exiting_bitmap, 0);
    }
    if (caps.delivers_interrupts()) {
        b.write(vmcs::guest_interrupt_status, 0);
        b.write(vmcs::eoi_exit_bitmap0, 0); // nobody waits for the end of an interrupt
        b.write(vmcs::eoi_exit_bitmap1, 0);
        b.write(vmcs::eoi_exit_bitmap2, 0);
        b.write(vmcs::eoi_exit_bitmap3, 0);
    }
    if (caps.has(field::pin, x86::pin_based::preemption_timer.raw())) {
        b.write(vmcs::preemption_timer, fixed.preemption_ticks);
    }
}

/// Lets the processor deliver interrupts by itself from the next entry on, or no more.
template <class Cpu>
void switch_apic(vcpu_state<Cpu>& s, shared_tables const& tables, bool to_virtual) noexcept {
    x86::vmcs_ref<Cpu> const b(s.cpu);
    s.apic_is_virtual = to_virtual;
    b.write(x86::vmcs::secondary_controls,
            s.secondary | (to_virtual ? apic_virtualization.raw() : 0));
    b.write(x86::vmcs::msr_bitmap, to_virtual ? tables.msr_bitmap_x2apic : tables.msr_bitmap);
}

namespace detail {

/// The four fields of a segment register.
template <class Selector, class Base, class Limit, class Access>
struct segment_fields {
    Selector selector;
    Base base;
    Limit limit;
    Access access;
};

// clang 14 deduces no aggregates.
template <class Selector, class Base, class Limit, class Access>
segment_fields(Selector, Base, Limit, Access) -> segment_fields<Selector, Base, Limit, Access>;

/// Calls `with(fields, selector, base, limit, attributes)` for each segment of the record.
template <class Record, class With>
void for_each_segment(Record& s, With with) noexcept {
    namespace f = x86::vmcs;
    // clang-format off
    with(segment_fields{f::guest_cs_selector,   f::guest_cs_base,   f::guest_cs_limit,   f::guest_cs_access},   s.cs_sel,   s.cs_base,   s.cs_limit,   s.cs_arbytes);
    with(segment_fields{f::guest_ds_selector,   f::guest_ds_base,   f::guest_ds_limit,   f::guest_ds_access},   s.ds_sel,   s.ds_base,   s.ds_limit,   s.ds_arbytes);
    with(segment_fields{f::guest_es_selector,   f::guest_es_base,   f::guest_es_limit,   f::guest_es_access},   s.es_sel,   s.es_base,   s.es_limit,   s.es_arbytes);
    with(segment_fields{f::guest_ss_selector,   f::guest_ss_base,   f::guest_ss_limit,   f::guest_ss_access},   s.ss_sel,   s.ss_base,   s.ss_limit,   s.ss_arbytes);
    with(segment_fields{f::guest_fs_selector,   f::guest_fs_base,   f::guest_fs_limit,   f::guest_fs_access},   s.fs_sel,   s.fs_base,   s.fs_limit,   s.fs_arbytes);
    with(segment_fields{f::guest_gs_selector,   f::guest_gs_base,   f::guest_gs_limit,   f::guest_gs_access},   s.gs_sel,   s.gs_base,   s.gs_limit,   s.gs_arbytes);
    with(segment_fields{f::guest_tr_selector,   f::guest_tr_base,   f::guest_tr_limit,   f::guest_tr_access},   s.tr_sel,   s.tr_base,   s.tr_limit,   s.tr_arbytes);
    with(segment_fields{f::guest_ldtr_selector, f::guest_ldtr_base, f::guest_ldtr_limit, f::guest_ldtr_access}, s.ldtr_sel, s.ldtr_base, s.ldtr_limit, s.ldtr_arbytes);
    // clang-format on
}

constexpr std::uint16_t segment_present = 0x80;

} // namespace detail

/// Loads a CPU record into the current VMCS. `inval` where `is_loadable` says so, or CR4 is not the
/// domain's to have. A state that VM entry refuses ends the domain at its first entry.
template <class Cpu, class P>
expected<void, errc> load(vcpu<P>& v, abi::hvm_hw_cpu const& s) noexcept {
    namespace vmcs = x86::vmcs;
    if (!is_loadable(s) || (s.cr4 & ~v.dom.cr4_offered) != 0) {
        return unexpected(errc::inval);
    }
    auto& st = state_of<Cpu>(v);
    x86::vmcs_ref<Cpu> const b(st.cpu);
    detail::for_each_segment(s, [&](auto const& f, auto selector, auto base, auto limit, auto ar) {
        auto const attributes = static_cast<std::uint16_t>(ar & 0xfff);
        b.write(f.selector, static_cast<std::uint16_t>(selector));
        b.write(f.base, base);
        b.write(f.limit, limit);
        b.write(f.access, (attributes & detail::segment_present) != 0 ? vmcs::access_of(attributes)
                                                                      : vmcs::access_unusable);
    });
    b.write(vmcs::guest_gdtr_base, s.gdtr_base);
    b.write(vmcs::guest_gdtr_limit, s.gdtr_limit);
    b.write(vmcs::guest_idtr_base, s.idtr_base);
    b.write(vmcs::guest_idtr_limit, s.idtr_limit);
    set_cr0(b, s.cr0);
    set_cr4(b, s.cr4);
    b.write(vmcs::guest_cr3, s.cr3);
    set_efer(b, s.msr_efer, x86::cr0::value(s.cr0).has(x86::cr0::pg));
    b.write(vmcs::guest_dr7, s.dr7 | x86::dr7::reset.raw());
    b.write(vmcs::guest_sysenter_cs, static_cast<std::uint32_t>(s.sysenter_cs));
    b.write(vmcs::guest_sysenter_esp, s.sysenter_esp);
    b.write(vmcs::guest_sysenter_eip, s.sysenter_eip);
    b.write(vmcs::guest_interruptibility, 0);
    b.write(vmcs::guest_activity, 0);
    b.write(vmcs::guest_pending_debug, 0);
    b.write(vmcs::entry_interruption_info, 0);
    st.star = s.msr_star, st.lstar = s.msr_lstar, st.cstar = s.msr_cstar;
    st.fmask = s.msr_syscall_mask, st.kernel_gs_base = s.shadow_gs;
    st.cr2 = s.cr2;
    st.dr = {s.dr0, s.dr1, s.dr2, s.dr3};
    st.dr6 = s.dr6 == 0 ? x86::dr6::reset.raw() : s.dr6;
    st.reinject = {};
    st.flush = true;
    load_general(v, s, st.fpu);
    return {};
}

/// The guest's view of CR0 and CR4.
template <class Cpu>
std::uint64_t guest_view_of_cr0(x86::vmcs_ref<Cpu> b) noexcept {
    x86::cr0::value const real(b.read(x86::vmcs::guest_cr0));
    return real.merge(cr0_owned, x86::cr0::value(b.read(x86::vmcs::cr0_shadow))).raw();
}

template <class Cpu>
std::uint64_t guest_view_of_cr4(x86::vmcs_ref<Cpu> b) noexcept {
    return x86::cr4::value(b.read(x86::vmcs::guest_cr4)).without(x86::cr4::vmxe).raw();
}

/// The CPU record of a vCPU that is not running and whose VMCS is current.
template <class Cpu, class P>
abi::hvm_hw_cpu save(vcpu<P>& v) noexcept {
    namespace vmcs = x86::vmcs;
    abi::hvm_hw_cpu s{};
    auto& st = state_of<Cpu>(v);
    x86::vmcs_ref<Cpu> const b(st.cpu);
    save_general(s, v, st.fpu);
    detail::for_each_segment(
        s, [&](auto const& f, auto& selector, auto& base, auto& limit, auto& ar) {
            selector = b.read(f.selector);
            base = b.read(f.base);
            limit = b.read(f.limit);
            auto const access = b.read(f.access);
            ar = (access & vmcs::access_unusable) != 0 ? 0 : vmcs::attributes_of(access);
        });
    s.gdtr_base = b.read(vmcs::guest_gdtr_base), s.gdtr_limit = b.read(vmcs::guest_gdtr_limit);
    s.idtr_base = b.read(vmcs::guest_idtr_base), s.idtr_limit = b.read(vmcs::guest_idtr_limit);
    s.cr0 = guest_view_of_cr0(b), s.cr3 = b.read(vmcs::guest_cr3), s.cr4 = guest_view_of_cr4(b);
    s.cr2 = st.cr2;
    s.dr0 = st.dr[0], s.dr1 = st.dr[1], s.dr2 = st.dr[2], s.dr3 = st.dr[3];
    s.dr6 = st.dr6, s.dr7 = b.read(vmcs::guest_dr7);
    s.msr_efer = b.read(vmcs::guest_ia32_efer);
    s.msr_star = st.star, s.msr_lstar = st.lstar, s.msr_cstar = st.cstar;
    s.msr_syscall_mask = st.fmask, s.shadow_gs = st.kernel_gs_base;
    s.sysenter_cs = b.read(vmcs::guest_sysenter_cs);
    s.sysenter_esp = b.read(vmcs::guest_sysenter_esp);
    s.sysenter_eip = b.read(vmcs::guest_sysenter_eip);
    return s;
}

} // namespace xenpp::hv::vmx
