// SPDX-License-Identifier: Apache-2.0
// xl check, diff, plan and apply: configuration files before and beside their domains.
#include "cli/xl/lookup.hpp"

#include <xenpp/cli/xl.hpp>
#include <xenpp/config/diff.hpp>
#include <xenpp/config/json.hpp>
#include <xenpp/config/load.hpp>
#include <xenpp/config/xen_config.hpp>
#include <xenpp/config/xl_config.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace xenpp::cli::xl {
namespace {

constexpr config::load_options leniently{config::dialect::lint, false};

config::diagnostics findings_of_domain(std::string const& path) {
    if (path.ends_with(".json")) {
        std::ifstream in(path, std::ios::binary);
        std::ostringstream text;
        text << in.rdbuf();
        auto const c = config::parse_domain_json(text.str(), path, leniently);
        return c ? c->warnings : c.error();
    }
    auto const c = config::load_domain(path, {}, leniently);
    return c ? c->warnings : c.error();
}

config::diagnostics findings_of_xen_config(std::string const& path) {
    auto const boot = config::load_xen_config(path);
    if (!boot) {
        return boot.error();
    }
    auto out = boot->warnings;
    auto const add = [&](config::severity s, std::string message) {
        config::diagnostic d;
        d.severity = s;
        d.file = path;
        d.message = std::move(message);
        out.items.push_back(std::move(d));
    };
    auto const options = config::parse_xen_options(boot->options);
    if (!options) {
        add(config::severity::error, options.error());
        return out;
    }
    for (auto const& f : options->findings) {
        add(config::severity::warning, f);
    }
    return out;
}

/// By its name a file is xl.conf, xen.cfg, or a domain's.
config::diagnostics findings_of(std::string const& path) {
    auto const name = std::filesystem::path(path).filename().string();
    if (name == "xl.conf") {
        if (!std::filesystem::exists(path)) {
            return findings_of_domain(path); // which says that it cannot be read
        }
        auto const c = config::load_xl_config(path);
        return c ? c->warnings : c.error();
    }
    bool const is_xen = name.starts_with("xen") && name.ends_with(".cfg");
    return is_xen ? findings_of_xen_config(path) : findings_of_domain(path);
}

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
    return false;
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
        auto const found = findings_of(path);
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
    for (auto const& c : p.changes) {
        bool const is_hot = c.effect == config::change_effect::hot;
        bool const is_made = is_hot && XENPP_TRY(apply_change(h, p, c));
        is_whole = is_whole && is_made;
        s.print(fmt::format("{}{}", print(c),
                            is_made  ? "  done\n"
                            : is_hot ? "  not done: this host cannot change it while the domain "
                                       "runs yet\n"
                                     : "  not done: create the domain anew for it\n"));
    }
    if (p.changes.empty()) {
        s.print(fmt::format("{}: nothing to change\n", p.now.name));
    }
    return is_whole ? exit_success : exit_failure;
}

} // namespace xenpp::cli::xl
