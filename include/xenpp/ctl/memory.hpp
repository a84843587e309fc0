// SPDX-License-Identifier: Apache-2.0
// Calls about a domain's memory: claiming, populating, its map, its grant table's place.
#pragma once

#include <xenpp/ctl/connection.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace xenpp::ctl {

/// Reserves frames for a domain until it is populated; 0 gives back what is left. ENOMEM: there
/// are not that many.
result<void> claim_pages(connection& c, domid d, std::uint64_t count);

/// Gives the domain `count` extents of 2^`order` frames from `first` on, each aligned to its size.
/// Returns how many it got: fewer, when there is no memory in pieces of that size, or the domain
/// has all it may have.
result<std::uint64_t>
populate_physmap(connection& c, domid d, gfn first, unsigned order, std::uint64_t count);

/// The same for a PV domain, whose memory is machine frames: what it got for each extent is its
/// first machine frame, in the order of the extents. `first` is the pseudo-physical frame that the
/// machine-to-physical table will name.
result<std::vector<mfn>>
populate_machine_frames(connection& c, domid d, pfn first, unsigned order, std::uint64_t count);

/// One range of a domain's physical memory map (E820 types).
struct memory_range {
    std::uint64_t start;
    std::uint64_t size;
    std::uint32_t type;
};

/// What XENMEM_memory_map answers to the domain. E2BIG beyond 128 ranges.
result<void> set_memory_map(connection& c, domid d, std::span<memory_range const> map);

/// Puts frame `index` of the domain's grant table at `at`, and takes a page away from there.
result<void> map_grant_table(connection& c, domid d, std::uint64_t index, gfn at);
result<void> remove_from_physmap(connection& c, domid d, gfn at);

} // namespace xenpp::ctl
