// SPDX-License-Identifier: Apache-2.0
// Xen's CPU record (struct hvm_hw_cpu): what of it does not depend on the vendor.
#pragma once

#include <xenpp/abi/hvm/save.hpp>
#include <xenpp/hv/vcpu.hpp>
#include <xenpp/x86/canonical.hpp>
#include <xenpp/x86/control_register.hpp>
#include <xenpp/x86/msr.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace xenpp::hv {

namespace detail {

inline constexpr std::size_t fxsave_mxcsr = 24;

/// MXCSR of a record's FPU image.
inline std::uint32_t saved_mxcsr(abi::hvm_hw_cpu const& s) noexcept {
    std::uint32_t mxcsr = 0;
    std::memcpy(&mxcsr, s.fpu_regs + fxsave_mxcsr, sizeof mxcsr);
    return mxcsr;
}

} // namespace detail

/// Whether VMRUN (APM2 15.5.1) and VM entry take the record, the guest may have it, and XRSTOR does
/// not fault on its FPU image.
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
           is_canonical(s.msr_lstar) && is_canonical(s.msr_cstar) && is_canonical(s.shadow_gs) &&
           (s.msr_syscall_mask >> 32) == 0 && (s.cr3 >> 52) == 0 && (s.dr6 >> 32) == 0 &&
           (s.dr7 >> 32) == 0 &&
           ((s.flags & abi::x86_fpu_initialised) == 0 ||
            (detail::saved_mxcsr(s) & ~mxcsr_all) == 0);
}

/// The registers that travel in the vCPU's context, and the FPU's image, which is the legacy half
/// of an XSAVE area.
template <class P>
void load_general(vcpu<P>& v, abi::hvm_hw_cpu const& s, std::byte* fpu) noexcept {
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
    std::memcpy(fpu, s.fpu_regs, sizeof s.fpu_regs);
    bool const has_fpu = (s.flags & abi::x86_fpu_initialised) != 0;
    std::uint64_t const components = has_fpu ? 3 : 0;
    std::memcpy(fpu + 512, &components, sizeof components);
    if (!has_fpu) {
        std::uint32_t const mxcsr = 0x1f80;
        std::memcpy(fpu + detail::fxsave_mxcsr, &mxcsr, sizeof mxcsr);
    }
}

template <class P>
void save_general(abi::hvm_hw_cpu& s, vcpu<P>& v, std::byte const* fpu) noexcept {
    auto const& c = v.context;
    s.rax = c.rax, s.rbx = c.rbx, s.rcx = c.rcx, s.rdx = c.rdx;
    s.rsi = c.rsi, s.rdi = c.rdi, s.rbp = c.rbp, s.rsp = c.rsp;
    s.r8 = c.r8, s.r9 = c.r9, s.r10 = c.r10, s.r11 = c.r11;
    s.r12 = c.r12, s.r13 = c.r13, s.r14 = c.r14, s.r15 = c.r15;
    s.rip = c.rip, s.rflags = c.rflags;
    s.msr_tsc_aux = v.tsc_aux;
    s.tsc = v.dom.hv.platform.tsc();
    std::memcpy(s.fpu_regs, fpu, sizeof s.fpu_regs);
    std::uint64_t components = 0;
    std::memcpy(&components, fpu + 512, sizeof components);
    s.flags = components != 0 ? abi::x86_fpu_initialised : 0;
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

} // namespace xenpp::hv
