// SPDX-License-Identifier: Apache-2.0
// xl block-attach, block-list and block-detach.
#include "cli/xl/devices.hpp"

#include <xenpp/cli/xl.hpp>
#include <xenpp/config/disk_spec.hpp>
#include <xenpp/dev/vbd/nodes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace xenpp::cli::xl {
namespace {

/// The arguments of block-attach, which xl joins with commas.
result<dev::vbd_config> parse_disk(std::span<std::string const> words, session& s) {
    std::string text;
    for (auto const& w : words) {
        text += (text.empty() ? "" : ",") + w;
    }
    auto spec = config::parse_disk_spec(text);
    if (!spec) {
        auto const& e = spec.error();
        return refuse(fmt::format("disk \"{}\", character {}: {}{}{}", text, e.offset + 1, e.reason,
                                  e.hint.empty() ? "" : "; ", e.hint));
    }
    for (auto const& w : spec->warnings) {
        s.complain(fmt::format("warning: {}", w));
    }
    if (auto const why = config::check_supported(spec->disk); !why.empty()) {
        return refuse(fmt::format("disk \"{}\": {}", text, why));
    }
    return std::move(spec->disk);
}

// clang-format off
constexpr std::array disk_fields{
    field<device_info>{{"domid",        "", field_kind::label, "The domain's number."},            [](device_info const& d) -> value { return std::uint64_t{d.address.frontend.raw()}; }},
    field<device_info>{{"vdev",         "", field_kind::label, "The virtual device's number."},    [](device_info const& d) -> value { return std::uint64_t{d.address.id}; }},
    field<device_info>{{"name",         "", field_kind::label, "The virtual device's name."},      [](device_info const& d) -> value { return d.backend_node("dev"); }},
    field<device_info>{{"backend",      "", field_kind::word,  "The domain that serves it."},      [](device_info const& d) -> value { return std::uint64_t{d.address.backend.raw()}; }},
    field<device_info>{{"handle",       "", field_kind::display, "The frontend's domain."},        [](device_info const& d) -> value { return std::uint64_t{d.address.frontend.raw()}; }},
    field<device_info>{{"state",        "", field_kind::word,  "The frontend's state, in Xen's word."}, [](device_info const& d) -> value { return std::string(dev::to_string(d.frontend_state)); }},
    field<device_info>{{"state_number", "", field_kind::display, "Its number (Xen: XenbusState)."}, [](device_info const& d) -> value { return static_cast<std::uint64_t>(d.frontend_state); }},
    field<device_info>{{"evtchn",       "", field_kind::display, "The frontend's event channel."}, [](device_info const& d) -> value { return number_or_none(d, "event-channel"); }},
    field<device_info>{{"ring_ref",     "", field_kind::display, "The grant of its ring."},        [](device_info const& d) -> value { return number_or_none(d, "ring-ref"); }},
    field<device_info>{{"backend_path", "", field_kind::word,  "Where the backend's nodes are."},  [](device_info const& d) -> value { return dev::backend_path(d.address); }},
    field<device_info>{{"target",       "", field_kind::word,  "The image, and its format."},      [](device_info const& d) -> value { return d.backend_node("params"); }},
};
constexpr std::array disk_cells{
    text_cell{"vdev", "{:<5}"}, text_cell{"backend", " {:<3}"}, text_cell{"handle", " {:<6}"}, text_cell{"state_number", " {:<5}"},
    text_cell{"evtchn", " {:<6}"}, text_cell{"ring_ref", " {:<8}"}, text_cell{"backend_path", " {:<30}"},
};
// clang-format on

constexpr text_layout disk_layout{
    "Vdev  BE  handle state evt-ch ring-ref BE-path                       ", disk_cells};

} // namespace

result<int> block_attach(session& s, arguments const& args) {
    auto const disk = XENPP_TRY(parse_disk(std::span(args.operands).subspan(1), s));
    if (s.global.dry_run) {
        s.print(fmt::format("disk: {}\n", config::print(disk)));
        return exit_success;
    }
    auto const& h = *XENPP_TRY(s.open());
    auto const d = XENPP_TRY(find(h, args.operands[0]));
    XENPP_TRY(d.attach(disk));
    return exit_success;
}

result<int> block_list(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    auto const as = XENPP_TRY(chosen_format(args));
    auto const all = XENPP_TRY(devices_of(h, args.operands, "vbd"));
    auto const t = tabulate("disk", std::span<field<device_info> const>(disk_fields),
                            std::span<device_info const>(all));
    s.print(render(t, as, disk_layout));
    return exit_success;
}

result<int> block_detach(session& s, arguments const& args) {
    auto const& h = *XENPP_TRY(s.open());
    auto const d = XENPP_TRY(find(h, args.operands[0]));
    auto const& which = args.operands[1];
    auto const number = dev::parse_vdev(which);
    if (!number) {
        return refuse(
            fmt::format("Error: Device {} not connected. (It names no virtual disk.)", which));
    }
    for (auto const& disk : XENPP_TRY(d.devices("vbd"))) {
        if (disk.address.id == *number) {
            XENPP_TRY(d.detach(disk.address, {.force = args.has("force") || s.global.force}));
            return exit_success;
        }
    }
    return refuse(fmt::format("Error: Device {} not connected.", which));
}

} // namespace xenpp::cli::xl
