// SPDX-License-Identifier: Apache-2.0
// The recipe of a PVH domain: from a plan to a domain that is complete and paused.
#pragma once

#include <xenpp/builder/pvh_layout.hpp>
#include <xenpp/builder/recipe.hpp>
#include <xenpp/builder/unfinished_domain.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace xenpp::builder {

/// What the plan does not say: who the domain is, its limits, how it is scheduled.
struct pvh_settings {
    std::array<std::uint8_t, 16> uuid{};
    std::uint32_t max_vcpus = 1;

    std::uint32_t max_event_port = 1023;
    std::int32_t max_grant_frames = -1; ///< negative: the hypervisor's default
    std::int32_t max_maptrack_frames = -1;
    std::uint32_t max_grant_version = 2;

    std::uint32_t tsc_mode = 0;              ///< Xen's numbers
    std::optional<std::uint32_t> timer_mode; ///< abi::hvmptm_*
    std::int64_t time_offset_s = 0;
    std::optional<ctl::scheduling> scheduling;

    /// For each vCPU the CPUs it may and should run on; empty: all.
    std::vector<std::vector<std::uint64_t>> hard_affinity, soft_affinity;
};

/// A complete domain, paused, that nobody has introduced to xenstore yet.
struct built_domain {
    unfinished_domain domain;
    evtchn_port store_port; ///< of the domain, open to domain 0; likewise the console's
    evtchn_port console_port;
};

/// Builds a domain in the order in which Xen's tools do. On failure nothing is left of it, and the
/// error names the step. `observer` may be null.
result<built_domain> build_pvh(ctl::connection& c,
                               pvh_plan const& plan,
                               pvh_settings const& settings,
                               step_observer* observer = nullptr);

/// The frames that the domain may own beyond those of the plan (Xen's tools: 1 MiB).
inline constexpr std::uint64_t memory_slack_kib = 1024;

/// What `XEN_DOMCTL_set_paging_mempool_size` is given, in bytes: 1 MiB for each vCPU and a page for
/// each MiB, as Xen's tools reckon.
constexpr std::uint64_t paging_mempool_bytes(std::uint64_t memory_mib,
                                             std::uint32_t vcpus) noexcept {
    return (std::uint64_t{256} * vcpus + memory_mib) * page_size;
}

} // namespace xenpp::builder
