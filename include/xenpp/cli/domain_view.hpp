// SPDX-License-Identifier: Apache-2.0
// The field tables of domains and vCPUs, and xl's text layouts over them.
#pragma once

#include <xenpp/cli/view.hpp>
#include <xenpp/domain_info.hpp>
#include <xenpp/vcpu.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace xenpp::cli {

/// A domain with what a listing adds to it.
struct domain_row {
    domain_info info;
    std::string nodes{}; ///< NUMA nodes that it may run on; filled in when asked for
    std::string pool{};  ///< its CPU pool's name; likewise, or empty
};

std::span<field<domain_row> const> domain_fields() noexcept;

/// Columns of `xl list` beyond the usual ones.
struct domain_columns {
    bool is_verbose = false; ///< UUID, reason code, label
    bool has_label = false;
    bool has_cpupool = false;
    bool has_nodes = false;
};

/// A header and cells that own their storage; `layout()` is what `to_text` wants.
struct domain_layout {
    std::string header;
    std::vector<text_cell> cells;

    text_layout layout() const noexcept { return {header, cells}; }
};

/// The table of `xl list`, to the blank.
domain_layout list_layout(domain_columns const& c);

/// The six letters of `xl list`: r b p s c d; the fifth tells why it shut down.
std::string state_letters(domain_info const& d);

/// A vCPU with what a listing adds to it.
struct vcpu_row {
    std::string name; ///< the domain's
    vcpu_info info;
    std::uint32_t host_cpus = 0; ///< so that affinity to each of them is "all"
};

std::span<field<vcpu_row> const> vcpu_fields() noexcept;

/// The table of `xl vcpu-list`, to the blank.
text_layout vcpu_layout() noexcept;

/// "all", "none", or ranges.
std::string affinity_text(cpu_set const& s, std::uint32_t host_cpus);

} // namespace xenpp::cli
