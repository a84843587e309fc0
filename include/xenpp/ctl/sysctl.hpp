// SPDX-License-Identifier: Apache-2.0
// Calls about the machine: its memory and CPUs, its list of domains, its console.
#pragma once

#include <xenpp/ctl/connection.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace xenpp::ctl {

result<abi::sysctl_physinfo> get_physinfo(connection& c);

/// The scheduler's number (abi::scheduler_*).
result<std::uint32_t> get_scheduler(connection& c);

/// Every domain, by number.
result<std::vector<abi::domctl_getdomaininfo>> get_domain_list(connection& c);

/// Core, socket and node of each CPU.
result<std::vector<abi::sysctl_cputopo>> get_cpu_topology(connection& c);

/// Nanoseconds for which each CPU was idle.
result<std::vector<std::uint64_t>> get_cpu_idle_times(connection& c);

/// What the console ring holds; with `clear` it holds nothing afterwards.
result<std::string> read_console(connection& c, bool clear);

/// As if the keys were pressed on the hypervisor's console.
result<void> press_debug_keys(connection& c, std::string_view keys);

} // namespace xenpp::ctl
