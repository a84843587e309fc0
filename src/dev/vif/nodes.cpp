// SPDX-License-Identifier: Apache-2.0
// Writing and reading the nodes of io/netif.h.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/dev/vif/nodes.hpp>

#include <fmt/format.h>

#include <limits>

namespace xenpp::dev {

namespace {

constexpr std::string_view operation = "network interface";
constexpr std::string_view network_node = "xenpp-network";
constexpr std::string_view forward_node = "xenpp-forward";
constexpr std::string_view switch_prefix = "switch:";

struct count_name {
    std::string_view name;
    std::uint64_t vif_statistics::*count;
};

constexpr std::array<count_name, 8> count_names{{
    {"rx_bytes", &vif_statistics::rx_bytes},
    {"rx_packets", &vif_statistics::rx_packets},
    {"rx_errors", &vif_statistics::rx_errors},
    {"rx_drops", &vif_statistics::rx_drops},
    {"tx_bytes", &vif_statistics::tx_bytes},
    {"tx_packets", &vif_statistics::tx_packets},
    {"tx_errors", &vif_statistics::tx_errors},
    {"tx_drops", &vif_statistics::tx_drops},
}};

std::string network_text(vif_config const& c) {
    switch (c.network) {
    case vif_network::automatic:
    case vif_network::user: return "user";
    case vif_network::bridge: return "bridge";
    case vif_network::in_switch: return std::string(switch_prefix) + c.switch_name;
    }
    return "";
}

unexpected<error> bad_node(std::string const& path, std::string_view value, std::string_view want) {
    return fail(operation, errc::inval, fmt::format("{} is \"{}\": {}", path, value, want));
}

/// A node's value, empty if it is not there.
result<std::string> text(store::node_access const& s, std::string const& path) {
    return XENPP_TRY(read_node(s, path)).value_or("");
}

/// A node that must be there and hold a number.
template <class T>
result<T> needed(store::node_access const& s, std::string const& path) {
    auto const value = XENPP_TRY(text(s, path));
    auto const n = parse_number<T>(value);
    if (!n) {
        return bad_node(path, value, "a number is needed");
    }
    return *n;
}

result<bool> flag(store::node_access const& s, std::string const& path, bool otherwise = false) {
    auto const n = XENPP_TRY(read_number(s, path));
    return n ? *n != 0 : otherwise;
}

/// "BYTES,MICROSECONDS"
result<std::optional<vif_rate>> read_rate(store::node_access const& s, std::string const& path) {
    auto const value = XENPP_TRY(text(s, path));
    if (value.empty()) {
        return std::optional<vif_rate>();
    }
    auto const comma = value.find(',');
    auto const bytes = parse_number<std::uint64_t>(std::string_view(value).substr(0, comma));
    auto const interval =
        comma == std::string::npos
            ? std::nullopt
            : parse_number<std::uint32_t>(std::string_view(value).substr(comma + 1));
    if (!bytes || !interval || *bytes == 0 || *interval == 0) {
        return bad_node(path, value, "bytes and microseconds are needed");
    }
    return std::optional(vif_rate{*bytes, *interval});
}

std::string forwards_text(std::vector<vif_forward> const& forwards) {
    std::string out;
    for (auto const& f : forwards) {
        out += (out.empty() ? "" : " ") + to_string(f);
    }
    return out;
}

result<std::vector<vif_forward>> read_forwards(store::node_access const& s,
                                               std::string const& path) {
    std::vector<vif_forward> out;
    auto const value = XENPP_TRY(text(s, path));
    std::string_view rest = value;
    while (!rest.empty()) {
        auto const end = std::min(rest.find(' '), rest.size());
        auto const f = parse_forward(rest.substr(0, end));
        if (!f) {
            return bad_node(path, value, f.error().reason);
        }
        out.push_back(*f);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return out;
}

} // namespace

new_device describe_vif(vif_config const& c, domid frontend, std::uint32_t devid) {
    new_device d;
    d.address = {"vif", frontend, devid, dom0};
    auto const handle = std::to_string(devid);
    auto const mac = to_string(*c.mac);
    d.frontend = {{"handle", handle}, {"mac", mac}, {"trusted", c.is_trusted ? "1" : "0"}};
    d.backend = {{"handle", handle}, {"mac", mac}, {"type", "vif"}};
    auto const also = [&d](std::string_view name, std::string const& value) {
        if (!value.empty()) {
            d.backend.emplace_back(name, value);
        }
    };
    if (c.mtu) {
        also("mtu", std::to_string(*c.mtu));
        d.frontend.emplace_back("mtu", std::to_string(*c.mtu));
    }
    also("script", c.script);
    also("bridge", c.bridge);
    also("gatewaydev", c.gatewaydev);
    also("ip", c.ip);
    also("vifname", c.vifname);
    if (c.rate) {
        also("rate", fmt::format("{},{}", c.rate->bytes_per_interval, c.rate->interval_us));
    }
    also(network_node, network_text(c));
    also(forward_node, forwards_text(c.forwards));
    return d;
}

result<vif_config> read_vif(store::node_access const& s, device_address const& a) {
    auto const path = [base = backend_path(a)](std::string_view name) {
        return fmt::format("{}/{}", base, name);
    };
    vif_config c;
    auto const mac = XENPP_TRY(text(s, path("mac")));
    c.mac = parse_mac(mac);
    if (!c.mac) {
        return bad_node(path("mac"), mac, "an address is needed");
    }
    c.script = XENPP_TRY(text(s, path("script")));
    c.bridge = XENPP_TRY(text(s, path("bridge")));
    c.gatewaydev = XENPP_TRY(text(s, path("gatewaydev")));
    c.ip = XENPP_TRY(text(s, path("ip")));
    c.vifname = XENPP_TRY(text(s, path("vifname")));
    c.rate = XENPP_TRY(read_rate(s, path("rate")));
    if (auto const mtu = XENPP_TRY(text(s, path("mtu"))); !mtu.empty()) {
        c.mtu = parse_number<std::uint16_t>(mtu);
        if (!c.mtu) {
            return bad_node(path("mtu"), mtu, "a number is needed");
        }
    }
    c.forwards = XENPP_TRY(read_forwards(s, path(forward_node)));
    auto const network = XENPP_TRY(text(s, path(network_node)));
    if (network == "bridge") {
        c.network = vif_network::bridge;
    } else if (network.starts_with(switch_prefix)) {
        c.network = vif_network::in_switch;
        c.switch_name = network.substr(switch_prefix.size());
    } else if (network == "user") {
        c.network = vif_network::user;
    } else {
        // Another toolstack's interface has a bridge and no word of ours.
        c.network = c.bridge.empty() ? vif_network::user : vif_network::bridge;
    }
    return c;
}

result<vif_frontend> read_vif_frontend(store::node_access const& s, device_address const& a) {
    auto const base = frontend_path(a) + "/";
    vif_frontend f;
    if (!XENPP_TRY(flag(s, base + "request-rx-copy"))) {
        return fail(operation, errc::opnotsupp,
                    "the frontend wants pages flipped into its memory; only copying is supported");
    }
    f.features.scatter_gather = XENPP_TRY(flag(s, base + "feature-sg"));
    f.features.gso_tcpv4 = XENPP_TRY(flag(s, base + "feature-gso-tcpv4"));
    f.features.gso_tcpv6 = XENPP_TRY(flag(s, base + "feature-gso-tcpv6"));
    f.features.ipv4_checksum = !XENPP_TRY(flag(s, base + "feature-no-csum-offload"));
    f.features.ipv6_checksum = XENPP_TRY(flag(s, base + "feature-ipv6-csum-offload"));
    f.features.multicast_control = XENPP_TRY(flag(s, base + "request-multicast-control"));
    auto const queues = XENPP_TRY(read_number(s, base + "multi-queue-num-queues")).value_or(1);
    if (queues == 0 || queues > most_vif_queues) {
        return fail(operation, errc::inval,
                    fmt::format("the frontend asks for {} queues; 1 to {} may be", queues,
                                most_vif_queues));
    }
    for (std::uint64_t i = 0; i < queues; ++i) {
        auto const folder = queues == 1 ? base : fmt::format("{}queue-{}/", base, i);
        vif_queue_nodes q;
        q.tx_ring = grant_ref(XENPP_TRY(needed<std::uint32_t>(s, folder + "tx-ring-ref")));
        q.rx_ring = grant_ref(XENPP_TRY(needed<std::uint32_t>(s, folder + "rx-ring-ref")));
        if (XENPP_TRY(read_node(s, folder + "event-channel-tx"))) {
            q.tx_port =
                evtchn_port(XENPP_TRY(needed<std::uint32_t>(s, folder + "event-channel-tx")));
            q.rx_port =
                evtchn_port(XENPP_TRY(needed<std::uint32_t>(s, folder + "event-channel-rx")));
        } else {
            q.tx_port = evtchn_port(XENPP_TRY(needed<std::uint32_t>(s, folder + "event-channel")));
            q.rx_port = q.tx_port;
        }
        f.queues.push_back(q);
    }
    if (XENPP_TRY(read_node(s, base + "ctrl-ring-ref"))) {
        f.control_ring = grant_ref(XENPP_TRY(needed<std::uint32_t>(s, base + "ctrl-ring-ref")));
        f.control_port =
            evtchn_port(XENPP_TRY(needed<std::uint32_t>(s, base + "event-channel-ctrl")));
    }
    return f;
}

node_list vif_backend_features() {
    return {
        {"feature-sg", "1"},
        {"feature-gso-tcpv4", "1"},
        {"feature-gso-tcpv6", "1"},
        {"feature-ipv6-csum-offload", "1"},
        {"feature-rx-copy", "1"},
        {"feature-rx-flip", "0"},
        {"feature-multicast-control", "1"},
        {"feature-dynamic-multicast-control", "1"},
        {"feature-split-event-channels", "1"},
        {"feature-ctrl-ring", "1"},
        {"multi-queue-max-queues", std::to_string(most_vif_queues)},
    };
}

node_list vif_statistics_nodes(vif_statistics const& before, vif_statistics const& counts) {
    node_list out;
    for (auto const& [name, count] : count_names) {
        out.emplace_back(name, std::to_string(before.*count + counts.*count));
    }
    return out;
}

result<vif_statistics> read_vif_statistics(store::node_access const& s, device_address const& a) {
    vif_statistics out;
    for (auto const& [name, count] : count_names) {
        out.*count =
            XENPP_TRY(read_number(s, fmt::format("{}/statistics/{}", backend_path(a), name)))
                .value_or(0);
    }
    return out;
}

} // namespace xenpp::dev
