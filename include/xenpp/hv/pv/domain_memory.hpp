// SPDX-License-Identifier: Apache-2.0
// What a PV domain has of memory management, beside the frames' own entries.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/hv/page.hpp>
#include <xenpp/hv/pv/entry.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv::pv {

/// Two roots, see root_pair.hpp. Between them lies what a processor may have cached.
struct root_pair {
    table_entry const* table = nullptr; ///< the L1 that only `with` has; null: there is no pair
    void* vcpu = nullptr;               ///< who switches between them
    cpu_id cpu{};                       ///< where it does, by a copy of `without` in CR3
    bool is_stale = false;              ///< something has changed that may be cached there
    unsigned present = 0;               ///< entries in `table`
    unsigned slot = 0;                  ///< of `with`, that leads to `table`,
    table_entry entry = 0;              ///< ... and what it says
    std::uint64_t address = 0;          ///< what `table` maps, from here on
    mfn without{}, with{};
};

/// A domain's; what its vCPUs have is in pv/vcpu_state.hpp.
struct domain_memory {
    /// Guards the domain's tables: every entry of a live table, every change of a type to or from
    /// table and descriptor page, `page_info::allocated` and `nr_validated`, and what is below up
    /// to the blank line. Comes after domain.lock and before page_lock. Whoever holds it waits
    /// for no CPU that is inside the hypervisor.
    spinlock lock;
    /// Tables of levels 2 to 4 whose entries are being given up, a part at a time; by level.
    std::array<std::uint32_t, 5> unfinished{page_info::no_page, page_info::no_page,
                                            page_info::no_page, page_info::no_page,
                                            page_info::no_page};
    root_pair pair;

    std::uint64_t tlb_clock = 1;                    ///< atomic; see tlb_flush.hpp
    std::uint32_t first_page = page_info::no_page;  ///< all its frames; guarded by page_lock
    std::uint32_t teardown_at = page_info::no_page; ///< the frame to give up next; likewise
    bool teardown_begun = false;
    bool is_torn_down = false; ///< `teardown_at` has been at the end

    bool has_unfinished() const noexcept {
        return unfinished[2] != page_info::no_page || unfinished[3] != page_info::no_page ||
               unfinished[4] != page_info::no_page;
    }
};

} // namespace xenpp::hv::pv
