// SPDX-License-Identifier: Apache-2.0
// What CPUID answers to a guest: its domain's policy, and what the vCPU's own state adds.
#pragma once

#include <xenpp/hv/cpuid_policy.hpp>
#include <xenpp/hv/tsc_scale.hpp>
#include <xenpp/x86/cpuid.hpp>

#include <cstdint>

namespace xenpp::hv {

/// What a query depends on beside the policy.
struct cpuid_context {
    std::uint32_t vcpu = 0;
    std::uint32_t vcpus = 1; ///< how many the domain may have
    std::uint32_t domain = 0;
    std::uint64_t xcr0 = 1; ///< of the vCPU, now
    std::uint64_t cr4 = 0;
    bool apic_enabled = true; ///< by APIC_BASE
    std::uint32_t tsc_khz = 0;
    std::uint32_t tsc_mode = 0;
    bool is_pv = false;
    /// Whether each vCPU is to have an upcall vector of its own, which its APIC wants to know the
    /// end of; else the domain's (HVM_PARAM_CALLBACK_IRQ), which needs no EOI, is advised.
    bool has_upcall_vector = false;
    std::uint32_t machine_address_bits = 0; ///< of all RAM; what a PV guest's page tables need
};

namespace detail {

/// Leaves 0x40000000-0x40000005 (public arch-x86/cpuid.h).
constexpr x86::cpuid_leaf
hypervisor_leaf(std::uint32_t n, std::uint32_t subleaf, cpuid_context const& c) noexcept {
    constexpr std::uint32_t vcpu_id_present = 1U << 3;
    constexpr std::uint32_t domid_present = 1U << 4;
    constexpr std::uint32_t upcall_vector = 1U << 6;
    switch (n) {
    case 0: // "XenVMMXenVMM"
        return {x86::cpuid::leaf_hypervisor + hypervisor_leaves, 0x566e6558, 0x65584d4d,
                0x4d4d566e};
    case 1: return {xen_version_number, 0, 0, 0};
    case 2:
        if (c.is_pv) {
            return {}; // the page is asked for in the kernel's image, if at all
        }
        return {1, x86::cpuid::leaf_hypervisor, 0, 0}; // one hypercall page, by this MSR
    case 3:
        if (subleaf == 0) {
            return {1U << 1, c.tsc_mode, c.tsc_khz, 0}; // the machine's TSC is stable
        }
        if (subleaf == 1) {
            auto const scale = scale_for(c.tsc_khz); // from TSC ticks to ns
            return {0, 0, scale.mul, static_cast<std::uint32_t>(std::int32_t{scale.shift})};
        }
        return subleaf == 2 ? x86::cpuid_leaf{c.tsc_khz, 0, 0, 0} : x86::cpuid_leaf{};
    case 4:
        if (c.is_pv) {
            return {};
        }
        return {vcpu_id_present | domid_present | (c.has_upcall_vector ? upcall_vector : 0), c.vcpu,
                c.domain, 0};
    case 5: return {0, c.is_pv ? c.machine_address_bits : 0, 0, 0};
    default: return {};
    }
}

constexpr x86::cpuid_leaf topology_leaf(std::uint32_t subleaf, cpuid_context const& c) noexcept {
    auto const id = apic_id_of(c.vcpu);
    constexpr std::uint32_t smt = 1U << 8;
    constexpr std::uint32_t core = 2U << 8;
    switch (subleaf) {
    case 0: return {1, 1, smt, id};
    case 1: return {package_shift(c.vcpus), c.vcpus, core | 1, id};
    default: return {0, 0, subleaf & 0xff, id};
    }
}

} // namespace detail

/// What CPUID answers to a guest. Leaves that the policy lacks answer zeros.
constexpr x86::cpuid_leaf cpuid_query(cpuid_policy const& p,
                                      std::uint32_t leaf,
                                      std::uint32_t subleaf,
                                      cpuid_context const& c) noexcept {
    using namespace x86::cpuid;
    if (leaf - leaf_hypervisor <= detail::hypervisor_leaves) {
        return detail::hypervisor_leaf(leaf - leaf_hypervisor, subleaf, c);
    }
    auto const limit = p.get(leaf < leaf_ext_max ? leaf_vendor : leaf_ext_max).a;
    if (leaf > limit) {
        return {};
    }
    auto value =
        p.get(leaf, cpuid_policy::has_subleaves(leaf) ? subleaf : cpuid_policy::no_subleaf);
    switch (leaf) {
    case leaf_features: {
        auto const logical = std::uint32_t{1} << detail::package_shift(c.vcpus);
        value.b =
            (value.b & 0xff00) | (logical > 0xff ? 0xff : logical) << 16 | apic_id_of(c.vcpu) << 24;
        x86::set(value, x86::cpuid::htt, c.vcpus > 1);
        x86::set(value, x86::cpuid::apic, c.apic_enabled);
        x86::set(value, x86::cpuid::osxsave,
                 x86::has(value, x86::cpuid::xsave) && (c.cr4 & detail::cr4_osxsave) != 0);
        break;
    }
    case leaf_caches: // every vCPU has caches of its own in one package
        if ((value.a & 31) != 0) {
            value.a = (value.a & 0x3fff) | (c.vcpus - 1 > 63 ? 63 : c.vcpus - 1) << 26;
        }
        break;
    case leaf_features7:
        if (subleaf == 0) {
            x86::set(value, x86::cpuid::ospke,
                     x86::has(value, x86::cpuid::pku) && (c.cr4 & detail::cr4_pke) != 0);
        }
        break;
    case leaf_topology: return detail::topology_leaf(subleaf, c);
    case leaf_xstate:
        if (!p.has(x86::cpuid::xsave)) {
            return {};
        }
        if (subleaf == 0) {
            value.b = detail::xsave_size(p, c.xcr0, false);
            value.c = detail::xsave_size(p, detail::xstate_mask(p), false);
        } else if (subleaf == 1 && p.has(x86::cpuid::xsavec)) {
            value.b = detail::xsave_size(p, c.xcr0, true);
        } else if (subleaf > 1 &&
                   (subleaf > 62 || ((detail::xstate_mask(p) >> subleaf) & 1) == 0)) {
            return {};
        }
        break;
    case leaf_ext_features:
        // AMD repeats features of leaf 1 here; the APIC's follows APIC_BASE in both places.
        if (x86::cpuid::is_same_vendor(p.get(leaf_vendor), x86::cpuid::vendor_amd)) {
            value.d = (value.d & ~(1U << 9)) | (c.apic_enabled ? 1U << 9 : 0);
        }
        break;
    case leaf_addresses:
        value.c = ((c.vcpus - 1) & 0xff) | detail::package_shift(c.vcpus) << 12;
        break;
    default: break;
    }
    return value;
}

} // namespace xenpp::hv
