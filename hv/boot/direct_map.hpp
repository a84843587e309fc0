// SPDX-License-Identifier: Apache-2.0
// Maps all of physical memory, and takes the boot's identity mapping away.
#pragma once

namespace xenpp::image {

/// Maps the first 4 GiB at direct_map_base: enough to read boot information and reach devices.
void direct_map_init() noexcept;
/// Extends it to `end` (exclusive, bytes). Tables for a processor without 1 GiB pages are static.
bool direct_map_extend(unsigned long end) noexcept;
/// Removes the identity mapping; no CPU may start through the trampoline any more.
void identity_map_remove() noexcept;

} // namespace xenpp::image
