// SPDX-License-Identifier: Apache-2.0
// A vCPU's VMCB: how it starts, and how Xen's CPU record goes in and out of it.
#pragma once

#include <xenpp/abi/hvm/save.hpp>
#include <xenpp/hv/cpu_record.hpp>
#include <xenpp/hv/interrupt.hpp>
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
    due_interrupt offered;      ///< as the virtual interrupt of the stay that goes on
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
    load_general(v, s, st.fpu);
    return {};
}

/// The CPU record of a vCPU that is not running.
template <class P>
abi::hvm_hw_cpu save(vcpu<P>& v) noexcept {
    abi::hvm_hw_cpu s{};
    x86::vmcb const& b = *state_of(v).block;
    auto const& st = state_of(v);
    save_general(s, v, st.fpu);
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
    return s;
}

} // namespace xenpp::hv::svm
