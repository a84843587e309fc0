// SPDX-License-Identifier: Apache-2.0
// The save records with which a PVH domain's vCPUs start.
#pragma once

#include <xenpp/builder/pvh_layout.hpp>

#include <cstddef>
#include <vector>

namespace xenpp::builder {

/// Header, memory types of each vCPU, registers of vCPU 0, end: for XEN_DOMCTL_sethvmcontext.
std::vector<std::byte>
make_boot_context(pvh_boot_state const& boot, mtrr_boot_state const& mtrr, std::uint32_t vcpus);

} // namespace xenpp::builder
