// SPDX-License-Identifier: Apache-2.0
// The frame table: what is known of every frame of the machine's memory.
#pragma once

#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/hv/page.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace xenpp::hv {

/// An entry per frame of memory that was entered. The entries lie in sections of 64 MiB worth of
/// memory, taken from the memory they describe, so holes cost nothing.
class frame_table {
public:
    /// Enters `count` frames from `first`, and takes as many of them from the front as hold the
    /// entries of all; says how many. `map` gives a frame's address, where frames that follow one
    /// another do so too. `known_zero`: the memory holds zeroes. Errors: `range` beyond 1 TiB,
    /// `nomem` when the frames cannot hold their own entries. One call at a time.
    template <class Map>
    expected<std::uint64_t, errc>
    enter(mfn first, std::uint64_t count, bool known_zero, Map map) noexcept;

    /// The entry of a frame of memory that was entered.
    page_info& info(mfn f) const noexcept {
        return sections_[f.raw() >> section_order][f.raw() & (section_frames - 1)];
    }

    /// The entry, or null if `f` is not in memory that was entered (nor near it).
    page_info* find(mfn f) const noexcept {
        auto const section = f.raw() >> section_order;
        if (section >= max_sections || sections_[section] == nullptr) {
            return nullptr;
        }
        return &info(f);
    }

    /// The frame that an address given by `map` lies in.
    mfn frame_of(void const* p) const noexcept {
        auto const distance = reinterpret_cast<std::uintptr_t>(p) - anchor_address_;
        return mfn(anchor_.raw() +
                   static_cast<std::uint64_t>(static_cast<std::int64_t>(distance) >> page_shift));
    }

    /// Frames that were entered.
    std::uint64_t total_pages() const noexcept { return total_; }

    /// The first frame above all that were entered.
    mfn end() const noexcept { return end_; }

private:
    static constexpr unsigned section_order = 14;
    static constexpr std::uint64_t section_frames = std::uint64_t{1} << section_order;
    static constexpr std::uint64_t max_sections = std::uint64_t{1} << 14; // 1 TiB
    static constexpr std::uint64_t table_frames = section_frames * sizeof(page_info) / page_size;

    std::array<page_info*, max_sections> sections_{};
    std::uint64_t total_ = 0;
    mfn end_{};
    mfn anchor_{};
    std::uintptr_t anchor_address_ = 0;
};

template <class Map>
expected<std::uint64_t, errc>
frame_table::enter(mfn first, std::uint64_t count, bool known_zero, Map map) noexcept {
    auto const limit = max_sections * section_frames;
    if (first.raw() > limit || count > limit - first.raw()) {
        return unexpected(errc::range);
    }
    if (count == 0) {
        return std::uint64_t{0};
    }
    auto const last = first + count;
    auto const end_section = ((last.raw() - 1) >> section_order) + 1;
    std::uint64_t missing = 0;
    for (auto s = first.raw() >> section_order; s != end_section; ++s) {
        missing += sections_[s] == nullptr ? table_frames : 0;
    }
    if (missing > count) {
        return unexpected(errc::nomem);
    }
    if (total_ == 0) {
        anchor_ = first;
        anchor_address_ = reinterpret_cast<std::uintptr_t>(map(first));
    }
    auto next = first;
    for (auto s = first.raw() >> section_order; s != end_section; ++s) {
        if (sections_[s] != nullptr) {
            continue;
        }
        std::byte* const table = map(next);
        if (!known_zero) {
            std::memset(table, 0, table_frames * page_size);
        }
        sections_[s] = reinterpret_cast<page_info*>(table);
        next = next + table_frames;
    }
    for (auto f = first; f != next; ++f) {
        info(f) = page_info{.count = 1, .owner = domid_xen, .use = page_use::hypervisor};
    }
    total_ += count;
    end_ = last > end_ ? last : end_;
    return missing;
}

} // namespace xenpp::hv
