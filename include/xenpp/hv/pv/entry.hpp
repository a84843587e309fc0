// SPDX-License-Identifier: Apache-2.0
// One entry of a PV guest's page tables: which bits it may have, which it gets. Pure.
#pragma once

#include <xenpp/base/strong.hpp>

#include <cstdint>

namespace xenpp::hv::pv {

using table_entry = std::uint64_t;

inline constexpr unsigned table_entries = 512;

// clang-format off
inline constexpr table_entry entry_present  = 1U << 0;
inline constexpr table_entry entry_write    = 1U << 1;
inline constexpr table_entry entry_user     = 1U << 2;
inline constexpr table_entry entry_pwt      = 1U << 3;
inline constexpr table_entry entry_pcd      = 1U << 4;
inline constexpr table_entry entry_accessed = 1U << 5;
inline constexpr table_entry entry_dirty    = 1U << 6;
inline constexpr table_entry entry_large    = 1U << 7;  ///< at level 1: PAT
inline constexpr table_entry entry_global   = 1U << 8;
inline constexpr table_entry entry_software = 7U << 9;
inline constexpr table_entry entry_address  = 0x000f'ffff'ffff'f000;
inline constexpr table_entry entry_nx       = table_entry{1} << 63;
// clang-format on

/// The L4 slots that are the hypervisor's in every address space.
inline constexpr unsigned first_own_slot = 256;
inline constexpr unsigned own_slots = 16;

constexpr bool is_own_slot(unsigned index) noexcept {
    return index - first_own_slot < own_slots;
}

/// Guest addresses that are the hypervisor's, or no addresses at all.
constexpr bool is_guest_address(std::uint64_t va) noexcept {
    auto const top = va >> 47;
    return (top == 0 || top == 0x1ffff) && !is_own_slot(static_cast<unsigned>(va >> 39 & 511));
}

namespace detail {

/// Bits that a present entry may have. The others are reserved, protection keys, or would make it
/// something that is not counted: a large page, a mapping that outlives its address space. At level
/// 1, caching and the global bit are allowed to be asked for.
inline constexpr table_entry upper_bits = entry_present | entry_write | entry_user |
                                          entry_accessed | entry_dirty | entry_software |
                                          entry_address | entry_nx;
inline constexpr table_entry leaf_bits =
    upper_bits | entry_pwt | entry_pcd | entry_large | entry_global;

} // namespace detail

/// Whether a present entry of `level` has only bits that a guest may set.
constexpr bool is_allowed(table_entry e, unsigned level) noexcept {
    return (e & ~(level == 1 ? detail::leaf_bits : detail::upper_bits)) == 0;
}

/// A present, allowed entry as it is put into the table. Kernel and user of a guest both run at
/// ring 3, in address spaces of their own, so all is the user's. Not global, so that loading CR3
/// forgets it. Cached, so that no two mappings of a frame disagree.
constexpr table_entry adjusted(table_entry e, unsigned level) noexcept {
    constexpr table_entry leaf_off = entry_global | entry_pwt | entry_pcd | entry_large;
    return (level == 1 ? e & ~leaf_off : e) | entry_user;
}

constexpr mfn frame_in(table_entry e) noexcept {
    return mfn((e & entry_address) >> page_shift);
}

/// Whether two present leaves hold the same references: they differ in neither frame nor rights.
constexpr bool holds_same(table_entry a, table_entry b) noexcept {
    return ((a ^ b) & (entry_address | entry_write)) == 0;
}

/// Where the index into the table of `level` stands in a virtual address.
constexpr unsigned table_shift(unsigned level) noexcept {
    return page_shift + (level - 1) * 9;
}

/// The index into the table of `level` for a virtual address.
constexpr unsigned table_index(std::uint64_t va, unsigned level) noexcept {
    return static_cast<unsigned>(va >> table_shift(level)) & (table_entries - 1);
}

static_assert(!is_guest_address(0xffff'8000'0000'0000) && !is_guest_address(0xffff'87ff'ffff'ffff));
static_assert(is_guest_address(0xffff'8800'0000'0000) && is_guest_address(0x7fff'ffff'ffff));
static_assert(!is_guest_address(0x8000'0000'0000) && is_guest_address(0xffff'ffff'ffff'ffff));

} // namespace xenpp::hv::pv
