// SPDX-License-Identifier: Apache-2.0
// How a domain's software runs.
#pragma once

#include <cstdint>

namespace xenpp::hv {

enum class domain_kind : std::uint8_t {
    control, ///< domain 0: a process outside the machine, behind the machine link
    pv,      ///< ring 3, no hardware help
    hvm,     ///< hardware virtualization with second-level paging (PVH and HVM)
};

} // namespace xenpp::hv
