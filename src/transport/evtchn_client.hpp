// SPDX-License-Identifier: Apache-2.0
// The event channels of one client of the broker, in its process or another.
#pragma once

#include <xenpp/os/unique_fd.hpp>
#include <xenpp/transport/doors.hpp>
#include <xenpp/transport/event_channels.hpp>

#include <transport/evtchn_bits.hpp>
#include <transport/evtchn_wire.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace xenpp::transport {

/// `events`: the reading end of the pipe that the binder's broker writes to.
std::unique_ptr<event_channels> make_event_channels(doors& d,
                                                    std::byte* window,
                                                    os::unique_fd events,
                                                    std::unique_ptr<evtchn_binder> binder);

/// The event channels of this process, by way of the broker that listens at `path`.
result<std::unique_ptr<event_channels>>
connect_event_channels(std::string const& path, doors& d, std::byte* window);

} // namespace xenpp::transport
