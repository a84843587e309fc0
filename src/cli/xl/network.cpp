// SPDX-License-Identifier: Apache-2.0
// xl network-attach, network-detach and network-list.
#include "cli/xl/defaults.hpp"
#include "cli/xl/devices.hpp"

#include <xenpp/cli/xl.hpp>
#include <xenpp/config/vif_spec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

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

// clang-format off
constexpr std::array vif_fields{
    field<device_info>{{"domid",        "", field_kind::label, "The domain's number."},            [](device_info const& d) -> value { return std::uint64_t{d.address.frontend.raw()}; }},
    field<device_info>{{"devid",        "", field_kind::label, "The interface's number."},         [](device_info const& d) -> value { return std::uint64_t{d.address.id}; }},
    field<device_info>{{"mac",          "", field_kind::label, "The interface's address."},        [](device_info const& d) -> value { return d.frontend_node("mac"); }},
    field<device_info>{{"backend",      "", field_kind::word,  "The domain that serves it."},      [](device_info const& d) -> value { return std::uint64_t{d.address.backend.raw()}; }},
    field<device_info>{{"handle",       "", field_kind::display, "The interface's number."},       [](device_info const& d) -> value { return std::uint64_t{d.address.id}; }},
    field<device_info>{{"state",        "", field_kind::word,  "The frontend's state, in Xen's word."}, [](device_info const& d) -> value { return std::string(dev::to_string(d.frontend_state)); }},
    field<device_info>{{"state_number", "", field_kind::display, "Its number (Xen: XenbusState)."}, [](device_info const& d) -> value { return static_cast<std::uint64_t>(d.frontend_state); }},
    field<device_info>{{"evtchn",       "", field_kind::display, "The frontend's event channel, if it has but one."}, [](device_info const& d) -> value { return number_or_none(d, "event-channel"); }},
    field<device_info>{{"tx_ring_ref",  "", field_kind::display, "The grant of its ring to send."},    [](device_info const& d) -> value { return number_or_none(d, "tx-ring-ref"); }},
    field<device_info>{{"rx_ring_ref",  "", field_kind::display, "The grant of its ring to receive."}, [](device_info const& d) -> value { return number_or_none(d, "rx-ring-ref"); }},
    field<device_info>{{"backend_path", "", field_kind::word,  "Where the backend's nodes are."},  [](device_info const& d) -> value { return dev::backend_path(d.address); }},
    field<device_info>{{"bridge",       "", field_kind::word,  "The bridge that it is on, if it is."}, [](device_info const& d) -> value { return d.backend_node("bridge"); }},
};
constexpr std::array vif_cells{
    text_cell{"devid", "{:<3}"}, text_cell{"backend", " {:<2}"}, text_cell{"mac", " {:<17}"}, text_cell{"handle", "{:>6}"}, text_cell{"state_number", " {:>5}"},
    text_cell{"evtchn", " {:>6}"}, text_cell{"tx_ring_ref", " {:>5}"}, text_cell{"rx_ring_ref", "/{:<11}"}, text_cell{"backend_path", " {:<30}"},
};
// clang-format on

constexpr text_layout vif_layout{
    "Idx BE Mac Addr.         handle state evt-ch   tx-/rx-ring-ref BE-path                       ",
    vif_cells};

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
    auto const as = XENPP_TRY(chosen_format(args));
    auto const all = XENPP_TRY(devices_of(h, args.operands, "vif"));
    auto const t = tabulate("vif", std::span<field<device_info> const>(vif_fields),
                            std::span<device_info const>(all));
    s.print(render(t, as, vif_layout));
    return exit_success;
}

} // namespace xenpp::cli::xl
