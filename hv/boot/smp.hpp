// SPDX-License-Identifier: Apache-2.0
// Brings the machine's other CPUs up.
#pragma once

#include "platform/percpu.hpp"

#include <cstdint>

namespace xenpp::image {

/// Where the boot CPU has its place among `cpus`, of which the machine has `found`: first of all,
/// or, if it is to run no guests, last of all. Once, while it is alone.
percpu& place_boot_cpu(unsigned found) noexcept;

/// Starts the CPUs with the given APIC ids, this one excepted; each ends in the run loop. Returns
/// how many CPUs run guests.
unsigned start_cpus(std::uint32_t const* apic_ids, unsigned count) noexcept;

} // namespace xenpp::image
