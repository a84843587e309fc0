// SPDX-License-Identifier: Apache-2.0
// Frames become tables and descriptor pages, and cease to be: with the domain's table lock held.
#pragma once

#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/hv/domain.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/page_ref.hpp>
#include <xenpp/hv/pv/descriptor.hpp>
#include <xenpp/hv/pv/entry.hpp>
#include <xenpp/hv/pv/page_type.hpp>

#include <cstdint>

namespace xenpp::hv::pv {

/// What one turn of a memory operation may do. Holds `d.pv_memory.lock` as long as it lives.
///
/// A table that is validated, or given up, in several turns is in between *partial*: it has no type
/// count, its first `nr_validated` entries are counted, and it holds a reference to itself. It is
/// safe to leave it so: whoever wants the frame next goes on with it, or takes it back.
template <class P>
struct table_work {
    explicit table_work(domain<P>& owner) noexcept
        : d(owner), left(owner.hv.pv_turn), lock_(owner.pv_memory.lock) {}

    page_info& info(mfn f) const noexcept { return d.hv.frames.info(f); }

    table_entry* map(mfn f) const noexcept {
        return reinterpret_cast<table_entry*>(d.hv.platform.map(f));
    }

    domain<P>& d;
    int left; ///< entries that this turn may look at yet

private:
    lock_guard<spinlock> lock_;
};

template <class P>
expected<void, errc> get_page_type(table_work<P>& w, mfn f, page_type t) noexcept;
template <class P>
void put_page_type(table_work<P>& w, mfn f) noexcept;

// --- what one entry holds ----------------------------------------------------------------------

/// The references of a present leaf: to its frame, and to write it if it says so. `inval`: it has
/// bits that it may not have, its frame is not the domain's, or may not be written.
template <class P>
expected<void, errc> get_leaf(domain<P>& d, table_entry e) noexcept {
    auto* const page = d.hv.frames.find(frame_in(e));
    if (!is_allowed(e, 1) || page == nullptr || !is_memory_of(*page, d.id)) {
        return unexpected(errc::inval);
    }
    bool const got = (e & entry_write) != 0 ? get_writable(d, *page) : get_readable(*page);
    if (!got) {
        return unexpected(errc::inval);
    }
    return {};
}

template <class P>
void put_leaf(domain<P>& d, table_entry e) noexcept {
    auto const f = frame_in(e);
    if ((e & entry_write) == 0) {
        put_frame(d.hv, f);
    } else if (d.hv.frames.info(f).owner == d.id) [[likely]] {
        put_writable(d.hv, d, f);
    } else {
        put_writable(d.hv, f); // another's, by a grant
    }
}

/// A reference to frame `f` of the domain's, and one to it as `t`. Errors as `get_page_type`.
template <class P>
expected<void, errc> get_page_and_type(table_work<P>& w, mfn f, page_type t) noexcept {
    auto* const page = w.d.hv.frames.find(f);
    if (page == nullptr || !is_memory_of(*page, w.d.id) || !get_readable(*page)) {
        return unexpected(errc::inval);
    }
    auto const typed = get_page_type(w, f, t);
    if (!typed) {
        put_frame(w.d.hv, f);
    }
    return typed;
}

template <class P>
void put_page_and_type(table_work<P>& w, mfn f) noexcept {
    put_page_type(w, f);
    put_frame(w.d.hv, f);
}

/// The references of a present entry of `level`.
template <class P>
expected<void, errc> get_entry(table_work<P>& w, table_entry e, unsigned level) noexcept {
    if (level == 1) {
        return get_leaf(w.d, e);
    }
    if (!is_allowed(e, level)) {
        return unexpected(errc::inval);
    }
    return get_page_and_type(w, frame_in(e), table_type(level - 1));
}

template <class P>
void put_entry(table_work<P>& w, table_entry e, unsigned level) noexcept {
    if (level == 1) {
        put_leaf(w.d, e);
    } else {
        put_page_and_type(w, frame_in(e));
    }
}

namespace detail {

/// Writes the type of a frame that has a type count, or is partial: nobody else changes it while
/// the lock is held.
inline void store_type(page_info& page, page_type t, std::uint32_t rest) noexcept {
    atomic_store(page.type_info, type_word::make(t, rest).raw);
}

// --- validating --------------------------------------------------------------------------------

/// A table whose entries from `page.nr_validated` on are still counted becomes partial, with a
/// reference to itself.
template <class P>
void make_partial(table_work<P>& w, mfn f, unsigned level, unsigned counted) noexcept {
    auto& page = w.info(f);
    page.nr_validated = static_cast<std::uint16_t>(counted);
    atomic_fetch_add(page.count, 1U);
    store_type(page, table_type(level), type_word::partial);
}

/// Nothing of the table is counted any more, nor does anybody use it.
template <class P>
void retire(table_work<P>& w, mfn f, page_type t) noexcept {
    auto& page = w.info(f);
    page.tlb_stamp() = atomic_load(w.d.pv_memory.tlb_clock);
    store_type(page, t, 0);
}

/// Gives up the references of the first `counted` entries, from the last on, as far as this turn
/// goes; says how many are left.
template <class P>
unsigned drop_entries(table_work<P>& w, mfn f, unsigned level, unsigned counted) noexcept {
    auto* const table = w.map(f);
    while (counted != 0 && (level == 1 || w.left > 0)) {
        --counted;
        --w.left;
        auto const e = table[counted];
        if (!(level == 4 && is_own_slot(counted)) && (e & entry_present) != 0) {
            put_entry(w, e, level);
        }
    }
    return counted;
}

/// Drops what a table still counts; what this turn does not get done is left to `finish`.
template <class P>
void give_up(table_work<P>& w, mfn f, unsigned level, unsigned counted) noexcept {
    auto const left = drop_entries(w, f, level, counted);
    if (left == 0) {
        retire(w, f, table_type(level));
        return;
    }
    make_partial(w, f, level, left);
    w.d.pv_memory.unfinished[level] = static_cast<std::uint32_t>(f.raw());
}

/// Counts entry `i`. It is written back as it is to be used: nobody uses the table yet.
template <class P>
expected<void, errc> take_entry(table_work<P>& w, table_entry& at, unsigned level) noexcept {
    auto const e = at;
    if ((e & entry_present) == 0) {
        return {};
    }
    XENPP_TRY(get_entry(w, e, level));
    auto const used = adjusted(e, level);
    if (used != e) {
        atomic_store(at, used, order::relaxed);
    }
    return {};
}

/// What every address space has of the hypervisor's.
template <class P>
void fill_own_slots(table_work<P>& w, table_entry* root) noexcept {
    auto& hv = w.d.hv;
    for (unsigned i = 0; i != own_slots; ++i) {
        root[first_own_slot + i] = i == 0 ? hv.m2p.slot() : hv.own_slots[i];
    }
}

/// Counts the entries of a table from `from` on. Its type count is 1, the caller's. On failure that
/// is gone, and the table retired, or partial: `restart` when this turn is over.
template <class P>
expected<void, errc>
validate_table(table_work<P>& w, mfn f, unsigned level, unsigned from) noexcept {
    auto* const table = w.map(f);
    if (level == 4) {
        fill_own_slots(w, table);
    }
    for (unsigned i = from; i != table_entries; ++i, --w.left) {
        if (level == 4 && is_own_slot(i)) {
            continue;
        }
        if (level != 1 && w.left <= 0) {
            make_partial(w, f, level, i);
            return unexpected(errc::restart);
        }
        auto const taken = take_entry(w, table[i], level);
        if (taken) {
            continue;
        }
        if (taken.error() == errc::restart) {
            make_partial(w, f, level, i);
        } else {
            give_up(w, f, level, i);
        }
        return taken;
    }
    store_type(w.info(f), table_type(level), type_word::validated | 1);
    return {};
}

/// Checks all descriptors of a page; they are written back as they are to be used.
template <class P>
expected<void, errc> validate_descriptors(table_work<P>& w, mfn f) noexcept {
    auto* const entries = w.map(f);
    for (unsigned i = 0; i != table_entries; ++i) {
        auto const usable = usable_descriptor(x86::segment_descriptor{entries[i]});
        if (!usable) {
            retire(w, f, page_type::seg_desc);
            return unexpected(errc::inval);
        }
        entries[i] = usable->raw;
    }
    w.left -= static_cast<int>(table_entries);
    store_type(w.info(f), page_type::seg_desc, type_word::validated | 1);
    return {};
}

template <class P>
expected<void, errc> validate(table_work<P>& w, mfn f, page_type t, unsigned from) noexcept {
    if (t == page_type::seg_desc) {
        return validate_descriptors(w, f);
    }
    return validate_table(w, f, static_cast<unsigned>(t), from);
}

/// Gives up what a partial table still counts; false: not in this turn.
template <class P>
bool finish_partial(table_work<P>& w, mfn f) noexcept {
    auto& page = w.info(f);
    auto const level = static_cast<unsigned>(type_of(page).type());
    auto const left = drop_entries(w, f, level, page.nr_validated);
    page.nr_validated = static_cast<std::uint16_t>(left);
    if (left != 0) {
        return false;
    }
    retire(w, f, table_type(level));
    put_frame(w.d.hv, f); // its own
    return true;
}

/// A partial table is gone on with, or given up: there is nothing left to finish of it.
template <class P>
void forget_unfinished(table_work<P>& w, mfn f, page_type t) noexcept {
    auto& noted = w.d.pv_memory.unfinished[static_cast<unsigned>(t)];
    if (noted == f.raw()) {
        noted = page_info::no_page;
    }
}

/// Gives up a partial table, noted or not. `restart`: not in this turn.
template <class P>
expected<void, errc> take_apart(table_work<P>& w, mfn f) noexcept {
    auto const was = type_of(w.info(f)).type();
    if (!finish_partial(w, f)) {
        return unexpected(errc::restart);
    }
    forget_unfinished(w, f, was);
    return {};
}

/// Makes an unused frame one of type `t`, with a count of one that is not validated yet. False: it
/// is in use as something else.
template <class P>
bool claim_unused(table_work<P>& w, page_info& page, page_type t) noexcept {
    auto seen = frame_word::load(page);
    for (;;) {
        auto const now = seen.type();
        if (now.count() != 0) {
            return false;
        }
        if (now.has(type_word::busy)) {
            cpu_relax();
            seen = frame_word::load(page);
            continue;
        }
        // While it is claimed nobody makes it writable, and its stamp stays.
        if (seen.replace(page, frame_word::make(seen.references(), type_word::make(t, 1)))) {
            if (now.type() != page_type::none && now.type() != t) {
                flush_stale(w.d, page.tlb_stamp());
            }
            return true;
        }
    }
}

} // namespace detail

/// Makes frame `f`, of which the caller holds a reference, one of type `t`, once more. Errors:
/// `inval`: it is in use as something else, or cannot be validated; `restart`: this turn is over,
/// call again (or do not: it is safe).
template <class P>
expected<void, errc> get_page_type(table_work<P>& w, mfn f, page_type t) noexcept {
    auto& page = w.info(f);
    auto now = type_of(page);
    if (now.has(type_word::partial)) {
        if (now.type() == t) {
            detail::forget_unfinished(w, f, t);
            detail::store_type(page, t, 1);
            put_frame(w.d.hv, f); // its own; the caller has one
            return detail::validate(w, f, t, page.nr_validated);
        }
        XENPP_TRY(detail::take_apart(w, f));
        now = type_of(page);
    }
    if (t == page_type::writable) {
        if (!get_writable(w.d, page)) {
            return unexpected(errc::inval);
        }
        atomic_fetch_sub(page.count, 1U); // which came with it; the caller has one
        return {};
    }
    if (now.type() == t && now.count() != 0) {
        if (now.count() == type_word::count_mask || !now.has(type_word::validated)) {
            return unexpected(errc::inval);
        }
        atomic_store(page.type_info, now.raw + 1);
        return {};
    }
    if (page.use != page_use::guest || !detail::claim_unused(w, page, t)) {
        return unexpected(errc::inval);
    }
    return detail::validate(w, f, t, 0);
}

/// Takes apart what a partial table at `f` counts, if there is one. `restart`: not in this turn.
template <class P>
expected<void, errc> finish_if_partial(table_work<P>& w, mfn f) noexcept {
    auto* const page = w.d.hv.frames.find(f);
    if (page == nullptr || !is_memory_of(*page, w.d.id) || !get_readable(*page)) {
        return {};
    }
    bool const is_partial = type_of(*page).has(type_word::partial);
    auto const done = is_partial ? detail::take_apart(w, f) : expected<void, errc>();
    put_frame(w.d.hv, f);
    return done;
}

/// Gives back one type count of a table or descriptor page. What a table counted goes with the last
/// one, what does not in this turn in the next (`finish_unfinished`).
template <class P>
void put_page_type(table_work<P>& w, mfn f) noexcept {
    auto& page = w.info(f);
    auto const now = type_of(page);
    if (now.count() != 1) {
        atomic_store(page.type_info, now.raw - 1);
        return;
    }
    detail::store_type(page, now.type(), 1); // not validated
    if (now.type() == page_type::seg_desc) {
        detail::retire(w, f, page_type::seg_desc);
    } else {
        detail::give_up(w, f, static_cast<unsigned>(now.type()), table_entries);
    }
}

namespace detail {

template <class P>
[[gnu::noinline]] expected<void, errc> finish_what_is_left(table_work<P>& w) noexcept {
    auto& unfinished = w.d.pv_memory.unfinished;
    for (unsigned level = 2; level != unfinished.size(); ++level) {
        auto const f = unfinished[level];
        if (f == page_info::no_page) {
            continue;
        }
        // What it leaves unfinished in turn lies at lower levels, where nothing is left now.
        unfinished[level] = page_info::no_page;
        if (!finish_partial(w, mfn(f))) {
            unfinished[level] = f;
            return unexpected(errc::restart);
        }
        if (w.d.pv_memory.has_unfinished() && w.left <= 0) {
            return unexpected(errc::restart);
        }
        level = 1; // from the lowest again
    }
    return {};
}

} // namespace detail

/// Goes on with what earlier turns have left, before anything else is done. `restart`: there is
/// still more.
template <class P>
[[gnu::always_inline]] inline expected<void, errc> finish_unfinished(table_work<P>& w) noexcept {
    if (w.d.pv_memory.has_unfinished()) [[unlikely]] {
        return detail::finish_what_is_left(w);
    }
    return {};
}

} // namespace xenpp::hv::pv
