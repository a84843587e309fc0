// SPDX-License-Identifier: Apache-2.0
// The frame table's entry: who owns a frame, how many references hold it, what it is.
#pragma once

#include <xenpp/base/strong.hpp>

#include <cstdint>

namespace xenpp::hv {

/// What a frame is used for. PV adds page-table types; see hv/pv.
enum class page_use : std::uint8_t {
    none,       ///< not memory, or inside a free block whose first frame says `free`
    free,       ///< the first frame of a free block
    hypervisor, ///< the hypervisor's own
    guest,      ///< a domain's memory, entered in its p2m or about to be
    shared,     ///< the hypervisor's, mapped by a domain (shared info, grant table)
    dying,      ///< freed, waiting for every CPU to pass an epoch
};

/// One entry per machine frame; all zeroes is a frame that nobody has. `count` is changed
/// atomically; the rest under the owner's or the allocator's lock. A frame goes back to the
/// allocator when `count` falls to zero.
struct page_info {
    std::uint32_t count = 0; ///< references: 1 for being allocated, 1 per mapping or user
    domid owner{};           ///< whose memory it is; valid while `count` is not zero
    page_use use = page_use::none;
    std::uint8_t order = 0; ///< of a free or dying block, in its first frame
    bool dirty = false; ///< holds something, or may have been executed: to be scrubbed when freed
    std::uint8_t type = 0; ///< PV page type
    std::uint16_t type_count = 0;
    std::uint32_t next = no_page; ///< list links, as frame numbers
    std::uint32_t prev = no_page;
    std::uint32_t first_dirty = no_page; ///< of a free block: no frame before it is dirty
    std::uint64_t epoch = 0;             ///< of a dying block: the epoch in which it was freed

    static constexpr std::uint32_t no_page = ~std::uint32_t{0};
};

static_assert(sizeof(page_info) == 32);

} // namespace xenpp::hv
