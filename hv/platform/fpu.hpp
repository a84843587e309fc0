// SPDX-License-Identifier: Apache-2.0
// The FPU's state: always a guest's, switched with the vCPU.
#pragma once

#include "machine.hpp"

namespace xenpp::image {

/// Finds out what state there is. Once, before any CPU's init.
void fpu_init() noexcept;
/// Makes this CPU's FPU usable.
void fpu_init_cpu(percpu& here) noexcept;

bool has_xsave() noexcept;
/// Pages of a state area, as a power of two.
unsigned fpu_area_order() noexcept;
void save_fpu(std::byte* area) noexcept;
/// Loads an area and leaves XCR0 as the guest has it.
void load_fpu(std::byte const* area, std::uint64_t guest_xcr0) noexcept;

} // namespace xenpp::image
