// SPDX-License-Identifier: Apache-2.0
// Which accelerator, from what KVM says its guests may have.
#include <xenpp/transport/accelerator.hpp>

#include <array>

using namespace xenpp::transport;

TEST_CASE("accelerator.kvm_only_if_its_guests_may_have_guests") {
    std::array<cpuid_leaf, 3> leaves{{{0, 0, 0xd, 0, 0, 0},
                                      {1, 0, 0, 0, ~(1U << 5), ~0U},
                                      {0x80000001, 0, 0, 0, ~(1U << 2), ~0U}}};
    auto const neither = choose_accelerator(std::span(leaves));
    CHECK(neither.what == accelerator::tcg);
    CHECK(neither.why == "KVM offers its guests neither SVM nor VMX");

    auto amd = leaves;
    amd[2].ecx = 1U << 2;
    CHECK(choose_accelerator(std::span(amd)).what == accelerator::kvm);
    CHECK(choose_accelerator(std::span(amd)).why == "KVM offers SVM to its guests");

    auto intel = leaves;
    intel[1].ecx = 1U << 5;
    CHECK(choose_accelerator(std::span(intel)).what == accelerator::kvm);
    CHECK(choose_accelerator(std::span(intel)).why == "KVM offers VMX to its guests");

    CHECK(choose_accelerator(std::span<cpuid_leaf const>()).what == accelerator::tcg);
}

TEST_CASE("accelerator.tcg_is_obeyed_without_a_look_at_kvm") {
    auto const choice = choose_accelerator(accelerator::tcg).value();
    CHECK(choice.what == accelerator::tcg);
}
