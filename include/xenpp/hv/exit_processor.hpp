// SPDX-License-Identifier: Apache-2.0
// CPUID, HLT, XSETBV: what a processor would do by itself, within what the domain may see.
#pragma once

#include <xenpp/hv/cpuid_query.hpp>
#include <xenpp/hv/exit_action.hpp>
#include <xenpp/hv/interrupt.hpp>
#include <xenpp/x86/control_register.hpp>
#include <xenpp/x86/exception.hpp>

#include <bit>
#include <cstdint>

namespace xenpp::hv {

/// What CPUID answers to a vCPU that is on its CPU.
template <class P>
x86::cpuid_leaf cpuid_query(vcpu<P>& v, std::uint32_t leaf, std::uint32_t subleaf) noexcept {
    auto const& d = v.dom;
    auto& platform = d.hv.platform;
    bool const is_pv = d.kind == domain_kind::pv;
    return cpuid_query(d.cpuid, leaf, subleaf,
                       {.vcpu = v.id.raw(),
                        .vcpus = d.max_vcpus,
                        .domain = d.id.raw(),
                        .xcr0 = v.xcr0,
                        // A PV guest sees the processor's own OSXSAVE, as its processes do.
                        .cr4 = v.context.cr4 | (is_pv ? x86::cr4::osxsave.raw() : 0),
                        .apic_enabled = !is_pv && v.lapic.hardware_enabled(),
                        .tsc_khz = platform.tsc_khz(),
                        .tsc_mode = d.tsc_mode,
                        .is_pv = is_pv,
                        .has_upcall_vector = d.hv.has_quiet_eoi,
                        .machine_address_bits =
                            is_pv ? static_cast<std::uint32_t>(
                                        std::bit_width((d.hv.frames.end().raw() << page_shift) - 1))
                                  : 0});
}

template <class P>
exit_action handle_cpuid(vcpu<P>& v) noexcept {
    auto& c = v.context;
    auto const r =
        cpuid_query(v, static_cast<std::uint32_t>(c.rax), static_cast<std::uint32_t>(c.rcx));
    c.rax = r.a;
    c.rbx = r.b;
    c.rcx = r.c;
    c.rdx = r.d;
    return exit_action::skip();
}

/// With interrupts on: waits for one. With interrupts off nothing but INIT can wake it: the vCPU
/// has ended, and when all have, the domain has powered itself off.
template <class P>
exit_action handle_hlt(vcpu<P>& v) noexcept {
    return x86::rflags::value(v.context.rflags).has(x86::rflags::interrupt) ? exit_action::block()
                                                                            : exit_action::halted();
}

/// An exception of the guest's that was intercepted: it gets it, but for what is the machine's.
constexpr exit_action reflect_exception(x86::exception e, std::uint32_t error_code) noexcept {
    if (e == x86::exception::machine_check) {
        return exit_action::crash("a machine check");
    }
    return x86::pushes_error_code(e) ? exit_action::inject(e, error_code) : exit_action::inject(e);
}

/// XSETBV of register 0 with a value that the domain's CPUID offers; else #GP (APM2 11.5.2).
template <class P>
exit_action handle_xsetbv(vcpu<P>& v) noexcept {
    auto const& c = v.context;
    std::uint64_t const value = (c.rdx << 32) | (c.rax & 0xffffffff);
    x86::xcr0::value const offered(xcr0_offered(v.dom.cpuid));
    if (static_cast<std::uint32_t>(c.rcx) != 0 || c.cpl != 0 ||
        !x86::xcr0::is_valid(x86::xcr0::value(value), offered)) {
        return exit_action::inject(x86::exception::general_protection, 0);
    }
    v.xcr0 = value;
    v.dom.hv.platform.load_xcr0(value);
    return exit_action::skip();
}

} // namespace xenpp::hv
