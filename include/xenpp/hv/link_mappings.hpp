// SPDX-License-Identifier: Apache-2.0
// What a slot of the machine link holds: references to frames and grants, grouped in mappings.
#pragma once

#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/hv/page.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace xenpp::hv {

/// Where the pages of a `link_mappings` come from, and what becomes of what it held.
template <class B>
concept MappingBacking =
    requires(B& b, mfn f, domid d, std::uint32_t grant, std::uint32_t count, bool writable) {
    // A zeroed page of the hypervisor's own.
    { b.allocate_page() } -> std::same_as<expected<std::byte*, errc>>;
    {b.free_page(static_cast<std::byte*>(nullptr))};
    // Drops one reference to each of `count` frames of `d`, which were mapped `writable` or not.
    {b.drop_frames(d, f, count, writable)};
    // Unmaps a grant of `d`, by its handle; `f` is the frame it stood for.
    {b.drop_grant(d, grant, f, writable)};
};

/// The mappings of one slot. A mapping is a chain of nodes: a head that names the domain, then one
/// node per run of frames or per grant. Nodes live in pages taken as they are needed, up to 131071
/// of them. Every member returns after bounded work. The pump's lock guards it.
template <MappingBacking Backing>
class link_mappings {
public:
    explicit link_mappings(Backing& backing) noexcept : backing_(backing) {}

    link_mappings(link_mappings const&) = delete;
    link_mappings& operator=(link_mappings const&) = delete;
    ~link_mappings() = default;

    /// How many frames are dropped in one turn.
    static constexpr std::uint32_t drop_batch = 64;

    /// A new, empty mapping of memory of `d`; never 0. `nomem`, `nospc`.
    expected<std::uint32_t, errc> create(domid d, bool writable) noexcept {
        auto const index = take_node({head_value(d, writable), 0, 0});
        if (index) {
            ++mappings_;
        }
        return index;
    }

    /// Whether `mapping` is one, and of this domain and access: what a caller may add to.
    bool is_mapping(std::uint32_t mapping, domid d, bool writable) const noexcept {
        return is_head(mapping) && at(mapping).value == head_value(d, writable);
    }

    /// Adds a frame to whose reference the mapping now holds. `nomem`, `nospc`: the caller keeps
    /// it.
    expected<void, errc> add_frame(std::uint32_t mapping, mfn f) noexcept {
        auto const newest = at(mapping).next;
        if (newest != 0) {
            auto& run = at(newest);
            if (run.value + run.count == (frames_kind | f.raw()) &&
                run.count != ~std::uint32_t{0}) {
                ++run.count;
                ++frames_;
                return {};
            }
        }
        XENPP_TRY(prepend(mapping, {frames_kind | f.raw(), 1, 0}));
        ++frames_;
        return {};
    }

    /// Adds a mapped grant of frame `f`. `nomem`, `nospc`: the caller keeps it.
    expected<void, errc> add_grant(std::uint32_t mapping, std::uint32_t handle, mfn f) noexcept {
        return prepend(mapping, {grant_kind | f.raw(), handle, 0});
    }

    /// Drops a mapping, a part at a time: `restart` until it is gone. `inval`: there is none.
    expected<void, errc> remove(std::uint32_t mapping) noexcept {
        if (!is_head(mapping)) {
            return unexpected(errc::inval);
        }
        std::uint32_t budget = drop_batch;
        while (at(mapping).next != 0) {
            if (budget == 0) {
                return unexpected(errc::restart);
            }
            auto const first = at(mapping).next;
            auto const after = at(first).next;
            if (drop_part(first, at(mapping).value, budget)) {
                at(mapping).next = after;
                give_node(first);
            }
        }
        give_node(mapping);
        --mappings_;
        return {};
    }

    /// Drops everything, a part at a time: false until nothing is left.
    bool remove_all() noexcept {
        for (unsigned i = 0; mappings_ != 0; ++i) {
            if (i == sweep_batch) {
                return false;
            }
            if (sweep_ >= pages_ * nodes_per_page) {
                sweep_ = 0;
            }
            if (is_head(sweep_)) {
                static_cast<void>(remove(sweep_)); // the next turn sees whether it is gone
                return false;
            }
            ++sweep_;
        }
        return free_pages();
    }

    std::uint32_t mapping_count() const noexcept { return mappings_; }

    std::uint32_t extent_count() const noexcept { return used_ - mappings_; }

    std::uint64_t frame_count() const noexcept { return frames_; }

private:
    /// `value` is the node's kind, in its two highest bits, with: for a head, the domain and the
    /// access; for a run, its first frame; for a grant, its handle. `next` is a node's index, in
    /// its mapping or in the list of unused nodes; 0: none, for node 0 is never handed out.
    struct node {
        std::uint64_t value;
        std::uint32_t count;
        std::uint32_t next;
    };

    struct directory {
        std::array<node*, page_size / sizeof(node*)> page;
    };

    static constexpr std::uint64_t kind_mask = std::uint64_t{3} << 62;
    static constexpr std::uint64_t head_kind = std::uint64_t{1} << 62;
    static constexpr std::uint64_t frames_kind = std::uint64_t{2} << 62;
    static constexpr std::uint64_t grant_kind = std::uint64_t{3} << 62;
    static constexpr std::uint64_t writable_bit = std::uint64_t{1} << 16;
    static constexpr std::uint32_t nodes_per_page = page_size / sizeof(node);
    static constexpr std::uint32_t most_pages = page_size / sizeof(node*);
    static constexpr unsigned sweep_batch = 256;
    static constexpr unsigned free_batch = 64;

    static constexpr std::uint64_t head_value(domid d, bool writable) noexcept {
        return head_kind | d.raw() | (writable ? writable_bit : 0);
    }

    node& at(std::uint32_t index) const noexcept {
        return directory_->page[index / nodes_per_page][index % nodes_per_page];
    }

    bool is_head(std::uint32_t index) const noexcept {
        return index < pages_ * nodes_per_page && (at(index).value & kind_mask) == head_kind;
    }

    expected<std::uint32_t, errc> take_node(node const& content) noexcept {
        if (unused_ == 0) {
            XENPP_TRY(add_page());
        }
        auto const index = unused_;
        unused_ = at(index).next;
        at(index) = content;
        ++used_;
        return index;
    }

    void give_node(std::uint32_t index) noexcept {
        at(index) = {0, 0, unused_};
        unused_ = index;
        --used_;
    }

    expected<void, errc> prepend(std::uint32_t mapping, node const& content) noexcept {
        auto const index = XENPP_TRY(take_node(content));
        at(index).next = at(mapping).next;
        at(mapping).next = index;
        return {};
    }

    expected<void, errc> add_page() noexcept {
        if (directory_ == nullptr) {
            directory_ = reinterpret_cast<directory*>(XENPP_TRY(backing_.allocate_page()));
        }
        if (pages_ == most_pages) {
            return unexpected(errc::nospc);
        }
        directory_->page[pages_] = reinterpret_cast<node*>(XENPP_TRY(backing_.allocate_page()));
        auto const first = pages_++ * nodes_per_page;
        for (std::uint32_t i = nodes_per_page; i-- > (first == 0 ? 1U : 0U);) {
            at(first + i).next = unused_;
            unused_ = first + i;
        }
        return {};
    }

    /// Drops up to `budget` of a node's references; true: it holds none any more.
    bool drop_part(std::uint32_t index, std::uint64_t head, std::uint32_t& budget) noexcept {
        auto& n = at(index);
        domid const d(static_cast<std::uint16_t>(head));
        bool const writable = (head & writable_bit) != 0;
        mfn const first(n.value & ~kind_mask);
        if ((n.value & kind_mask) == grant_kind) {
            --budget;
            backing_.drop_grant(d, n.count, first, writable);
            return true;
        }
        auto const part = n.count < budget ? n.count : budget;
        n.count -= part;
        budget -= part;
        frames_ -= part;
        backing_.drop_frames(d, first + n.count, part, writable);
        return n.count == 0;
    }

    /// Gives the nodes' pages back when no node is in use.
    bool free_pages() noexcept {
        for (unsigned i = 0; pages_ != 0; ++i) {
            if (i == free_batch) {
                return false;
            }
            backing_.free_page(reinterpret_cast<std::byte*>(directory_->page[--pages_]));
        }
        if (directory_ != nullptr) {
            backing_.free_page(reinterpret_cast<std::byte*>(directory_));
            directory_ = nullptr;
        }
        unused_ = 0;
        sweep_ = 0;
        return true;
    }

    Backing& backing_;
    directory* directory_ = nullptr;
    std::uint32_t pages_ = 0;  ///< of nodes
    std::uint32_t unused_ = 0; ///< list of unused nodes
    std::uint32_t used_ = 0;   ///< nodes in use
    std::uint32_t mappings_ = 0;
    std::uint32_t sweep_ = 0; ///< how far `remove_all` has looked
    std::uint64_t frames_ = 0;
};

} // namespace xenpp::hv
