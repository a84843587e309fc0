// SPDX-License-Identifier: Apache-2.0
// What is asked for a new domain of any kind, beside what its plan says.
#pragma once

#include <xenpp/ctl/domctl.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace xenpp::builder {

/// What the plan does not say: who the domain is, its limits, how it is scheduled.
struct domain_settings {
    std::array<std::uint8_t, 16> uuid{};
    std::uint32_t max_vcpus = 1;
    std::uint32_t cpupool = 0;

    std::uint32_t max_event_port = 1023;
    std::int32_t max_grant_frames = -1; ///< negative: the hypervisor's default
    std::int32_t max_maptrack_frames = -1;
    std::uint32_t max_grant_version = 2;

    std::uint32_t tsc_mode = 0;              ///< Xen's numbers
    std::optional<std::uint32_t> timer_mode; ///< abi::hvmptm_*; means nothing to PV
    std::int64_t time_offset_s = 0;
    std::optional<ctl::scheduling> scheduling;

    /// For each vCPU the CPUs it may and should run on; empty: all.
    std::vector<std::vector<std::uint64_t>> hard_affinity, soft_affinity;
};

/// The frames that the domain may own beyond those of the plan (Xen's tools: 1 MiB).
inline constexpr std::uint64_t memory_slack_kib = 1024;

} // namespace xenpp::builder
