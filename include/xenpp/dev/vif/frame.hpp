// SPDX-License-Identifier: Apache-2.0
// An Ethernet frame on its way, with the work on it that its sender left to others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace xenpp::dev {

inline constexpr std::size_t ethernet_header_size = 14;

/// What a frame is to be cut into on a real wire. The values are netif's.
enum class gso_type : std::uint8_t {
    none = 0,
    tcpv4 = 1,
    tcpv6 = 2,
};

/// The bytes are somebody else's.
struct frame {
    std::span<std::byte const> bytes; ///< from the Ethernet header on
    /// The TCP or UDP checksum holds the sum of the pseudo header alone.
    bool is_checksum_blank = false;
    /// Whoever sent it made or checked that checksum: nobody need look again.
    bool is_checksum_good = false;
    gso_type gso = gso_type::none;
    std::uint16_t gso_size = 0; ///< payload bytes of a segment
};

/// Something that takes frames: a guest's interface, a switch's port, a way out.
class frame_sink {
public:
    frame_sink() noexcept = default;
    frame_sink(frame_sink const&) = delete;
    frame_sink& operator=(frame_sink const&) = delete;
    virtual ~frame_sink() = default;

    /// Takes a frame, or drops it. Its bytes stay where they are until `flush`.
    virtual void take(frame const& f) = 0;

    /// No more frames for now: what was taken goes on its way.
    virtual void flush() = 0;
};

} // namespace xenpp::dev
