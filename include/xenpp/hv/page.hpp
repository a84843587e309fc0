// SPDX-License-Identifier: Apache-2.0
// The frame table's entry: who owns a frame, how many references hold it, what it is.
#pragma once

#include <xenpp/base/strong.hpp>

#include <cstdint>

namespace xenpp::hv {

/// What a frame is used for. What a PV domain may do with one of its own is its type, see hv/pv.
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
///
/// `count` and `type_info` lie in one aligned word, which pv/page_type.hpp changes at once.
struct alignas(8) page_info {
    std::uint32_t count = 0;     ///< references: 1 for being allocated, 1 per mapping or user
    std::uint32_t type_info = 0; ///< of a frame with references: pv::type_word; atomic
    domid owner{};               ///< whose memory it is; valid while `count` is not zero
    page_use use = page_use::none;
    std::uint8_t order = 0;         ///< of a free or dying block, in its first frame
    bool dirty = false;             ///< may hold something: to be scrubbed when freed
    bool allocated = false;         ///< PV: the owner has not given it up (its pv_memory.lock)
    std::uint16_t nr_validated = 0; ///< PV: of a partial table, how many entries are counted
    std::uint32_t next = no_page;   ///< list links, as frame numbers: free, dying, or a PV
    std::uint32_t prev = no_page;   ///< domain's memory
    std::uint64_t epoch = 0;        ///< of a dying block: the epoch in which it was freed

    /// Of a free block, which has no type: no frame before it is dirty.
    std::uint32_t& first_dirty() noexcept { return type_info; }

    /// Of a PV domain's frame, while it lives: its TLB clock when the last type count went.
    std::uint64_t& tlb_stamp() noexcept { return epoch; }

    static constexpr std::uint32_t no_page = ~std::uint32_t{0};
};

static_assert(sizeof(page_info) == 32);

} // namespace xenpp::hv
