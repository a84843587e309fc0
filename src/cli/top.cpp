// SPDX-License-Identifier: Apache-2.0
// xentop's rows and batch output.
#include "cli/top_text.hpp"

#include <xenpp/cli/top.hpp>
#include <xenpp/config/diagnostic.hpp>

#include <fmt/format.h>
#include <range/v3/algorithm/equal_range.hpp>
#include <range/v3/algorithm/reverse.hpp>
#include <range/v3/algorithm/stable_sort.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/addressof.hpp>
#include <range/v3/view/filter.hpp>
#include <range/v3/view/iota.hpp>
#include <range/v3/view/transform.hpp>

#include <algorithm>
#include <numeric>
#include <span>

namespace xenpp::cli {
namespace {

namespace views = ranges::views;

constexpr std::size_t short_name = 10;

std::vector<std::size_t> standard_columns() {
    return views::iota(std::size_t{0}, top_columns().size()) |
           views::filter([](std::size_t i) { return top_columns()[i].is_standard; }) |
           ranges::to<std::vector>();
}

std::vector<std::string_view> keys() {
    return top_columns() | views::transform(&top_column::key) | ranges::to<std::vector>();
}

/// A value as text, in a column without a form of its own.
std::string to_text(value const& v) {
    if (auto const* s = std::get_if<std::string>(&v)) {
        return *s;
    }
    auto const* n = std::get_if<std::uint64_t>(&v);
    return n != nullptr ? fmt::format("{}", *n) : std::string("-");
}

std::string cell(top_column const& c, top_row const& r) {
    return c.text != nullptr ? c.text(r) : to_text(c.field.get(r));
}

/// The devices and vCPUs of one domain: a part of an array that is ordered by domain.
template <class T>
std::span<T const> of_domain(std::vector<T> const& all, domid d) {
    auto const its =
        ranges::equal_range(all, d.raw(), {}, [](T const& x) { return x.domain.raw(); });
    return {its.begin(), its.end()};
}

} // namespace

expected<std::vector<std::size_t>, std::string> parse_top_columns(std::string_view text) {
    std::vector<std::size_t> out;
    bool const adds = text.starts_with('+');
    if (adds) {
        text.remove_prefix(1);
        out = standard_columns();
    }
    if (text == "all") {
        out.resize(top_columns().size());
        std::iota(out.begin(), out.end(), 0);
        return out;
    }
    while (!text.empty()) {
        auto const comma = std::min(text.find(','), text.size());
        auto const key = text.substr(0, comma);
        auto const at = find_top_column(key);
        if (!at) {
            auto const near = config::nearest(key, keys());
            return unexpected(fmt::format(
                "there is no column \"{}\"{}; there are {}", key,
                near.empty() ? std::string() : fmt::format(", did you mean \"{}\"?", near),
                fmt::join(keys(), ", ")));
        }
        out.push_back(*at);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return out;
}

top::top(top_choices choices) : choices_(std::move(choices)) {
    if (choices_.columns.empty()) {
        choices_.columns = standard_columns();
    }
    static_cast<void>(set_filter(choices_.filter));
}

sample_request top::wanted() const noexcept {
    return {choices_.shows_vcpus, choices_.shows_cpus};
}

void top::add(host_sample s) {
    auto const before_idle = std::exchange(idle_ns_, s.cpu_idle_ns);
    auto const elapsed = static_cast<double>(s.time_ns - sample_.time_ns);
    cpu_busy_.clear();
    for (std::size_t c = 0; c != s.cpu_idle_ns.size(); ++c) {
        bool const is_known = c < before_idle.size() && elapsed > 0;
        auto const idle =
            is_known ? static_cast<double>(s.cpu_idle_ns[c] - before_idle[c]) : elapsed;
        cpu_busy_.push_back(std::clamp(100.0 * (1 - idle / elapsed), 0.0, 100.0));
    }
    sample_ = std::move(s);
    rows_.add(sample_);
}

std::optional<filter_error> top::set_filter(std::string_view text) {
    auto parsed = filter::parse(text, keys());
    if (!parsed) {
        return parsed.error();
    }
    filter_ = std::move(*parsed);
    choices_.filter = text;
    return std::nullopt;
}

std::vector<top_row const*> top::visible() const {
    auto out =
        rows_.rows() | views::filter([this](top_row const& r) {
            return filter_.matches([&r](std::size_t i) { return top_columns()[i].field.get(r); });
        }) |
        views::addressof | ranges::to<std::vector>();
    if (choices_.is_sorted) {
        auto const& c = top_columns()[choices_.sort];
        auto const key = [&c](top_row const* r) { return c.field.get(*r); };
        if (c.is_ascending != choices_.is_reversed) {
            ranges::stable_sort(out, ranges::less(), key);
        } else {
            ranges::stable_sort(out, ranges::greater(), key);
        }
    } else if (choices_.is_reversed) {
        ranges::reverse(out);
    }
    return out;
}

std::size_t top::name_width(std::vector<top_row const*> const& rows) const {
    std::size_t width = short_name;
    if (choices_.shows_full_names) {
        for (auto const* r : rows) {
            width = std::max(width, places(r->info->name));
        }
    }
    return width;
}

std::string top::header(std::size_t name_width) const {
    std::string out;
    for (auto const i : choices_.columns) {
        auto const& c = top_columns()[i];
        out += out.empty() ? "" : " ";
        out += right(c.header, c.key == "name" ? name_width : c.width);
    }
    return out;
}

std::string top::line(top_row const& r, std::size_t name_width) const {
    std::string out;
    for (auto const i : choices_.columns) {
        auto const& c = top_columns()[i];
        bool const is_name = c.key == "name";
        out += out.empty() ? "" : " ";
        out +=
            is_name ? right(cut(r.info->name, name_width), name_width) : right(cell(c, r), c.width);
    }
    return out;
}

std::vector<std::string> top::details(top_row const& r) const {
    std::vector<std::string> out;
    if (choices_.shows_vcpus) {
        constexpr unsigned a_line = 5;
        for (auto const& v : of_domain(sample_.vcpus, r.info->id)) {
            if (v.id.raw() % a_line == 0) {
                out.emplace_back(v.id.raw() == 0 ? "VCPUs(sec): " : "            ");
            }
            if (!out.empty()) {
                out.back() +=
                    fmt::format(" {:2}: {:>10}s", v.id.raw(), v.cpu_time_ns / 1'000'000'000);
            }
        }
    }
    if (choices_.shows_networks) {
        for (auto const& n : of_domain(sample_.vifs, r.info->id)) {
            auto const half = [](std::string_view name, vif_sample::counts const& c) {
                return fmt::format("{}: {:>8}bytes {:>8}pkts {:>8}err {:>8}drop  ", name, c.bytes,
                                   c.packets, c.errors, c.drops);
            };
            out.push_back(fmt::format("Net{} {}{}", n.id, half("RX", n.rx), half("TX", n.tx)));
        }
    }
    if (choices_.shows_vbds) {
        for (auto const& v : of_domain(sample_.vbds, r.info->id)) {
            auto const c = v.done.value_or(vbd_sample::counts{});
            out.push_back(
                fmt::format("VBD {} {:>4} [{:2x}:{:2x}]  OO: {:>8}   RD: {:>8}   WR: {:>8}  "
                            "RSECT: {:>10}  WSECT: {:>10}",
                            v.backend, v.id, v.id >> 8 & 0xff, v.id & 0xff, c.oo_requests,
                            c.read_requests, c.write_requests, c.read_sectors, c.written_sectors));
        }
    }
    return out;
}

std::string top::batch_text() const {
    auto const rows = visible();
    auto const width = name_width(rows);
    auto const head = header(width) + '\n';
    std::string out = head;
    bool is_first = true;
    for (auto const* r : rows) {
        if (choices_.repeats_header && !is_first) {
            out += head;
        }
        is_first = false;
        out += line(*r, width) + '\n';
        for (auto const& more : details(*r)) {
            out += more + '\n';
        }
    }
    return out;
}

table top::batch_table() const {
    table out{"domain", {}, {}};
    for (auto const i : choices_.columns) {
        out.fields.push_back(top_columns()[i].field.info);
    }
    // Whoever reads a metric must know whose it is.
    auto const id = *find_top_column("id");
    bool const has_id = std::ranges::find(choices_.columns, id) != choices_.columns.end();
    if (!has_id) {
        out.fields.push_back(top_columns()[id].field.info);
    }
    for (auto const* r : visible()) {
        auto& row = out.rows.emplace_back();
        for (auto const i : choices_.columns) {
            row.push_back(top_columns()[i].field.get(*r));
        }
        if (!has_id) {
            row.push_back(top_columns()[id].field.get(*r));
        }
    }
    return out;
}

} // namespace xenpp::cli
