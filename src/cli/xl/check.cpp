// SPDX-License-Identifier: Apache-2.0
// xl check, diff, plan and apply: configuration files before and beside their domains.
#include "cli/xl/findings.hpp"
#include "cli/xl/lookup.hpp"

#include <xenpp/cli/xl.hpp>
#include <xenpp/config/diff.hpp>
#include <xenpp/config/json.hpp>
#include <xenpp/config/load.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace xenpp::cli::xl {
namespace {

result<config::domain_config> load(session& s, std::string const& path) {
    auto const c = config::load_domain(path, {}, leniently);
    if (!c) {
        auto text = c.error().message();
        text.pop_back();
        s.complain(text);
        return refuse(fmt::format("Failed to parse config: {}", path));
    }
    return config::domain_config(*c);
}

/// The domain that a file describes, and how it would change.
struct plan_of {
    domain target;
    config::domain_config now;
    config::domain_config wanted;
    std::vector<config::change> changes;
};

result<plan_of> make_plan(session& s, arguments const& args) {
    auto wanted = XENPP_TRY(load(s, args.operands.front()));
    auto const& h = *XENPP_TRY(s.open());
    auto const what = args.operands.size() > 1 ? args.operands[1] : wanted.name;
    auto target = XENPP_TRY(find(h, what));
    auto now = XENPP_TRY(target.config());
    auto changes = config::diff(now, wanted);
    return plan_of{std::move(target), std::move(now), std::move(wanted), std::move(changes)};
}

void print_changes(session& s, std::vector<config::change> const& changes) {
    for (auto const& c : changes) {
        s.print(fmt::format("{} ({})\n{}", c.key, to_string(c.effect), print(c)));
    }
}

result<void> apply_affinity(xenpp::host const& h, plan_of const& p, std::string_view key) {
    std::vector<std::uint32_t> nodes;
    for (auto const& cpu : XENPP_TRY(h.topology())) {
        nodes.push_back(cpu.node);
    }
    bool const is_hard = key == "cpus";
    for (auto const& v : p.target.vcpus()) {
        auto const set = config::evaluate(
            (is_hard ? p.wanted.cpus : p.wanted.cpus_soft).of(v.id().raw()), nodes);
        cpu_set cpus;
        for (std::uint32_t cpu = 0; cpu < set.size(); ++cpu) {
            if (set[cpu]) {
                cpus.insert(cpu);
            }
        }
        XENPP_TRY(is_hard ? v.pin(cpus) : v.prefer(cpus));
    }
    return {};
}

/// Makes one change; false if this host cannot make it while the domain runs.
result<bool> apply_change(xenpp::host const& h, plan_of const& p, config::change const& c) {
    if (c.key == "name") {
        XENPP_TRY(p.target.rename(p.wanted.name));
        return true;
    }
    if (c.key == "memory") {
        XENPP_TRY(p.target.memory().set_target(mib(p.wanted.memory_mib)));
        return true;
    }
    if (c.key == "cpus" || c.key == "cpus_soft") {
        XENPP_TRY(apply_affinity(h, p, c.key));
        return true;
    }
    if (c.key == "vcpus") {
        XENPP_TRY(p.target.set_online_vcpus(p.wanted.vcpus));
        return true;
    }
    if (c.key == "cpu_weight" || c.key == "cap") {
        constexpr std::uint32_t usual_weight = 256;
        XENPP_TRY(p.target.set_scheduling(
            {static_cast<std::uint16_t>(p.wanted.cpu_weight.value_or(usual_weight)),
             static_cast<std::uint16_t>(p.wanted.cap.value_or(0))}));
        return true;
    }
    return c.key.starts_with("on_"); // the stored configuration alone says what happens then
}

/// The stored configuration with the changes that were made, for the next plan and restart.
config::domain_config with_changes(plan_of const& p, std::vector<std::string_view> const& made) {
    auto out = p.now;
    auto const has = [&made](std::string_view key) {
        return std::find(made.begin(), made.end(), key) != made.end();
    };
    auto const take = [&](std::string_view key, auto member) {
        if (has(key)) {
            out.*member = p.wanted.*member;
        }
    };
    take("name", &config::domain_config::name);
    take("memory", &config::domain_config::memory_mib);
    take("vcpus", &config::domain_config::vcpus);
    take("cpus", &config::domain_config::cpus);
    take("cpus_soft", &config::domain_config::cpus_soft);
    take("cpu_weight", &config::domain_config::cpu_weight);
    take("cap", &config::domain_config::cap);
    take("on_poweroff", &config::domain_config::on_poweroff);
    take("on_reboot", &config::domain_config::on_reboot);
    take("on_crash", &config::domain_config::on_crash);
    take("on_watchdog", &config::domain_config::on_watchdog);
    take("on_soft_reset", &config::domain_config::on_soft_reset);
    return out;
}

} // namespace

result<int> check(session& s, arguments const& args) {
    if (args.has("schema")) {
        s.print(config::json_schema(config::domain_schema(), "xl.cfg"));
        return exit_success;
    }
    if (args.operands.empty()) {
        return refuse("xl check: which files?");
    }
    bool has_errors = false;
    bool has_warnings = false;
    for (auto const& path : args.operands) {
        auto const found = XENPP_TRY(find_in_file(path, args.value("as")));
        s.print(found.message());
        has_errors = has_errors || found.has_errors();
        has_warnings = has_warnings || !found.items.empty();
        if (found.items.empty()) {
            s.print(fmt::format("{}: no findings\n", path));
        }
    }
    return has_errors || (has_warnings && args.has("strict")) ? exit_failure : exit_success;
}

result<int> diff(session& s, arguments const& args) {
    auto const before = XENPP_TRY(load(s, args.operands[0]));
    auto const after = XENPP_TRY(load(s, args.operands[1]));
    auto const changes = config::diff(before, after);
    print_changes(s, changes);
    return changes.empty() ? exit_success : exit_failure; // as diff(1)
}

result<int> plan(session& s, arguments const& args) {
    auto const p = XENPP_TRY(make_plan(s, args));
    print_changes(s, p.changes);
    auto const hot = std::count_if(p.changes.begin(), p.changes.end(), [](auto const& c) {
        return c.effect == config::change_effect::hot;
    });
    s.print(fmt::format("{}: {} to change while it runs, {} with a reboot\n", p.now.name, hot,
                        static_cast<std::ptrdiff_t>(p.changes.size()) - hot));
    return exit_success;
}

result<int> apply(session& s, arguments const& args) {
    auto const p = XENPP_TRY(make_plan(s, args));
    auto const& h = *XENPP_TRY(s.open());
    bool is_whole = true;
    std::vector<std::string_view> made;
    for (auto const& c : p.changes) {
        bool const is_hot = c.effect == config::change_effect::hot;
        auto const done = is_hot ? apply_change(h, p, c) : result<bool>(false);
        if (!done) {
            s.fail(done.error()); // the other changes are made all the same
        }
        bool const is_made = done && *done;
        is_whole = is_whole && is_made;
        if (is_made) {
            made.push_back(c.key);
        }
        s.print(fmt::format("{}{}", print(c),
                            is_made  ? "  done\n"
                            : !done  ? "  not done\n"
                            : is_hot ? "  not done: this host cannot change it while the domain "
                                       "runs yet\n"
                                     : "  not done: create the domain anew for it\n"));
    }
    if (!made.empty()) {
        XENPP_TRY(p.target.set_config(with_changes(p, made)));
    }
    if (p.changes.empty()) {
        s.print(fmt::format("{}: nothing to change\n", p.now.name));
    }
    return is_whole ? exit_success : exit_failure;
}

} // namespace xenpp::cli::xl
