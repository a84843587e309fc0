// SPDX-License-Identifier: Apache-2.0
// What ends a stay in a PV guest, and what is done about it: system calls, exceptions, instructions
// to be emulated.
#pragma once

#include <xenpp/hv/exit_action.hpp>
#include <xenpp/hv/exit_reason.hpp>
#include <xenpp/hv/hypercall_table.hpp>
#include <xenpp/hv/pv/emulate.hpp>
#include <xenpp/hv/pv/page_fault.hpp>
#include <xenpp/hv/pv/trap_bounce.hpp>

#include <cstdint>

namespace xenpp::hv::pv {

/// What guest_context::vector holds beside the processor's vectors.
inline constexpr std::uint64_t vector_int80 = 0x80;    ///< open to ring 3, as #BP and #OF are
inline constexpr std::uint64_t vector_syscall = 256;   ///< SYSCALL of 64-bit code
inline constexpr std::uint64_t vector_syscall32 = 257; ///< of compatibility mode

namespace detail {

/// An `INT n` that the processor refused, because the gate is not ring 3's: raises the guest's own
/// vector n if its gate lets it. Nothing if it is no INT.
template <class P>
bool software_interrupt(vcpu<P>& v, exit_action& done) noexcept {
    constexpr std::uint8_t int_n = 0xcd;
    auto& c = v.context;
    std::array<std::uint8_t, 2> code{};
    if (!copy_from_guest(v, code.data(), c.rip, code.size()) || code[0] != int_n) {
        return false;
    }
    unsigned const vector = code[1];
    auto const& s = state_of(v);
    if (s.traps[vector].address == 0 || (!s.in_kernel && (s.traps[vector].flags & 3) != 3)) {
        done = raise(v, x86::exception::general_protection, vector << 3 | 2);
    } else {
        c.rip += code.size();
        entry_point const to{s.traps[vector].address, (s.traps[vector].flags & 4) != 0};
        done = bounce(v, to);
    }
    return true;
}

template <class P>
exit_action handle_protection(vcpu<P>& v, std::uint32_t error) noexcept {
    if (error == 0) {
        return emulate_privileged(v);
    }
    exit_action done;
    if ((error & 2) != 0 && software_interrupt(v, done)) {
        return done;
    }
    return raise(v, x86::exception::general_protection, error);
}

/// SYSCALL of a process, or of a kernel in compatibility mode, which has no hypercalls.
template <class P>
exit_action handle_foreign_syscall(vcpu<P>& v, entry_point const& to) noexcept {
    constexpr unsigned length = 2;
    if (to.address == 0 || state_of(v).in_kernel) {
        v.context.rip -= length;
        return raise(v, x86::exception::invalid_opcode);
    }
    v.context.rcx = v.context.rip; // as SYSCALL leaves them
    v.context.r11 = v.context.rflags;
    return bounce(v, to);
}

template <class P>
[[gnu::noinline]] bool enter_from_process(vcpu<P>& v, entry_point to) noexcept {
    return enter(v, to, false);
}

} // namespace detail

/// INT3, INTO and INT 0x80 come through gates that ring 3 may use: the guest's own gate decides.
/// False: nothing has happened.
template <class P>
[[gnu::always_inline]] inline bool enter_by_open_gate(vcpu<P>& v) noexcept {
    auto const& s = state_of(v);
    auto const& gate = s.traps[static_cast<std::uint8_t>(v.context.vector)];
    if (gate.address == 0 || (!s.in_kernel && (gate.flags & 3) != 3)) [[unlikely]] {
        return false;
    }
    entry_point const to{gate.address, (gate.flags & 4) != 0};
    return s.in_kernel ? detail::enter(v, to, true) : detail::enter_from_process(v, to);
}

/// What is done instead where that is false.
template <class P>
[[gnu::noinline]] exit_action refuse_open_gate(vcpu<P>& v) noexcept {
    auto const vector = static_cast<std::uint8_t>(v.context.vector);
    auto const& s = state_of(v);
    auto const& gate = s.traps[vector];
    if (gate.address == 0 || (!s.in_kernel && (gate.flags & 3) != 3)) {
        v.context.rip -= vector == vector_int80 ? 2 : 1; // how long the instruction is
        return raise(v, x86::exception::general_protection, unsigned{vector} << 3 | 2);
    }
    return detail::entered(false);
}

/// A hypercall of the guest's kernel: number in rax, arguments as `args_of`. On `restart` it
/// executes SYSCALL again with the new arguments. No handler changes other registers but iret,
/// which may make rax anything.
template <class P>
[[gnu::always_inline]] inline void handle_pv_hypercall(vcpu<P>& v) noexcept {
    auto& c = v.context;
    auto const number = c.rax;
    auto const r = dispatch_hypercall_of<domain_kind::pv>(v, number, args_of(c));
    if (r.is_restart() && number != static_cast<std::uint64_t>(abi::hypercall::iret)) [[unlikely]] {
        constexpr unsigned length = 2;
        c.rip -= length;
        return;
    }
    c.rax = r.raw();
}

/// Handles what ended the stay: `v.context.vector`, with `address` from CR2 for #PF and `status`
/// from DR6 for #DB. Not for interrupts.
template <class P>
[[gnu::always_inline]] inline exit_action
handle_trap(vcpu<P>& v, std::uint64_t address, std::uint64_t status) noexcept {
    using x86::exception;
    auto& c = v.context;
    auto const error = static_cast<std::uint32_t>(c.error);
    auto const e = static_cast<exception>(c.vector);
    auto& s = state_of(v);
    switch (c.vector) {
    case vector_syscall: return detail::handle_foreign_syscall(v, s.syscall);
    case vector_syscall32: return detail::handle_foreign_syscall(v, s.syscall32);
    case x86::vector(exception::page_fault): return handle_page_fault(v, address, error);
    case x86::vector(exception::general_protection): return detail::handle_protection(v, error);
    case x86::vector(exception::invalid_opcode): return emulate_forced(v);
    case x86::vector(exception::breakpoint):
    case x86::vector(exception::overflow):
    case vector_int80: return enter_by_open_gate(v) ? exit_action::resume() : refuse_open_gate(v);
    case x86::vector(exception::nmi): return exit_action::resume(); // the machine's, not its own
    case x86::vector(exception::debug):
        s.dr6 = (s.dr6 & ~std::uint64_t{0xe00f}) | (status & 0xe00f);
        return raise(v, e);
    case x86::vector(exception::device_not_available):
        if (s.task_switched) { // as reading its own CR0.TS would then show
            s.task_switched = false;
            v.dom.hv.platform.pv_load_controls(v);
        }
        return raise(v, e);
    case x86::vector(exception::divide_error):
    case x86::vector(exception::bound_range):
    case x86::vector(exception::coprocessor_overrun):
    case x86::vector(exception::invalid_tss):
    case x86::vector(exception::segment_not_present):
    case x86::vector(exception::stack_fault):
    case x86::vector(exception::x87_error):
    case x86::vector(exception::alignment_check):
    case x86::vector(exception::simd_error): return raise(v, e, error);
    default: return exit_action::crash("an exception that it cannot have raised");
    }
}

/// For the counters.
constexpr exit_reason reason_of(std::uint64_t vector) noexcept {
    if (vector == vector_syscall) {
        return exit_reason::hypercall;
    }
    return vector < x86::exception_vectors || vector == vector_int80 || vector == vector_syscall32
               ? exit_reason::exception
               : exit_reason::interrupt;
}

} // namespace xenpp::hv::pv
