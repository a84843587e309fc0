// SPDX-License-Identifier: Apache-2.0
// Hardware virtualization, whichever vendor's: found once at boot, then the run loop is that
// vendor's.
#pragma once

#include "machine.hpp"

namespace xenpp::image {

enum class virtualization : std::uint8_t {
    none,
    svm,
    vmx,
};

/// Finds out what there is and makes its shared tables; says so on the console. Once.
void virtualization_init() noexcept;
/// Switches it on for this CPU. False: no memory for it.
bool virtualization_init_cpu(percpu& here) noexcept;
virtualization virtualization_in_use() noexcept;

} // namespace xenpp::image
