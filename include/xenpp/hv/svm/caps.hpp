// SPDX-License-Identifier: Apache-2.0
// What SVM this processor has, and what the hypervisor cannot do without.
#pragma once

#include <xenpp/x86/cpuid.hpp>

#include <cstdint>

namespace xenpp::hv::svm {

/// CPUID 0x8000000a (APM3 E.4.9), decoded once at boot.
struct capabilities {
    std::uint32_t asid_count = 0;
    bool has_nested_paging = false;
    bool has_next_rip = false;
    bool has_flush_by_asid = false;
    bool has_decode_assists = false;
    bool has_clean_bits = false;
};

constexpr capabilities decode(x86::cpuid_leaf svm_leaf) noexcept {
    auto const bit = [&](unsigned n) { return (svm_leaf.d >> n & 1) != 0; };
    return {.asid_count = svm_leaf.b,
            .has_nested_paging = bit(0),
            .has_next_rip = bit(3),
            .has_flush_by_asid = bit(6),
            .has_decode_assists = bit(7),
            .has_clean_bits = bit(5)};
}

/// Why SVM cannot be used, or null: `extended` is CPUID 0x80000001, `vm_cr_raw` the VM_CR MSR.
constexpr char const*
missing(x86::cpuid_leaf extended, std::uint64_t vm_cr_raw, capabilities const& c) noexcept {
    if ((extended.c >> 2 & 1) == 0) {
        return "the processor has no SVM";
    }
    if ((vm_cr_raw & 0x10) != 0) {
        return "SVM is switched off (VM_CR.SVMDIS)";
    }
    if (!c.has_nested_paging) {
        return "the processor has no nested paging";
    }
    if (c.asid_count < 2) {
        return "the processor has no address space identifiers";
    }
    return nullptr;
}

} // namespace xenpp::hv::svm
