// SPDX-License-Identifier: Apache-2.0
// A domain's memory map, gfn -> mfn: the processor's second-level page table, and its references.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/hv/domain_kind.hpp>
#include <xenpp/hv/page_ref.hpp>
#include <xenpp/hv/platform.hpp>
#include <xenpp/mm/page_format.hpp>
#include <xenpp/mm/page_walker.hpp>
#include <xenpp/mm/second_level.hpp>

#include <cstdint>
#include <optional>

namespace xenpp::hv {

/// Where the tables of one domain live: frames of the hypervisor's, counted against its pool.
template <class P>
class p2m_frames {
public:
    explicit p2m_frames(hypervisor<P>& hv) noexcept : hv_(hv) {}

    std::uint64_t* map(mfn table) noexcept {
        return reinterpret_cast<std::uint64_t*>(hv_.platform.map(table));
    }

    expected<mfn, errc> allocate() noexcept {
        if (used >= limit) {
            return unexpected(errc::nomem);
        }
        auto const f = hv_.frames.allocate(0, domid_xen, page_use::hypervisor);
        used += f ? 1U : 0U;
        return f;
    }

    /// Processors and look-ups may be reading the table still.
    void free(mfn table) noexcept {
        --used;
        hv_.frames.free_later(table, 0);
    }

    std::uint64_t limit = 256; ///< frames: Xen's default for hardware-assisted paging
    std::uint64_t used = 0;

private:
    hypervisor<P>& hv_;
};

/// The table. Every leaf holds one reference to each of its frames.
///
/// Look-ups take no lock: an entry changes in one store, and frames and tables that leave are
/// reused only after every CPU has passed through its run loop.
template <class P>
struct p2m {
    explicit p2m(hypervisor<P>& hv) noexcept : frames(hv) {}

    using walker = mm::page_walker<mm::second_level, p2m_frames<P>>;

    spinlock lock;        ///< orders changes, and the members below
    p2m_frames<P> frames; ///< the pool
    std::optional<walker> tables;
    bool open = false;               ///< may be looked up and changed; atomic
    std::uint64_t top = 0;           ///< one above the highest gfn that was ever mapped; atomic
    gfn teardown_at{};               ///< all below is given back
    mfn teardown_block{};            ///< the rest of a leaf that is being given back
    std::uint64_t teardown_left = 0; ///< how many frames that rest has
    bool teardown_touched = true;    ///< the domain has used the leaf
};

/// What a leaf of a p2m is entered as.
enum class p2m_rights : std::uint8_t {
    read_only,
    writable,
    /// Writable memory that nobody has used yet: the processor notes the first use, and what was
    /// never used needs no scrub when it is freed.
    untouched,
};

namespace detail {

constexpr mm::page_attributes p2m_attributes(p2m_rights r) noexcept {
    return {.write = r != p2m_rights::read_only,
            .execute = true,
            .user = true,
            .accessed = r != p2m_rights::untouched};
}

/// Whether the 2^order gfns from `g` hold nothing, as far as a bounded look can tell.
template <class P>
bool p2m_is_hole(p2m<P> const& p, gfn g, unsigned order) noexcept {
    auto const end = g + (std::uint64_t{1} << order);
    bool found = false;
    auto const next = p.tables->for_each(
        g, 512, [&](gfn at, mm::translation const&) { found = found || at < end; });
    return !found && (!next || *next >= end);
}

/// Whether 1 GiB is entered as one leaf. Untouched memory is not, but as leaves of 2 MiB, where the
/// processor notes the use of each by itself.
constexpr bool p2m_has_gib_leaf(mm::second_level const& format, p2m_rights rights) noexcept {
    return format.has_1g() && !(rights == p2m_rights::untouched && format.notes_use());
}

/// Enters 1 GiB where nothing is, as leaves of 2 MiB. The first entry makes the tables for all.
template <class P>
expected<void, errc> p2m_enter_pieces(p2m<P>& p, gfn g, mfn f, p2m_rights rights) noexcept {
    for (std::uint64_t i = 0; i != std::uint64_t{1} << 18; i += 512) {
        XENPP_TRY(p.tables->map(g + i, f + i, 9, p2m_attributes(rights)));
    }
    return {};
}

/// Enters one leaf at its own alignment, of order 0, 9 or 18, and gives back what stood there.
template <class P>
expected<void, errc>
p2m_set_leaf(domain<P>& d, gfn g, mfn f, unsigned order, p2m_rights rights) noexcept {
    auto& p = d.guest_memory;
    for (unsigned attempt = 0; attempt != 4; ++attempt) {
        std::optional<mm::translation> old;
        bool in_pieces = false;
        {
            lock_guard const hold(p.lock);
            if (!p.open) {
                return unexpected(errc::inval);
            }
            // What is replaced must be one block of at least this size, or nothing.
            old = p.tables->lookup(g);
            in_pieces = !(old && old->order >= order) && !p2m_is_hole(p, g, order);
            if (order == 18 && (old || in_pieces)) {
                return unexpected(errc::exist); // more than may be given back at once
            }
            if (!in_pieces) {
                if (order == 18 && !p2m_has_gib_leaf(d.hv.platform.second_level(), rights)) {
                    XENPP_TRY(p2m_enter_pieces(p, g, f, rights));
                } else {
                    XENPP_TRY(p.tables->map(g, f, order, p2m_attributes(rights)));
                }
                auto const end = g.raw() + (std::uint64_t{1} << order);
                if (p.top < end) {
                    atomic_store(p.top, end);
                }
            }
        }
        if (in_pieces) {
            XENPP_TRY(p2m_remove(d, g, order));
            continue;
        }
        if (old) {
            p2m_flush(d);
            d.hv.frames.mark_touched(old->frame, order); // by a vCPU that runs, at this moment even
            put_block(d, old->frame, order);
        }
        return {};
    }
    return unexpected(errc::busy); // other vCPUs fill the range as fast as it is emptied
}

/// The largest leaf at which both numbers are aligned and that fits `order`.
constexpr unsigned p2m_leaf_order(gfn g, mfn f, unsigned order) noexcept {
    unsigned leaf = order >= 18 ? 18 : order >= 9 ? 9 : 0;
    while (leaf != 0 && ((g.raw() | f.raw()) & ((std::uint64_t{1} << leaf) - 1)) != 0) {
        leaf -= 9;
    }
    return leaf;
}

template <class P>
bool p2m_in_range(gfn g, unsigned order, unsigned most) noexcept {
    auto const size = std::uint64_t{1} << order;
    return order <= most && g.raw() < p2m<P>::walker::gfn_limit &&
           size <= p2m<P>::walker::gfn_limit - g.raw();
}

} // namespace detail

/// Gives `d` empty tables.
template <class P>
expected<void, errc> p2m_create(domain<P>& d) noexcept {
    auto& p = d.guest_memory;
    lock_guard const hold(p.lock);
    p.tables.emplace(XENPP_TRY(p2m<P>::walker::create(p.frames, d.hv.platform.second_level())));
    atomic_store(p.open, true);
    return {};
}

/// No vCPU of `d` uses a translation from before this call once it has left and entered its guest
/// again, which the running ones are made to do soon.
template <class P>
void p2m_flush(domain<P>& d) noexcept {
    for (unsigned i = 0; i != d.max_vcpus; ++i) {
        auto* const v = atomic_load(d.vcpus[i]);
        if (v == nullptr) {
            continue;
        }
        d.hv.platform.flush_guest_tlb(*v);
        if (atomic_load(v->running) && v->processor != d.hv.platform.this_cpu()) {
            d.hv.platform.kick(v->processor);
        }
    }
}

/// What stands at `g`: frame, order of the leaf, rights. Nothing for a domain without tables.
template <class P>
std::optional<mm::translation> p2m_lookup(domain<P>& d, gfn g) noexcept {
    auto const& p = d.guest_memory;
    return atomic_load(p.open) ? p.tables->lookup(g) : std::nullopt;
}

/// Enters 2^order frames from `f` at `g`, in the largest leaves that fit. On success one reference
/// to each belongs to the table, and what was there before is given back; on failure all
/// references are still the caller's. Errors: `inval` out of range, or aligned to less than 2 MiB
/// with an order above 9; `nomem`; `exist` for 1 GiB over something; `busy`.
template <class P>
expected<void, errc> p2m_add(
    domain<P>& d, gfn g, mfn f, unsigned order, p2m_rights rights = p2m_rights::writable) noexcept {
    auto const leaf = detail::p2m_leaf_order(g, f, order);
    if (!detail::p2m_in_range<P>(g, order, 18) || (order > 9 && leaf == 0)) {
        return unexpected(errc::inval);
    }
    auto const size = std::uint64_t{1} << order;
    auto const step = std::uint64_t{1} << leaf;
    if (size == step) {
        return detail::p2m_set_leaf(d, g, f, leaf, rights);
    }
    // Another vCPU may take a leaf out as soon as it stands: the caller's references, second ones
    // here, keep its frames until it is known to whom they belong.
    for (std::uint64_t i = 0; i != size; ++i) {
        atomic_fetch_add(d.hv.frames.info(f + i).count, 1U);
    }
    std::uint64_t entered = 0;
    expected<void, errc> done;
    while (done && entered != size) {
        done = detail::p2m_set_leaf(d, g + entered, f + entered, leaf, rights);
        entered += done ? step : 0;
    }
    if (!done) {
        for (std::uint64_t undo = 0; undo != entered; undo += step) {
            static_cast<void>(p2m_remove(d, g + undo, leaf));
        }
        for (std::uint64_t i = entered; i != size; ++i) {
            put_frame(d.hv, f + i); // the entry that was not made
        }
        return done;
    }
    for (std::uint64_t i = 0; i != size; i += step) {
        put_block(d, f + i, leaf);
    }
    return {};
}

/// Takes out whatever stands at the 2^order gfns from `g` (order at most 9) and gives the
/// references back. Says how many frames stood there. Errors: `inval` out of range, `nomem` when a
/// larger leaf could not be split.
template <class P>
expected<std::uint64_t, errc> p2m_remove(domain<P>& d, gfn g, unsigned order) noexcept {
    if (!detail::p2m_in_range<P>(g, order, 9)) {
        return unexpected(errc::inval);
    }
    auto& p = d.guest_memory;
    auto const size = std::uint64_t{1} << order;
    std::uint64_t removed = 0;
    for (std::uint64_t i = 0; i != size;) {
        unsigned piece = 0;
        std::optional<mm::translation> old;
        {
            lock_guard const hold(p.lock);
            if (!p.open) {
                return unexpected(errc::inval);
            }
            old = p.tables->lookup(g + i);
            // A whole 2 MiB goes as one, otherwise page by page.
            piece = old && old->order >= 9 && order == 9 && (g.raw() & 511) == 0 ? 9 : 0;
            if (old) {
                XENPP_TRY(p.tables->unmap(g + i, piece));
            }
        }
        i += std::uint64_t{1} << piece;
        if (old) {
            p2m_flush(d);
            d.hv.frames.mark_touched(old->frame, piece);
            put_block(d, old->frame, piece);
            removed += std::uint64_t{1} << piece;
        }
    }
    return removed;
}

namespace detail {

/// A PV domain's own frame; a table or descriptor page is not to be written.
template <class P>
expected<page_ref<P>, errc> get_pv_page(domain<P>& d, mfn f, bool to_write) noexcept {
    auto* const page = d.hv.frames.find(f);
    if (page == nullptr || !pv::is_memory_of(*page, d.id)) {
        return unexpected(errc::noent);
    }
    if (!to_write && pv::get_readable(*page)) {
        return page_ref<P>(d.hv, f);
    }
    if (to_write && pv::get_writable(d, *page)) {
        return page_ref<P>(d.hv, f, true);
    }
    return unexpected(atomic_load(page->count) == 0 ? errc::noent : errc::acces);
}

} // namespace detail

/// A reference to the frame at `g`. Errors: `noent` where nothing is, `acces` where it may not be
/// written but `to_write`. For a PV domain a gfn is a frame of its own; for the control domain a
/// frame of its window.
template <class P>
expected<page_ref<P>, errc> get_page(domain<P>& d, gfn g, bool to_write = true) noexcept {
    mfn f(g.raw());
    if (d.kind == domain_kind::pv) {
        return detail::get_pv_page(d, f, to_write);
    }
    if (d.kind == domain_kind::hvm) {
        auto const there = p2m_lookup(d, g);
        if (!there) {
            return unexpected(errc::noent);
        }
        if (to_write && !there->attributes.write) {
            return unexpected(errc::acces);
        }
        f = there->frame;
    }
    if (!get_frame(d.hv, f)) {
        return unexpected(errc::noent);
    }
    page_ref<P> ref(d.hv, f);
    if (to_write) {
        d.hv.frames.mark_touched(f, 0);
    }
    if (d.kind != domain_kind::hvm && d.hv.frames.info(f).owner != d.id) {
        return unexpected(errc::noent);
    }
    return ref;
}

/// Gives back what the table of a dying domain holds, then the table, at most 64 MiB or 2048
/// entries at a time. Says whether it is all gone. From the first call on nothing is found in it.
template <class P>
bool p2m_teardown(domain<P>& d) noexcept {
    auto& p = d.guest_memory;
    if (!p.tables) {
        return true;
    }
    atomic_store(p.open, false);
    std::uint64_t frames = 0;
    for (unsigned n = 0; n != 2048 && frames < 16384; ++n) {
        if (p.teardown_left != 0) {
            unsigned const order = p.teardown_left >= 512 ? 9 : 0;
            if (p.teardown_touched) {
                d.hv.frames.mark_touched(p.teardown_block, order);
            }
            put_block(d, p.teardown_block, order);
            p.teardown_block = p.teardown_block + (std::uint64_t{1} << order);
            p.teardown_left -= std::uint64_t{1} << order;
            frames += std::uint64_t{1} << order;
            continue;
        }
        if (p.teardown_at.raw() < p.top) {
            auto const next =
                p.tables->for_each(p.teardown_at, 1, [&](gfn, mm::translation const& leaf) {
                    p.teardown_block = leaf.frame;
                    p.teardown_left = std::uint64_t{1} << leaf.order;
                    p.teardown_touched = leaf.attributes.accessed;
                });
            p.teardown_at = next ? *next : gfn(p.top);
            continue;
        }
        if (p.tables->destroy(64)) {
            return true;
        }
        frames += 64 * 8;
    }
    return false;
}

} // namespace xenpp::hv
