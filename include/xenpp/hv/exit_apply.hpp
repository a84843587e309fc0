// SPDX-License-Identifier: Apache-2.0
// The one place where the outcome of an exit takes effect on the vCPU and its domain.
#pragma once

#include <xenpp/hv/domain_life.hpp>
#include <xenpp/hv/exit_action.hpp>
#include <xenpp/hv/exit_mmio.hpp>
#include <xenpp/hv/interrupt.hpp>
#include <xenpp/hv/print.hpp>
#include <xenpp/hv/scheduler.hpp>

#include <concepts>
#include <string_view>

namespace xenpp::hv {

/// What only the vendor's control block can do.
template <class V, class P>
concept VendorSteps = requires(vcpu<P>& v, exit_action const& a) {
    // Steps over the instruction that exited; false where its length is not known.
    { V::skip(v) } -> std::same_as<bool>;
    // Makes the next entry raise the exception of `a`.
    V::inject(v, a);
};

/// HLT with interrupts on: `v` waits for one, unless one is due already.
template <class P>
void vcpu_wait(vcpu<P>& v) noexcept {
    atomic_fetch_or(v.pause, std::uint32_t{pause_blocked});
    // Only now: what arrives after this look finds the flag and takes it back.
    if (interrupt_waits(v)) {
        atomic_fetch_and(v.pause, ~std::uint32_t{pause_blocked});
        return;
    }
    vcpu_sleep(v);
}

namespace detail {

/// What is to be known of a vCPU that cannot go on: registers, mode, code, the processor's word.
template <class P>
void print_state(vcpu<P>& v) noexcept {
    auto const& c = v.context;
    auto& hv = v.dom.hv;
    print(hv, "  rip ", hex{c.rip}, " rsp ", hex{c.rsp}, " rflags ", hex{c.rflags});
    print(hv, "  rax ", hex{c.rax}, " rbx ", hex{c.rbx}, " rcx ", hex{c.rcx}, " rdx ", hex{c.rdx});
    print(hv, "  rsi ", hex{c.rsi}, " rdi ", hex{c.rdi}, " rbp ", hex{c.rbp});
    print(hv, "  r8 ", hex{c.r8}, " r9 ", hex{c.r9}, " r10 ", hex{c.r10}, " r11 ", hex{c.r11});
    print(hv, "  r12 ", hex{c.r12}, " r13 ", hex{c.r13}, " r14 ", hex{c.r14}, " r15 ", hex{c.r15});
    print(hv, "  cr0 ", hex{c.cr0}, " cr3 ", hex{c.cr3}, " cr4 ", hex{c.cr4});
    if (v.dom.kind != domain_kind::hvm) {
        return;
    }
    print(hv, "  efer ", hex{c.efer}, " cs base ", hex{c.cs_base}, " cpl ", unsigned{c.cpl},
          c.long_code ? " 64-bit code"
          : c.code32  ? " 32-bit code"
                      : " 16-bit code");
    auto const code = fetch_instruction(v);
    line_buffer text;
    for (std::size_t i = 0; i != code.count; ++i) {
        text.add(" ");
        text.add(hex{code.bytes[i]});
    }
    print(hv, "  code", code.count != 0 ? text.text() : " cannot be read");
    if constexpr (requires { hv.platform.print_exit(v); }) {
        hv.platform.print_exit(v);
    }
}

} // namespace detail

/// Ends the domain of `v` for something that cannot be carried on from, and says where it was.
template <class P>
void domain_crash(vcpu<P>& v, char const* why) noexcept {
    print(v.dom.hv, "d", v.dom.id, "v", v.id, " crashed: ", std::string_view(why));
    detail::print_state(v);
    domain_shutdown(v.dom, abi::shutdown_crash);
}

/// Applies `a` to `v`, which has left its guest on this CPU. A vCPU that may not go on has a pause
/// flag afterwards and its CPU the wish to choose another.
template <class V, class P>
requires VendorSteps<V, P>

void apply_exit(vcpu<P>& v, exit_action const& a) noexcept {
    using kind = exit_action::kind;
    switch (a.what) {
    case kind::resume:
    case kind::interrupted: return;
    case kind::skip:
    case kind::block:
    case kind::halted:
        if (!V::skip(v)) {
            domain_crash(v, "an instruction of unknown length");
        } else if (a.what == kind::block) {
            vcpu_wait(v);
        } else if (a.what == kind::halted) {
            vcpu_down(v); // nothing but INIT can wake it
        }
        return;
    case kind::inject: V::inject(v, a); return;
    case kind::triple_fault:
        print(v.dom.hv, "d", v.dom.id, "v", v.id, " triple fault: the domain reboots");
        detail::print_state(v);
        domain_shutdown(v.dom, abi::shutdown_reboot);
        return;
    case kind::crash: domain_crash(v, a.reason); return;
    }
}

} // namespace xenpp::hv
