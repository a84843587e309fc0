// SPDX-License-Identifier: Apache-2.0
// xl cpupool-*: which CPUs run which domains.
#include "cli/xl/lookup.hpp"

#include <xenpp/cli/xl.hpp>
#include <xenpp/config/ast.hpp>
#include <xenpp/config/cpu_list.hpp>
#include <xenpp/config/parse.hpp>
#include <xenpp/cpupool.hpp>

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <sstream>

namespace xenpp::cli::xl {
namespace {

using enum field_kind;

/// "0,1,2": how xl lists a pool's CPUs.
std::string with_commas(cpu_set const& s) {
    std::string out;
    for (std::uint32_t cpu = 0, left = s.count(); left != 0; ++cpu) {
        if (s.contains(cpu)) {
            out += fmt::format("{}{}", out.empty() ? "" : ",", cpu);
            --left;
        }
    }
    return out;
}

// clang-format off
constexpr std::array pool_fields{
    field<cpupool_info>{{"name", "", label, "The pool's name."}, [](cpupool_info const& p) -> value { return p.name; }},
    field<cpupool_info>{{"id", "", label, "The pool's number."}, [](cpupool_info const& p) -> value { return std::uint64_t{p.id}; }},
    field<cpupool_info>{{"scheduler", "", word, "What decides which vCPU runs."}, [](cpupool_info const& p) -> value { return std::string(to_string(p.scheduler)); }},
    field<cpupool_info>{{"cpus", "", gauge, "How many CPUs it has."}, [](cpupool_info const& p) -> value { return std::uint64_t{p.cpus.count()}; }},
    field<cpupool_info>{{"cpu_commas", "", display, "Each of them."}, [](cpupool_info const& p) -> value { return with_commas(p.cpus); }},
    field<cpupool_info>{{"cpu_list", "", word, "Which they are."}, [](cpupool_info const& p) -> value { return to_string(p.cpus); }},
    field<cpupool_info>{{"domains", "", gauge, "How many domains it has."}, [](cpupool_info const& p) -> value { return std::uint64_t{p.domains}; }},
    field<cpupool_info>{{"active", "", display, ""}, [](cpupool_info const&) -> value { return std::string("y"); }},
};
constexpr std::array pool_cells{
    text_cell{"name", "{:<19}"}, text_cell{"cpus", "{:>3}"}, text_cell{"scheduler", "{:>10}"}, text_cell{"active", "{:>8}"}, text_cell{"domains", "{:>11}"},
};
constexpr std::array cpu_cells{text_cell{"name", "{:<19}"}, text_cell{"cpu_commas", "{}"}};

// clang-format on

result<cpupool_info> find_pool(xenpp::host const& h, std::string_view what) {
    auto pool = h.cpupools().find(what);
    return pool ? pool : refuse(fmt::format("unknown cpupool '{}'", what));
}

result<std::vector<std::uint32_t>> nodes_of_cpus(xenpp::host const& h) {
    std::vector<std::uint32_t> nodes;
    for (auto const& cpu : XENPP_TRY(h.topology())) {
        nodes.push_back(cpu.node);
    }
    return nodes;
}

/// CPUs as the user names them: a list of numbers, or node:N.
result<cpu_set> parse_cpus(xenpp::host const& h, std::string_view text) {
    auto const nodes = XENPP_TRY(nodes_of_cpus(h));
    auto const list = config::parse_cpu_list(text);
    if (!list) {
        return refuse(fmt::format("failed to parse CPU list: {}", text));
    }
    auto const members = config::evaluate(*list, nodes);
    cpu_set out;
    for (std::uint32_t c = 0; c != members.size(); ++c) {
        if (members[c]) {
            out.insert(c);
        }
    }
    if (out.empty()) {
        return refuse(fmt::format("this host has none of the CPUs {}", text));
    }
    return out;
}

/// What xlcpupool.cfg says.
struct pool_settings {
    std::string name;
    scheduler_kind scheduler{};
    cpu_set cpus;
};

/// The strings of a value: of a list each, else itself.
result<std::vector<std::string>> texts_of(config::setting const& from) {
    std::vector<std::string> out;
    if (!from.value.is_list()) {
        return std::vector{from.value.text()};
    }
    for (auto const& item : from.value.list()) {
        if (item.is_list()) {
            return refuse(fmt::format("{}: a list of lists has no meaning here", from.key));
        }
        out.push_back(item.text());
    }
    return out;
}

/// All settings of a file and of the words behind it, in the order of xl.cfg: the last one wins.
result<config::file> read_settings(std::string const& path, std::span<std::string const> words) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    if (!path.empty() && !(text << in.rdbuf()) && !in.eof()) {
        return refuse(fmt::format("Failed to read config file: {}", path));
    }
    text << '\n';
    for (auto const& word : words) {
        text << word << '\n';
    }
    auto parsed = config::parse(text.str(), path.empty() ? "command line" : path);
    if (parsed.diagnostics.has_errors()) {
        return refuse(parsed.diagnostics.message() +
                      fmt::format("Failed to parse config file: {}", path));
    }
    return std::move(parsed.ast);
}

/// Adds the CPUs that `from` names; `prefix` is "node:" where it names nodes.
result<void>
add_cpus(xenpp::host const& h, config::setting const& from, std::string_view prefix, cpu_set& to) {
    auto const most = XENPP_TRY(h.info()).max_cpu_id;
    for (auto const& text : XENPP_TRY(texts_of(from))) {
        auto const more = XENPP_TRY(parse_cpus(h, fmt::format("{}{}", prefix, text)));
        for (std::uint32_t c = 0; c <= most; ++c) {
            if (more.contains(c)) {
                to.insert(c);
            }
        }
    }
    return {};
}

result<scheduler_kind> find_scheduler(std::string_view name) {
    auto const kind = parse_scheduler(name);
    if (!kind) {
        return refuse(fmt::format("unknown scheduler: {}", name));
    }
    return *kind;
}

result<pool_settings>
evaluate(xenpp::host const& h, std::string const& path, config::file const& file) {
    pool_settings out;
    out.name = std::filesystem::path(path).filename().string();
    out.scheduler = XENPP_TRY(h.cpupools().find("0")).scheduler;
    bool has_cpus = false;
    for (auto const& s : file.settings) {
        auto const text = XENPP_TRY(texts_of(s)).empty() ? "" : XENPP_TRY(texts_of(s)).front();
        if (s.key == "name") {
            out.name = text;
        } else if (s.key == "sched") {
            out.scheduler = XENPP_TRY(find_scheduler(text));
        } else if (s.key == "cpus" || s.key == "nodes") {
            XENPP_TRY(add_cpus(h, s, s.key == "nodes" ? "node:" : "", out.cpus));
            has_cpus = true;
        } else {
            return refuse(
                fmt::format("unknown key \"{}\": there are name, sched, cpus, nodes", s.key));
        }
    }
    auto const free = XENPP_TRY(h.cpupools().free_cpus());
    if (!has_cpus) { // as Xen's xl: one CPU that is free
        for (std::uint32_t c = 0; out.cpus.empty() && c <= XENPP_TRY(h.info()).max_cpu_id; ++c) {
            if (free.contains(c)) {
                out.cpus.insert(c);
            }
        }
    }
    if (out.name.empty()) {
        return refuse("the pool has no name");
    }
    if (out.cpus.empty() || !free.includes(out.cpus)) {
        return refuse(out.cpus.empty()
                          ? std::string("no free cpu found")
                          : fmt::format("cpu {} illegal or not free: take it out of its pool with "
                                        "'xl cpupool-cpu-remove' first (free are: {})",
                                        to_string(out.cpus), to_string(free)));
    }
    return out;
}

} // namespace

result<int> cpupool_list(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    auto const as = XENPP_TRY(chosen_format(args));
    auto const pools = args.operands.empty()
                           ? XENPP_TRY(h.cpupools().list())
                           : std::vector{XENPP_TRY(find_pool(h, args.operands.front()))};
    auto const t = tabulate("cpupool", std::span<field<cpupool_info> const>(pool_fields),
                            std::span<cpupool_info const>(pools));
    s.print(render(t, as,
                   args.has("cpus")
                       ? text_layout{"Name               CPU list", cpu_cells}
                       : text_layout{"Name               CPUs   Sched     Active   Domain count",
                                     pool_cells}));
    return exit_success;
}

result<int> cpupool_create(session& s, arguments const& args) {
    auto operands = std::span<std::string const>(args.operands);
    std::string path(args.value("defconfig"));
    if (path.empty() && !operands.empty() && operands.front().find('=') == std::string::npos) {
        path = operands.front();
        operands = operands.subspan(1);
    }
    if (path.empty() && operands.empty()) {
        return refuse("Config file not specified");
    }
    auto const file = XENPP_TRY(read_settings(path, operands));
    auto const& h = *XENPP_TRY(s.open());
    auto const pool = XENPP_TRY(evaluate(h, path, file));
    s.print(fmt::format("Using config file \"{}\"\ncpupool name:   {}\nscheduler:      {}\n"
                        "number of cpus: {}\n",
                        path.empty() ? "command line" : path, pool.name, to_string(pool.scheduler),
                        pool.cpus.count()));
    if (args.has("dryrun") || s.global.dry_run) {
        return exit_success;
    }
    XENPP_TRY(h.cpupools().create(pool.name, pool.scheduler, pool.cpus));
    return exit_success;
}

result<int> cpupool_destroy(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    XENPP_TRY(h.cpupools().destroy(XENPP_TRY(find_pool(h, args.operands[0])).id));
    return exit_success;
}

result<int> cpupool_rename(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    XENPP_TRY(h.cpupools().rename(XENPP_TRY(find_pool(h, args.operands[0])).id, args.operands[1]));
    return exit_success;
}

namespace {

result<int> for_each_cpu(session& s,
                         arguments const& args,
                         result<void> (cpupools::*act)(std::uint32_t, std::uint32_t) const) {
    auto const& h = *XENPP_TRY(s.open());
    auto const pool = XENPP_TRY(find_pool(h, args.operands[0]));
    auto const cpus = XENPP_TRY(parse_cpus(h, args.operands[1]));
    auto const most = XENPP_TRY(h.info()).max_cpu_id;
    for (std::uint32_t c = 0; c <= most; ++c) {
        if (cpus.contains(c)) {
            XENPP_TRY((h.cpupools().*act)(pool.id, c));
        }
    }
    return exit_success;
}

} // namespace

result<int> cpupool_cpu_add(session& s, arguments const& args) {
    return for_each_cpu(s, args, &cpupools::add_cpu);
}

result<int> cpupool_cpu_remove(session& s, arguments const& args) {
    return for_each_cpu(s, args, &cpupools::remove_cpu);
}

result<int> cpupool_migrate(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    auto const d = XENPP_TRY(find(h, args.operands[0]));
    XENPP_TRY(h.cpupools().move_domain(d.id(), XENPP_TRY(find_pool(h, args.operands[1])).id));
    return exit_success;
}

result<int> cpupool_numa_split(session& s, arguments const&) {
    auto const& h = *XENPP_TRY(s.open());
    auto const pools = XENPP_TRY(h.cpupools().list());
    if (pools.size() > 1) {
        return refuse("splitting not possible, already cpupools in use");
    }
    auto const nodes = XENPP_TRY(nodes_of_cpus(h));
    std::map<std::uint32_t, cpu_set> by_node;
    for (std::uint32_t c = 0; c != nodes.size(); ++c) {
        by_node[nodes[c]].insert(c);
    }
    bool is_first = true; // pool 0 keeps the first node
    for (auto const& [node, cpus] : by_node) {
        auto const name = fmt::format("Pool-node{}", node);
        if (is_first) {
            XENPP_TRY(h.cpupools().rename(0, name));
            is_first = false;
            continue;
        }
        for (std::uint32_t c = 0; c != nodes.size(); ++c) {
            if (nodes[c] == node) {
                XENPP_TRY(h.cpupools().remove_cpu(0, c));
            }
        }
        XENPP_TRY(h.cpupools().create(name, pools.front().scheduler, cpus));
    }
    return exit_success;
}

} // namespace xenpp::cli::xl
