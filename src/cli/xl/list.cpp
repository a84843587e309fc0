// SPDX-License-Identifier: Apache-2.0
// xl list, vm-list, domid, domname, uptime: what there is.
#include "cli/xl/lookup.hpp"

#include <xenpp/cli/domain_view.hpp>
#include <xenpp/cli/xl.hpp>
#include <xenpp/config/json.hpp>
#include <xenpp/store/path.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <map>
#include <optional>
#include <set>

namespace xenpp::cli::xl {
namespace {

/// NUMA nodes as Xen derives them: those on which a vCPU may run.
result<std::string> nodes_of(xenpp::host const& h, domain_info const& d) {
    auto const topology = XENPP_TRY(h.topology());
    auto const vcpus = XENPP_TRY(XENPP_TRY(h.find(d.id)).vcpu_infos());
    std::set<std::uint32_t> all;
    cpu_set mine;
    for (std::uint32_t cpu = 0; cpu < topology.size(); ++cpu) {
        all.insert(topology[cpu].node);
        if (std::any_of(vcpus.begin(), vcpus.end(),
                        [cpu](auto const& v) { return v.hard.contains(cpu); })) {
            mine.insert(topology[cpu].node);
        }
    }
    return mine.count() == all.size() ? "all" : mine.empty() ? "none" : to_string(mine);
}

/// `text` with every line but the first and empty ones moved right by `blanks`.
std::string indented(std::string_view text, std::size_t blanks) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i != 0 && text[i - 1] == '\n' && text[i] != '\n') {
            out.append(blanks, ' ');
        }
        out += text[i];
    }
    out.erase(out.find_last_not_of('\n') + 1);
    return out;
}

/// What changes while a domain runs, as it is now.
result<void>
show_live(domain_info const& d, xenpp::domain const& handle, config::domain_config& c) {
    c.name = d.name;
    c.memory_mib = mib(XENPP_TRY(handle.memory().target())).count;
    auto const wanted = XENPP_TRY(handle.wanted_vcpus());
    c.vcpus = wanted != 0 ? wanted : d.online_vcpus;
    auto const scheduling = XENPP_TRY(handle.scheduling());
    c.cpu_weight = scheduling.weight;
    c.cap = scheduling.cap;
    return {};
}

/// What each domain would be made from now. Of one of which no tool has kept it, what is known.
result<std::string> long_list(xenpp::host const& h, std::vector<domain_info> const& domains) {
    constexpr std::size_t depth = 8;
    auto const topology = XENPP_TRY(h.topology());
    std::vector<std::uint32_t> nodes;
    for (auto const& cpu : topology) {
        nodes.push_back(cpu.node);
    }
    std::string out = "[";
    for (auto const& d : domains) {
        auto const handle = XENPP_TRY(h.find(d.id));
        auto config = handle.config();
        if (!config) {
            config::domain_config known;
            known.name = d.name;
            known.uuid = d.uuid;
            known.type = d.is_hvm ? config::domain_type::hvm : config::domain_type::pv;
            known.memory_mib = mib(d.memory).count;
            known.maxmem_mib = std::max(known.memory_mib, mib(d.max_memory).count);
            known.vcpus = d.online_vcpus;
            known.maxvcpus = d.vcpus;
            config = known;
        }
        std::string_view scheduler;
        if (show_live(d, handle, *config)) { // one that just ends has no more to say
            scheduler =
                to_string(XENPP_TRY(h.cpupools().find(std::to_string(d.cpupool))).scheduler);
        }
        out += fmt::format("{}\n    {{\n        \"domid\": {},\n        \"config\": {}\n    }}",
                           out.size() == 1 ? "" : ",", d.id.raw(),
                           indented(config::to_json(*config, nodes, scheduler), depth));
    }
    return out + "\n]\n";
}

std::string uptime_text(std::optional<std::uint64_t> age, bool is_short) {
    if (!age) {
        return "unknown";
    }
    auto const seconds = *age;
    constexpr std::uint64_t minute = 60;
    constexpr std::uint64_t hour = 60 * minute;
    constexpr std::uint64_t day = 24 * hour;
    auto const days = seconds / day;
    auto out = days == 0 ? std::string() : fmt::format("{} day{}, ", days, days == 1 ? "" : "s");
    out += fmt::format("{:>2}:{:02}", seconds % day / hour, seconds % hour / minute);
    return is_short ? out : out + fmt::format(":{:02}", seconds % minute);
}

/// Seconds since the domain was created. A domain 0 of which xenstore does not say so is the
/// control domain that this program runs in, and has been up as long as its kernel.
result<std::uint64_t> uptime_of(domain const& d) {
    timespec now{};
    auto const start = d.start_time();
    if (start) {
        clock_gettime(CLOCK_REALTIME, &now);
        auto const age = static_cast<double>(now.tv_sec) - *start;
        return static_cast<std::uint64_t>(std::max(0.0, std::floor(age)));
    }
    if (d.id() != dom0) {
        return unexpected(start.error());
    }
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec);
}

/// A domain and for how long it has been up, where that is known.
struct age_row {
    domain_info info;
    std::optional<std::uint64_t> seconds;
};

using enum field_kind;

// clang-format off
constexpr std::array age_fields{
    field<age_row>{{"name", "", label, "The domain's name."}, [](age_row const& r) -> value { return r.info.name; }},
    field<age_row>{{"domid", "", label, "The domain's number."}, [](age_row const& r) -> value { return std::uint64_t{r.info.id.raw()}; }},
    field<age_row>{{"uptime_seconds", "seconds", gauge, "For how long it has been up."}, [](age_row const& r) -> value { return r.seconds ? value(*r.seconds) : value(); }},
    field<age_row>{{"uptime", "", display, ""}, [](age_row const& r) -> value { return uptime_text(r.seconds, false); }},
};
// clang-format on

} // namespace

result<int> list(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    auto const as = XENPP_TRY(chosen_format(args));
    if (!args.operands.empty() && is_digits(args.operands.front()) &&
        !h.find(args.operands.front())) {
        return refuse(fmt::format("Error: Domain '{}' does not exist.", args.operands.front()));
    }
    auto const domains = XENPP_TRY(selected(h, args.operands));
    if (args.has("long")) {
        s.print(XENPP_TRY(long_list(h, domains)));
        return exit_success;
    }
    std::map<std::uint32_t, std::string> pools;
    if (args.has("cpupool")) {
        for (auto const& p : XENPP_TRY(h.cpupools().list())) {
            pools[p.id] = p.name;
        }
    }
    std::vector<domain_row> rows;
    for (auto const& d : domains) {
        rows.push_back(
            {d, args.has("numa") ? XENPP_TRY(nodes_of(h, d)) : std::string(), pools[d.cpupool]});
    }
    auto const layout = list_layout(
        {args.has("verbose"), args.has("context"), args.has("cpupool"), args.has("numa")});
    auto const t = tabulate("domain", domain_fields(), std::span<domain_row const>(rows));
    s.print(render(t, as, layout.layout()));
    return exit_success;
}

result<int> vm_list(session& s, arguments const& args) {
    auto const as = XENPP_TRY(chosen_format(args));
    std::vector<domain_row> rows;
    for (auto const& d : XENPP_TRY(XENPP_TRY(s.open())->domains())) {
        if (d.id != dom0) {
            rows.push_back({d});
        }
    }
    constexpr std::array cells{text_cell{"uuid", "{}"}, text_cell{"domid", "  {}"},
                               text_cell{"title", "    {:<30}"}};
    auto const t = tabulate("domain", domain_fields(), std::span<domain_row const>(rows));
    s.print(render(t, as, {"UUID                                  ID    name", cells}));
    return exit_success;
}

result<int> domid(session& s, arguments const& args) {
    auto const& name = args.operands.front();
    auto const all = XENPP_TRY(XENPP_TRY(s.open())->domains());
    auto const at = std::find_if(all.begin(), all.end(), [&name](domain_info const& d) {
        return d.name == name || config::format(d.uuid) == name;
    });
    if (at == all.end()) {
        return refuse(fmt::format(
            "Can't get domid of domain name '{}', maybe this domain does not exist.", name));
    }
    s.print(fmt::format("{}\n", at->id.raw()));
    return exit_success;
}

result<int> domname(session& s, arguments const& args) {
    auto const id = store::parse_domid(args.operands.front());
    if (!id) {
        return refuse("Invalid domain id.");
    }
    auto const& h = *XENPP_TRY(s.open());
    auto const d = h.find(*id);
    auto const name = d ? XENPP_TRY(d->name()) : std::string();
    if (name.empty()) {
        return refuse(fmt::format(
            "Can't get domain name of domain id '{}', maybe this domain does not exist.",
            id->raw()));
    }
    s.print(name + '\n');
    return exit_success;
}

result<int> uptime(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    auto const as = XENPP_TRY(chosen_format(args));
    std::vector<age_row> rows;
    for (auto const& d : XENPP_TRY(selected(h, args.operands))) {
        auto const age = uptime_of(XENPP_TRY(h.find(d.id)));
        rows.push_back({d, age ? std::optional(*age) : std::nullopt});
    }
    if (as == format::text && args.has("s")) {
        for (auto const& r : rows) {
            s.print(fmt::format(" {:%H:%M:%S} up {}, {} ({})\n", fmt::localtime(std::time(nullptr)),
                                uptime_text(r.seconds, true), r.info.name, r.info.id.raw()));
        }
        return exit_success;
    }
    constexpr std::array cells{text_cell{"name", "{:<33}"}, text_cell{"domid", " {:>4}"},
                               text_cell{"uptime", " {}"}};
    auto const t = tabulate("domain", std::span<field<age_row> const>(age_fields),
                            std::span<age_row const>(rows));
    s.print(render(t, as, {"Name                                ID Uptime", cells}));
    return exit_success;
}

} // namespace xenpp::cli::xl
