// SPDX-License-Identifier: Apache-2.0
// Hypercall 23, iret: how a PV kernel returns from an exception, an event or a system call.
#pragma once

#include <xenpp/hv/exit_apply.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/pv/trap_bounce.hpp>

#include <cstdint>

namespace xenpp::hv::pv {

namespace detail {

/// SYSRET knows only the flat segments, and leaves rip in rcx and the flags in r11.
[[gnu::noinline]] inline void allow_sysret(guest_context& c) noexcept {
    if (c.cs == abi::flat_user_cs64 && c.ss == abi::flat_user_ss64) {
        c.entry |= guest_context::entry_sysret;
    }
}

} // namespace detail

/// The frame is an abi::iret_context at the caller's rsp. Ring 3 in its cs means a process. What
/// faults in the frame's contents (selectors, rip) makes the entry fail, and failsafe tells. The
/// domain crashes where the frame cannot be read, or a process has no page tables.
template <class P>
hypercall_result do_iret(vcpu<P>& v, hypercall_args& /*args*/) noexcept {
    auto& c = v.context;
    std::uint64_t flags, cs, rflags, ss;
    static_assert(sizeof(abi::iret_context) == 9 * sizeof flags);
    if (!read_guest_words(v, c.rsp, c.rax, c.r11, c.rcx, flags, c.rip, cs, rflags, c.rsp, ss))
        [[unlikely]] {
        domain_crash(v, "iret without a frame");
        return std::uint64_t{0};
    }
    bool const to_process = (cs & 3) == 3;
    if (to_process && state_of(v).user_root.raw() == 0) {
        domain_crash(v, "iret to a process without page tables");
        return std::uint64_t{0};
    }
    if (state_of(v).in_nmi) [[unlikely]] {
        state_of(v).in_nmi = false;
        // One that came meanwhile is looked for on the way through the run loop.
        atomic_store(v.dom.hv.scheduler.on(v.processor).resched, true);
    }
    c.cs = ring3_selector(cs);
    c.rflags = ring3_rflags(rflags);
    c.ss = ring3_selector(ss);
    c.entry = guest_context::entry_kept;
    if ((flags & abi::vgcf_in_syscall) != 0) {
        detail::allow_sysret(c);
    }
    if (v.info != nullptr) {
        atomic_store(v.info->evtchn_upcall_mask,
                     std::uint8_t{(rflags & x86::rflags::interrupt.raw()) == 0});
    }
    if (to_process) {
        set_mode(v, false);
    }
    return c.rax;
}

} // namespace xenpp::hv::pv
