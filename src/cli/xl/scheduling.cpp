// SPDX-License-Identifier: Apache-2.0
// xl sched-credit2 and what stands for the schedulers that no supported hypervisor runs.
#include "cli/xl/lookup.hpp"

#include <xenpp/base/parse_number.hpp>
#include <xenpp/cli/xl.hpp>
#include <xenpp/cpupool.hpp>

#include <fmt/format.h>

#include <array>

namespace xenpp::cli::xl {
namespace {

/// A domain with its parameters.
struct scheduled_row {
    domain_info info;
    domain_scheduling scheduling;
    std::string pool;
};

using enum field_kind;

// clang-format off
constexpr std::array scheduled_fields{
    field<scheduled_row>{{"name", "", label, "The domain's name."}, [](scheduled_row const& r) -> value { return r.info.name; }},
    field<scheduled_row>{{"domid", "", label, "The domain's number."}, [](scheduled_row const& r) -> value { return std::uint64_t{r.info.id.raw()}; }},
    field<scheduled_row>{{"cpupool", "", word, "The name of its CPU pool."}, [](scheduled_row const& r) -> value { return r.pool; }},
    field<scheduled_row>{{"weight", "", gauge, "Its share relative to that of others."}, [](scheduled_row const& r) -> value { return std::uint64_t{r.scheduling.weight}; }},
    field<scheduled_row>{{"cap", "percent", gauge, "Percent of one CPU that it may use at most; 0: no limit."}, [](scheduled_row const& r) -> value { return std::uint64_t{r.scheduling.cap}; }},
};

constexpr std::array scheduled_cells{
    text_cell{"name", "{:<33}"}, text_cell{"domid", " {:>4}"}, text_cell{"weight", " {:>6}"}, text_cell{"cap", " {:>4}"},
};
// clang-format on

constexpr text_layout scheduled_layout{"Name                                ID Weight  Cap",
                                       scheduled_cells};

/// The pools meant: that of -p, or all that credit2 runs.
result<std::vector<cpupool_info>> chosen_pools(xenpp::host const& h, arguments const& args) {
    if (args.has("cpupool")) {
        auto pool = h.cpupools().find(args.value("cpupool"));
        if (!pool) {
            return refuse(fmt::format("unknown cpupool '{}'", args.value("cpupool")));
        }
        return std::vector{*pool};
    }
    return h.cpupools().list();
}

/// Without -d, -w, -c: pools and their domains.
result<int> list_scheduling(session& s, xenpp::host const& h, arguments const& args) {
    auto const as = XENPP_TRY(chosen_format(args));
    auto const domains = XENPP_TRY(h.domains());
    std::vector<scheduled_row> all;
    for (auto const& pool : XENPP_TRY(chosen_pools(h, args))) {
        if (pool.scheduler != scheduler_kind::credit2) {
            continue;
        }
        std::vector<scheduled_row> rows;
        for (auto const& d : domains) {
            auto const handle = d.cpupool == pool.id ? h.find(d.id) : fail("", 0, "");
            if (handle) {
                rows.push_back({d, XENPP_TRY(handle->scheduling()), pool.name});
            }
        }
        if (as == format::text) {
            s.print(fmt::format("Cpupool {}: ratelimit={}us\n", pool.name,
                                XENPP_TRY(h.cpupools().ratelimit_us(pool.id))));
            s.print(
                to_text(tabulate("domain", std::span<field<scheduled_row> const>(scheduled_fields),
                                 std::span<scheduled_row const>(rows)),
                        scheduled_layout));
        }
        all.insert(all.end(), rows.begin(), rows.end());
    }
    if (as != format::text) {
        s.print(render(tabulate("domain", std::span<field<scheduled_row> const>(scheduled_fields),
                                std::span<scheduled_row const>(all)),
                       as, scheduled_layout));
    }
    return exit_success;
}

result<std::uint16_t>
parse_parameter(arguments const& args, std::string_view key, std::uint16_t least) {
    auto const n = parse_number<std::uint16_t>(args.value(key));
    if (!n || *n < least) {
        return refuse(
            fmt::format("{} {} is not a number from {} to 65535", key, args.value(key), least));
    }
    return *n;
}

result<int> set_pool(session& s, xenpp::host const& h, arguments const& args) {
    if (args.has("domain") || args.has("weight") || args.has("cap")) {
        return refuse("Specifying both domain and schedparam options is not allowed.");
    }
    auto const pool =
        XENPP_TRY(h.cpupools().find(args.has("cpupool") ? args.value("cpupool") : "0"));
    if (!args.has("ratelimit_us")) {
        s.print(fmt::format("Cpupool {}: ratelimit={}us\n", pool.name,
                            XENPP_TRY(h.cpupools().ratelimit_us(pool.id))));
        return exit_success;
    }
    auto const us = parse_number<std::uint32_t>(args.value("ratelimit_us"));
    if (!us || !h.cpupools().set_ratelimit_us(pool.id, *us)) {
        return refuse(
            fmt::format("ratelimit {} is neither 0 nor from 100 to 500000 microseconds, or "
                        "pool {} is not run by credit2",
                        args.value("ratelimit_us"), pool.name));
    }
    return exit_success;
}

} // namespace

result<int> sched_credit2(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    bool const changes = args.has("weight") || args.has("cap");
    if (args.has("schedparam") || args.has("ratelimit_us")) {
        return set_pool(s, h, args);
    }
    if (args.has("cpupool") && (args.has("domain") || changes)) {
        return refuse("Specifying a cpupool is not allowed with other options.");
    }
    if (!args.has("domain")) {
        return changes ? result<int>(refuse("Must specify a domain."))
                       : list_scheduling(s, h, args);
    }
    auto const d = XENPP_TRY(find(h, args.value("domain")));
    auto now = XENPP_TRY(d.scheduling());
    if (!changes) {
        std::array const row{scheduled_row{XENPP_TRY(d.info()), now, {}}};
        s.print(render(tabulate("domain", std::span<field<scheduled_row> const>(scheduled_fields),
                                std::span<scheduled_row const>(row)),
                       XENPP_TRY(chosen_format(args)), scheduled_layout));
        return exit_success;
    }
    now.weight = args.has("weight") ? XENPP_TRY(parse_parameter(args, "weight", 1)) : now.weight;
    now.cap = args.has("cap") ? XENPP_TRY(parse_parameter(args, "cap", 0)) : now.cap;
    XENPP_TRY(d.set_scheduling(now));
    return exit_success;
}

} // namespace xenpp::cli::xl
