// SPDX-License-Identifier: Apache-2.0
// xl vcpu-list and vcpu-pin.
#include "cli/xl/lookup.hpp"

#include <xenpp/base/parse_number.hpp>
#include <xenpp/cli/domain_view.hpp>
#include <xenpp/cli/xl.hpp>
#include <xenpp/config/cpu_list.hpp>

#include <fmt/format.h>

#include <optional>

namespace xenpp::cli::xl {
namespace {

result<void> add_rows(domain const& d, std::uint32_t host_cpus, std::vector<vcpu_row>& to) {
    auto const name = XENPP_TRY(d.name());
    for (auto const& v : XENPP_TRY(d.vcpu_infos())) {
        to.push_back({name, v, host_cpus});
    }
    return {};
}

/// The set a user wrote as CPULIST, on this host; nothing for "-", which leaves things alone.
result<std::optional<cpu_set>> parse_set(std::string_view text,
                                         std::vector<cpu_topology> const& topology) {
    if (text == "-") {
        return std::optional<cpu_set>();
    }
    auto const list = config::parse_cpu_list(text);
    if (!list) {
        return refuse(fmt::format("Invalid pcpu range: {}. ({} at its character {})", text,
                                  list.error().reason, list.error().offset + 1));
    }
    std::vector<std::uint32_t> nodes;
    for (auto const& cpu : topology) {
        nodes.push_back(cpu.node);
    }
    auto const members = config::evaluate(*list, nodes);
    cpu_set out;
    for (std::uint32_t cpu = 0; cpu < members.size(); ++cpu) {
        if (members[cpu]) {
            out.insert(cpu);
        }
    }
    if (out.empty()) {
        return refuse(fmt::format("This host has none of the CPUs {}.", text));
    }
    return std::optional(std::move(out));
}

/// The vCPUs that `text` names: "all" or a number.
result<std::vector<vcpu>> parse_vcpus(domain const& d, std::string_view text) {
    auto const all = d.vcpus();
    if (text == "all") {
        return all;
    }
    auto const n = parse_number<std::uint32_t>(text);
    if (!n) {
        return refuse(fmt::format("Error: Invalid argument {} as VCPU.", text));
    }
    if (*n >= all.size()) {
        return refuse(fmt::format("Could not set affinity for vcpu `{}'. (The domain has {}.)", *n,
                                  all.size()));
    }
    return std::vector<vcpu>{all[*n]};
}

std::string map_line(std::string_view what, std::optional<cpu_set> const& set, std::size_t cpus) {
    return set ? fmt::format("{}: {}\n", what,
                             affinity_text(*set, static_cast<std::uint32_t>(cpus)))
               : std::string();
}

} // namespace

result<int> vcpu_list(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    auto const as = XENPP_TRY(chosen_format(args));
    auto const cpus = XENPP_TRY(h.info()).cpus;
    std::vector<vcpu_row> rows;
    for (auto const& name : args.operands) {
        XENPP_TRY(add_rows(XENPP_TRY(find(h, name)), cpus, rows));
    }
    if (args.operands.empty()) {
        for (auto const& d : XENPP_TRY(h.domains())) {
            XENPP_TRY(add_rows(XENPP_TRY(h.find(d.id)), cpus, rows));
        }
    }
    auto const t = tabulate("vcpu", vcpu_fields(), std::span<vcpu_row const>(rows));
    s.print(render(t, as, vcpu_layout()));
    return exit_success;
}

result<int> vcpu_pin(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    auto const& which = args.operands[1];
    if (args.has("force") && which == "all") {
        return refuse("Error: --force and 'all' as VCPU not allowed.");
    }
    auto const d = XENPP_TRY(find(h, args.operands[0]));
    auto const vcpus = XENPP_TRY(parse_vcpus(d, which));
    auto const topology = XENPP_TRY(h.topology());
    auto const hard = XENPP_TRY(parse_set(args.operands[2], topology));
    auto const soft = XENPP_TRY(
        parse_set(args.operands.size() > 3 ? std::string_view(args.operands[3]) : "-", topology));
    if (!hard && !soft) {
        return refuse("Error: Invalid argument. (Neither hard nor soft affinity is given.)");
    }
    if (s.global.dry_run) {
        s.print(map_line("cpumap", hard, topology.size()));
        s.print(map_line("soft cpumap", soft, topology.size()));
        return exit_success;
    }
    for (auto const& v : vcpus) {
        if (hard) {
            XENPP_TRY(v.pin(*hard));
        }
        if (soft) {
            XENPP_TRY(v.prefer(*soft));
        }
    }
    return exit_success;
}

} // namespace xenpp::cli::xl
