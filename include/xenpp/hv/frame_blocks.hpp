// SPDX-License-Identifier: Apache-2.0
// The frame allocator's free blocks: lists by order, broken and merged, clean ones before dirty
// ones.
#pragma once

#include <xenpp/hv/frame_allocator.hpp>

#include <algorithm>
#include <cstdint>

namespace xenpp::hv {

template <class P>
void frame_allocator<P>::link(std::uint64_t f, unsigned order, std::uint32_t first_dirty) noexcept {
    auto& list = lists_[order];
    auto const n = static_cast<std::uint32_t>(f);
    auto& page = at(f);
    page.use = page_use::free;
    page.order = static_cast<std::uint8_t>(order);
    page.first_dirty() = first_dirty;
    bool const to_front = first_dirty == none;
    page.next = to_front ? list.first : none;
    page.prev = to_front ? none : list.last;
    (page.next != none ? at(page.next).prev : list.last) = n;
    (page.prev != none ? at(page.prev).next : list.first) = n;
}

template <class P>
void frame_allocator<P>::unlink(std::uint64_t f) noexcept {
    auto& page = at(f);
    auto& list = lists_[page.order];
    (page.next != none ? at(page.next).prev : list.last) = page.prev;
    (page.prev != none ? at(page.prev).next : list.first) = page.next;
    page.use = page_use::none;
}

/// Enters a block, merged with its free buddies. `first_dirty` counts from its first frame.
template <class P>
void frame_allocator<P>::give(std::uint64_t f, unsigned order, std::uint32_t first_dirty) noexcept {
    for (; order < max_order; ++order) {
        auto const size = std::uint64_t{1} << order;
        auto const buddy = f ^ size;
        auto* const page = find(mfn(buddy));
        if (page == nullptr || page->use != page_use::free || page->order != order) {
            break;
        }
        auto low = f < buddy ? first_dirty : page->first_dirty();
        auto const high = f < buddy ? page->first_dirty() : first_dirty;
        if (low == none && high != none) {
            low = high + static_cast<std::uint32_t>(size);
        }
        unlink(buddy);
        f &= ~size;
        first_dirty = low;
    }
    link(f, order, first_dirty);
}

template <class P>
void frame_allocator<P>::make_dirty(std::uint64_t f, unsigned order) noexcept {
    auto const size = std::uint64_t{1} << order;
    for (std::uint64_t i = 0; i != size; ++i) {
        at(f + i) = page_info{.dirty = true};
    }
    dirty_ += size;
}

/// Enters a block that was allocated: what is dirty of it stays so.
template <class P>
void frame_allocator<P>::take_back(std::uint64_t f, unsigned order) noexcept {
    auto const size = std::uint32_t{1} << order;
    auto first_dirty = none;
    for (std::uint32_t i = size; i-- != 0;) {
        auto& page = at(f + i);
        bool const dirty = page.dirty;
        page = page_info{.dirty = dirty};
        dirty_ += dirty ? 1U : 0U;
        first_dirty = dirty ? i : first_dirty;
    }
    give(f, order, first_dirty);
    free_ += size;
}

/// Scrubs up to `budget` frames of the free block at `f`; says whether the whole block is clean.
template <class P>
bool frame_allocator<P>::scrub_part(std::uint64_t f, unsigned budget) noexcept {
    auto& head = at(f);
    auto const size = std::uint32_t{1} << head.order;
    auto i = head.first_dirty();
    for (unsigned looked = 0; i < size && budget != 0 && looked != scan_batch; ++i, ++looked) {
        auto& page = at(f + i);
        if (page.dirty) {
            scrub_frame(f + i);
            page.dirty = false;
            --dirty_;
            --budget;
        }
    }
    if (i < size) {
        head.first_dirty() = i;
        return false;
    }
    auto const order = head.order;
    unlink(f);
    link(f, order, none);
    return true;
}

/// Takes a block out of the lists, splitting a larger one when there is no smaller.
template <class P>
expected<std::uint64_t, errc> frame_allocator<P>::take(unsigned order) noexcept {
    auto have = order;
    while (have <= max_order && lists_[have].first == none) {
        ++have;
    }
    if (have > max_order) {
        return unexpected(errc::nomem);
    }
    std::uint64_t const f = lists_[have].first;
    auto first_dirty = at(f).first_dirty();
    if (order > unbroken_order && first_dirty != none) {
        if (!scrub_part(f, 1U << unbroken_order)) {
            return unexpected(errc::restart);
        }
        first_dirty = none;
    }
    unlink(f);
    while (have != order) {
        --have;
        auto const half = std::uint32_t{1} << have;
        auto const upper = first_dirty == none ? none : first_dirty < half ? 0 : first_dirty - half;
        link(f + half, have, upper);
        first_dirty = first_dirty < half ? first_dirty : none;
    }
    free_ -= std::uint64_t{1} << order;
    return f;
}

} // namespace xenpp::hv
