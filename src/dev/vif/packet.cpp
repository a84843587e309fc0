// SPDX-License-Identifier: Apache-2.0
// Ethernet, IPv4, IPv6, TCP and UDP headers (RFC 791, 8200, 9293, 768, 1071).
#include <xenpp/dev/vif/packet.hpp>

#include <dev/vif/bytes.hpp>

#include <algorithm>

namespace xenpp::dev {

using detail::byte_at;
using detail::net16;
using detail::net32;
using detail::put_net16;
using detail::put_net32;

namespace {

constexpr std::uint16_t type_ipv4 = 0x0800;
constexpr std::uint16_t type_ipv6 = 0x86dd;
constexpr std::uint16_t type_vlan = 0x8100;
constexpr std::uint16_t type_service_vlan = 0x88a8;
constexpr std::size_t vlan_tag_size = 4;
constexpr unsigned most_vlan_tags = 2;

constexpr std::size_t ipv4_header_size = 20;
constexpr std::size_t ipv6_header_size = 40;
constexpr std::size_t tcp_header_size = 20;
constexpr std::size_t udp_header_size = 8;
constexpr std::size_t tcp_checksum_at = 16;
constexpr std::size_t udp_checksum_at = 6;
constexpr unsigned most_extension_headers = 8;

constexpr std::uint8_t tcp_fin = 0x01;
constexpr std::uint8_t tcp_psh = 0x08;
constexpr std::uint8_t tcp_cwr = 0x80;

std::uint16_t fold(std::uint64_t sum) noexcept {
    while ((sum >> 16) != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<std::uint16_t>(sum);
}

bool read_ipv4(std::span<std::byte const> f, packet_headers& h) noexcept {
    auto const at = h.network;
    if (f.size() - at < ipv4_header_size || (byte_at(f, at) >> 4) != 4) {
        return false;
    }
    std::size_t const header = (byte_at(f, at) & 0xfU) * 4U;
    std::size_t const total = net16(f, at + 2);
    bool const is_later_fragment = (net16(f, at + 6) & 0x1fffU) != 0;
    if (header < ipv4_header_size || total < header || total > f.size() - at || is_later_fragment) {
        return false;
    }
    h.protocol = byte_at(f, at + 9);
    h.transport = at + header;
    h.end = at + total;
    return true;
}

bool read_ipv6(std::span<std::byte const> f, packet_headers& h) noexcept {
    constexpr std::uint8_t hop_by_hop = 0;
    constexpr std::uint8_t routing = 43;
    constexpr std::uint8_t destination = 60;
    auto const at = h.network;
    if (f.size() - at < ipv6_header_size || (byte_at(f, at) >> 4) != 6) {
        return false;
    }
    std::size_t const total = ipv6_header_size + net16(f, at + 4);
    if (total > f.size() - at) {
        return false;
    }
    h.is_v6 = true;
    h.protocol = byte_at(f, at + 6);
    h.transport = at + ipv6_header_size;
    h.end = at + total;
    for (unsigned i = 0; i < most_extension_headers; ++i) {
        if (h.protocol != hop_by_hop && h.protocol != routing && h.protocol != destination) {
            return true;
        }
        if (h.end - h.transport < 8) {
            return false;
        }
        std::size_t const size = (byte_at(f, h.transport + 1) + 1U) * 8U;
        if (size > h.end - h.transport) {
            return false;
        }
        h.protocol = byte_at(f, h.transport);
        h.transport += size;
    }
    return false;
}

/// Finds the checksum and the payload of TCP and UDP. False: cut short.
bool read_transport(std::span<std::byte const> f, packet_headers& h) noexcept {
    auto const room = h.end - h.transport;
    if (h.protocol == protocol_tcp) {
        if (room < tcp_header_size) {
            return false;
        }
        std::size_t const header = (byte_at(f, h.transport + 12) >> 4) * 4U;
        if (header < tcp_header_size || header > room) {
            return false;
        }
        h.checksum = h.transport + tcp_checksum_at;
        h.payload = h.transport + header;
    } else if (h.protocol == protocol_udp) {
        if (room < udp_header_size) {
            return false;
        }
        h.checksum = h.transport + udp_checksum_at;
        h.payload = h.transport + udp_header_size;
    }
    return true;
}

/// The sum over IP's addresses, the protocol and the length of what IP carries.
std::uint64_t pseudo_header(std::span<std::byte const> f, packet_headers const& h) noexcept {
    auto const addresses = h.is_v6 ? f.subspan(h.network + 8, 32) : f.subspan(h.network + 12, 8);
    // Sums are of words as they lie in memory, so other numbers are brought into that order.
    std::uint64_t const length = h.end - h.transport;
    std::uint64_t const numbers = h.protocol + (length >> 16) + (length & 0xffff);
    return checksum_add(addresses, __builtin_bswap16(fold(numbers)));
}

void fill_ipv4_checksum(std::span<std::byte> f, packet_headers const& h) noexcept {
    constexpr std::size_t checksum_at = 10;
    std::size_t const header = h.transport - h.network;
    put_net16(f, h.network + checksum_at, 0);
    auto const sum = static_cast<std::uint16_t>(~fold(checksum_add(f.subspan(h.network, header))));
    std::memcpy(f.data() + h.network + checksum_at, &sum, sizeof sum);
}

} // namespace

std::uint64_t checksum_add(std::span<std::byte const> bytes, std::uint64_t sum) noexcept {
    // Four bytes at a time into 64 bits: no carry is lost below 16 GiB.
    auto const* p = bytes.data();
    std::size_t const words = bytes.size() / 4;
    for (std::size_t i = 0; i < words; ++i) {
        std::uint32_t v = 0;
        std::memcpy(&v, p + i * 4, sizeof v);
        sum += v;
    }
    if (std::size_t const rest = bytes.size() % 4; rest != 0) {
        std::uint32_t v = 0;
        std::memcpy(&v, p + words * 4, rest);
        sum += v;
    }
    return sum;
}

std::optional<packet_headers> read_headers(std::span<std::byte const> frame) noexcept {
    if (frame.size() < ethernet_header_size) {
        return std::nullopt;
    }
    packet_headers h;
    std::size_t type_at = ethernet_header_size - 2;
    auto type = net16(frame, type_at);
    for (unsigned i = 0; i < most_vlan_tags && (type == type_vlan || type == type_service_vlan);
         ++i) {
        type_at += vlan_tag_size;
        if (frame.size() < type_at + 2) {
            return std::nullopt;
        }
        type = net16(frame, type_at);
    }
    h.network = type_at + 2;
    bool const is_ip =
        (type == type_ipv4 && read_ipv4(frame, h)) || (type == type_ipv6 && read_ipv6(frame, h));
    return is_ip && read_transport(frame, h) ? std::optional(h) : std::nullopt;
}

void fill_checksum(std::span<std::byte> frame, packet_headers const& h) noexcept {
    if (h.checksum == 0) {
        return;
    }
    put_net16(frame, h.checksum, 0);
    auto const sum =
        checksum_add(frame.subspan(h.transport, h.end - h.transport), pseudo_header(frame, h));
    auto value = static_cast<std::uint16_t>(~fold(sum));
    if (value == 0 && h.protocol == protocol_udp) {
        value = 0xffff; // zero means that there is none
    }
    std::memcpy(frame.data() + h.checksum, &value, sizeof value);
}

void blank_checksum(std::span<std::byte> frame, packet_headers const& h) noexcept {
    auto const value = fold(pseudo_header(frame, h));
    std::memcpy(frame.data() + h.checksum, &value, sizeof value);
}

std::uint32_t flow_hash(std::span<std::byte const> frame) noexcept {
    auto const h = read_headers(frame);
    if (!h) {
        return 0;
    }
    std::uint64_t hash = 0x9e37'79b9'7f4a'7c15;
    auto const mix = [&](std::uint32_t v) { hash = (hash ^ v) * 0xff51'afd7'ed55'8ccd; };
    auto const begin = h->network + (h->is_v6 ? 8 : 12);
    auto const end = h->network + (h->is_v6 ? 40 : 20);
    for (auto at = begin; at < end; at += 4) {
        mix(net32(frame, at));
    }
    if (h->checksum != 0) {
        mix(net32(frame, h->transport)); // both ports
    }
    return static_cast<std::uint32_t>(hash >> 32);
}

bool is_valid_gso(frame const& f, packet_headers const& h) noexcept {
    if (f.gso_size == 0 || h.protocol != protocol_tcp || h.is_v6 != (f.gso == gso_type::tcpv6)) {
        return false;
    }
    auto const payload = h.end - h.payload;
    return payload != 0 && (payload + f.gso_size - 1) / f.gso_size <= most_segments;
}

std::size_t size_of_segments(frame const& f, packet_headers const& h) noexcept {
    auto const payload = h.end - h.payload;
    auto const count = (payload + f.gso_size - 1) / f.gso_size;
    return payload + count * h.payload;
}

void cut_into_segments(frame const& f,
                       packet_headers const& h,
                       std::span<std::byte> room,
                       std::function<void(std::span<std::byte const>)> const& each) {
    auto const headers = f.bytes.first(h.payload);
    auto const payload = f.bytes.subspan(h.payload, h.end - h.payload);
    auto const sequence = net32(f.bytes, h.transport + 4);
    auto const flags = byte_at(f.bytes, h.transport + 13);
    auto const id = h.is_v6 ? std::uint16_t{0} : net16(f.bytes, h.network + 4);
    std::uint16_t number = 0;
    for (std::size_t at = 0; at < payload.size(); at += f.gso_size) {
        auto const part =
            payload.subspan(at, std::min<std::size_t>(f.gso_size, payload.size() - at));
        auto const segment = room.first(headers.size() + part.size());
        room = room.subspan(segment.size());
        std::memcpy(segment.data(), headers.data(), headers.size());
        std::memcpy(segment.data() + headers.size(), part.data(), part.size());
        auto s = h;
        s.end = segment.size();
        bool const is_last = at + part.size() == payload.size();
        auto const dropped =
            static_cast<std::uint8_t>((is_last ? 0 : tcp_fin | tcp_psh) | (at == 0 ? 0 : tcp_cwr));
        segment[h.transport + 13] = std::byte(static_cast<std::uint8_t>(flags & ~dropped));
        put_net32(segment, h.transport + 4, sequence + static_cast<std::uint32_t>(at));
        if (h.is_v6) {
            put_net16(segment, h.network + 4,
                      static_cast<std::uint16_t>(s.end - h.network - ipv6_header_size));
        } else {
            put_net16(segment, h.network + 2, static_cast<std::uint16_t>(s.end - h.network));
            put_net16(segment, h.network + 4, static_cast<std::uint16_t>(id + number));
            fill_ipv4_checksum(segment, s);
        }
        fill_checksum(segment, s);
        ++number;
        each(segment);
    }
}

} // namespace xenpp::dev
