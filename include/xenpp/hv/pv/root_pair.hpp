// SPDX-License-Identifier: Apache-2.0
// Two roots between which a kernel goes to and fro, the second of which maps one table's memory
// more than the first: Linux does so for each patch of its code, some eighteen thousand times in a
// boot. A copy of the first, the CPU's own, is then in CR3, and the switch changes one entry of it.
//
// The guest asks for a new address space without what was cached of the old one. It has that: what
// the table maps is dropped when it is taken out, or the copy is left; so is it when anything else
// has changed that may be cached. And what is in CR3 is always what the guest's root says: whoever
// writes to a table above makes the CPU leave its copy first, and one that is given up becomes
// something else only after every CPU has flushed that had not since (tlb_flush.hpp), which leaves
// the copy too.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/hv/platform.hpp>
#include <xenpp/hv/pv/domain_memory.hpp>
#include <xenpp/hv/pv/entry.hpp>
#include <xenpp/hv/pv/page_type.hpp>
#include <xenpp/hv/pv/tlb_flush.hpp>
#include <xenpp/hv/pv/vcpu_state.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace xenpp::hv::pv {

/// Whether the pair's CPU has its copy in CR3. The table lock is held; the CPU may leave the copy
/// at any time, but takes one only with the lock.
template <class P>
bool is_loaded(hypervisor<P> const& hv, root_pair const& p) noexcept {
    return p.table != nullptr && atomic_load(hv.tlb[p.cpu.raw()].copied_for) == p.vcpu;
}

/// An entry of a table above the L1s has changed: no CPU goes on with a copy of a root.
template <class P>
void end_pair(domain<P>& d) noexcept {
    auto& p = d.pv_memory.pair;
    if (is_loaded(d.hv, p)) {
        flush_cpus(d.hv, cpu_mask{1} << p.cpu.raw());
    }
    p.table = nullptr;
}

namespace detail {

inline constexpr unsigned lower_half = table_entries / 2;

constexpr bool is_present(table_entry e) noexcept {
    return (e & entry_present) != 0;
}

template <class P>
[[gnu::noinline]] void
note_beside_pair(domain<P>& d, table_entry const& slot, table_entry old, table_entry now) noexcept {
    auto& hv = d.hv;
    auto& p = d.pv_memory.pair;
    if (!is_loaded(hv, p)) {
        p.table = nullptr;
        return;
    }
    bool const was = is_present(old);
    auto const at = reinterpret_cast<std::uintptr_t>(&slot);
    if (((at ^ reinterpret_cast<std::uintptr_t>(p.table)) & page_mask) != 0) {
        p.is_stale = p.is_stale || was;
        return;
    }
    p.present += (is_present(now) ? 1U : 0U) - (was ? 1U : 0U);
    if (was && hv.platform.this_cpu() == p.cpu) {
        hv.platform.flush_local_page(p.address + (at & ~page_mask) / sizeof slot * page_size);
    } else {
        p.is_stale = p.is_stale || was;
    }
}

inline bool is_empty(table_entry const* table, unsigned to) noexcept {
    return std::none_of(table, table + to, is_present);
}

/// The one present entry of a table before `to`; none if there is none or more.
inline std::optional<unsigned> only_entry(table_entry const* table, unsigned to) noexcept {
    auto const* const found = std::find_if(table, table + to, is_present);
    if (found == table + to || std::any_of(found + 1, table + to, is_present)) {
        return std::nullopt;
    }
    return static_cast<unsigned>(found - table);
}

/// Whether two roots map the same for the kernel, whose half is the upper one.
inline bool have_same_upper_half(table_entry const* a, table_entry const* b) noexcept {
    return std::equal(a + lower_half, a + table_entries, b + lower_half,
                      [](table_entry x, table_entry y) {
                          return ((x ^ y) & ~(entry_accessed | entry_dirty)) == 0;
                      });
}

/// Whether a table is linked in one place only.
inline bool is_linked_once(page_info const& table) noexcept {
    auto const t = type_of(table);
    return t.count() == (t.has(type_word::pinned) ? 2 : 1);
}

/// Whether the kernel's half of a root leads to the L3 that `e` names. (Other roots may: the one
/// for processes does, and who is on it is not on a copy.)
inline bool is_kernels_too(table_entry const* root, table_entry e) noexcept {
    return std::any_of(root + lower_half, root + table_entries, [e](table_entry other) {
        return is_present(other) && frame_in(other) == frame_in(e);
    });
}

/// Finds out whether `with` is `without` and one empty L1 below a lower slot, which is reached at
/// no other address.
template <class P>
bool describe_pair(hypervisor<P>& hv, root_pair& p, mfn without, mfn with) noexcept {
    auto const map = [&](mfn f) {
        return reinterpret_cast<table_entry const*>(hv.platform.map(f));
    };
    p.table = nullptr;
    auto const* const root = map(with);
    auto const slot = only_entry(root, lower_half);
    if (!slot || !is_empty(map(without), lower_half) || !have_same_upper_half(root, map(without)) ||
        is_kernels_too(root, root[*slot])) {
        return false;
    }
    p.slot = *slot;
    p.entry = root[*slot];
    p.address = std::uint64_t{*slot} << table_shift(4);
    auto e = p.entry;
    for (unsigned level = 3; level != 1; --level) {
        auto const* const table = map(frame_in(e));
        auto const next = only_entry(table, table_entries);
        if (!next || !is_linked_once(hv.frames.info(frame_in(table[*next])))) {
            return false;
        }
        p.address |= std::uint64_t{*next} << table_shift(level);
        e = table[*next];
    }
    auto const* const l1 = map(frame_in(e));
    if (!is_empty(l1, table_entries)) {
        return false;
    }
    p.table = l1;
    p.present = 0;
    p.is_stale = false;
    p.without = without;
    p.with = with;
    return true;
}

/// How often a kernel returns to the root that it came from before it is worth a look. Odd, so that
/// of two looks one is when it comes to the lesser.
inline constexpr unsigned returns_before_pair = 7;

/// `v`, which is on this CPU and comes from `old`, goes on with a copy of its root.
template <class P>
[[gnu::noinline]] bool begin_pair(vcpu<P>& v, mfn old) noexcept {
    auto& d = v.dom;
    auto& p = d.pv_memory.pair;
    if (is_loaded(d.hv, p) || !describe_pair(d.hv, p, kernel_root(v), old)) {
        return false;
    }
    p.cpu = d.hv.platform.this_cpu();
    p.vcpu = &v;
    load_root_copy(v);
    return true;
}

} // namespace detail

/// An entry of a live L1 of `d` has changed.
template <class P>
[[gnu::always_inline]] inline void
note_change(domain<P>& d, table_entry const& slot, table_entry old, table_entry now) noexcept {
    if (d.pv_memory.pair.table != nullptr) [[unlikely]] {
        detail::note_beside_pair(d, slot, old, now);
    }
}

/// Brings this CPU from root `old` to the one that `v`, which is on it in its kernel, has now,
/// without a CR3 to be loaded. False: one must be.
template <class P>
bool switch_within_pair(vcpu<P>& v, mfn old) noexcept {
    auto& hv = v.dom.hv;
    auto& s = state_of(v);
    auto& p = v.dom.pv_memory.pair;
    auto const f = kernel_root(v);
    if (hv.tlb[hv.platform.this_cpu().raw()].copied_for == &v) {
        if (p.table == nullptr || p.vcpu != &v || p.is_stale) {
            return false;
        }
        if (f == p.with && old == p.without) {
            hv.platform.pv_write_root_copy(p.slot, p.entry);
            return true;
        }
        if (f == p.without && old == p.with && p.present == 0) {
            hv.platform.pv_write_root_copy(p.slot, 0);
            hv.platform.flush_local_page(p.address); // the tables on the way, whatever the page
            return true;
        }
        return false;
    }
    s.returns = f == s.root_before ? s.returns + 1 : 0;
    s.root_before = old;
    if (s.returns < detail::returns_before_pair) {
        return false;
    }
    s.returns = 0;
    return detail::begin_pair(v, old);
}

} // namespace xenpp::hv::pv
