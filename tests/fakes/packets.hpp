// SPDX-License-Identifier: Apache-2.0
// Ethernet frames for tests, and a plain reference for their checksums.
#pragma once

#include <xenpp/dev/vif/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace xenpp::fakes {

using packet_bytes = std::vector<std::byte>;

inline void append(packet_bytes& to, std::initializer_list<unsigned> bytes) {
    for (auto const b : bytes) {
        to.push_back(std::byte(static_cast<std::uint8_t>(b)));
    }
}

inline packet_bytes ethernet(dev::mac_address to, dev::mac_address from, unsigned type) {
    packet_bytes out;
    for (auto const& mac : {to, from}) {
        for (auto const b : mac.bytes) {
            out.push_back(std::byte(b));
        }
    }
    append(out, {type >> 8, type & 0xff});
    return out;
}

/// The sum of RFC 1071 over 16-bit words in network order, one at a time.
inline std::uint16_t plain_sum(std::span<std::byte const> bytes, std::uint32_t sum = 0) {
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
        auto const high = std::to_integer<std::uint32_t>(bytes[i]);
        auto const low = i + 1 < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i + 1]) : 0;
        sum += high << 8 | low;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<std::uint16_t>(sum);
}

/// The sum over a packet's pseudo header and all that IP carries: 0xffff if the checksum is right.
inline std::uint16_t transport_sum(std::span<std::byte const> frame, bool is_v6) {
    auto const ip = frame.subspan(14);
    std::size_t const header = is_v6 ? 40 : 20;
    auto const carried = ip.subspan(header);
    auto const protocol = std::to_integer<std::uint32_t>(ip[is_v6 ? 6 : 9]);
    auto const addresses = is_v6 ? ip.subspan(8, 32) : ip.subspan(12, 8);
    return plain_sum(carried,
                     plain_sum(addresses, protocol + static_cast<std::uint32_t>(carried.size())));
}

/// A TCP packet from 10.0.2.15:1000 to 10.0.2.2:80, or the same in IPv6, its checksum blank.
inline packet_bytes tcp_packet(std::size_t payload, bool is_v6 = false, unsigned flags = 0x18) {
    auto p =
        ethernet({{0x52, 0x55, 10, 0, 2, 2}}, {{0, 0x16, 0x3e, 1, 2, 3}}, is_v6 ? 0x86dd : 0x0800);
    auto const carried = static_cast<unsigned>(payload + 20);
    if (is_v6) {
        append(p, {0x60, 0, 0, 0, carried >> 8, carried & 0xff, 6, 64});
        for (unsigned const last : {15U, 2U}) {
            append(p, {0xfe, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last});
        }
    } else {
        auto const total = carried + 20;
        append(p, {0x45, 0, total >> 8, total & 0xff, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0});
        append(p, {10, 0, 2, 15, 10, 0, 2, 2});
    }
    append(p, {1000 >> 8, 1000 & 0xff, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, flags, 0x10, 0});
    append(p, {0, 0, 0, 0});
    for (std::size_t i = 0; i < payload; ++i) {
        p.push_back(std::byte(static_cast<std::uint8_t>(i * 7 + i / 256)));
    }
    return p;
}

} // namespace xenpp::fakes
