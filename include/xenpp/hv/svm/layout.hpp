// SPDX-License-Identifier: Apache-2.0
// A vCPU's VMCB: how it starts, and how Xen's CPU record goes in and out of it.
#pragma once

#include <xenpp/abi/hvm/save.hpp>
#include <xenpp/hv/vcpu.hpp>
#include <xenpp/x86/vmcb.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace xenpp::hv::svm {

/// What SVM keeps for a vCPU beside the VMCB. Lives in a frame of its own.
struct vcpu_state {
    x86::vmcb* block = nullptr;
    std::uint64_t block_pa = 0;
    std::byte* fpu = nullptr; ///< XSAVE area, standard form
    unsigned fpu_order = 0;
    std::array<std::uint64_t, 4> dr{};
    bool dr_live = false; ///< DR0-3 are in the registers and the guest may touch them
    bool flush = true;    ///< the next entry starts with a fresh ASID
    std::uint32_t asid_cpu = ~std::uint32_t{0};
    std::uint64_t asid_generation = 0;
    /// An NMI is not delivered while another is being handled, which ends with an IRET.
    enum class nmi_state : std::uint8_t {
        none,
        handled,   ///< until the intercepted IRET
        returning, ///< the IRET at `nmi_iret_rip` may not have been executed yet
    };

    nmi_state nmi = nmi_state::none;
    std::uint64_t nmi_iret_rip = 0;
    std::uint64_t reinject = 0; ///< EXITINTINFO of an event whose delivery was interrupted
};

template <class P>
vcpu_state& state_of(vcpu<P>& v) noexcept {
    return *static_cast<vcpu_state*>(v.arch);
}

template <class P>
x86::vmcb_ref block_of(vcpu<P>& v) noexcept {
    return x86::vmcb_ref(*state_of(v).block);
}

/// Physical addresses that every VMCB points to.
struct shared_tables {
    std::uint64_t io_permissions = 0;
    std::uint64_t msr_permissions = 0;
};

/// The intercepts: what would let a guest see or change the machine, and what we must hear of.
/// Control registers are not among them: with nested paging they are the guest's own.
inline void init_block(x86::vmcb& raw, shared_tables const& t, std::uint64_t nested_cr3) noexcept {
    using x86::intercept;
    using x86::vmcb;
    std::memset(static_cast<void*>(&raw), 0, sizeof raw);
    x86::vmcb_ref const b(raw);
    for (intercept const i :
         {intercept::intr,        intercept::nmi,      intercept::smi,     intercept::init,
          intercept::rdpmc,       intercept::cpuid,    intercept::invd,    intercept::hlt,
          intercept::invlpga,     intercept::ioio,     intercept::msr,     intercept::task_switch,
          intercept::ferr_freeze, intercept::shutdown, intercept::vmrun,   intercept::vmmcall,
          intercept::vmload,      intercept::vmsave,   intercept::stgi,    intercept::clgi,
          intercept::skinit,      intercept::wbinvd,   intercept::monitor, intercept::mwait,
          intercept::xsetbv,      intercept::rdpru}) {
        b.set_intercept(i, true);
    }
    // A guest can make the processor raise #AC or #DB without end while it delivers one.
    b.set_exception_intercept(x86::exception::alignment_check, true);
    b.set_exception_intercept(x86::exception::debug, true);
    b.set_exception_intercept(x86::exception::machine_check, true);
    for (unsigned n = 0; n < 16; ++n) {
        b.set_dr_read_intercept(n, true);
        b.set_dr_write_intercept(n, true);
    }
    b.set<&vmcb::iopm_base_pa>(t.io_permissions);
    b.set<&vmcb::msrpm_base_pa>(t.msr_permissions);
    b.set<&vmcb::v_intr>(x86::v_intr::intr_masking);
    b.set<&vmcb::nested_ctl>(x86::nested_ctl::np_enable);
    b.set<&vmcb::n_cr3>(nested_cr3);
    b.set<&vmcb::g_pat>(x86::pat_reset);
    b.set<&vmcb::efer>(x86::efer::svme);
    b.set<&vmcb::rflags>(x86::rflags::reserved_one);
    b.set<&vmcb::dr6>(x86::dr6::reset);
    b.set<&vmcb::dr7>(x86::dr7::reset);
}

namespace detail {

constexpr x86::vmcb_segment segment(std::uint32_t selector,
                                    std::uint32_t attributes,
                                    std::uint32_t limit,
                                    std::uint64_t base) noexcept {
    return {static_cast<std::uint16_t>(selector), static_cast<std::uint16_t>(attributes & 0xfff),
            limit, base};
}

} // namespace detail

namespace detail {

inline constexpr std::size_t fxsave_mxcsr = 24;

/// MXCSR of a record's FPU image.
inline std::uint32_t saved_mxcsr(abi::hvm_hw_cpu const& s) noexcept {
    std::uint32_t mxcsr = 0;
    std::memcpy(&mxcsr, s.fpu_regs + fxsave_mxcsr, sizeof mxcsr);
    return mxcsr;
}

} // namespace detail

/// Whether VMRUN takes the record (APM2 15.5.1), the guest may have it, and XRSTOR does not fault
/// on its FPU image.
inline bool is_loadable(abi::hvm_hw_cpu const& s) noexcept {
    using namespace x86;
    constexpr std::uint32_t mxcsr_all = 0xffff;
    auto const offered = efer::sce | efer::lme | efer::lma | efer::nxe | efer::ffxsr;
    cr0::value const r0(s.cr0);
    cr4::value const r4(s.cr4);
    efer::value const e(s.msr_efer);
    bool const paged = r0.has(cr0::pg);
    bool const is_long = paged && e.has(efer::lme);
    bool const code_is_ambiguous = (s.cs_arbytes >> 9 & 3) == 3; // CS.L and CS.D
    return (s.cr0 >> 32) == 0 && !(r0.has(cr0::nw) && !r0.has(cr0::cd)) &&
           !(paged && !r0.has(cr0::pe)) && !r4.has_any(~cr4::all) && !r4.has(cr4::vmxe) &&
           !e.has_any(~offered) && !(is_long && (!r4.has(cr4::pae) || code_is_ambiguous)) &&
           (s.cr3 >> 52) == 0 && (s.dr6 >> 32) == 0 && (s.dr7 >> 32) == 0 &&
           ((s.flags & abi::x86_fpu_initialised) == 0 ||
            (detail::saved_mxcsr(s) & ~mxcsr_all) == 0);
}

/// Loads a CPU record. `inval` where `is_loadable` says so, or CR4 is not the domain's to have.
template <class P>
expected<void, errc> load(vcpu<P>& v, abi::hvm_hw_cpu const& s) noexcept {
    using detail::segment;
    using x86::vmcb;
    if (!is_loadable(s) || (s.cr4 & ~v.dom.cr4_offered) != 0) {
        return unexpected(errc::inval);
    }
    x86::vmcb_ref const b = block_of(v);
    b.set<&vmcb::cs>(segment(s.cs_sel, s.cs_arbytes, s.cs_limit, s.cs_base));
    b.set<&vmcb::ds>(segment(s.ds_sel, s.ds_arbytes, s.ds_limit, s.ds_base));
    b.set<&vmcb::es>(segment(s.es_sel, s.es_arbytes, s.es_limit, s.es_base));
    b.set<&vmcb::ss>(segment(s.ss_sel, s.ss_arbytes, s.ss_limit, s.ss_base));
    b.set<&vmcb::fs>(segment(s.fs_sel, s.fs_arbytes, s.fs_limit, s.fs_base));
    b.set<&vmcb::gs>(segment(s.gs_sel, s.gs_arbytes, s.gs_limit, s.gs_base));
    b.set<&vmcb::tr>(segment(s.tr_sel, s.tr_arbytes, s.tr_limit, s.tr_base));
    b.set<&vmcb::ldtr>(segment(s.ldtr_sel, s.ldtr_arbytes, s.ldtr_limit, s.ldtr_base));
    b.set<&vmcb::gdtr>(segment(0, 0, s.gdtr_limit, s.gdtr_base));
    b.set<&vmcb::idtr>(segment(0, 0, s.idtr_limit, s.idtr_base));
    b.set<&vmcb::cpl>(static_cast<std::uint8_t>(s.ss_arbytes >> 5 & 3));
    b.set<&vmcb::cr0>(x86::cr0::value(s.cr0) | x86::cr0::et);
    b.set<&vmcb::cr2>(s.cr2);
    b.set<&vmcb::cr3>(s.cr3);
    b.set<&vmcb::cr4>(x86::cr4::value(s.cr4));
    b.set<&vmcb::efer>(x86::efer::value(s.msr_efer) | x86::efer::svme);
    b.set<&vmcb::dr6>(x86::dr6::value(s.dr6 == 0 ? x86::dr6::reset.raw() : s.dr6));
    b.set<&vmcb::dr7>(x86::dr7::value(s.dr7 | x86::dr7::reset.raw()));
    b.set<&vmcb::star>(s.msr_star);
    b.set<&vmcb::lstar>(s.msr_lstar);
    b.set<&vmcb::cstar>(s.msr_cstar);
    b.set<&vmcb::sfmask>(s.msr_syscall_mask);
    b.set<&vmcb::kernel_gs_base>(s.shadow_gs);
    b.set<&vmcb::sysenter_cs>(s.sysenter_cs);
    b.set<&vmcb::sysenter_esp>(s.sysenter_esp);
    b.set<&vmcb::sysenter_eip>(s.sysenter_eip);
    b.set<&vmcb::interrupt_shadow>({});
    b.set<&vmcb::event_inj>(0);
    auto& st = state_of(v);
    st.dr = {s.dr0, s.dr1, s.dr2, s.dr3};
    st.reinject = 0;
    st.nmi = vcpu_state::nmi_state::none;
    b.set_intercept(x86::intercept::iret, false);
    st.flush = true;
    v.tsc_aux = s.msr_tsc_aux & 0xffffffff;
    auto& c = v.context;
    c = guest_context{};
    c.rax = s.rax, c.rbx = s.rbx, c.rcx = s.rcx, c.rdx = s.rdx;
    c.rsi = s.rsi, c.rdi = s.rdi, c.rbp = s.rbp, c.rsp = s.rsp;
    c.r8 = s.r8, c.r9 = s.r9, c.r10 = s.r10, c.r11 = s.r11;
    c.r12 = s.r12, c.r13 = s.r13, c.r14 = s.r14, c.r15 = s.r15;
    c.rip = s.rip;
    c.rflags = s.rflags | x86::rflags::reserved_one.raw();
    // The legacy half of the XSAVE area is the record's FPU image.
    std::memcpy(st.fpu, s.fpu_regs, sizeof s.fpu_regs);
    bool const has_fpu = (s.flags & abi::x86_fpu_initialised) != 0;
    std::uint64_t const components = has_fpu ? 3 : 0;
    std::memcpy(st.fpu + 512, &components, sizeof components);
    if (!has_fpu) {
        std::uint32_t const mxcsr = 0x1f80;
        std::memcpy(st.fpu + detail::fxsave_mxcsr, &mxcsr, sizeof mxcsr);
    }
    return {};
}

/// The CPU record of a vCPU that is not running.
template <class P>
abi::hvm_hw_cpu save(vcpu<P>& v) noexcept {
    abi::hvm_hw_cpu s{};
    x86::vmcb const& b = *state_of(v).block;
    auto const& st = state_of(v);
    auto const& c = v.context;
    s.rax = c.rax, s.rbx = c.rbx, s.rcx = c.rcx, s.rdx = c.rdx;
    s.rsi = c.rsi, s.rdi = c.rdi, s.rbp = c.rbp, s.rsp = c.rsp;
    s.r8 = c.r8, s.r9 = c.r9, s.r10 = c.r10, s.r11 = c.r11;
    s.r12 = c.r12, s.r13 = c.r13, s.r14 = c.r14, s.r15 = c.r15;
    s.rip = c.rip, s.rflags = c.rflags;
    s.cr0 = b.cr0.raw(), s.cr2 = b.cr2, s.cr3 = b.cr3, s.cr4 = b.cr4.raw();
    s.dr0 = st.dr[0], s.dr1 = st.dr[1], s.dr2 = st.dr[2], s.dr3 = st.dr[3];
    s.dr6 = b.dr6.raw(), s.dr7 = b.dr7.raw();
    auto const put = [](x86::vmcb_segment const& from, std::uint32_t& sel, std::uint32_t& attr,
                        std::uint32_t& limit, std::uint64_t& base) {
        sel = from.selector, attr = from.attrib, limit = from.limit, base = from.base;
    };
    put(b.cs, s.cs_sel, s.cs_arbytes, s.cs_limit, s.cs_base);
    put(b.ds, s.ds_sel, s.ds_arbytes, s.ds_limit, s.ds_base);
    put(b.es, s.es_sel, s.es_arbytes, s.es_limit, s.es_base);
    put(b.ss, s.ss_sel, s.ss_arbytes, s.ss_limit, s.ss_base);
    put(b.fs, s.fs_sel, s.fs_arbytes, s.fs_limit, s.fs_base);
    put(b.gs, s.gs_sel, s.gs_arbytes, s.gs_limit, s.gs_base);
    put(b.tr, s.tr_sel, s.tr_arbytes, s.tr_limit, s.tr_base);
    put(b.ldtr, s.ldtr_sel, s.ldtr_arbytes, s.ldtr_limit, s.ldtr_base);
    s.gdtr_limit = b.gdtr.limit, s.gdtr_base = b.gdtr.base;
    s.idtr_limit = b.idtr.limit, s.idtr_base = b.idtr.base;
    s.msr_efer = b.efer.without(x86::efer::svme).raw();
    s.msr_star = b.star, s.msr_lstar = b.lstar, s.msr_cstar = b.cstar;
    s.msr_syscall_mask = b.sfmask, s.shadow_gs = b.kernel_gs_base;
    s.sysenter_cs = b.sysenter_cs, s.sysenter_esp = b.sysenter_esp;
    s.sysenter_eip = b.sysenter_eip;
    s.msr_tsc_aux = v.tsc_aux;
    s.tsc = v.dom.hv.platform.tsc();
    std::memcpy(s.fpu_regs, st.fpu, sizeof s.fpu_regs);
    std::uint64_t components = 0;
    std::memcpy(&components, st.fpu + 512, sizeof components);
    s.flags = components != 0 ? abi::x86_fpu_initialised : 0;
    return s;
}

/// The state that a SIPI starts in: real mode at the page `vector` (APM2 14.1.3), or INIT's.
constexpr abi::hvm_hw_cpu startup_state(std::uint8_t vector) noexcept {
    abi::hvm_hw_cpu s{};
    s.rflags = 2;
    s.cr0 = 0x10;
    s.dr6 = 0xffff0ff0;
    s.dr7 = 0x400;
    s.cs_sel = std::uint32_t{vector} << 8;
    s.cs_base = std::uint64_t{vector} << 12;
    s.cs_arbytes = 0x9b;
    s.ds_arbytes = s.es_arbytes = s.ss_arbytes = s.fs_arbytes = s.gs_arbytes = 0x93;
    s.cs_limit = s.ds_limit = s.es_limit = s.ss_limit = s.fs_limit = s.gs_limit = 0xffff;
    s.gdtr_limit = s.idtr_limit = s.ldtr_limit = s.tr_limit = 0xffff;
    s.ldtr_arbytes = 0x82;
    s.tr_arbytes = 0x8b;
    return s;
}

} // namespace xenpp::hv::svm
