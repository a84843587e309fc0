// SPDX-License-Identifier: Apache-2.0
// Asking KVM what its guests may have.
#include <xenpp/os/file.hpp>
#include <xenpp/transport/accelerator.hpp>

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <vector>

namespace xenpp::transport {

namespace {

/// The answer of KVM_GET_SUPPORTED_CPUID (Linux Documentation/virt/kvm/api.rst, 4.46).
result<std::vector<cpuid_leaf>> supported_cpuid() {
    constexpr std::uint32_t most = 256;
    auto const kvm = XENPP_TRY(os::open_file("/dev/kvm", O_RDWR));
    std::array<std::byte, sizeof(kvm_cpuid2) + most * sizeof(kvm_cpuid_entry2)> buffer{};
    // The structure ends in an array of no size: only its head is touched by name.
    std::memcpy(buffer.data() + offsetof(kvm_cpuid2, nent), &most, sizeof most);
    if (::ioctl(kvm.get(), KVM_GET_SUPPORTED_CPUID, buffer.data()) != 0) {
        return os::fail_errno("KVM_GET_SUPPORTED_CPUID");
    }
    std::uint32_t count = 0;
    std::memcpy(&count, buffer.data() + offsetof(kvm_cpuid2, nent), sizeof count);
    std::vector<cpuid_leaf> leaves;
    for (std::uint32_t i = 0; i < count && i < most; ++i) {
        kvm_cpuid_entry2 e{};
        std::memcpy(&e, buffer.data() + sizeof(kvm_cpuid2) + i * sizeof e, sizeof e);
        leaves.push_back({e.function, e.index, e.eax, e.ebx, e.ecx, e.edx});
    }
    return leaves;
}

} // namespace

accelerator_choice choose_accelerator(std::span<cpuid_leaf const> supported_by_kvm) {
    for (auto const& leaf : supported_by_kvm) {
        if (leaf.function == 0x80000001 && (leaf.ecx & (1U << 2)) != 0) {
            return {accelerator::kvm, "KVM offers SVM to its guests"};
        }
        if (leaf.function == 1 && (leaf.ecx & (1U << 5)) != 0) {
            return {accelerator::kvm, "KVM offers VMX to its guests"};
        }
    }
    return {accelerator::tcg, "KVM offers its guests neither SVM nor VMX"};
}

result<accelerator_choice> choose_accelerator(accelerator wanted) {
    if (wanted == accelerator::tcg) {
        return accelerator_choice{accelerator::tcg, "as configured"};
    }
    auto const leaves = supported_cpuid();
    if (leaves) {
        auto choice = choose_accelerator(std::span(*leaves));
        if (wanted == accelerator::automatic || choice.what == wanted) {
            return choice;
        }
        return fail("choose accelerator", errc::nodev, choice.why);
    }
    if (wanted == accelerator::kvm) {
        return unexpected(leaves.error());
    }
    return accelerator_choice{accelerator::tcg, "no KVM: " + leaves.error().message()};
}

} // namespace xenpp::transport
