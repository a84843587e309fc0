// SPDX-License-Identifier: Apache-2.0
// The domains of the hypervisor's command line: each word domain=NAME,... and the loader's modules.
#pragma once

#include "boot/boot_info.hpp"

namespace xenpp::image {

/// Builds and starts them, and says of each what became of it. After the control domain.
void start_first_domains(boot_info const& info) noexcept;
/// Gives the memory of modules and loader to the allocator. Nothing in `info` may be used after.
void release_boot_memory(boot_info const& info) noexcept;

} // namespace xenpp::image
