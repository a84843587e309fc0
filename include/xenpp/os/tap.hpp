// SPDX-License-Identifier: Apache-2.0
// TAP devices: network interfaces whose frames a process reads and writes.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <cstdint>
#include <string>

namespace xenpp::os {

/// What precedes a frame on a TAP device: the work that its sender left to others (the header of
/// virtio's network devices).
struct tap_header {
    static constexpr std::uint8_t needs_checksum = 1;
    static constexpr std::uint8_t is_valid = 2;
    static constexpr std::uint8_t gso_none = 0;
    static constexpr std::uint8_t gso_tcpv4 = 1;
    static constexpr std::uint8_t gso_tcpv6 = 4;
    static constexpr std::uint8_t gso_ecn = 0x80; ///< a bit beside the type

    std::uint8_t flags = 0;
    std::uint8_t gso_type = gso_none;
    std::uint16_t header_size = 0;
    std::uint16_t gso_size = 0;
    std::uint16_t checksum_start = 0;
    std::uint16_t checksum_offset = 0;
};

static_assert(sizeof(tap_header) == 10);

/// A new TAP device of that name, which exists as long as the descriptor. Reads and writes of it
/// are a `tap_header` and a frame, and do not block. EPERM: the caller may not; EBUSY: there is
/// such a device.
result<unique_fd> open_tap(std::string const& name);

/// ENODEV: there is no such interface.
result<void> set_interface_mtu(std::string const& name, std::uint16_t mtu);

/// The MTU of an interface; ENODEV.
result<std::uint16_t> interface_mtu(std::string const& name);

/// Makes an interface a port of a bridge, and sets it up. ENODEV: one of the two is not there.
result<void> join_bridge(std::string const& bridge, std::string const& name);

/// Whether there is a bridge of that name.
bool is_bridge(std::string const& name);

/// Whether this process may make TAP devices.
bool may_open_taps() noexcept;

} // namespace xenpp::os
