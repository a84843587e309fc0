// SPDX-License-Identifier: Apache-2.0
// The keys of a network spec, and how each is read.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/config/diagnostic.hpp>
#include <xenpp/config/vif_spec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace xenpp::config {
namespace {

using dev::vif_config;
using dev::vif_network;
using outcome = expected<void, vif_spec_note>;

// IPv4 asks for 68; a frame has 65535 bytes at most, with an Ethernet header and a VLAN tag.
constexpr std::uint32_t least_mtu = 68;
constexpr std::uint32_t most_mtu = 65517;
constexpr std::uint32_t most_devid = 1023;
constexpr std::size_t longest_interface_name = 15;
constexpr std::size_t longest_switch_name = 32;

unexpected<vif_spec_note> wrong(std::string reason, std::size_t offset = 0) {
    return unexpected(vif_spec_note{offset, std::move(reason)});
}

expected<std::uint32_t, vif_spec_note>
read_number(std::string_view text, std::uint32_t least, std::uint32_t most) {
    auto const n = parse_number<std::uint32_t>(text);
    if (!n || *n < least || *n > most) {
        return wrong(fmt::format("expected a number from {} to {}", least, most));
    }
    return *n;
}

bool is_name(std::string_view text, std::size_t longest) {
    auto const fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    };
    return !text.empty() && text.size() <= longest && text != "." && text != ".." &&
           std::all_of(text.begin(), text.end(), fits);
}

// --- the keys: each reads its value, and an offset in its error is one in the value ---

template <std::string vif_config::*Member>
outcome read_text(vif_config& c, std::string_view value) {
    c.*Member = value;
    return {};
}

template <std::string vif_config::*Member>
outcome read_interface(vif_config& c, std::string_view value) {
    if (!is_name(value, longest_interface_name)) {
        return wrong("expected the name of a network interface: 1 to 15 letters, digits, `.`, `_` "
                     "or `-`");
    }
    c.*Member = value;
    return {};
}

outcome read_mac(vif_config& c, std::string_view value) {
    auto const mac = dev::parse_mac(value);
    if (!mac) {
        return wrong("expected six hexadecimal numbers of two digits, as 00:16:3e:01:02:03");
    }
    if (mac->is_multicast()) {
        return wrong("this is the address of a group: the first number must be even");
    }
    if (*mac == dev::mac_address{}) {
        return wrong("an interface cannot have the address of all zeros; leave `mac` out to have "
                     "one made");
    }
    c.mac = *mac;
    return {};
}

outcome read_type(vif_config& c, std::string_view value) {
    if (value != "vif" && value != "ioemu") {
        return wrong("expected `vif` (paravirtual) or `ioemu` (with an emulated card, HVM only)");
    }
    c.type = value;
    return {};
}

outcome read_backend_type(vif_config& c, std::string_view value) {
    if (value != "xenpp") {
        return wrong("expected `xenpp`; without the key the kernel serves what it can");
    }
    c.is_xenppds = true;
    return {};
}

outcome read_rate(vif_config& c, std::string_view value) {
    c.rate = XENPP_TRY(parse_vif_rate(value));
    return {};
}

outcome read_devid(vif_config& c, std::string_view value) {
    c.devid = XENPP_TRY(read_number(value, 0, most_devid));
    return {};
}

outcome read_mtu(vif_config& c, std::string_view value) {
    c.mtu = static_cast<std::uint16_t>(XENPP_TRY(read_number(value, least_mtu, most_mtu)));
    return {};
}

outcome read_network(vif_config& c, std::string_view value) {
    if (value == "user") {
        c.network = vif_network::user;
    } else if (value == "bridge") {
        c.network = vif_network::bridge;
    } else {
        return wrong("expected `user` or `bridge`; a switch is named by `switch=NAME`");
    }
    return {};
}

outcome read_switch(vif_config& c, std::string_view value) {
    if (!is_name(value, longest_switch_name)) {
        return wrong("expected the name of a switch: 1 to 32 letters, digits, `.`, `_` or `-`");
    }
    c.switch_name = value;
    return {};
}

outcome read_forward(vif_config& c, std::string_view value) {
    c.forwards.push_back(XENPP_TRY(dev::parse_forward(value)));
    return {};
}

outcome read_trusted(vif_config& c, std::string_view) {
    c.is_trusted = true;
    return {};
}

outcome read_untrusted(vif_config& c, std::string_view) {
    c.is_trusted = false;
    return {};
}

struct key {
    std::string_view name;
    outcome (*read)(vif_config& c, std::string_view value);
    bool is_flag = false;
    bool is_repeatable = false;
};

// clang-format off
constexpr std::array keys{
    key{"mac",          &read_mac},
    key{"bridge",       &read_interface<&vif_config::bridge>},
    key{"gatewaydev",   &read_interface<&vif_config::gatewaydev>},
    key{"netdev",       &read_interface<&vif_config::gatewaydev>}, // the older spelling
    key{"ip",           &read_text<&vif_config::ip>},
    key{"type",         &read_type},
    key{"model",        &read_text<&vif_config::model>},
    key{"vifname",      &read_interface<&vif_config::vifname>},
    key{"script",       &read_text<&vif_config::script>},
    key{"backend",      &read_text<&vif_config::backend>},
    key{"backendtype",  &read_backend_type},
    key{"rate",         &read_rate},
    key{"devid",        &read_devid},
    key{"mtu",          &read_mtu},
    key{"network",      &read_network},
    key{"switch",       &read_switch},
    key{"forward",      &read_forward,   false, true},
    key{"trusted",      &read_trusted,   true},
    key{"untrusted",    &read_untrusted, true},
};

// clang-format on

bool is_colo(std::string_view name) {
    return name.starts_with("colo_") || name.starts_with("colo-") || name == "forwarddev";
}

/// One part of a spec; `at` is where it begins there.
struct part {
    std::size_t at;
    std::string_view name;
    std::size_t value_at;
    std::string_view value;
    bool has_value;
};

part split(std::string_view text, std::size_t at) {
    auto const equals = text.find('=');
    if (equals == std::string_view::npos) {
        return {at, text, at + text.size(), {}, false};
    }
    return {at, text.substr(0, equals), at + equals + 1, text.substr(equals + 1), true};
}

class parser {
public:
    outcome take(part const& p) {
        if (is_colo(p.name)) {
            return wrong(fmt::format("`{}` is of COLO replication, which xenpp does not have; "
                                     "remove it",
                                     p.name),
                         p.at);
        }
        if (p.name == "accel") {
            vif_.warnings.push_back({p.at, "`accel` has no effect any more; remove it"});
            return {};
        }
        auto const k = std::find_if(keys.begin(), keys.end(),
                                    [&](key const& one) { return one.name == p.name; });
        if (k == keys.end()) {
            return unknown(p);
        }
        if (k->is_flag == p.has_value) {
            return wrong(k->is_flag ? fmt::format("`{}` stands alone, without a value", p.name)
                                    : fmt::format("`{0}` needs a value: {0}=...", p.name),
                         p.at);
        }
        if (k->name == "netdev") {
            vif_.warnings.push_back({p.at, "`netdev` is called `gatewaydev` today"});
        }
        XENPP_TRY(note_place(*k, p));
        auto const read = k->read(vif_.config, p.value);
        return read ? read : wrong(read.error().reason, p.value_at + read.error().offset);
    }

    expected<parsed_vif, vif_spec_note> finish() {
        auto& c = vif_.config;
        if (auto const s = place_of("switch"); s != none) {
            for (auto const* other : {"bridge", "network"}) {
                if (place_of(other) != none) {
                    return wrong(fmt::format("`{}` contradicts `switch`: remove one", other),
                                 place_of(other));
                }
            }
            c.network = vif_network::in_switch;
        }
        if (place_of("bridge") != none) {
            if (c.network == vif_network::user) {
                return wrong("`bridge` contradicts `network=user`: remove one", place_of("bridge"));
            }
            c.network = vif_network::bridge;
        }
        if (auto const f = place_of("forward"); f != none) {
            if (c.network == vif_network::bridge || c.network == vif_network::in_switch) {
                return wrong("ports are forwarded by user-mode networking alone: remove `forward`, "
                             "or what names another network",
                             f);
            }
            c.network = vif_network::user;
        }
        return std::move(vif_);
    }

private:
    static constexpr std::size_t none = std::string_view::npos;

    static unexpected<vif_spec_note> unknown(part const& p) {
        std::vector<std::string_view> names;
        for (auto const& k : keys) {
            names.push_back(k.name);
        }
        if (p.name.empty()) {
            return wrong(p.has_value ? "expected a key before `=`"
                                     : "expected `key=value` between two commas",
                         p.at);
        }
        auto const near = nearest(p.name, names);
        return wrong(near.empty()
                         ? fmt::format("`{}` is no key of a network interface", p.name)
                         : fmt::format("`{}` is no key of a network interface; did you mean `{}`?",
                                       p.name, near),
                     p.at);
    }

    std::size_t place_of(std::string_view name) const {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            if (keys[i].name == name) {
                return places_[i];
            }
        }
        return none;
    }

    outcome note_place(key const& k, part const& p) {
        auto& place = places_[static_cast<std::size_t>(&k - keys.data())];
        if (place != none && !k.is_repeatable) {
            return wrong(fmt::format("`{}` was given before", p.name), p.at);
        }
        place = place == none ? p.at : place;
        return {};
    }

    parsed_vif vif_;
    std::array<std::size_t, keys.size()> places_ = [] {
        std::array<std::size_t, keys.size()> all{};
        all.fill(none);
        return all;
    }();
};

} // namespace

expected<parsed_vif, vif_spec_note> parse_vif(std::string_view text) {
    parser p;
    for (std::size_t at = 0; at < text.size();) {
        auto const begin = text.find_first_not_of(" \t", at);
        if (begin == std::string_view::npos) {
            break;
        }
        auto const end = std::min(text.find(',', begin), text.size());
        XENPP_TRY(p.take(split(text.substr(begin, end - begin), begin)));
        at = end + 1;
    }
    return p.finish();
}

std::string print(dev::vif_config const& vif) {
    std::string out;
    auto const put = [&](std::string_view name, std::string const& value) {
        if (!value.empty()) {
            out += fmt::format("{}{}={}", out.empty() ? "" : ",", name, value);
        }
    };
    put("mac", vif.mac ? to_string(*vif.mac) : "");
    put("bridge", vif.bridge);
    put("gatewaydev", vif.gatewaydev);
    put("ip", vif.ip);
    put("type", vif.type);
    put("model", vif.model);
    put("vifname", vif.vifname);
    put("script", vif.script);
    put("backend", vif.backend);
    put("backendtype", vif.is_xenppds ? "xenpp" : "");
    if (vif.rate) {
        // Rounded up, so that reading it rounds down to the same bytes in an interval.
        constexpr std::uint64_t us_per_second = 1'000'000;
        auto const& r = *vif.rate;
        auto const whole = r.bytes_per_interval / r.interval_us * us_per_second;
        auto const rest = r.bytes_per_interval % r.interval_us * us_per_second;
        put("rate", fmt::format("{}B/s@{}us", whole + (rest + r.interval_us - 1) / r.interval_us,
                                r.interval_us));
    }
    put("devid", vif.devid ? std::to_string(*vif.devid) : "");
    put("mtu", vif.mtu ? std::to_string(*vif.mtu) : "");
    put("switch", vif.switch_name);
    if (vif.network == vif_network::user) {
        put("network", "user");
    } else if (vif.network == vif_network::bridge && vif.bridge.empty()) {
        put("network", "bridge");
    }
    for (auto const& f : vif.forwards) {
        put("forward", to_string(f));
    }
    if (!vif.is_trusted) {
        out += out.empty() ? "untrusted" : ",untrusted";
    }
    return out;
}

} // namespace xenpp::config
