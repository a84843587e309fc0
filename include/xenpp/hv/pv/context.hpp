// SPDX-License-Identifier: Apache-2.0
// A PV vCPU's whole state as public arch-x86/xen.h has it: set to start it, read to look at it.
#pragma once

#include <xenpp/abi/arch_x86.hpp>
#include <xenpp/hv/domctl_call.hpp>
#include <xenpp/hv/pv/cpu_op.hpp>
#include <xenpp/hv/pv/descriptor_page.hpp>
#include <xenpp/hv/pv/root.hpp>
#include <xenpp/hv/pv/trap_bounce.hpp>
#include <xenpp/hv/vm_assist.hpp>

#include <cstdint>
#include <cstring>

namespace xenpp::hv::pv {

namespace detail {

/// Whether every address in it is one that ring 3 can be given.
inline bool has_good_addresses(abi::vcpu_guest_context const& c) noexcept {
    for (auto const a : {c.user_regs.rip, c.event_callback_eip, c.failsafe_callback_eip,
                         c.syscall_callback_eip, c.fs_base, c.gs_base_kernel, c.gs_base_user}) {
        if (!is_canonical(a)) {
            return false;
        }
    }
    for (auto const& t : c.trap_ctxt) {
        if (!is_canonical(t.address)) {
            return false;
        }
    }
    return true;
}

inline void load_registers(guest_context& to, abi::cpu_user_regs const& r) noexcept {
    to.rax = r.rax, to.rbx = r.rbx, to.rcx = r.rcx, to.rdx = r.rdx;
    to.rsi = r.rsi, to.rdi = r.rdi, to.rbp = r.rbp, to.rsp = r.rsp;
    to.r8 = r.r8, to.r9 = r.r9, to.r10 = r.r10, to.r11 = r.r11;
    to.r12 = r.r12, to.r13 = r.r13, to.r14 = r.r14, to.r15 = r.r15;
    to.rip = r.rip;
    to.rflags = ring3_rflags(r.rflags);
    to.cs = ring3_selector(r.cs);
    to.ss = ring3_selector(r.ss);
    to.entry = 0;
}

inline void save_registers(abi::cpu_user_regs& to, guest_context const& c) noexcept {
    to.rax = c.rax, to.rbx = c.rbx, to.rcx = c.rcx, to.rdx = c.rdx;
    to.rsi = c.rsi, to.rdi = c.rdi, to.rbp = c.rbp, to.rsp = c.rsp;
    to.r8 = c.r8, to.r9 = c.r9, to.r10 = c.r10, to.r11 = c.r11;
    to.r12 = c.r12, to.r13 = c.r13, to.r14 = c.r14, to.r15 = c.r15;
    to.rip = c.rip;
    to.rflags = c.rflags;
    to.cs = static_cast<std::uint16_t>(c.cs);
    to.ss = static_cast<std::uint16_t>(c.ss);
}

inline void load_fpu_image(vcpu_state& s, abi::vcpu_guest_context const& c) noexcept {
    constexpr std::size_t mxcsr_at = 24, header_at = 512;
    constexpr std::uint32_t mxcsr_known = 0xffff; // XRSTOR faults on others
    if ((c.flags & abi::vgcf_i387_valid) == 0) {
        reset_fpu(s);
        return;
    }
    std::memcpy(s.fpu, c.fpu_ctxt.x, sizeof c.fpu_ctxt.x);
    std::uint32_t mxcsr = 0;
    std::memcpy(&mxcsr, s.fpu + mxcsr_at, sizeof mxcsr);
    mxcsr &= mxcsr_known;
    std::memcpy(s.fpu + mxcsr_at, &mxcsr, sizeof mxcsr);
    std::uint64_t const components = 3; // x87 and SSE are the image's, whatever was there before
    std::memcpy(s.fpu + header_at, &components, sizeof components);
}

/// The memory that the state refers to: roots and GDT. `restart`: call again, with the same. A turn
/// ends with whatever leaves something unfinished, for there is a place for one table of a level.
template <class P>
expected<void, errc> load_memory(vcpu<P>& v, abi::vcpu_guest_context const& c) noexcept {
    std::array<mfn, guest_gdt_frames> gdt{};
    for (unsigned n = 0; n != gdt.size(); ++n) {
        gdt[n] = mfn(c.gdt_frames[n]);
    }
    table_work<P> w(v.dom);
    XENPP_TRY(finish_unfinished(w));
    XENPP_TRY(set_kernel_root(w, v, to_mfn(maddr(c.ctrlreg[3]))));
    if (!w.d.pv_memory.has_unfinished()) {
        XENPP_TRY(set_user_root(w, v, to_mfn(maddr(c.ctrlreg[1]))));
    }
    if (w.d.pv_memory.has_unfinished()) {
        return unexpected(errc::restart);
    }
    XENPP_TRY(set_gdt(w, v, gdt, static_cast<std::uint32_t>(c.gdt_ents)));
    return set_ldt(w, v, c.ldt_ents != 0 ? c.ldt_base : 0, static_cast<std::uint32_t>(c.ldt_ents));
}

inline bool load_debug_registers(vcpu_state& s, abi::vcpu_guest_context const& c) noexcept {
    for (unsigned const n : {0U, 1U, 2U, 3U, 6U, 7U}) {
        if (!store_debug_register(s, n, c.debugreg[n])) {
            return false;
        }
    }
    return true;
}

} // namespace detail

/// Makes `c` the state of `v`, which does not run. Errors: `inval` for addresses, tables or counts
/// that cannot be; `perm` for breakpoints outside of the guest; `restart`: call again with the
/// same.
template <class P>
expected<void, errc> load_context(vcpu<P>& v, abi::vcpu_guest_context const& c) noexcept {
    bool const in_kernel = (c.flags & abi::vgcf_in_kernel) != 0;
    if (!detail::has_good_addresses(c) || c.gdt_ents > most_gdt_entries ||
        c.ldt_ents > most_ldt_entries || to_mfn(maddr(c.ctrlreg[3])) == mfn() ||
        (!in_kernel && to_mfn(maddr(c.ctrlreg[1])) == mfn())) {
        return unexpected(errc::inval);
    }
    auto& s = state_of(v);
    // If the rest fails there must be a root for the mode that it is in.
    s.in_kernel = s.in_kernel || in_kernel;
    v.context.cpl = s.in_kernel ? 0 : 3;
    XENPP_TRY(detail::load_memory(v, c));
    if (!detail::load_debug_registers(s, c)) {
        return unexpected(errc::perm);
    }
    detail::load_registers(v.context, c.user_regs);
    v.context.cpl = in_kernel ? 0 : 3;
    s.in_kernel = in_kernel;
    s.iopl = static_cast<std::uint8_t>(c.user_regs.rflags >> 12 & 3);
    s.task_switched = (c.ctrlreg[0] & x86::cr0::ts.raw()) != 0;
    s.kernel_ss = ring3_selector(c.kernel_ss);
    s.kernel_sp = c.kernel_sp;
    s.ds = ring3_data_selector(c.user_regs.ds);
    s.es = ring3_data_selector(c.user_regs.es);
    s.fs = ring3_data_selector(c.user_regs.fs);
    s.gs = ring3_data_selector(c.user_regs.gs);
    s.fs_base = c.fs_base;
    s.gs_base_kernel = c.gs_base_kernel;
    s.gs_base_user = c.gs_base_user;
    s.event = {c.event_callback_eip, true};
    s.failsafe = {c.failsafe_callback_eip, (c.flags & abi::vgcf_failsafe_disables_events) != 0};
    s.syscall = {c.syscall_callback_eip, (c.flags & abi::vgcf_syscall_disables_events) != 0};
    for (unsigned n = 0; n != trap_vectors; ++n) {
        s.traps[n] = c.trap_ctxt[n]; // an entry of the context stands for the vector that it is
        s.traps[n].vector = static_cast<std::uint8_t>(n);
    }
    detail::load_fpu_image(s, c);
    if (!v.initialised) {
        if (v.id.raw() == 0) {
            v.dom.vm_assist = c.vm_assist & hv::detail::assists_of(domain_kind::pv);
        }
        if (v.info != nullptr) {
            atomic_store(v.info->evtchn_upcall_mask, std::uint8_t{1});
        }
    }
    v.initialised = true;
    return {};
}

/// The state of `v`, which does not run. Of the trap table and the GDT, what was set.
template <class P>
void save_context(vcpu<P>& v, abi::vcpu_guest_context& c) noexcept {
    auto const& s = state_of(v);
    std::memset(static_cast<void*>(&c), 0, sizeof c);
    std::memcpy(c.fpu_ctxt.x, s.fpu, sizeof c.fpu_ctxt.x);
    detail::save_registers(c.user_regs, v.context);
    c.user_regs.rflags |= std::uint64_t{s.iopl} << 12;
    c.user_regs.ds = s.ds;
    c.user_regs.es = s.es;
    c.user_regs.fs = s.fs;
    c.user_regs.gs = s.gs;
    c.flags = abi::vgcf_i387_valid | (s.in_kernel ? abi::vgcf_in_kernel : 0) |
              (s.failsafe.masks_events ? abi::vgcf_failsafe_disables_events : 0) |
              (s.syscall.masks_events ? abi::vgcf_syscall_disables_events : 0) |
              ((atomic_load(v.pause) & pause_down) == 0 ? abi::vgcf_online : 0);
    std::memcpy(c.trap_ctxt, s.traps, sizeof c.trap_ctxt);
    c.ldt_base = s.ldt_base;
    c.ldt_ents = s.ldt_entries;
    c.gdt_ents = s.gdt_entries;
    for (unsigned n = 0; n != guest_gdt_frames; ++n) {
        c.gdt_frames[n] = s.gdt_frames[n].raw();
    }
    c.kernel_ss = s.kernel_ss;
    c.kernel_sp = s.kernel_sp;
    c.ctrlreg[0] = guest_cr0.raw() | (s.task_switched ? x86::cr0::ts.raw() : 0);
    c.ctrlreg[1] = to_maddr(s.user_root).raw();
    c.ctrlreg[2] = v.info != nullptr ? v.info->arch.cr2 : 0;
    c.ctrlreg[3] = v.context.cr3;
    c.ctrlreg[4] = v.context.cr4;
    for (unsigned n = 0; n != 4; ++n) {
        c.debugreg[n] = s.dr[n];
    }
    c.debugreg[6] = s.dr6;
    c.debugreg[7] = s.dr7;
    c.event_callback_eip = s.event.address;
    c.failsafe_callback_eip = s.failsafe.address;
    c.syscall_callback_eip = s.syscall.address;
    c.vm_assist = v.dom.vm_assist;
    c.fs_base = s.fs_base;
    c.gs_base_kernel = s.gs_base_kernel;
    c.gs_base_user = s.gs_base_user;
}

/// Reads a context of the caller's at `at` and makes it the state of `v`. Errors as `load_context`,
/// `fault`, `nomem`.
template <class P>
expected<void, errc> load_context_from(vcpu<P>& by, vcpu<P>& v, std::uint64_t at) noexcept {
    auto& frames = by.dom.hv.frames;
    auto* const c = XENPP_TRY(frames.template create<abi::vcpu_guest_context>());
    auto const read = copy_from_guest(by, c, at, sizeof *c);
    auto const done = read ? load_context(v, *c) : read;
    frames.discard(c);
    return done;
}

/// VCPUOP_initialise: `exist` for a vCPU that has been; it stays down.
template <class P>
hypercall_result do_initialise(vcpu<P>& by, vcpu<P>& v, std::uint64_t at) noexcept {
    lock_guard const hold(v.dom.lock);
    if (v.initialised) {
        return unexpected(errc::exist);
    }
    XENPP_TRY(load_context_from(by, v, at));
    return std::uint64_t{0};
}

} // namespace xenpp::hv::pv

namespace xenpp::hv {

/// Sets the state of a vCPU of a PV domain, and starts it if the flags say so (vgcf_online). The
/// domain must be paused. Errors: `busy`, `inval`, `fault`, as pv::load_context.
template <class P>
domctl_result domctl_setvcpucontext(domctl_call<P> const& c) noexcept {
    auto const& q = c.op.u.vcpucontext;
    if (c.dom.kind != domain_kind::pv || q.ctxt.p == 0) {
        return unexpected(errc::inval);
    }
    auto* const v = XENPP_TRY(c.find_vcpu(q.vcpu));
    lock_guard const hold(c.dom.lock);
    XENPP_TRY(c.need_stopped());
    XENPP_TRY(pv::load_context_from(c.caller, *v, q.ctxt.p));
    auto const flags = XENPP_TRY(
        read_guest<std::uint64_t>(c.caller, q.ctxt.p + offsetof(abi::vcpu_guest_context, flags)));
    if ((flags & abi::vgcf_online) != 0) {
        atomic_fetch_and(v->pause, ~std::uint32_t{pause_down});
        vcpu_wake(*v);
    }
    return domctl_answer::none;
}

/// The state of a vCPU that has one (`nodata`). The domain must be paused.
template <class P>
domctl_result domctl_getvcpucontext(domctl_call<P> const& c) noexcept {
    auto const& q = c.op.u.vcpucontext;
    if (c.dom.kind != domain_kind::pv) {
        return unexpected(errc::inval);
    }
    auto* const v = XENPP_TRY(c.find_vcpu(q.vcpu));
    lock_guard const hold(c.dom.lock);
    XENPP_TRY(c.need_stopped());
    if (!v->initialised) {
        return unexpected(errc::nodata);
    }
    auto* const out = XENPP_TRY(c.hv().frames.template create<abi::vcpu_guest_context>());
    pv::save_context(*v, *out);
    auto const written = copy_to_guest(c.caller, q.ctxt.p, out, sizeof *out);
    c.hv().frames.discard(out);
    XENPP_TRY(written);
    return domctl_answer::copy_back;
}

} // namespace xenpp::hv
