// SPDX-License-Identifier: Apache-2.0
// The recipe of a PVH domain: from a plan to a domain that is complete and paused.
#pragma once

#include <xenpp/builder/built_domain.hpp>
#include <xenpp/builder/domain_settings.hpp>
#include <xenpp/builder/pvh_layout.hpp>
#include <xenpp/builder/recipe.hpp>

#include <cstdint>

namespace xenpp::builder {

/// Builds a domain in the order in which Xen's tools do. On failure nothing is left of it, and the
/// error names the step. `observer` may be null.
result<built_domain> build_pvh(ctl::connection& c,
                               pvh_plan const& plan,
                               domain_settings const& settings,
                               step_observer* observer = nullptr);

/// What `XEN_DOMCTL_set_paging_mempool_size` is given, in bytes: 1 MiB for each vCPU and a page for
/// each MiB, as Xen's tools reckon.
constexpr std::uint64_t paging_mempool_bytes(std::uint64_t memory_mib,
                                             std::uint32_t vcpus) noexcept {
    return (std::uint64_t{256} * vcpus + memory_mib) * page_size;
}

} // namespace xenpp::builder
