// SPDX-License-Identifier: Apache-2.0
// VMX exits: from the exit reason and its qualification to a view, to the handler that both vendors
// share.
#pragma once

#include <xenpp/hv/exit_io.hpp>
#include <xenpp/hv/exit_mmio.hpp>
#include <xenpp/hv/exit_msr.hpp>
#include <xenpp/hv/exit_processor.hpp>
#include <xenpp/hv/exit_reason.hpp>
#include <xenpp/hv/hypercall_table.hpp>
#include <xenpp/hv/vmx/cr_access.hpp>
#include <xenpp/hv/vmx/layout.hpp>
#include <xenpp/x86/vmx_exit.hpp>

#include <cstdint>

namespace xenpp::hv::vmx {

/// What the shared handlers need of the vendor (hv/exit_msr.hpp).
template <class Cpu>
struct vendor {
    static constexpr std::uint8_t call_opcode = 0xc1; ///< VMCALL is 0f 01 c1

    template <class P>
    static void set_efer(vcpu<P>& v, std::uint64_t value) noexcept {
        vmx::set_efer(vmcs_of<Cpu>(v), value, x86::cr0::value(v.context.cr0).has(x86::cr0::pg));
    }

    template <class P>
    static void set_pat(vcpu<P>& v, std::uint64_t value) noexcept {
        vmcs_of<Cpu>(v).write(x86::vmcs::guest_ia32_pat, value);
    }
};

constexpr exit_reason reason_of(x86::vmx_exit reason) noexcept {
    using x86::vmx_exit;
    switch (reason) {
    case vmx_exit::external_interrupt:
    case vmx_exit::preemption_timer: return exit_reason::interrupt;
    case vmx_exit::interrupt_window: return exit_reason::interrupt_window;
    case vmx_exit::nmi_window: return exit_reason::nmi;
    case vmx_exit::exception_or_nmi: return exit_reason::exception;
    case vmx_exit::cpuid: return exit_reason::cpuid;
    case vmx_exit::hlt: return exit_reason::hlt;
    case vmx_exit::io_instruction: return exit_reason::io;
    case vmx_exit::rdmsr: return exit_reason::msr_read;
    case vmx_exit::wrmsr: return exit_reason::msr_write;
    case vmx_exit::vmcall: return exit_reason::hypercall;
    case vmx_exit::ept_violation:
    case vmx_exit::ept_misconfiguration: return exit_reason::nested_fault;
    case vmx_exit::xsetbv: return exit_reason::xsetbv;
    case vmx_exit::dr_access: return exit_reason::debug_register;
    case vmx_exit::invd:
    case vmx_exit::wbinvd: return exit_reason::cache_control;
    default: return exit_reason::other;
    }
}

namespace detail {

/// Lets the guest use its debug registers from now on; they are switched with it.
template <class Cpu, class P>
exit_action open_debug_registers(vcpu<P>& v) noexcept {
    auto& s = state_of<Cpu>(v);
    s.primary &= ~x86::primary::mov_dr.raw();
    vmcs_of<Cpu>(v).write(x86::vmcs::primary_controls, s.primary);
    v.dom.hv.platform.load_debug_registers(s.dr);
    v.dom.hv.platform.load_dr6(s.dr6);
    s.dr_live = true;
    return exit_action::resume();
}

/// A #DB that was intercepted has not changed DR6 yet: the qualification says what it would.
template <class Cpu, class P>
void note_debug_exception(vcpu<P>& v, std::uint64_t qualification) noexcept {
    auto& s = state_of<Cpu>(v);
    constexpr auto conditions = x86::dr6::b0 | x86::dr6::b1 | x86::dr6::b2 | x86::dr6::b3;
    constexpr auto sticky = x86::dr6::bd | x86::dr6::bs;
    x86::dr6::value const now(s.dr_live ? v.dom.hv.platform.dr6() : s.dr6);
    x86::dr6::value const seen(qualification);
    s.dr6 = (now.without(conditions) | (seen & (conditions | sticky))).raw();
    if (s.dr_live) {
        v.dom.hv.platform.load_dr6(s.dr6);
    }
}

template <class Cpu, class P>
exit_action handle_exception(vcpu<P>& v) noexcept {
    using namespace x86::interruption;
    auto const b = vmcs_of<Cpu>(v);
    x86::interruption::value const info(b.read(x86::vmcs::exit_interruption_info));
    if (type.get(info) == nmi) {
        return exit_action::interrupted(); // the machine's own; nobody here asks for one
    }
    auto const e = static_cast<x86::exception>(vector.get(info));
    if (e == x86::exception::debug) {
        note_debug_exception<Cpu>(v, b.read(x86::vmcs::exit_qualification));
    }
    return reflect_exception(
        e, info.has(has_error_code) ? b.read(x86::vmcs::exit_interruption_error_code) : 0);
}

/// An IRET that faulted on a page of the nested tables has unblocked NMIs already, and will be
/// executed again (SDM3 27.2.3).
template <class Cpu, class P>
void block_nmi_again(vcpu<P>& v, std::uint64_t qualification) noexcept {
    auto const b = vmcs_of<Cpu>(v);
    x86::interruption::value const was(b.read(x86::vmcs::idt_vectoring_info));
    if ((qualification >> 12 & 1) != 0 && !was.has(x86::interruption::valid)) {
        b.write(x86::vmcs::guest_interruptibility,
                b.read(x86::vmcs::guest_interruptibility) | x86::interruptibility::by_nmi.raw());
    }
}

template <class Cpu, class P>
exit_action handle_ept_violation(vcpu<P>& v) noexcept {
    auto const b = vmcs_of<Cpu>(v);
    auto const qualification = b.read(x86::vmcs::exit_qualification);
    block_nmi_again<Cpu>(v, qualification);
    return handle_nested_fault(
        v, x86::decode_vmx_ept(qualification, b.read(x86::vmcs::guest_physical_address)));
}

} // namespace detail

/// One exit, decoded and handled.
template <class Cpu, class P>
exit_action handle_exit(vcpu<P>& v) noexcept {
    using x86::vmx_exit;
    auto const b = vmcs_of<Cpu>(v);
    auto const raw = b.read(x86::vmcs::exit_reason);
    auto const reason = x86::decode_vmx_exit(raw);
    ++v.exits;
    ++v.exit_counts[static_cast<unsigned>(reason_of(reason))];
    switch (reason) {
    case vmx_exit::vmcall: return handle_hypercall(v);
    case vmx_exit::cpuid: return handle_cpuid(v);
    case vmx_exit::rdmsr:
    case vmx_exit::wrmsr: return handle_msr<vendor<Cpu>>(v, reason == vmx_exit::wrmsr);
    case vmx_exit::io_instruction:
        return handle_io(v, x86::decode_vmx_io(b.read(x86::vmcs::exit_qualification),
                                               b.read(x86::vmcs::exit_instruction_info)));
    case vmx_exit::hlt: return handle_hlt(v);
    case vmx_exit::ept_violation: return detail::handle_ept_violation<Cpu>(v);
    case vmx_exit::ept_misconfiguration:
        return handle_nested_fault(v, {.address = gpa(b.read(x86::vmcs::guest_physical_address)),
                                       .is_present = true,
                                       .is_write = false,
                                       .is_fetch = false,
                                       .is_reserved_bit = true,
                                       .is_guest_walk = false});
    case vmx_exit::external_interrupt:
    case vmx_exit::preemption_timer:
    case vmx_exit::init:
    case vmx_exit::other_smi:
    case vmx_exit::io_smi: return exit_action::interrupted();
    case vmx_exit::interrupt_window:
    case vmx_exit::nmi_window:
    case vmx_exit::tpr_below_threshold: return exit_action::resume(); // the entry injects
    case vmx_exit::cr_access:
        return handle_cr_access<Cpu>(v, b.read(x86::vmcs::exit_qualification));
    case vmx_exit::dr_access: return detail::open_debug_registers<Cpu>(v);
    case vmx_exit::exception_or_nmi: return detail::handle_exception<Cpu>(v);
    case vmx_exit::xsetbv: return handle_xsetbv(v);
    case vmx_exit::wbinvd:
    case vmx_exit::invd: return exit_action::skip(); // memory is coherent without it
    case vmx_exit::rdpmc: return exit_action::inject(x86::exception::general_protection, 0);
    case vmx_exit::triple_fault: return exit_action::triple_fault();
    case vmx_exit::entry_invalid_state: return exit_action::crash("VM entry refused its state");
    case vmx_exit::entry_msr_loading:
    case vmx_exit::entry_machine_check: return exit_action::crash("VM entry failed");
    case vmx_exit::getsec:
    case vmx_exit::vmclear:
    case vmx_exit::vmlaunch:
    case vmx_exit::vmptrld:
    case vmx_exit::vmptrst:
    case vmx_exit::vmread:
    case vmx_exit::vmresume:
    case vmx_exit::vmwrite:
    case vmx_exit::vmxoff:
    case vmx_exit::vmxon:
    case vmx_exit::invept:
    case vmx_exit::invvpid:
    case vmx_exit::vmfunc:
    case vmx_exit::encls:
    case vmx_exit::monitor:
    case vmx_exit::mwait: return exit_action::inject(x86::exception::invalid_opcode);
    case vmx_exit::task_switch: return exit_action::crash("a hardware task switch");
    default: return exit_action::crash("an exit that was not asked for"); // nothing here is
    }
}

/// The event to inject again after an exit interrupted its delivery (SDM3 27.2.4); not valid: none.
/// What an instruction raised is not: rip still stands at it, and executing it again raises it
/// again.
constexpr x86::interruption::value event_to_repeat(std::uint32_t idt_vectoring_info) noexcept {
    using namespace x86::interruption;
    x86::interruption::value const was(idt_vectoring_info);
    auto const kind = type.get(was);
    bool const by_instruction = kind > hardware_exception;
    return was.has(valid) && !by_instruction ? was.without(nmi_unblocked)
                                             : x86::interruption::value();
}

/// Steps over the exiting instruction.
template <class Cpu, class P>
void skip_instruction(vcpu<P>& v) noexcept {
    auto const b = vmcs_of<Cpu>(v);
    auto& c = v.context;
    c.rip += b.read(x86::vmcs::exit_instruction_length);
    if (!c.long_code) {
        c.rip &= 0xffffffff;
    }
    c.rflags &= ~x86::rflags::resume.raw();
    x86::interruptibility::value const shadow(b.read(x86::vmcs::guest_interruptibility));
    constexpr auto ends = x86::interruptibility::by_sti | x86::interruptibility::by_mov_ss;
    if (shadow.has_any(ends)) {
        b.write(x86::vmcs::guest_interruptibility, shadow.without(ends).raw());
    }
}

} // namespace xenpp::hv::vmx
