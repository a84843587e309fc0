// SPDX-License-Identifier: Apache-2.0
// SVM exits: from the raw code to a view, to the handler that both vendors share.
#pragma once

#include <xenpp/hv/exit_io.hpp>
#include <xenpp/hv/exit_mmio.hpp>
#include <xenpp/hv/exit_msr.hpp>
#include <xenpp/hv/exit_processor.hpp>
#include <xenpp/hv/exit_reason.hpp>
#include <xenpp/hv/hypercall_table.hpp>
#include <xenpp/hv/svm/layout.hpp>
#include <xenpp/hv/translated_code.hpp>
#include <xenpp/x86/svm_exit.hpp>

#include <cstdint>

namespace xenpp::hv::svm {

/// What the shared handlers need of the vendor (hv/exit_msr.hpp).
struct vendor {
    static constexpr std::uint8_t call_opcode = 0xd9; ///< VMMCALL is 0f 01 d9

    template <class P>
    static void set_efer(vcpu<P>& v, std::uint64_t value) noexcept {
        auto const b = block_of(v);
        // LMA follows from LME and CR0.PG, which the guest does not write here.
        auto const lma = b->efer & x86::efer::lma;
        b.template set<&x86::vmcb::efer>(x86::efer::value(value).without(x86::efer::lma) | lma |
                                         x86::efer::svme);
    }

    template <class P>
    static void set_pat(vcpu<P>& v, std::uint64_t value) noexcept {
        block_of(v).template set<&x86::vmcb::g_pat>(value);
    }
};

constexpr exit_reason reason_of(x86::svm_exit code, std::uint64_t info1) noexcept {
    using x86::svm_exit;
    switch (code) {
    case svm_exit::intr: return exit_reason::interrupt;
    case svm_exit::vintr: return exit_reason::interrupt_window;
    case svm_exit::nmi: return exit_reason::nmi;
    case svm_exit::cpuid: return exit_reason::cpuid;
    case svm_exit::hlt: return exit_reason::hlt;
    case svm_exit::ioio: return exit_reason::io;
    case svm_exit::msr: return (info1 & 1) != 0 ? exit_reason::msr_write : exit_reason::msr_read;
    case svm_exit::vmmcall: return exit_reason::hypercall;
    case svm_exit::npf: return exit_reason::nested_fault;
    case svm_exit::software_int: return exit_reason::exception;
    case svm_exit::xsetbv: return exit_reason::xsetbv;
    case svm_exit::wbinvd:
    case svm_exit::invd: return exit_reason::cache_control;
    default: break;
    }
    if (x86::is_between(code, svm_exit::dr0_read, svm_exit::dr15_write)) {
        return exit_reason::debug_register;
    }
    return x86::svm_exception(code) ? exit_reason::exception : exit_reason::other;
}

namespace detail {

/// QEMU's emulation does not say how wide addresses are: as wide as they are without a prefix.
template <class P>
x86::io_exit decode_io(vcpu<P> const& v, std::uint64_t info1) noexcept {
    auto io = x86::decode_svm_ioio(info1);
    if (io.address_size == 0) {
        io.address_size = v.context.long_code ? 8 : v.context.code32 ? 4 : 2;
    }
    return io;
}

/// Lets the guest use its debug registers from now on; they are switched with it.
template <class P>
exit_action open_debug_registers(vcpu<P>& v) noexcept {
    auto const b = block_of(v);
    for (unsigned n = 0; n < 16; ++n) {
        b.set_dr_read_intercept(n, false);
        b.set_dr_write_intercept(n, false);
    }
    auto& s = state_of(v);
    v.dom.hv.platform.load_debug_registers(s.dr);
    s.dr_live = true;
    return exit_action::resume();
}

/// The processor says in the VMCB's DR6 what an intercepted #DB is about; Bochs' says nothing. A
/// single step is seen by the flag that asked for it.
template <class P>
void note_single_step(vcpu<P>& v) noexcept {
    using namespace x86::dr6;
    auto const b = block_of(v);
    if (!b->dr6.has_any(b0 | b1 | b2 | b3 | bd | bs | bt) && b->rflags.has(x86::rflags::trap)) {
        b.template set<&x86::vmcb::dr6>(b->dr6 | bs);
    }
}

/// The handler of an NMI returns: the next may come when the IRET has been executed.
template <class P>
exit_action end_nmi(vcpu<P>& v) noexcept {
    auto& s = state_of(v);
    s.nmi = vcpu_state::nmi_state::returning;
    s.nmi_iret_rip = v.context.rip;
    block_of(v).set_intercept(x86::intercept::iret, false);
    return exit_action::resume();
}

/// TCG carries out an INT3, INTO or INT n, which memory may have no longer: what it has is executed
/// then. Others follow without an exit until the next interrupt, so that those which are there cost
/// little. A kernel that has taken a breakpoint away interrupts all of its vCPUs.
template <class P>
[[gnu::noinline]] exit_action renew_software_interrupt(vcpu<P>& v) noexcept {
    // What cannot be read is executed as it is.
    static_cast<void>(
        touch_code_at(v, v.context.cs_base + v.context.rip, hv::detail::rights_of(v)));
    block_of(v).set_intercept(x86::intercept::software_int, false);
    return exit_action::resume();
}

/// The interrupt is let in; the guest's next INT exits again, where it does.
template <class P>
[[gnu::noinline]] exit_action leave_for_interrupt(vcpu<P>& v) noexcept {
    if (v.dom.hv.is_emulated) {
        block_of(v).set_intercept(x86::intercept::software_int, true);
    }
    return exit_action::interrupted();
}

} // namespace detail

/// One exit, decoded and handled.
template <class P>
exit_action handle_exit(vcpu<P>& v) noexcept {
    using x86::svm_exit;
    x86::vmcb const& b = *state_of(v).block;
    auto const code = x86::decode_svm_exit(b.exit_code);
    // Writes to CR4 are not intercepted, for they are many: a bit that is not the guest's to set
    // comes out here, at the latest with its next time slice.
    if ((v.context.cr4 & ~v.dom.cr4_offered) != 0) {
        return exit_action::crash("a bit of CR4 that its CPUID does not offer");
    }
    ++v.exits;
    ++v.exit_counts[static_cast<unsigned>(reason_of(code, b.exit_info1))];
    switch (code) {
    case svm_exit::vmmcall: return handle_hypercall(v);
    case svm_exit::cpuid: return handle_cpuid(v);
    case svm_exit::msr: return handle_msr<vendor>(v, x86::decode_svm_msr(b.exit_info1).is_write);
    case svm_exit::ioio: return handle_io(v, detail::decode_io(v, b.exit_info1));
    case svm_exit::hlt: return handle_hlt(v);
    case svm_exit::npf:
        return handle_nested_fault(v, x86::decode_svm_npf(b.exit_info1, b.exit_info2));
    case svm_exit::intr: return detail::leave_for_interrupt(v);
    case svm_exit::nmi:
    case svm_exit::init:
    case svm_exit::smi: return exit_action::interrupted();
    case svm_exit::vintr: return exit_action::resume(); // the entry injects
    case svm_exit::iret: return detail::end_nmi(v);
    case svm_exit::software_int: return detail::renew_software_interrupt(v);
    case svm_exit::xsetbv: return handle_xsetbv(v);
    case svm_exit::wbinvd:
    case svm_exit::invd: return exit_action::skip(); // memory is coherent without it
    case svm_exit::rdpmc: return exit_action::inject(x86::exception::general_protection, 0);
    case svm_exit::shutdown: return exit_action::triple_fault();
    case svm_exit::invalid: return exit_action::crash("VMRUN refused the vCPU's state");
    case svm_exit::vmrun:
    case svm_exit::vmload:
    case svm_exit::vmsave:
    case svm_exit::stgi:
    case svm_exit::clgi:
    case svm_exit::skinit:
    case svm_exit::invlpga:
    case svm_exit::monitor:
    case svm_exit::mwait:
    case svm_exit::rdpru: return exit_action::inject(x86::exception::invalid_opcode);
    case svm_exit::task_switch: return exit_action::crash("a hardware task switch");
    case svm_exit::ferr_freeze:
        return exit_action::crash("an x87 error told by FERR"); // CR0.NE is 0
    default: break; // ranges and codes that nothing here asks for
    }
    if (x86::is_between(code, svm_exit::dr0_read, svm_exit::dr15_write)) {
        return detail::open_debug_registers(v);
    }
    if (auto const e = x86::svm_exception(code)) {
        if (*e == x86::exception::debug) {
            detail::note_single_step(v);
        }
        return reflect_exception(*e, static_cast<std::uint32_t>(b.exit_info1));
    }
    return exit_action::crash("an exit that was not asked for");
}

/// The event to inject again after an exit interrupted its delivery (EXITINTINFO); 0: none. INTn,
/// INT3 and INTO are not: rip still stands at them, and executing them again raises them again.
constexpr std::uint64_t event_to_repeat(std::uint64_t exit_int_info) noexcept {
    using kind = x86::event_injection::kind;
    auto const e = x86::decode_event(exit_int_info);
    bool const by_instruction =
        e && (e->type == kind::software_interrupt ||
              (e->type == kind::exception &&
               (e->vector == static_cast<std::uint8_t>(x86::exception::breakpoint) ||
                e->vector == static_cast<std::uint8_t>(x86::exception::overflow))));
    // QEMU calls a virtual interrupt an exception, and offers it still.
    bool const is_offered = e && e->type == kind::exception && e->vector >= x86::exception_vectors;
    return e && !by_instruction && !is_offered ? exit_int_info : 0;
}

/// Steps over the exiting instruction. Where the processor does not save the next address, the
/// length follows from the exit code; port I/O has it in EXITINFO2.
template <class P>
bool skip_instruction(vcpu<P>& v, bool has_next_rip) noexcept {
    x86::vmcb const& b = *state_of(v).block;
    auto const code = x86::decode_svm_exit(b.exit_code);
    auto& c = v.context;
    if (code == x86::svm_exit::ioio) {
        c.rip = b.exit_info2;
    } else if (has_next_rip && b.nrip != 0) {
        c.rip = b.nrip;
    } else if (auto const n = x86::plain_instruction_length(code)) {
        c.rip += *n;
    } else {
        return false;
    }
    block_of(v).template set<&x86::vmcb::interrupt_shadow>({});
    c.rflags &= ~x86::rflags::resume.raw();
    return true;
}

} // namespace xenpp::hv::svm
