// SPDX-License-Identifier: Apache-2.0
// What a host's hypervisor says of itself and of its machine, as plain data.
#pragma once

#include <xenpp/base/memory_size.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace xenpp {

/// What runs the domains, in one word each.
enum class host_kind : std::uint8_t {
    native,   ///< the Xen of which this is the control domain
    embedded, ///< our hypervisor, in a machine of its own
    sim,      ///< our hypervisor, in this process
};

char const* to_string(host_kind k) noexcept;

/// What the hypervisor can do (Xen: XEN_SYSCTL_PHYSCAP_*).
struct host_capabilities {
    bool pv = false, hvm = false, hap = false, shadow = false;
    bool directio = false, iommu_hap_pt_share = false, vmtrace = false, vpmu = false;
    bool gnttab_v1 = false, gnttab_v2 = false;
};

/// Where one CPU sits.
struct cpu_topology {
    std::uint32_t core = 0;
    std::uint32_t socket = 0;
    std::uint32_t node = 0;
};

struct host_info {
    host_kind kind{};
    std::string connection; ///< in words: to what this host is connected, and how

    std::uint32_t cpus = 0;
    std::uint32_t max_cpu_id = 0;
    std::uint32_t nodes = 0;
    std::uint32_t cores_per_socket = 0;
    std::uint32_t threads_per_core = 0;
    std::uint32_t cpu_khz = 0;
    std::uint32_t free_cpus = 0; ///< in no CPU pool
    std::array<std::uint32_t, 8> hw_cap{};
    host_capabilities capabilities;

    pages total_memory;
    pages free_memory; ///< claimed memory among it
    pages scrub_memory;
    pages outstanding_claims;
    pages sharing_freed; ///< what page sharing saves
    pages sharing_used;  ///< what holds shared pages

    unsigned xen_major = 0;
    unsigned xen_minor = 0;
    std::string xen_extra;
    std::string xen_capabilities;
    std::string xen_scheduler; ///< "credit2"
    std::uint32_t page_size = 0;
    std::uint64_t virt_start = 0;
    std::string changeset;
    std::string command_line;
    std::string compiler, compiled_by, compile_domain, compile_date;
    std::string build_id; ///< hexadecimal; empty: it has none
};

} // namespace xenpp
