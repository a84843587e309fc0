// SPDX-License-Identifier: Apache-2.0
// arch_x86_cpu_policy.hpp against the installed xen/arch-x86/xen.h.
#include "same.hpp"

#include <xenpp/abi/arch_x86_cpu_policy.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/xen.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(xen_cpuid_leaf, cpuid_leaf),
    XENPP_SAME_MEMBER(xen_cpuid_leaf, cpuid_leaf, leaf),
    XENPP_SAME_MEMBER(xen_cpuid_leaf, cpuid_leaf, subleaf),
    XENPP_SAME_MEMBER(xen_cpuid_leaf, cpuid_leaf, a),
    XENPP_SAME_MEMBER(xen_cpuid_leaf, cpuid_leaf, b),
    XENPP_SAME_MEMBER(xen_cpuid_leaf, cpuid_leaf, c),
    XENPP_SAME_MEMBER(xen_cpuid_leaf, cpuid_leaf, d),
    XENPP_SAME_STRUCT(xen_msr_entry, msr_entry),
    XENPP_SAME_MEMBER(xen_msr_entry, msr_entry, idx),
    XENPP_SAME_MEMBER(xen_msr_entry, msr_entry, flags),
    XENPP_SAME_MEMBER(xen_msr_entry, msr_entry, val),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(XEN_CPUID_NO_SUBLEAF, cpuid_no_subleaf),
};
// clang-format on

} // namespace

TEST_CASE("abi.arch_x86_cpu_policy has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.arch_x86_cpu_policy has the numbers of the public header") {
    check(numbers);
}
