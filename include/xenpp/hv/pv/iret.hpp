// SPDX-License-Identifier: Apache-2.0
// Hypercall 23, iret: how a PV kernel returns from an exception, an event or a system call.
#pragma once

#include <xenpp/hv/exit_apply.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/pv/trap_bounce.hpp>

#include <cstdint>

namespace xenpp::hv::pv {

/// The frame is an abi::iret_context at the caller's rsp. Ring 3 in its cs means a process. What
/// faults in the frame's contents (selectors, rip) makes the entry fail, and failsafe tells. The
/// domain crashes where the frame cannot be read, or a process has no page tables.
template <class P>
hypercall_result do_iret(vcpu<P>& v, hypercall_args& /*args*/) noexcept {
    auto& c = v.context;
    abi::iret_context f;
    if (!read_guest_into(v, f, c.rsp)) {
        domain_crash(v, "iret without a frame");
        return std::uint64_t{0};
    }
    if ((f.cs & 3) == 3) {
        if (state_of(v).user_root.raw() == 0) {
            domain_crash(v, "iret to a process without page tables");
            return std::uint64_t{0};
        }
        set_mode(v, false);
    }
    if (state_of(v).in_nmi) [[unlikely]] {
        state_of(v).in_nmi = false;
        // One that came meanwhile is looked for on the way through the run loop.
        atomic_store(v.dom.hv.scheduler.on(v.processor).resched, true);
    }
    c.rip = f.rip;
    c.cs = ring3_selector(f.cs);
    c.rflags = ring3_rflags(f.rflags);
    c.rsp = f.rsp;
    c.ss = ring3_selector(f.ss);
    c.rcx = f.rcx;
    c.r11 = f.r11;
    // SYSRET knows only the flat segments, and leaves rip in rcx and the flags in r11.
    c.is_call = (f.flags & abi::vgcf_in_syscall) != 0 && c.cs == abi::flat_user_cs64 &&
                c.ss == abi::flat_user_ss64;
    if (v.info != nullptr) {
        atomic_store(v.info->evtchn_upcall_mask,
                     std::uint8_t{(f.rflags & x86::rflags::interrupt.raw()) == 0});
    }
    return f.rax;
}

} // namespace xenpp::hv::pv
