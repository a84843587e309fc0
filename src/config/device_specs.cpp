// SPDX-License-Identifier: Apache-2.0
// The tables of device items, and the few forms that are no table.
#include "config/item_table.hpp"

#include <xenpp/config/device_specs.hpp>

#include <fmt/format.h>

#include <array>

namespace xenpp::config {
namespace {

constexpr std::int64_t most_id = 65535;
constexpr std::int64_t most_usb_ports = 31;

// clang-format off
constexpr std::array usbctrl_fields{
    item<&usbctrl_spec::type>("type", "auto|pv|qusb|devicemodel"),
    item<&usbctrl_spec::version>("version", {}, 1, 3),
    item<&usbctrl_spec::ports>("ports", {}, 1, most_usb_ports),
};
constexpr std::array usbdev_fields{
    required(item<&usbdev_spec::hostbus>("hostbus", {}, 0, 255)),
    required(item<&usbdev_spec::hostaddr>("hostaddr", {}, 0, 255)),
    item<&usbdev_spec::controller>("controller", {}, 0, most_id),
    item<&usbdev_spec::port>("port", {}, 0, most_usb_ports),
};
constexpr std::array channel_fields{
    required(item<&channel_spec::name>("name")),
    required(item<&channel_spec::connection>("connection", "pty|socket")),
    item<&channel_spec::path>("path"),
    item<&channel_spec::backend>("backend"),
};
constexpr std::array vtpm_fields{
    required(item<&vtpm_spec::backend>("backend")),
    item<&vtpm_spec::uuid>("uuid"),
};
constexpr std::array p9_fields{
    required(item<&p9_spec::tag>("tag")),
    required(item<&p9_spec::path>("path")),
    required(item<&p9_spec::security_model>("security_model", "none")),
    item<&p9_spec::backend>("backend"),
};
constexpr std::array pvcalls_fields{
    item<&pvcalls_spec::backend>("backend"),
};
constexpr std::array vfb_fields{
    item<&vfb_spec::vnc>("vnc"),
    item<&vfb_spec::vnclisten>("vnclisten"),
    item<&vfb_spec::vncpasswd>("vncpasswd"),
    item<&vfb_spec::vncdisplay>("vncdisplay", {}, 0, most_id),
    item<&vfb_spec::vncunused>("vncunused"),
    item<&vfb_spec::keymap>("keymap"),
    item<&vfb_spec::sdl>("sdl"),
    item<&vfb_spec::opengl>("opengl"),
    item<&vfb_spec::display>("display"),
    item<&vfb_spec::xauthority>("xauthority"),
};
constexpr std::array vkb_fields{
    item<&vkb_spec::unique_id>("unique-id"),
    item<&vkb_spec::backend>("backend"),
    required(item<&vkb_spec::backend_type>("backend-type", "qemu|linux")),
    item<&vkb_spec::feature_disable_keyboard>("feature-disable-keyboard"),
    item<&vkb_spec::feature_disable_pointer>("feature-disable-pointer"),
    item<&vkb_spec::feature_abs_pointer>("feature-abs-pointer"),
    item<&vkb_spec::feature_raw_pointer>("feature-raw-pointer"),
    item<&vkb_spec::feature_multi_touch>("feature-multi-touch"),
    item<&vkb_spec::multi_touch_width>("multi-touch-width"),
    item<&vkb_spec::multi_touch_height>("multi-touch-height"),
    item<&vkb_spec::multi_touch_num_contacts>("multi-touch-num-contacts"),
    item<&vkb_spec::width>("width"),
    item<&vkb_spec::height>("height"),
};

// clang-format on

/// The fields of a display that are no table: what stands between two commas, key by key.
expected<void, value_error>
set_display(vdispl_spec& to, std::size_t at, std::string_view key, std::string_view value) {
    if (key == "backend") {
        to.backend = value;
        return {};
    }
    if (key == "be-alloc") {
        to.be_alloc = value == "1";
        return value == "0" || value == "1" ? expected<void, value_error>()
                                            : text_scanner::fail_at(at, "`be-alloc` is 0 or 1");
    }
    if (key != "connectors") {
        return text_scanner::unknown_key(at, key, "backend|be-alloc|connectors");
    }
    text_scanner in(value);
    do {
        vdispl_connector c;
        std::uint64_t width = 0;
        std::uint64_t height = 0;
        c.id = in.until(":;");
        if (c.id.empty() || !in.skip(":") || !in.number(width, 10) || !in.skip("x") ||
            !in.number(height, 10) || width == 0 || width > most_id || height == 0 ||
            height > most_id) {
            return in.fail_at(at, "a connector is written ID:WIDTHxHEIGHT",
                              "for example connectors=id0:1920x1080;id1:800x600");
        }
        c.width = static_cast<std::uint32_t>(width);
        c.height = static_cast<std::uint32_t>(height);
        to.connectors.push_back(std::move(c));
    } while (in.skip(";"));
    return in.at_end() ? expected<void, value_error>()
                       : in.fail_at(at, "connectors are separated by `;`");
}

} // namespace

expected<void, value_error> parse_spec(std::string_view text, usbctrl_spec& to) {
    return parse_item(text, usbctrl_fields, &to);
}

expected<void, value_error> parse_spec(std::string_view text, usbdev_spec& to) {
    // The one type that there is need not be kept.
    constexpr std::string_view type = "type=hostdev";
    std::size_t const at = text.find(type);
    if (at == std::string_view::npos) {
        return parse_item(text, usbdev_fields, &to);
    }
    std::string rest(text);
    rest.replace(at, type.size() + (at + type.size() < text.size() ? 1 : 0), "");
    return parse_item(rest, usbdev_fields, &to);
}

expected<void, value_error> parse_spec(std::string_view text, channel_spec& to) {
    XENPP_TRY(parse_item(text, channel_fields, &to));
    bool const is_socket = to.connection == channel_connection::socket;
    if (is_socket == to.path.empty()) {
        return text_scanner::fail_at(0, is_socket ? "a socket needs a path"
                                                  : "`path` is for connection=socket");
    }
    return {};
}

expected<void, value_error> parse_spec(std::string_view text, vtpm_spec& to) {
    return parse_item(text, vtpm_fields, &to);
}

expected<void, value_error> parse_spec(std::string_view text, p9_spec& to) {
    return parse_item(text, p9_fields, &to);
}

expected<void, value_error> parse_spec(std::string_view text, pvcalls_spec& to) {
    return parse_item(text, pvcalls_fields, &to);
}

expected<void, value_error> parse_spec(std::string_view text, vfb_spec& to) {
    return parse_item(text, vfb_fields, &to);
}

expected<void, value_error> parse_spec(std::string_view text, vkb_spec& to) {
    return parse_item(text, vkb_fields, &to);
}

expected<void, value_error> parse_spec(std::string_view text, vdispl_spec& to) {
    text_scanner in(text);
    do {
        in.skip_blanks();
        std::size_t const at = in.offset();
        auto const key = in.until("=,");
        if (!in.skip("=")) {
            return in.fail_at(at, fmt::format("`{}` has no value", key));
        }
        XENPP_TRY(set_display(to, at, key, in.until(",")));
    } while (in.skip(","));
    if (to.connectors.empty()) {
        return in.fail_at(0, "a display has at least one connector", "add connectors=id0:1024x768");
    }
    return {};
}

expected<void, value_error> parse_spec(std::string_view text, ioport_range& to) {
    text_scanner in(text);
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    in.skip("0x");
    bool is_good = in.number(first, 16);
    last = first;
    if (is_good && in.skip("-")) {
        in.skip("0x");
        is_good = in.number(last, 16);
    }
    if (!is_good || !in.at_end()) {
        return in.fail("ports are written in hexadecimal, N or N-M", "for example \"2f8-2ff\"");
    }
    if (first > last || last > 0xffff) {
        return in.fail_at(0,
                          first > last ? "the range ends before it begins" : "ports go up to ffff");
    }
    to = {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
    return {};
}

expected<void, value_error> parse_spec(std::string_view text, iomem_range& to) {
    text_scanner in(text);
    std::uint64_t gfn = 0;
    bool is_good = in.number(to.start, 16) && in.skip(",") && in.number(to.count, 16);
    if (is_good && in.skip("@")) {
        is_good = in.number(gfn, 16);
        to.gfn = gfn;
    }
    if (!is_good || !in.at_end()) {
        return in.fail("device memory is written START,COUNT[@GFN], page frames in hexadecimal",
                       "for example \"fed40,5\"");
    }
    if (to.count == 0 || to.start + to.count < to.start || gfn + to.count < gfn) {
        return in.fail_at(0,
                          to.count == 0 ? "no frame at all" : "the range ends beyond all frames");
    }
    return {};
}

expected<void, value_error> parse_spec(std::string_view text, irq_number& to) {
    text_scanner in(text);
    std::uint64_t n = 0;
    if (!in.number(n, 10) || !in.at_end() || n > INT32_MAX) {
        return in.fail("an interrupt is a decimal number");
    }
    to.number = static_cast<std::uint32_t>(n);
    return {};
}

std::string print(usbctrl_spec const& s) {
    return print_item(usbctrl_fields, &s);
}

std::string print(usbdev_spec const& s) {
    return print_item(usbdev_fields, &s);
}

std::string print(channel_spec const& s) {
    return print_item(channel_fields, &s);
}

std::string print(vtpm_spec const& s) {
    return print_item(vtpm_fields, &s);
}

std::string print(p9_spec const& s) {
    return print_item(p9_fields, &s);
}

std::string print(pvcalls_spec const& s) {
    return print_item(pvcalls_fields, &s);
}

std::string print(vfb_spec const& s) {
    return print_item(vfb_fields, &s);
}

std::string print(vkb_spec const& s) {
    return print_item(vkb_fields, &s);
}

std::string print(vdispl_spec const& s) {
    std::string out = s.backend.empty() ? "" : "backend=" + s.backend + ",";
    if (s.be_alloc) {
        out += fmt::format("be-alloc={},", *s.be_alloc ? 1 : 0);
    }
    out += "connectors=";
    for (std::size_t i = 0; i < s.connectors.size(); ++i) {
        auto const& c = s.connectors[i];
        out += fmt::format("{}{}:{}x{}", i == 0 ? "" : ";", c.id, c.width, c.height);
    }
    return out;
}

std::string print(ioport_range const& s) {
    return s.first == s.last ? fmt::format("{:x}", s.first)
                             : fmt::format("{:x}-{:x}", s.first, s.last);
}

std::string print(iomem_range const& s) {
    return fmt::format("{:x},{:x}", s.start, s.count) +
           (s.gfn ? fmt::format("@{:x}", *s.gfn) : std::string());
}

std::string print(irq_number const& s) {
    return fmt::format("{}", s.number);
}

} // namespace xenpp::config
