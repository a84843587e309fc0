// SPDX-License-Identifier: Apache-2.0
// What xentop tells of a domain: its figures between two samples, and the columns they stand in.
#pragma once

#include <xenpp/cli/view.hpp>
#include <xenpp/sampler.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xenpp::cli {

/// CPU% of the last refreshes, oldest first.
class cpu_history {
public:
    static constexpr std::size_t length = 8;

    void add(double percent);

    /// A bar a refresh, as high as the share of `full` percent; blanks where nothing is known.
    std::string sparkline(double full) const;

private:
    std::array<float, length> percent_{};
    std::size_t count_ = 0;
};

/// A domain in the newest sample. Rates are per second since the sample before; without one, or for
/// a domain that is new, they are zero.
struct top_row {
    domain_info const* info = nullptr;
    double cpu_percent = 0;    ///< 100 is one CPU
    double memory_percent = 0; ///< of the host's
    std::optional<double> max_memory_percent;
    std::uint64_t vifs = 0, tx_bytes = 0, rx_bytes = 0;
    double tx_rate = 0, rx_rate = 0; ///< bytes
    std::uint64_t vbds = 0;
    vbd_sample::counts disk;
    double read_rate = 0, write_rate = 0; ///< requests
    cpu_history history;
};

/// The rows of `now`, which must outlive them.
class top_rows {
public:
    /// The next sample: its rows, in the order of its domains.
    std::vector<top_row> const& add(host_sample const& now);

    std::vector<top_row> const& rows() const noexcept { return rows_; }

private:
    using identity = std::pair<std::uint16_t, config::uuid>;

    struct totals {
        std::uint64_t cpu_ns = 0, tx = 0, rx = 0, reads = 0, writes = 0;
        cpu_history history;
    };

    std::vector<top_row> rows_;
    std::map<identity, totals> before_;
    std::uint64_t before_ns_ = 0;
};

/// A column: what users call it, how it is headed and written, and the field that it is in the
/// machine formats.
struct top_column {
    std::string_view key;    ///< for --sort, --columns and filters: "cpu"
    std::string_view header; ///< "CPU(%)"
    std::size_t width;
    bool is_standard;  ///< one of Xen's 19
    bool is_ascending; ///< sorted so at first: names from A, figures from the largest
    cli::field<top_row> field;
    std::string (*text)(top_row const&); ///< the cell; null: the field's value
};

/// Xen's 19 in Xen's order, and ours.
std::span<top_column const> top_columns() noexcept;

/// The number of the column with this key; nothing if there is none.
std::optional<std::size_t> find_top_column(std::string_view key) noexcept;

/// d s b c p r in their places, as xentop prints them; "c" for crashed, "s" for any other end.
std::string top_state_letters(domain_info const& d);

} // namespace xenpp::cli
