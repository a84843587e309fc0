// SPDX-License-Identifier: Apache-2.0
// The most that a PV guest's processors may claim: what needs no ring 0, no paging and no APIC.
#pragma once

#include <xenpp/hv/cpuid_policy.hpp>
#include <xenpp/x86/control_register.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv::pv {

/// What a guest with hardware virtualization may have and a PV guest may not: it would act on these
/// in ring 0, on page sizes that are not its own, on an APIC that it has not, or on MSRs that are
/// not switched for it.
inline constexpr std::array withheld_features{
    x86::cpuid::vme,    x86::cpuid::pse,        x86::cpuid::apic,  x86::cpuid::sep,
    x86::cpuid::mtrr,   x86::cpuid::pge,        x86::cpuid::pse36, x86::cpuid::pcid,
    x86::cpuid::x2apic, x86::cpuid::smep,       x86::cpuid::smap,  x86::cpuid::invpcid,
    x86::cpuid::umip,   x86::cpuid::pku,        x86::cpuid::rdpid, x86::cpuid::page_1g,
    x86::cpuid::rdtscp, x86::cpuid::cr8_legacy, x86::cpuid::ffxsr, x86::cpuid::waitpkg,
};

/// Its CPUID, from the machine's.
constexpr cpuid_policy max_cpuid(cpuid_policy const& host) noexcept {
    auto p = hvm_cpuid_policy(host);
    for (auto const& f : withheld_features) {
        auto const subleaf =
            cpuid_policy::has_subleaves(f.leaf) ? f.subleaf : cpuid_policy::no_subleaf;
        if (p.find(f.leaf, subleaf) != nullptr) {
            auto value = p.get(f.leaf, subleaf);
            x86::set(value, f, false);
            static_cast<void>(p.set(f.leaf, subleaf, value)); // replaces: there is room
        }
    }
    // AMD repeats low bits of leaf 1 edx here: what is withheld there is withheld twice.
    auto extended = p.get(x86::cpuid::leaf_ext_features);
    constexpr std::uint32_t repeated = 0x0183f3ff;
    extended.d &= p.get(x86::cpuid::leaf_features).d | ~repeated;
    static_cast<void>(p.set(x86::cpuid::leaf_ext_features, cpuid_policy::no_subleaf, extended));
    // No protection keys: neither their state component.
    auto xstate = p.get(x86::cpuid::leaf_xstate, 0);
    xstate.a &= ~static_cast<std::uint32_t>(x86::xcr0::pkru.raw());
    if (p.find(x86::cpuid::leaf_xstate, 0) != nullptr) {
        static_cast<void>(p.set(x86::cpuid::leaf_xstate, 0, xstate));
    }
    return p;
}

} // namespace xenpp::hv::pv
