// SPDX-License-Identifier: Apache-2.0
// CPUID leaves and MSRs as a CPU policy carries them; public header arch-x86/xen.h.
#pragma once

#include <xenpp/abi/guest_handle.hpp>

#include <cstdint>

namespace xenpp::abi {

/// One CPUID result of a policy. A leaf without sub-leaves carries `cpuid_no_subleaf`.
struct cpuid_leaf {
    std::uint32_t leaf;
    std::uint32_t subleaf;
    std::uint32_t a;
    std::uint32_t b;
    std::uint32_t c;
    std::uint32_t d;
};

static_assert(sizeof(cpuid_leaf) == 24);

/// The sub-leaf of a leaf that has none.
inline constexpr std::uint32_t cpuid_no_subleaf = 0xffffffffu;

/// One MSR of a policy; `flags` must be zero.
struct msr_entry {
    std::uint32_t idx;
    std::uint32_t flags;
    std::uint64_t val;
};

static_assert(sizeof(msr_entry) == 16);

} // namespace xenpp::abi
