// SPDX-License-Identifier: Apache-2.0
// Ethernet addresses and port forwards, to and from text.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/dev/vif/config.hpp>
#include <xenpp/os/tap.hpp>

#include <fmt/format.h>

#include <arpa/inet.h>

#include <charconv>

namespace xenpp::dev {

namespace {

/// [ADDRESS:]PORT
expected<void, text_note>
parse_place(std::string_view text, std::string& address, std::uint16_t& port) {
    auto const colon = text.rfind(':');
    auto const port_at = colon == std::string_view::npos ? 0 : colon + 1;
    if (port_at != 0) {
        address = text.substr(0, colon);
        in_addr parsed{};
        if (::inet_pton(AF_INET, address.c_str(), &parsed) != 1) {
            return unexpected(
                text_note{0, "expected an IPv4 address before the port, as 127.0.0.1:8080"});
        }
    }
    port = parse_number<std::uint16_t>(text.substr(port_at)).value_or(0);
    if (port == 0) {
        return unexpected(text_note{port_at, "expected a port from 1 to 65535"});
    }
    return {};
}

} // namespace

std::string to_string(mac_address const& mac) {
    auto const& b = mac.bytes;
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4],
                       b[5]);
}

std::optional<mac_address> parse_mac(std::string_view text) {
    constexpr std::size_t most_digits = 2;
    mac_address mac;
    for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
        if (i != 0) {
            if (text.empty()) {
                return std::nullopt;
            }
            text.remove_prefix(1);
        }
        auto const digits = text.substr(0, most_digits);
        auto const r =
            std::from_chars(digits.data(), digits.data() + digits.size(), mac.bytes[i], 16);
        if (r.ec != std::errc()) {
            return std::nullopt;
        }
        text.remove_prefix(static_cast<std::size_t>(r.ptr - digits.data()));
    }
    return text.empty() ? std::optional(mac) : std::nullopt;
}

mac_address generate_mac(std::array<std::uint8_t, 16> const& uuid, std::uint32_t devid) noexcept {
    // FNV-1a over the UUID and the number; what is left of it after the prefix has 24 bits.
    std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
    auto const mix = [&](std::uint8_t byte) { hash = (hash ^ byte) * 0x100'0000'01b3; };
    for (auto const byte : uuid) {
        mix(byte);
    }
    for (unsigned shift = 0; shift < 32; shift += 8) {
        mix(static_cast<std::uint8_t>(devid >> shift));
    }
    hash ^= hash >> 32;
    return {{0x00, 0x16, 0x3e, static_cast<std::uint8_t>(hash >> 16),
             static_cast<std::uint8_t>(hash >> 8), static_cast<std::uint8_t>(hash)}};
}

expected<vif_forward, text_note> parse_forward(std::string_view text) {
    constexpr std::size_t protocol_length = 4;
    vif_forward f;
    f.is_udp = text.starts_with("udp:");
    auto const dash = text.find('-');
    if ((!f.is_udp && !text.starts_with("tcp:")) || dash == std::string_view::npos) {
        return unexpected(
            text_note{0, "expected tcp:[ADDRESS:]PORT-[ADDRESS:]PORT, or udp:..., of the host and "
                         "of the guest, as tcp:8080-80"});
    }
    auto const read = [text](std::size_t begin, std::size_t end, std::string& address,
                             std::uint16_t& port) {
        auto place = parse_place(text.substr(begin, end - begin), address, port);
        if (!place) {
            place.error().offset += begin;
        }
        return place;
    };
    XENPP_TRY(read(protocol_length, dash, f.host_address, f.host_port));
    XENPP_TRY(read(dash + 1, text.size(), f.guest_address, f.guest_port));
    return f;
}

std::string to_string(vif_forward const& f) {
    auto const place = [](std::string const& address, std::uint16_t port) {
        return address.empty() ? fmt::format("{}", port) : fmt::format("{}:{}", address, port);
    };
    return fmt::format("{}:{}-{}", f.is_udp ? "udp" : "tcp", place(f.host_address, f.host_port),
                       place(f.guest_address, f.guest_port));
}

void settle_network(vif_config& c, std::string const& bridge) {
    if (c.network == vif_network::automatic) {
        c.network =
            os::may_open_taps() && os::is_bridge(bridge) ? vif_network::bridge : vif_network::user;
    }
    if (c.network == vif_network::bridge && c.bridge.empty()) {
        c.bridge = bridge;
    }
}

} // namespace xenpp::dev
