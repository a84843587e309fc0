// SPDX-License-Identifier: Apache-2.0
// Counting, placing and filling the tables of a PV domain.
#include "builder/pv_entry_flags.hpp"

#include <xenpp/builder/pv_page_tables.hpp>

#include <algorithm>

namespace xenpp::builder {

namespace {

constexpr unsigned root_level = 4;
constexpr unsigned bits_per_level = 9;
constexpr std::uint64_t address_mask = (std::uint64_t{1} << 48) - 1; // what tables translate

/// How many address bits a table of this level spans.
constexpr unsigned span_bits(unsigned level) noexcept {
    return page_shift + bits_per_level * level;
}

struct numbers {
    std::uint64_t first, last;
};

/// The tables of a level that a mapping goes through. It has a page at least.
numbers numbers_of(pv_mapping const& m, unsigned level) noexcept {
    auto const begin = m.at.raw() & address_mask;
    auto const last = begin + (m.frames.count << page_shift) - 1;
    return {begin >> span_bits(level), last >> span_bits(level)};
}

} // namespace

std::uint64_t pv_page_tables::missing_for(pv_mapping const& m) const {
    std::uint64_t missing = 0;
    for (auto level = root_level; level != 0; --level) {
        auto const [first, last] = numbers_of(m, level);
        auto const from = frames_.lower_bound({level, first});
        auto const to = frames_.upper_bound({level, last});
        missing += last - first + 1 - static_cast<std::uint64_t>(std::distance(from, to));
    }
    return missing;
}

void pv_page_tables::add(pv_mapping const& m, pfn first) {
    auto next = first;
    for (auto level = root_level; level != 0; --level) {
        auto const [begin, last] = numbers_of(m, level);
        for (auto n = begin; n <= last; ++n) {
            if (frames_.try_emplace({level, n}, next).second) {
                ++next;
            }
        }
    }
    mappings_.push_back(m);
    read_only_.push_back({first, next - first});
}

std::vector<pv_page_tables::table> pv_page_tables::tables() const {
    std::vector<table> out;
    for (auto const& [name, frame] : frames_) {
        out.push_back({name.first, name.second, frame});
    }
    std::ranges::stable_sort(out, std::ranges::greater(), &table::level);
    return out;
}

std::uint64_t pv_page_tables::entry(table const& t, unsigned i, std::span<mfn const> p2m) const {
    auto const to = [&p2m](pfn f, std::uint64_t flags) {
        return to_maddr(p2m[static_cast<std::size_t>(f.raw())]).raw() | flags;
    };
    auto const number = t.number << bits_per_level | i;
    if (t.level != 1) {
        auto const it = frames_.find({t.level - 1, number});
        return it == frames_.end() ? 0 : to(it->second, pv_table_flags);
    }
    for (auto const& m : mappings_) {
        auto const begin = (m.at.raw() & address_mask) >> page_shift;
        if (begin <= number && number - begin < m.frames.count) {
            auto const f = m.frames.start + (number - begin);
            bool const is_table =
                std::ranges::any_of(read_only_, [f](pfn_run const& r) { return r.contains(f); });
            return to(f, is_table ? pv_read_only_flags : pv_page_flags);
        }
    }
    return 0;
}

void pv_page_tables::write(std::span<std::uint64_t, 512> out,
                           table const& t,
                           std::span<mfn const> p2m) const {
    for (unsigned i = 0; i != out.size(); ++i) {
        out[i] = entry(t, i, p2m);
    }
}

} // namespace xenpp::builder
