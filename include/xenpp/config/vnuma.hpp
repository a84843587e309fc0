// SPDX-License-Identifier: Apache-2.0
// Virtual NUMA nodes: the items of the key `vnuma`.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/cpu_list.hpp>
#include <xenpp/config/value_error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::config {

/// One virtual node.
struct vnuma_node {
    std::optional<std::uint32_t> pnode; ///< the host's node that backs it
    std::uint64_t size_mib = 0;
    cpu_list vcpus;
    std::vector<std::uint32_t> vdistances; ///< to each node, or one for all other nodes

    friend bool operator==(vnuma_node const&, vnuma_node const&) = default;
};

/// Adds what one string of a node's list says ("pnode=0", "size=512", "vcpus=0-3,5",
/// "vdistances=10,20") to it.
expected<void, value_error> parse_spec(std::string_view text, vnuma_node& to);
/// The strings of a node's list.
std::vector<std::string> print(vnuma_node const& n);

} // namespace xenpp::config
