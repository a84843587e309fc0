// SPDX-License-Identifier: Apache-2.0
// What runs the machine's processors: KVM where it can nest, else QEMU's translator.
#pragma once

#include <xenpp/base/error.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace xenpp::transport {

enum class accelerator : std::uint8_t {
    automatic,
    tcg,
    kvm
};

/// One CPUID leaf as KVM_GET_SUPPORTED_CPUID reports it.
struct cpuid_leaf {
    std::uint32_t function = 0;
    std::uint32_t index = 0;
    std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

struct accelerator_choice {
    accelerator what = accelerator::tcg; ///< tcg or kvm
    std::string why;                     ///< in words, for the one line said at start
};

/// KVM if its guests may have SVM (0x80000001 ECX bit 2, AMD APM3) or VMX (1 ECX bit 5, SDM2), for
/// our hypervisor has guests of its own. That /dev/kvm opens says nothing.
accelerator_choice choose_accelerator(std::span<cpuid_leaf const> supported_by_kvm);

/// The choice for this computer. `wanted` other than `automatic` is obeyed; an error if it is KVM
/// and that cannot be.
result<accelerator_choice> choose_accelerator(accelerator wanted);

} // namespace xenpp::transport
