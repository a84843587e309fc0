// SPDX-License-Identifier: Apache-2.0
// What the user wants of a network interface.
#pragma once

#include <xenpp/base/expected.hpp>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::dev {

/// An Ethernet address.
struct mac_address {
    std::array<std::uint8_t, 6> bytes{};

    /// Of a group of stations, not of one.
    constexpr bool is_multicast() const noexcept { return (bytes[0] & 1) != 0; }

    friend constexpr auto operator<=>(mac_address const&, mac_address const&) = default;
};

/// "00:16:3e:01:02:03".
std::string to_string(mac_address const& mac);

/// Six numbers of one or two hexadecimal digits, with any one character between them, as Xen's xl
/// takes them; nothing for other text.
std::optional<mac_address> parse_mac(std::string_view text);

/// The address of interface `devid` of the domain with this UUID, in Xen's range 00:16:3e: the
/// same each time the domain is made.
mac_address generate_mac(std::array<std::uint8_t, 16> const& uuid, std::uint32_t devid) noexcept;

/// How fast a guest may send: so many bytes in each interval.
struct vif_rate {
    std::uint64_t bytes_per_interval = 0;
    std::uint32_t interval_us = 0;

    friend bool operator==(vif_rate const&, vif_rate const&) = default;
};

/// A port of the host that leads to one of the guest; user-mode networking alone has these.
struct vif_forward {
    bool is_udp = false;
    std::string host_address; ///< IPv4; empty: 127.0.0.1
    std::uint16_t host_port = 0;
    std::string guest_address; ///< IPv4; empty: the first that DHCP gives
    std::uint16_t guest_port = 0;

    friend bool operator==(vif_forward const&, vif_forward const&) = default;
};

/// "tcp:127.0.0.1:8080-10.0.2.15:80", as the network spec has it.
std::string to_string(vif_forward const& f);

/// Something about a text, and at which byte.
struct text_note {
    std::size_t offset;
    std::string reason;

    friend bool operator==(text_note const&, text_note const&) = default;
};

/// Reads (tcp|udp):[ADDRESS:]PORT-[ADDRESS:]PORT, of the host and of the guest.
expected<vif_forward, text_note> parse_forward(std::string_view text);

/// Where a guest's frames go.
enum class vif_network {
    automatic, ///< the bridge where there is one and we may use it, else user mode
    user,      ///< the host's own sockets, by libslirp; needs no privilege
    bridge,    ///< a TAP device, which a hotplug script joins to a bridge
    in_switch, ///< a switch inside the host's daemon; needs no privilege
};

/// One entry of `vif = [...]`. Text that is empty was not given.
struct vif_config {
    std::optional<mac_address> mac;
    std::string bridge;
    std::string gatewaydev;
    std::string ip;
    std::string type;  ///< "vif" or "ioemu"
    std::string model; ///< of the emulated card
    std::string vifname;
    std::string script;
    std::string backend; ///< the domain that serves it
    /// On a real Xen host: xenppd serves it, also where the kernel could. An embedded host knows
    /// nobody else.
    bool is_xenppds = false;
    std::optional<vif_rate> rate;
    std::optional<std::uint32_t> devid;
    std::optional<std::uint16_t> mtu;
    bool is_trusted = true; ///< by the guest: what serves it
    vif_network network = vif_network::automatic;
    std::string switch_name; ///< for `in_switch`
    std::vector<vif_forward> forwards;

    friend bool operator==(vif_config const&, vif_config const&) = default;
};

/// Chooses the network of an interface that leaves it open: `bridge`, or the one that it names
/// itself, where there is one and this process may use it; else user mode.
void settle_network(vif_config& c, std::string const& bridge);

} // namespace xenpp::dev
