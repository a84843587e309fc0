// SPDX-License-Identifier: Apache-2.0
// Frames that others have granted, in a PV domain's page tables: the only entries that map what is
// not its own.
//
// Such an entry holds references of its own like any other; those of the grant come on top, so a
// guest that overwrites the entry harms nobody. It stays in the slot in which it was made: nothing
// copies or moves it, so a handle that knows the slot can end it.
#pragma once

#include <xenpp/abi/grant_table.hpp>
#include <xenpp/hv/pv/page_table_write.hpp>
#include <xenpp/hv/pv/root.hpp>

#include <cstdint>

namespace xenpp::hv::pv {

namespace detail {

/// Where in the machine an entry of a table lies.
template <class P>
maddr address_of(domain<P> const& d, table_entry const* entry) noexcept {
    return to_maddr(d.hv.frames.frame_of(entry)) +
           (reinterpret_cast<std::uintptr_t>(entry) & (page_size - 1));
}

constexpr table_entry granted_entry(mfn f, std::uint32_t flags) noexcept {
    bool const writable = (flags & abi::gntmap_readonly) == 0;
    table_entry const software = flags >> abi::gntmap_guest_avail0;
    return to_maddr(f).raw() | entry_present | entry_user | entry_accessed |
           (writable ? entry_write | entry_dirty : 0) | (software << 9 & entry_software);
}

/// Whether `e` is an entry that a grant of `f` with these rights was given.
constexpr bool is_granted_entry(table_entry e, mfn f, bool writable) noexcept {
    return (e & entry_present) != 0 && frame_in(e) == f && ((e & entry_write) != 0) == writable;
}

} // namespace detail

/// Maps frame `f` of `owner` at `address`: a virtual address in the kernel's address space, or with
/// gntmap_contains_pte the machine address of an entry. Says which entry it became. `inval`: no
/// table is there, or the frame may not be mapped so.
template <class P>
expected<maddr, errc> map_granted(
    vcpu<P>& v, domain<P>& owner, mfn f, std::uint64_t address, std::uint32_t flags) noexcept {
    table_work<P> w(v.dom);
    auto* const slot = (flags & abi::gntmap_contains_pte) != 0
                           ? l1_entry_at(w, maddr(address))
                           : find_l1_entry(w, kernel_root(v), address);
    auto& page = w.info(f);
    bool const writable = (flags & abi::gntmap_readonly) == 0;
    if (slot == nullptr || !(writable ? get_writable(owner, page) : get_readable(page))) {
        return unexpected(errc::inval);
    }
    drop_leaf(v.dom, *slot, detail::granted_entry(f, flags));
    return detail::address_of(v.dom, slot);
}

/// Takes out what `map_granted` put into the entry at `at`, if it is there still. False: `address`
/// cannot be where that was asked for. Translations may linger until the time that
/// `d.pv_memory.tlb_clock` shows afterwards.
template <class P>
bool unmap_granted(domain<P>& d,
                   maddr at,
                   mfn f,
                   bool writable,
                   bool is_entry_address,
                   std::uint64_t address) noexcept {
    auto const index = static_cast<unsigned>(at.raw() >> 3) & (table_entries - 1);
    if (is_entry_address ? address != at.raw() : table_index(address, 1) != index) {
        return false;
    }
    table_work<P> w(d);
    auto* const slot = l1_entry_at(w, at);
    if (slot != nullptr && detail::is_granted_entry(atomic_load(*slot), f, writable)) {
        drop_leaf(d, *slot, 0);
    }
    return true;
}

/// As `unmap_granted`, and moves the entry that maps `new_address` (0: none) to the place. False
/// also if none does, or one that is not for the domain's own memory.
template <class P>
bool replace_granted(vcpu<P>& v,
                     maddr at,
                     mfn f,
                     bool writable,
                     std::uint64_t address,
                     std::uint64_t new_address) noexcept {
    auto const index = static_cast<unsigned>(at.raw() >> 3) & (table_entries - 1);
    table_work<P> w(v.dom);
    auto* const slot = l1_entry_at(w, at);
    auto* const from = new_address != 0 ? find_l1_entry(w, kernel_root(v), new_address) : nullptr;
    if (table_index(address, 1) != index || slot == nullptr || slot == from ||
        !detail::is_granted_entry(atomic_load(*slot), f, writable) ||
        (new_address != 0 && from == nullptr)) {
        return false;
    }
    table_entry moved = 0;
    if (from != nullptr) {
        moved = atomic_load(*from);
        if ((moved & entry_present) == 0 || w.info(frame_in(moved)).owner != v.dom.id) {
            return false;
        }
        moved = atomic_exchange(*from, 0);
        note_change(v.dom, *from, moved, 0);
    }
    drop_leaf(v.dom, *slot, moved);
    return true;
}

} // namespace xenpp::hv::pv
