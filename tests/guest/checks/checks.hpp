// SPDX-License-Identifier: Apache-2.0
// The check-list: what every machine must show a guest, one function a check.
#pragma once

#include <span>
#include <string_view>

namespace checks {

struct check {
    std::string_view name;
    bool (*holds)();
};

std::span<check const> processor() noexcept;  ///< CPUID, MSRs, control and debug registers
std::span<check const> ports() noexcept;      ///< IN and OUT in all forms
std::span<check const> exceptions() noexcept; ///< and nested paging's faults
std::span<check const> interrupts_and_calls() noexcept; ///< also HLT, hypercalls, events
std::span<check const> second_cpu() noexcept;           ///< INIT, SIPI, real mode to long mode

} // namespace checks
