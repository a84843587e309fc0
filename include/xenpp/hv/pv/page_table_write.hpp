// SPDX-License-Identifier: Apache-2.0
// The one place that changes entries of live tables (but for those of grants, see grant_map.hpp):
// references first, then the entry, then what it held before.
#pragma once

#include <xenpp/hv/pv/root_pair.hpp>
#include <xenpp/hv/pv/validate.hpp>

#include <cstdint>

namespace xenpp::hv::pv {

/// What becomes of the accessed and dirty bits that the processor has set.
enum class ad_bits : std::uint8_t {
    replace, ///< the new value says
    keep,    ///< those of the old entry, if it was present, stay set (PT_UPDATE_PRESERVE_AD)
};

namespace detail {

/// Puts `value` where only the processor changes bits meanwhile; returns what was there.
inline table_entry exchange_entry(table_entry& slot, table_entry value, ad_bits ad) noexcept {
    if (ad == ad_bits::replace) {
        return atomic_exchange(slot, value);
    }
    constexpr table_entry both = entry_accessed | entry_dirty;
    auto old = atomic_load(slot, order::relaxed);
    while (!atomic_compare_exchange(slot, old, value | (old & both))) {
    }
    return old;
}

} // namespace detail

/// Puts `value`, whose references are the caller's to take, into an entry of a live L1 of `d`, and
/// gives up those of what was there. With the table lock held.
template <class P>
void drop_leaf(domain<P>& d, table_entry& slot, table_entry value) noexcept {
    auto const old = atomic_exchange(slot, value);
    note_change(d, slot, old, value);
    if ((old & entry_present) != 0) {
        put_leaf(d, old);
    }
}

/// Changes an entry of a live L1 of `d`. With the table lock held. `inval`: the value has bits that
/// it may not have, or its frame may not be mapped so.
template <class P>
expected<void, errc> write_l1(domain<P>& d,
                              table_entry& slot,
                              table_entry value,
                              ad_bits ad = ad_bits::replace) noexcept {
    if ((value & entry_present) == 0) {
        drop_leaf(d, slot, value);
        return {};
    }
    auto const old = atomic_load(slot, order::relaxed);
    auto const used = adjusted(value, 1);
    if ((old & entry_present) == 0) {
        XENPP_TRY(get_leaf(d, value));
        atomic_store(slot, used);
        note_change(d, slot, old, used);
        return {};
    }
    if (holds_same(old, value)) {
        if (!is_allowed(value, 1)) {
            return unexpected(errc::inval);
        }
        detail::exchange_entry(slot, used, ad);
        note_change(d, slot, old, used);
        return {};
    }
    XENPP_TRY(get_leaf(d, value));
    detail::exchange_entry(slot, used, ad);
    note_change(d, slot, old, used);
    put_leaf(d, old);
    return {};
}

/// Changes entry `index` of a live table of `level` 2 to 4. Errors as `get_page_type`; `inval` also
/// for the hypervisor's own slots.
template <class P>
expected<void, errc> write_upper(table_work<P>& w,
                                 table_entry& slot,
                                 unsigned index,
                                 unsigned level,
                                 table_entry value,
                                 ad_bits ad = ad_bits::replace) noexcept {
    if (level == 4 && is_own_slot(index)) {
        return unexpected(errc::inval);
    }
    auto const old = atomic_load(slot, order::relaxed);
    bool const was = (old & entry_present) != 0;
    bool const is = (value & entry_present) != 0;
    bool const same = was && is && ((old ^ value) & entry_address) == 0;
    if (is && !is_allowed(value, level)) {
        return unexpected(errc::inval);
    }
    if (is && !same) {
        XENPP_TRY(get_entry(w, value, level));
    }
    detail::exchange_entry(slot, is ? adjusted(value, level) : value,
                           was && is ? ad : ad_bits::replace);
    end_pair(w.d);
    if (was && !same) {
        put_entry(w, old, level);
    }
    return {};
}

/// Changes the eight bytes at `at` in a frame of `w.d`: an entry of a live table by the rules of
/// its level; anything else that may be written as memory. Errors: `inval`, `restart` as above.
template <class P>
expected<void, errc>
write_entry(table_work<P>& w, maddr at, table_entry value, ad_bits ad) noexcept {
    auto const f = to_mfn(at);
    auto* const page = w.d.hv.frames.find(f);
    if (page == nullptr || !is_memory_of(*page, w.d.id) || (at.raw() & 7) != 0) {
        return unexpected(errc::inval);
    }
    auto const index = static_cast<unsigned>(at.raw() >> 3) & (table_entries - 1);
    auto const type = type_of(*page);
    if (type.is_live_table(1)) [[likely]] {
        return write_l1(w.d, w.map(f)[index], value, ad);
    }
    if (is_table(type.type()) && type.has(type_word::validated)) {
        return write_upper(w, w.map(f)[index], index, static_cast<unsigned>(type.type()), value,
                           ad);
    }
    if (!get_writable(w.d, *page)) {
        return unexpected(errc::inval);
    }
    atomic_store(w.map(f)[index], value);
    put_writable(w.d.hv, w.d, f);
    return {};
}

/// The entry of a live L1 of `w.d` at a machine address, or null.
template <class P>
table_entry* l1_entry_at(table_work<P> const& w, maddr at) noexcept {
    auto* const page = w.d.hv.frames.find(to_mfn(at));
    if (page == nullptr || (at.raw() & 7) != 0 || !is_memory_of(*page, w.d.id) ||
        !type_of(*page).is_live_table(1)) {
        return nullptr;
    }
    return &w.map(to_mfn(at))[at.raw() >> 3 & (table_entries - 1)];
}

/// A guest's instruction compares and exchanges at `at`, which it may only read: done for it if
/// that is an entry of a live L1. What was there, which was `expect` if the value was stored.
/// `inval`: it is no such entry, or may not be so.
template <class P>
expected<table_entry, errc>
compare_exchange_l1_entry(domain<P>& d, maddr at, table_entry expect, table_entry value) noexcept {
    table_work<P> w(d);
    auto* const slot = l1_entry_at(w, at);
    if (slot == nullptr) {
        return unexpected(errc::inval);
    }
    bool const is = (value & entry_present) != 0;
    bool const was = (expect & entry_present) != 0;
    bool const same = is && was && holds_same(expect, value);
    if (is && !is_allowed(value, 1)) {
        return unexpected(errc::inval);
    }
    if (is && !same) {
        XENPP_TRY(get_leaf(d, value));
    }
    auto seen = expect; // the processor may set bits of it until it is gone
    auto const used = is ? adjusted(value, 1) : value;
    bool const stored = atomic_compare_exchange(*slot, seen, used);
    if (stored) {
        note_change(d, *slot, expect, used);
    }
    if (stored && was && !same) {
        put_leaf(d, expect);
    } else if (!stored && is && !same) {
        put_leaf(d, value);
    }
    return seen;
}

/// The entry of the L1 that maps `va` in the address space of `root`, a live L4; null: there is no
/// such L1.
template <class P>
table_entry* find_l1_entry(table_work<P> const& w, mfn root, std::uint64_t va) noexcept {
    if (!is_guest_address(va) || root == mfn()) {
        return nullptr;
    }
    auto table = root;
    for (unsigned level = 4; level != 1; --level) {
        auto const e = atomic_load(w.map(table)[table_index(va, level)], order::relaxed);
        if ((e & entry_present) == 0) {
            return nullptr;
        }
        table = frame_in(e);
    }
    return &w.map(table)[table_index(va, 1)];
}

} // namespace xenpp::hv::pv
