// SPDX-License-Identifier: Apache-2.0
// The one walker and updater of page tables that translate guest frames: look up, map, split,
// unmap, destroy.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/mm/page_format.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>

namespace xenpp::mm {

/// Where tables live. `free` may be called while a processor still caches the path to the table: it
/// must not reuse the frame before every CPU has dropped its translations.
template <class Frames, class Entry>
concept TableFrames = requires(Frames& f, mfn table) {
    // The entries of a table, readable and writable for as long as the table is allocated.
    { f.map(table) } -> std::same_as<Entry*>;
    // A new table, filled with zeros.
    { f.allocate() } -> std::same_as<expected<mfn, errc>>;
    // Takes back what `allocate` gave.
    f.free(table);
};

/// Where a guest frame leads. `frame` is the one for the frame that was asked for, whatever the
/// size of the leaf; `order` is log2 of the leaf's size in pages.
struct translation {
    mfn frame;
    unsigned order;
    page_attributes attributes;

    friend constexpr bool operator==(translation const&, translation const&) noexcept = default;
};

/// What a change asks of its caller.
struct table_change {
    bool needs_flush; ///< something present was replaced: TLBs may still hold it
};

/// Page tables of format `F`, from guest frames to machine frames. Changes need a lock of the
/// caller; processors and `lookup` may read at the same time: each entry appears in one store,
/// after what it refers to. A failed change leaves every translation as it was. Leaves have the
/// orders 0, 9 and 18; a guest frame has up to 36 bits.
template <PtFormat F, TableFrames<typename F::entry> Frames>
class page_walker {
public:
    using entry = typename F::entry;

    static constexpr unsigned entries = 1u << F::bits_per_level;
    /// One more than the highest guest frame.
    static constexpr std::uint64_t gfn_limit = std::uint64_t{1} << (F::levels * F::bits_per_level);

    /// Empty tables: one frame, the root. errc::nomem.
    static constexpr expected<page_walker, errc> create(Frames& frames, F const& format) {
        return page_walker(frames, XENPP_TRY(frames.allocate()), format);
    }

    static constexpr expected<page_walker, errc>
    create(Frames& frames) requires std::is_empty_v<F> {
        return create(frames, F{});
    }

    /// Existing tables, such as those the image booted on.
    constexpr page_walker(Frames& frames, mfn root, F const& format = F{}) noexcept
        : frames_(&frames), format_(format), root_(root) {}

    /// The root table, for CR3, N_CR3 or an EPT pointer. Not after `destroy` has succeeded.
    constexpr mfn root() const noexcept { return root_; }

    /// Nothing if `g` is not mapped, or beyond what the format can translate.
    constexpr std::optional<translation> lookup(gfn g) const {
        if (g.raw() >= gfn_limit) {
            return std::nullopt;
        }
        slot const s = find(g, 1);
        entry const e = load(*s.at);
        if (!format_.is_present(e)) {
            return std::nullopt;
        }
        return translate(e, s.level, g);
    }

    /// Maps 2^`order` frames; replaces whatever was there. errc::inval for an order that no leaf
    /// has, or frames out of range or not aligned to it; errc::nomem.
    constexpr expected<table_change, errc>
    map(gfn g, mfn frame, unsigned order, page_attributes const& attributes) {
        unsigned const level = XENPP_TRY(check(g, order));
        bool const is_addressable =
            (to_maddr(frame).raw() & F::address_mask) >> page_shift == frame.raw();
        if (!is_addressable || !is_aligned(frame.raw(), order)) {
            return unexpected(errc::inval);
        }
        entry* const at = XENPP_TRY(reach(g, level));
        return replace(*at, level, format_.make_leaf(frame, attributes, level));
    }

    /// Unmaps 2^`order` frames; those that are not mapped stay so. Splits a larger leaf, which is
    /// why it can fail with errc::nomem. errc::inval as for `map`.
    constexpr expected<table_change, errc> unmap(gfn g, unsigned order) {
        unsigned const level = XENPP_TRY(check(g, order));
        slot s = find(g, level);
        if (!format_.is_present(load(*s.at))) {
            return table_change{false};
        }
        while (s.level > level) {
            XENPP_TRY(split(*s.at, s.level));
            s = find(g, level);
        }
        return replace(*s.at, level, F::empty);
    }

    /// Calls `visit(gfn, translation)` for each leaf from `from` on, in order, with the leaf's
    /// first frame. Looks at no more than `budget` entries; returns where to go on, or nothing at
    /// the end.
    template <class Visit>
    constexpr std::optional<gfn> for_each(gfn from, std::uint32_t budget, Visit&& visit) const {
        std::uint64_t at = from.raw();
        for (; budget > 0; --budget) {
            if (at >= gfn_limit) {
                return std::nullopt;
            }
            slot const s = find(gfn(at), 1);
            std::uint64_t const span = std::uint64_t{1} << order_of_level<F>(s.level);
            std::uint64_t const first = at & ~(span - 1);
            entry const e = load(*s.at);
            if (format_.is_present(e)) {
                visit(gfn(first), translate(e, s.level, gfn(first)));
            }
            at = first + span;
        }
        return at >= gfn_limit ? std::nullopt : std::optional(gfn(at));
    }

    /// Frees all tables, at most `budget` of them now: errc::restart until it is done. Leaves are
    /// dropped as they are. No processor may be using the tables; nothing else may be called any
    /// more.
    constexpr expected<void, errc> destroy(std::uint32_t budget) {
        for (; budget > 0 && !is_destroyed_; --budget) {
            free_one_table();
        }
        if (!is_destroyed_) {
            return unexpected(errc::restart);
        }
        return {};
    }

private:
    /// An entry and the level of the table it stands in.
    struct slot {
        entry* at;
        unsigned level;
    };

    static constexpr entry load(entry const& e) noexcept {
        return std::is_constant_evaluated() ? e : atomic_load(e);
    }

    static constexpr void publish(entry& e, entry v) noexcept {
        if (std::is_constant_evaluated()) {
            e = v;
        } else {
            atomic_store(e, v);
        }
    }

    static constexpr bool is_aligned(std::uint64_t frame, unsigned order) noexcept {
        return (frame & ((std::uint64_t{1} << order) - 1)) == 0;
    }

    constexpr translation translate(entry e, unsigned level, gfn g) const noexcept {
        unsigned const order = order_of_level<F>(level);
        std::uint64_t const within = g.raw() & ((std::uint64_t{1} << order) - 1);
        return {to_mfn(format_.address(e, level)) + within, order, format_.attributes(e)};
    }

    /// The level of a leaf of `order` at `g`, if there can be one.
    static constexpr expected<unsigned, errc> check(gfn g, unsigned order) noexcept {
        unsigned const level = order / F::bits_per_level + 1;
        if (order % F::bits_per_level != 0 || level > F::max_leaf_level || g.raw() >= gfn_limit ||
            !is_aligned(g.raw(), order)) {
            return unexpected(errc::inval);
        }
        return level;
    }

    constexpr entry* entry_of(mfn table, unsigned level, gfn g) const {
        std::uint64_t const index = g.raw() >> order_of_level<F>(level) & (entries - 1);
        return frames_->map(table) + index;
    }

    /// Down to `level`, or to the entry above it that is no table.
    constexpr slot find(gfn g, unsigned level) const {
        slot s{entry_of(root_, F::levels, g), F::levels};
        while (s.level > level) {
            entry const e = load(*s.at);
            if (!format_.is_present(e) || format_.is_leaf(e, s.level)) {
                break;
            }
            s = {entry_of(to_mfn(format_.address(e, s.level)), s.level - 1, g), s.level - 1};
        }
        return s;
    }

    /// The entry for `g` at `level`, making and splitting what is missing above it.
    constexpr expected<entry*, errc> reach(gfn g, unsigned level) {
        slot s = find(g, level);
        while (s.level > level) {
            XENPP_TRY(split(*s.at, s.level));
            s = {entry_of(to_mfn(format_.address(load(*s.at), s.level)), s.level - 1, g),
                 s.level - 1};
        }
        return s.at;
    }

    /// Puts a table where a leaf or nothing was, with the same meaning. Its leaves count as
    /// accessed: the processor may be saying so of the old one at this moment.
    constexpr expected<void, errc> split(entry& at, unsigned level) {
        mfn const table = XENPP_TRY(frames_->allocate());
        entry const old = load(at);
        if (format_.is_present(old)) {
            mfn const first = to_mfn(format_.address(old, level));
            page_attributes attributes = format_.attributes(old);
            attributes.accessed = true;
            entry* const children = frames_->map(table);
            for (unsigned i = 0; i < entries; ++i) {
                mfn const child = first + (std::uint64_t{i} << order_of_level<F>(level - 1));
                children[i] = format_.make_leaf(child, attributes, level - 1);
            }
        }
        publish(at, format_.make_table(to_maddr(table)));
        return {};
    }

    /// Publishes `v` and gives back the tables that hung there: at most one and its children.
    constexpr table_change replace(entry& at, unsigned level, entry v) {
        entry const old = load(at);
        publish(at, v);
        if (!format_.is_present(old)) {
            return {false};
        }
        if (!format_.is_leaf(old, level)) {
            free_subtree(to_mfn(format_.address(old, level)), level - 1);
        }
        return {true};
    }

    /// `level` is that of `table`, at most two: a leaf replaces no more.
    constexpr void free_subtree(mfn table, unsigned level) {
        static_assert(F::max_leaf_level <= 3, "a leaf stands above at most two levels of tables");
        if (level > 1) {
            entry const* const children = frames_->map(table);
            for (unsigned i = 0; i < entries; ++i) {
                entry const e = load(children[i]);
                if (format_.is_present(e) && !format_.is_leaf(e, level)) {
                    frames_->free(to_mfn(format_.address(e, level)));
                }
            }
        }
        frames_->free(table);
    }

    /// The first entry of a table that refers to another one.
    constexpr entry* first_child(mfn table, unsigned level) const {
        entry* const children = frames_->map(table);
        for (unsigned i = 0; level > 1 && i < entries; ++i) {
            entry const e = load(children[i]);
            if (format_.is_present(e) && !format_.is_leaf(e, level)) {
                return &children[i];
            }
        }
        return nullptr;
    }

    /// Frees a table that has none below it; the root comes last. Keeps no position, so that it can
    /// go on after any interruption.
    constexpr void free_one_table() {
        mfn table = root_;
        entry* parent = nullptr;
        for (unsigned level = F::levels; entry* const child = first_child(table, level); --level) {
            parent = child;
            table = to_mfn(format_.address(load(*child), level));
        }
        if (parent == nullptr) {
            is_destroyed_ = true;
        } else {
            publish(*parent, F::empty);
        }
        frames_->free(table);
    }

    Frames* frames_;
    [[no_unique_address]] F format_;
    mfn root_;
    bool is_destroyed_ = false;
};

} // namespace xenpp::mm
