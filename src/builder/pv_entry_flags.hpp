// SPDX-License-Identifier: Apache-2.0
// The bits of the page-table entries that a PV domain starts with (SDM3 4.5).
#pragma once

#include <xenpp/mm/page_format.hpp>

#include <cstdint>

namespace xenpp::builder {

/// Of an entry that maps a table or a page the kernel may write: both its modes run in ring 3.
inline constexpr std::uint64_t pv_table_flags = mm::long_mode::present | mm::long_mode::write |
                                                mm::long_mode::user | mm::long_mode::accessed |
                                                mm::long_mode::dirty;
inline constexpr std::uint64_t pv_page_flags = pv_table_flags;
/// Of an entry that maps a page table.
inline constexpr std::uint64_t pv_read_only_flags = pv_page_flags & ~mm::long_mode::write;

} // namespace xenpp::builder
