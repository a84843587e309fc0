// SPDX-License-Identifier: Apache-2.0
// What the hypervisor says of itself.
#pragma once

#include <xenpp/ctl/connection.hpp>

#include <cstdint>
#include <string>

namespace xenpp::ctl {

struct version_info {
    unsigned major = 0;
    unsigned minor = 0;
    std::string extra;        ///< ".7"
    std::string capabilities; ///< "xen-3.0-x86_64 hvm-3.0-x86_64"
    std::string changeset;
    std::string command_line;
    std::string compiler, compiled_by, compile_domain, compile_date;
    std::string build_id;         ///< hexadecimal; empty: it has none
    std::uint64_t virt_start = 0; ///< where the hypervisor's own addresses begin
    std::uint32_t page_size = 0;
};

result<version_info> get_version(connection& c);

} // namespace xenpp::ctl
