// SPDX-License-Identifier: Apache-2.0
// The field table of a host: the lines of `xl info`.
#pragma once

#include <xenpp/cli/view.hpp>
#include <xenpp/host_info.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::cli {

/// A host with the control domain's own name and kernel (uname).
struct host_row {
    host_info info;
    std::string node;
    std::string release;
    std::string version;
    std::string machine;
};

/// 34 fields in Xen's order and under Xen's names, and `xenpp_host`.
std::span<field<host_row> const> host_fields() noexcept;

/// The fields of the first row as `name : value` lines, from the field `begin` up to `end`.
std::string to_lines(table const& t, std::size_t begin = 0, std::size_t end = SIZE_MAX);

/// The values, a line each, of the fields called `name`, or else of those whose names begin so;
/// empty if there is none.
std::string field_values(table const& t, std::string_view name);

/// The index of the first field that tells of Xen itself: `xl info -n` prints the topology before.
std::size_t first_xen_field() noexcept;

/// `cpu_topology` of `xl info -n`, and the nodes' memory, which is the host's where it has one
/// node.
std::string topology_text(host_info const& info, std::span<cpu_topology const> cpus);

} // namespace xenpp::cli
