// SPDX-License-Identifier: Apache-2.0
// The page tables that a PV domain starts on: which there are, and what is in them.
#pragma once

#include <xenpp/base/strong.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace xenpp::builder {

/// Consecutive pseudo-physical frames.
struct pfn_run {
    pfn start;
    std::uint64_t count = 0;

    pfn end() const noexcept { return start + count; }

    bool contains(pfn f) const noexcept { return start <= f && f < end(); }

    friend bool operator==(pfn_run const&, pfn_run const&) = default;
};

/// Frames seen one after the other from a page's address on; within one half of the canonical
/// addresses.
struct pv_mapping {
    gva at;
    pfn_run frames;
};

/// A set of 4-level tables (SDM3 4.5) under construction. A table is named by its level, 4 the
/// root, and by the address it is for, in units of what it spans.
class pv_page_tables {
public:
    /// How many tables `m` takes beyond those that there are.
    std::uint64_t missing_for(pv_mapping const& m) const;

    /// Maps `m`, with the tables it takes in the frames from `first` on: higher levels first, each
    /// by ascending address. Nothing that is mapped may overlap it.
    void add(pv_mapping const& m, pfn first);

    /// One table.
    struct table {
        unsigned level = 0;
        std::uint64_t number = 0;
        pfn frame;
    };

    /// All tables, the root first.
    std::vector<table> tables() const;

    /// The frame of the root. There is one as soon as anything is mapped.
    pfn root() const noexcept { return frames_.at({4, 0}); }

    /// What is in a table, once `p2m` tells each frame's machine frame. Frames that hold tables
    /// are mapped read-only, all others writable.
    void write(std::span<std::uint64_t, 512> out, table const& t, std::span<mfn const> p2m) const;

private:
    std::uint64_t entry(table const& t, unsigned i, std::span<mfn const> p2m) const;

    std::map<std::pair<unsigned, std::uint64_t>, pfn> frames_; ///< of each level and number
    std::vector<pv_mapping> mappings_;
    std::vector<pfn_run> read_only_;
};

} // namespace xenpp::builder
