// SPDX-License-Identifier: Apache-2.0
// Figures of domains between two samples, and xentop's columns.
#include <xenpp/cli/top_row.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace xenpp::cli {
namespace {

constexpr double ns_per_second = 1e9;
constexpr double percent = 100.0;
/// Xen knows no limit as one that no machine reaches.
constexpr std::uint64_t no_limit_pages = std::uint64_t{1} << 40;

double share(pages part, pages whole) {
    return whole.count == 0
               ? 0.0
               : percent * static_cast<double>(part.count) / static_cast<double>(whole.count);
}

bool is_limited(top_row const& r) {
    return r.info->max_memory.count < no_limit_pages;
}

std::string whole(double d) {
    return fmt::format("{:.1f}", d);
}

std::string kibibytes(std::uint64_t bytes) {
    return fmt::format("{}", bytes / 1024);
}

template <class T>
void add_up(std::vector<T> const& devices, std::vector<top_row>& rows, auto add) {
    for (auto const& d : devices) {
        auto const at = std::ranges::lower_bound(rows, d.domain.raw(), {},
                                                 [](top_row const& r) { return r.info->id.raw(); });
        if (at != rows.end() && at->info->id == d.domain) {
            add(*at, d);
        }
    }
}

using enum field_kind;
using row = top_row;

// clang-format off
constexpr std::array columns{
    top_column{"name",   "NAME",      10, true,  true,  {{"name", "", label, "The domain's name."}, [](row const& r) -> value { return r.info->name; }}, nullptr},
    top_column{"state",  "STATE",      6, true,  true,  {{"state", "", word, "What the domain is doing."}, [](row const& r) -> value { return std::string(to_string(r.info->state())); }}, [](row const& r) { return top_state_letters(*r.info); }},
    top_column{"time",   "CPU(sec)",  10, true,  false, {{"cpu_seconds", "seconds", counter, "CPU time that the domain has had."}, [](row const& r) -> value { return static_cast<double>(r.info->cpu_time_ns) / ns_per_second; }}, [](row const& r) { return fmt::format("{}", r.info->cpu_time_ns / 1'000'000'000); }},
    top_column{"cpu",    "CPU(%)",     6, true,  false, {{"cpu_percent", "percent", gauge, "Share of a CPU since the refresh before; 100 is one CPU."}, [](row const& r) -> value { return r.cpu_percent; }}, [](row const& r) { return whole(r.cpu_percent); }},
    top_column{"mem",    "MEM(k)",    10, true,  false, {{"memory_bytes", "bytes", gauge, "Memory that the domain has."}, [](row const& r) -> value { return r.info->memory.bytes(); }}, [](row const& r) { return kibibytes(r.info->memory.bytes()); }},
    top_column{"mem%",   "MEM(%)",     6, true,  false, {{"memory_percent", "percent", gauge, "The same as a share of the host's."}, [](row const& r) -> value { return r.memory_percent; }}, [](row const& r) { return whole(r.memory_percent); }},
    top_column{"maxmem", "MAXMEM(k)", 10, true,  false, {{"max_memory_bytes", "bytes", gauge, "Memory that the domain may have."}, [](row const& r) -> value { return is_limited(r) ? value(r.info->max_memory.bytes()) : value(); }}, [](row const& r) { return is_limited(r) ? kibibytes(r.info->max_memory.bytes()) : "no limit"; }},
    top_column{"maxmem%","MAXMEM(%)",  9, true,  false, {{"max_memory_percent", "percent", gauge, "The same as a share of the host's."}, [](row const& r) -> value { return r.max_memory_percent ? value(*r.max_memory_percent) : value(); }}, [](row const& r) { return r.max_memory_percent ? whole(*r.max_memory_percent) : "n/a"; }},
    top_column{"vcpus",  "VCPUS",      5, true,  false, {{"vcpus", "", gauge, "vCPUs, offline ones too."}, [](row const& r) -> value { return std::uint64_t{r.info->vcpus}; }}, nullptr},
    top_column{"nets",   "NETS",       4, true,  false, {{"networks", "", gauge, "Network interfaces."}, [](row const& r) -> value { return r.vifs; }}, nullptr},
    top_column{"nettx",  "NETTX(k)",   8, true,  false, {{"network_tx_bytes", "bytes", counter, "Bytes that the backend sent, and the guest received."}, [](row const& r) -> value { return r.tx_bytes; }}, [](row const& r) { return kibibytes(r.tx_bytes); }},
    top_column{"netrx",  "NETRX(k)",   8, true,  false, {{"network_rx_bytes", "bytes", counter, "Bytes that the backend received, and the guest sent."}, [](row const& r) -> value { return r.rx_bytes; }}, [](row const& r) { return kibibytes(r.rx_bytes); }},
    top_column{"vbds",   "VBDS",       4, true,  false, {{"block_devices", "", gauge, "Block devices."}, [](row const& r) -> value { return r.vbds; }}, nullptr},
    top_column{"oo",     "VBD_OO",     8, true,  false, {{"block_out_of_requests", "", counter, "Times that the backend ran out of requests."}, [](row const& r) -> value { return r.disk.oo_requests; }}, nullptr},
    top_column{"rd",     "VBD_RD",     8, true,  false, {{"block_reads", "", counter, "Requests to read."}, [](row const& r) -> value { return r.disk.read_requests; }}, nullptr},
    top_column{"wr",     "VBD_WR",     8, true,  false, {{"block_writes", "", counter, "Requests to write."}, [](row const& r) -> value { return r.disk.write_requests; }}, nullptr},
    top_column{"rsect",  "VBD_RSECT", 10, true,  false, {{"block_sectors_read", "", counter, "Sectors read."}, [](row const& r) -> value { return r.disk.read_sectors; }}, nullptr},
    top_column{"wsect",  "VBD_WSECT", 10, true,  false, {{"block_sectors_written", "", counter, "Sectors written."}, [](row const& r) -> value { return r.disk.written_sectors; }}, nullptr},
    top_column{"ssid",   "SSID",       4, true,  true,  {{"ssid", "", word, "The security label's number."}, [](row const& r) -> value { return std::uint64_t{r.info->ssidref}; }}, nullptr},
    top_column{"id",     "ID",         5, false, true,  {{"domid", "", label, "The domain's number."}, [](row const& r) -> value { return std::uint64_t{r.info->id.raw()}; }}, nullptr},
    top_column{"uuid",   "UUID",      36, false, true,  {{"uuid", "", label, "The domain's UUID."}, [](row const& r) -> value { return config::format(r.info->uuid); }}, nullptr},
    top_column{"type",   "TYPE",       4, false, true,  {{"type", "", word, "pv, or hvm for what runs in hardware virtualization."}, [](row const& r) -> value { return std::string(r.info->is_hvm ? "hvm" : "pv"); }}, nullptr},
    top_column{"pool",   "POOL",       4, false, true,  {{"cpupool", "", word, "The number of the domain's CPU pool."}, [](row const& r) -> value { return std::uint64_t{r.info->cpupool}; }}, nullptr},
    top_column{"online", "ONLINE",     6, false, false, {{"vcpus_online", "", gauge, "vCPUs that are online."}, [](row const& r) -> value { return std::uint64_t{r.info->online_vcpus}; }}, nullptr},
    top_column{"tx/s",   "TX(k/s)",    8, false, false, {{"network_tx_bytes_per_second", "bytes_per_second", gauge, "Rate of network_tx_bytes."}, [](row const& r) -> value { return r.tx_rate; }}, [](row const& r) { return whole(r.tx_rate / 1024); }},
    top_column{"rx/s",   "RX(k/s)",    8, false, false, {{"network_rx_bytes_per_second", "bytes_per_second", gauge, "Rate of network_rx_bytes."}, [](row const& r) -> value { return r.rx_rate; }}, [](row const& r) { return whole(r.rx_rate / 1024); }},
    top_column{"rd/s",   "RD(/s)",     8, false, false, {{"block_reads_per_second", "", gauge, "Rate of block_reads."}, [](row const& r) -> value { return r.read_rate; }}, [](row const& r) { return whole(r.read_rate); }},
    top_column{"wr/s",   "WR(/s)",     8, false, false, {{"block_writes_per_second", "", gauge, "Rate of block_writes."}, [](row const& r) -> value { return r.write_rate; }}, [](row const& r) { return whole(r.write_rate); }},
    top_column{"hist",   "HISTORY",    8, false, false, {{"history", "", display, "CPU% of the last eight refreshes."}, [](row const& r) -> value { return r.cpu_percent; }}, [](row const& r) { return r.history.sparkline(percent * std::max<double>(r.info->online_vcpus, 1)); }},
};
// clang-format on

} // namespace

void cpu_history::add(double p) {
    std::rotate(percent_.begin(), percent_.begin() + 1, percent_.end());
    percent_.back() = static_cast<float>(p);
    count_ = std::min(count_ + 1, length);
}

std::string cpu_history::sparkline(double full) const {
    constexpr std::array bars{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    std::string out(length - count_, ' ');
    for (std::size_t i = length - count_; i != length; ++i) {
        auto const height = static_cast<double>(percent_[i]) / full * (bars.size() - 1) + 0.5;
        out += bars[static_cast<std::size_t>(std::clamp(height, 0.0, bars.size() - 1.0))];
    }
    return out;
}

std::vector<top_row> const& top_rows::add(host_sample const& now) {
    rows_.clear();
    for (auto const& d : now.domains) {
        auto& r = rows_.emplace_back();
        r.info = &d;
        r.memory_percent = share(d.memory, now.total_memory);
        if (is_limited(r)) {
            r.max_memory_percent = share(d.max_memory, now.total_memory);
        }
    }
    add_up(now.vifs, rows_, [](top_row& r, vif_sample const& v) {
        ++r.vifs;
        r.tx_bytes += v.tx.bytes;
        r.rx_bytes += v.rx.bytes;
    });
    add_up(now.vbds, rows_, [](top_row& r, vbd_sample const& v) {
        ++r.vbds;
        auto const c = v.done.value_or(vbd_sample::counts{});
        r.disk.oo_requests += c.oo_requests;
        r.disk.read_requests += c.read_requests;
        r.disk.write_requests += c.write_requests;
        r.disk.read_sectors += c.read_sectors;
        r.disk.written_sectors += c.written_sectors;
    });
    auto const elapsed_ns = static_cast<double>(now.time_ns - before_ns_);
    std::map<identity, totals> known;
    for (auto& r : rows_) {
        identity const id{r.info->id.raw(), r.info->uuid};
        totals next{r.info->cpu_time_ns,   r.tx_bytes, r.rx_bytes, r.disk.read_requests,
                    r.disk.write_requests, {}};
        if (auto const at = before_.find(id); at != before_.end() && elapsed_ns > 0) {
            auto const& old = at->second;
            auto const per_ns = [elapsed_ns](std::uint64_t is, std::uint64_t was) {
                return is > was ? static_cast<double>(is - was) / elapsed_ns : 0.0;
            };
            r.cpu_percent = percent * per_ns(next.cpu_ns, old.cpu_ns);
            r.tx_rate = ns_per_second * per_ns(next.tx, old.tx);
            r.rx_rate = ns_per_second * per_ns(next.rx, old.rx);
            r.read_rate = ns_per_second * per_ns(next.reads, old.reads);
            r.write_rate = ns_per_second * per_ns(next.writes, old.writes);
            next.history = old.history;
            next.history.add(r.cpu_percent);
        }
        r.history = next.history;
        known.emplace(id, next);
    }
    before_ = std::move(known);
    before_ns_ = now.time_ns;
    return rows_;
}

std::span<top_column const> top_columns() noexcept {
    return columns;
}

std::optional<std::size_t> find_top_column(std::string_view key) noexcept {
    auto const at = std::ranges::find(columns, key, &top_column::key);
    return at == columns.end() ? std::nullopt
                               : std::optional(static_cast<std::size_t>(at - columns.begin()));
}

std::string top_state_letters(domain_info const& d) {
    bool const crashed = d.is_shut_down && d.reason == shutdown_reason::crash;
    std::string s = "------";
    s[0] = d.is_dying ? 'd' : '-';
    s[1] = d.is_shut_down && !crashed ? 's' : '-';
    s[2] = d.is_blocked ? 'b' : '-';
    s[3] = crashed ? 'c' : '-';
    s[4] = d.is_paused ? 'p' : '-';
    s[5] = d.is_running ? 'r' : '-';
    return s;
}

} // namespace xenpp::cli
