// SPDX-License-Identifier: Apache-2.0
// What an Ethernet frame holds: headers, checksums, segments. Pure functions on bytes.
#pragma once

#include <xenpp/dev/vif/frame.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace xenpp::dev {

/// Where the headers of a frame begin. All of the offsets have been checked against its size.
struct packet_headers {
    bool is_v6 = false;
    std::uint8_t protocol = 0; ///< 6: TCP, 17: UDP, others
    std::size_t network = 0;   ///< offset of the IP header
    std::size_t transport = 0; ///< offset of what IP carries
    std::size_t checksum = 0;  ///< offset of the transport checksum; 0: not TCP or UDP
    std::size_t end = 0;       ///< where IP says that the packet ends
    std::size_t payload = 0;   ///< offset of what TCP or UDP carries; 0: not TCP or UDP
};

inline constexpr std::uint8_t protocol_tcp = 6;
inline constexpr std::uint8_t protocol_udp = 17;

/// Reads the headers, past VLAN tags and IPv6 extension headers. Nothing for a frame that is not
/// IP, whose headers are cut short or contradict its size, or for a fragment beyond the first.
std::optional<packet_headers> read_headers(std::span<std::byte const> frame) noexcept;

/// The Internet checksum's sum over `bytes`, added to `sum`; not folded yet.
std::uint64_t checksum_add(std::span<std::byte const> bytes, std::uint64_t sum = 0) noexcept;

/// Writes the whole transport checksum of a TCP or UDP packet.
void fill_checksum(std::span<std::byte> frame, packet_headers const& h) noexcept;

/// Writes what a blank checksum holds: the sum of the pseudo header alone.
void blank_checksum(std::span<std::byte> frame, packet_headers const& h) noexcept;

/// A number from the addresses and ports of a frame, equal for all frames of a connection.
std::uint32_t flow_hash(std::span<std::byte const> frame) noexcept;

/// The most segments that a frame is cut into; one that asks for more is not forwarded.
inline constexpr std::size_t most_segments = 256;

/// Whether a frame with `gso` set is what it says: TCP of that version with a payload and a
/// sensible size of segments.
bool is_valid_gso(frame const& f, packet_headers const& h) noexcept;

/// How much room the segments of a valid GSO frame take.
std::size_t size_of_segments(frame const& f, packet_headers const& h) noexcept;

/// Cuts a valid GSO frame into frames as they go over a wire, with all checksums, one behind the
/// other in `room`, and calls `each` with each of them.
void cut_into_segments(frame const& f,
                       packet_headers const& h,
                       std::span<std::byte> room,
                       std::function<void(std::span<std::byte const>)> const& each);

} // namespace xenpp::dev
