// SPDX-License-Identifier: Apache-2.0
// xl vcpu-set, trigger, button-press, sysrq, dump-core, config-update, set-parameters: guests and
// hypervisor told to do something.
#include "cli/xl/lookup.hpp"

#include <xenpp/base/parse_number.hpp>
#include <xenpp/cli/xl.hpp>
#include <xenpp/config/json.hpp>
#include <xenpp/config/load.hpp>

#include <fmt/format.h>

#include <array>

namespace xenpp::cli::xl {
namespace {

constexpr std::array<std::pair<std::string_view, xenpp::trigger>, 5> triggers{{
    {"nmi", xenpp::trigger::nmi},
    {"reset", xenpp::trigger::reset},
    {"init", xenpp::trigger::init},
    {"power", xenpp::trigger::power},
    {"sleep", xenpp::trigger::sleep},
}};

result<void> send(domain const& d, std::string_view name, std::uint32_t to) {
    for (auto const& [word, what] : triggers) {
        if (word == name) {
            return d.send_trigger(what, vcpu_id(to));
        }
    }
    if (name == "s3resume") {
        return refuse("s3resume is for HVM guests, which are not supported yet");
    }
    return refuse(fmt::format("Invalid trigger \"{}\": there are nmi, power and sleep (reset, init "
                              "and s3resume where the hypervisor has them)",
                              name));
}

} // namespace

result<int> vcpu_set(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    auto const count = parse_number<std::uint32_t>(args.operands[1]);
    if (!count) {
        return refuse("Error: Invalid argument.");
    }
    auto const d = XENPP_TRY(find(h, args.operands[0]));
    auto const cpus = XENPP_TRY(h.info()).cpus;
    auto const online = XENPP_TRY(d.info()).online_vcpus;
    if (!args.has("ignore-host") && *count > cpus && *count > online) {
        return refuse(
            fmt::format("You are overcommmitting! You have {} physical CPUs and want {} vCPUs! "
                        "Aborting, use --ignore-host to continue",
                        cpus, *count));
    }
    XENPP_TRY(d.set_online_vcpus(*count));
    return exit_success;
}

result<int> trigger(session& s, arguments const& args) {
    auto const to = args.operands.size() > 2 ? parse_number<std::uint32_t>(args.operands[2])
                                             : std::optional<std::uint32_t>(0);
    if (!to) {
        return refuse(fmt::format("Invalid vCPU \"{}\".", args.operands[2]));
    }
    XENPP_TRY(send(XENPP_TRY(operand(s, args)), args.operands[1], *to));
    return exit_success;
}

result<int> button_press(session& s, arguments const& args) {
    auto const& button = args.operands[1];
    s.complain("WARNING: \"button-press\" is deprecated. Please use \"trigger\"");
    if (button != "power" && button != "sleep") {
        return refuse(fmt::format("{} is an invalid button identifier", button));
    }
    XENPP_TRY(send(XENPP_TRY(operand(s, args)), button, 0));
    return exit_success;
}

result<int> sysrq(session& s, arguments const& args) {
    if (args.operands[1].size() != 1) {
        return refuse(
            fmt::format("Invalid sysrq \"{}\": it is one letter or digit.", args.operands[1]));
    }
    XENPP_TRY(XENPP_TRY(operand(s, args)).send_sysrq(args.operands[1].front()));
    return exit_success;
}

result<int> dump_core(session& s, arguments const& args) {
    XENPP_TRY(XENPP_TRY(operand(s, args)).dump_core(args.operands[1]));
    return exit_success;
}

result<int> config_update(session& s, arguments const& args) {
    auto const d = XENPP_TRY(operand(s, args));
    auto settings = std::span<std::string const>(args.operands).subspan(1);
    std::string path(args.value("defconfig"));
    if (path.empty() && !settings.empty() && settings.front().find('=') == std::string::npos) {
        path = settings.front();
        settings = settings.subspan(1);
    }
    if (path.empty()) {
        return refuse("Config file not specified");
    }
    auto const loaded = config::load_domain(path, settings);
    auto findings = loaded ? loaded->warnings.message() : loaded.error().message();
    if (!findings.empty() && !(loaded && args.has("quiet"))) {
        findings.pop_back();
        s.complain(findings);
    }
    if (!loaded) {
        return refuse(fmt::format("Failed to parse config: {}", path));
    }
    config::domain_config const c = *loaded;
    if (args.has("d") || s.global.dry_run) {
        s.print(config::to_json(c));
    }
    if (!s.global.dry_run) {
        XENPP_TRY(d.set_config(c));
    }
    return exit_success;
}

} // namespace xenpp::cli::xl
