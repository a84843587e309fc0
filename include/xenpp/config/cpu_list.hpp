// SPDX-License-Identifier: Apache-2.0
// CPULIST: sets of host CPUs as users write them, before the host's CPUs are known.
#pragma once

#include <xenpp/base/expected.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::config {

/// One term: CPUs `first` to `last`, or those of NUMA nodes `first` to `last`, added or removed.
/// `all` is the range from 0 to `cpu_term::unbounded`.
struct cpu_term {
    static constexpr std::uint32_t unbounded = UINT32_MAX;

    bool is_removed = false;
    bool is_node = false;
    std::uint32_t first = 0;
    std::uint32_t last = 0;

    friend bool operator==(cpu_term const&, cpu_term const&) = default;
};

/// Terms from left to right, beginning with the empty set. An empty list means no restriction.
using cpu_list = std::vector<cpu_term>;

/// What is wrong with a CPULIST, and at which byte.
struct cpu_list_error {
    std::size_t offset;
    std::string reason;
};

/// Reads "0-3,^1,node:1". Empty terms vanish; a list that adds no CPU at all is an error.
expected<cpu_list, cpu_list_error> parse_cpu_list(std::string_view text);

/// The text of a list; "all" for one without terms.
std::string print(cpu_list const& list);

/// For each of the host's CPUs whether it is in the set. `node_of_cpu` has one entry a CPU; CPUs
/// that the host lacks are dropped, as Xen's xl does. A list without terms holds every CPU.
std::vector<bool> evaluate(cpu_list const& list, std::span<std::uint32_t const> node_of_cpu);

/// Affinity: nothing asked for, one list for all vCPUs, or one list each (`is_per_vcpu`); vCPUs
/// beyond the last list are not restricted.
struct cpu_affinity {
    std::vector<cpu_list> lists;
    bool is_per_vcpu = false;

    bool empty() const noexcept { return lists.empty(); }

    /// The list of one vCPU; without terms if it is not restricted.
    cpu_list of(std::uint32_t vcpu) const {
        std::size_t const i = is_per_vcpu ? vcpu : 0;
        return i < lists.size() ? lists[i] : cpu_list();
    }

    friend bool operator==(cpu_affinity const&, cpu_affinity const&) = default;
};

} // namespace xenpp::config
