// SPDX-License-Identifier: Apache-2.0
// Brings the machine's other CPUs up.
#pragma once

#include <cstdint>

namespace xenpp::image {

/// Starts the CPUs with the given APIC ids, this one excepted; each ends in the run loop. Returns
/// how many CPUs run in all.
unsigned start_cpus(std::uint32_t const* apic_ids, unsigned count) noexcept;

} // namespace xenpp::image
