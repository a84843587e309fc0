// SPDX-License-Identifier: Apache-2.0
// Calls that tell which frames a domain has.
#pragma once

#include <xenpp/ctl/connection.hpp>

#include <cstdint>
#include <vector>

namespace xenpp::ctl {

/// The highest guest frame that a domain ever had.
result<std::uint64_t> maximum_gfn(connection& c, domid d);

/// What kind of page each of `count` frames from `first` on is (abi::domctl_pfinfo_*), at most
/// 1024.
result<std::vector<std::uint64_t>>
get_frame_types(connection& c, domid d, gfn first, std::uint64_t count);

} // namespace xenpp::ctl
