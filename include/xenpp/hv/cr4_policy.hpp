// SPDX-License-Identifier: Apache-2.0
// Which bits of CR4 a domain may set, by what CPUID tells it.
#pragma once

#include <xenpp/hv/cpuid_policy.hpp>
#include <xenpp/x86/control_register.hpp>
#include <xenpp/x86/cpuid.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv {

/// The bits of CR4 that the policy lets a guest set: each comes with a feature.
constexpr std::uint64_t cr4_offered(cpuid_policy const& p) noexcept {
    using namespace x86;

    struct row {
        cr4::value bits;
        cpuid_feature feature;
    };

    constexpr std::array rows{
        row{cr4::vme | cr4::pvi, cpuid::vme},
        row{cr4::tsd, cpuid::tsc},
        row{cr4::de, cpuid::de},
        row{cr4::pse, cpuid::pse},
        row{cr4::pae, cpuid::pae},
        row{cr4::mce, cpuid::mce},
        row{cr4::pge, cpuid::pge},
        row{cr4::osfxsr, cpuid::fxsr},
        row{cr4::osxmmexcpt, cpuid::sse},
        row{cr4::umip, cpuid::umip},
        row{cr4::la57, cpuid::la57},
        row{cr4::fsgsbase, cpuid::fsgsbase},
        row{cr4::pcide, cpuid::pcid},
        row{cr4::osxsave, cpuid::xsave},
        row{cr4::smep, cpuid::smep},
        row{cr4::smap, cpuid::smap},
        row{cr4::pke, cpuid::pku},
        row{cr4::cet, cpuid::cet_ss},
        row{cr4::cet, cpuid::cet_ibt},
        row{cr4::pks, cpuid::pks},
    };
    auto offered = cr4::pce; // RDPMC is as old as CR4.PCE, and is intercepted
    for (auto const& r : rows) {
        if (p.has(r.feature)) {
            offered |= r.bits;
        }
    }
    return offered.raw();
}

} // namespace xenpp::hv
