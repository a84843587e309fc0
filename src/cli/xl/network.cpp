// SPDX-License-Identifier: Apache-2.0
// xl network-attach, network-detach and network-list.
#include "cli/xl/defaults.hpp"
#include "cli/xl/lookup.hpp"

#include <xenpp/cli/xl.hpp>
#include <xenpp/config/vif_spec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace xenpp::cli::xl {
namespace {

/// The arguments behind the domain are one spec, a key each.
result<dev::vif_config> read_spec(session& s, std::span<std::string const> words) {
    std::string spec;
    for (auto const& word : words) {
        spec += (spec.empty() ? "" : ",") + word;
    }
    auto const read = config::parse_vif(spec);
    if (!read) {
        auto const& e = read.error();
        return refuse(fmt::format("{}\n{:>{}}\nxl: {}", spec, "^", e.offset + 1, e.reason));
    }
    for (auto const& w : read->warnings) {
        s.complain(fmt::format("Warning: {} (at character {})", w.reason, w.offset + 1));
    }
    return dev::vif_config(read->config);
}

/// A node of numbers as xl prints it: -1 if it is not there.
int number_of(std::string const& text) {
    int n = 0;
    auto const r = std::from_chars(text.data(), text.data() + text.size(), n);
    return r.ec == std::errc() && r.ptr == text.data() + text.size() ? n : -1;
}

std::string line_of(device_info const& d) {
    return fmt::format("{:<3} {:<2} {:<17} {:>6} {:>5} {:>6} {:>5}/{:<11} {:<30}\n", d.address.id,
                       d.address.backend.raw(), d.frontend_node("mac"), d.address.id,
                       static_cast<unsigned>(d.frontend_state),
                       number_of(d.frontend_node("event-channel")),
                       number_of(d.frontend_node("tx-ring-ref")),
                       number_of(d.frontend_node("rx-ring-ref")), dev::backend_path(d.address));
}

} // namespace

result<int> network_attach(session& s, arguments const& args) {
    auto const defaults = XENPP_TRY(load_defaults(s, true));
    auto vif = XENPP_TRY(read_spec(s, std::span(args.operands).subspan(1)));
    apply_vif_defaults(vif, defaults);
    auto const& h = *XENPP_TRY(s.open());
    auto const d = XENPP_TRY(find(h, args.operands[0]));
    if (s.global.dry_run) {
        s.print(fmt::format("vif: {}\n", config::print(vif)));
        return exit_success;
    }
    XENPP_TRY(d.attach(vif));
    return exit_success;
}

result<int> network_detach(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    auto const d = XENPP_TRY(find(h, args.operands[0]));
    auto const& which = args.operands[1];
    auto const mac = dev::parse_mac(which);
    auto const all = XENPP_TRY(d.devices("vif"));
    auto const found = std::ranges::find_if(all, [&](device_info const& one) {
        return mac ? dev::parse_mac(one.frontend_node("mac")) == mac
                   : std::to_string(one.address.id) == which;
    });
    if (found == all.end()) {
        return refuse(fmt::format("Unknown device {}.", which));
    }
    XENPP_TRY(d.detach(found->address, {.force = args.has("force") || s.global.force}));
    return exit_success;
}

result<int> network_list(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    s.print(fmt::format("{:<3} {:<2} {:<17} {:<6} {:<5} {:<6} {:>5}/{:<5} {:<30}\n", "Idx", "BE",
                        "Mac Addr.", "handle", "state", "evt-ch", "tx-", "rx-ring-ref", "BE-path"));
    int code = exit_success;
    for (auto const& name : args.operands) {
        auto const d = find(h, name);
        if (!d) {
            code = s.fail(d.error());
            continue;
        }
        for (auto const& one : XENPP_TRY(d->devices("vif"))) {
            s.print(line_of(one));
        }
    }
    return code;
}

} // namespace xenpp::cli::xl
