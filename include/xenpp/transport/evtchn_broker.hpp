// SPDX-License-Identifier: Apache-2.0
// Shares domain 0's event channels out among the processes that are domain 0.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/transport/doors.hpp>
#include <xenpp/transport/event_channels.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace xenpp::transport {

/// One for a machine, in the process that answers its bell (xenppd), or in that of a simulation.
/// Its user polls `fd()`, calls `dispatch()` when it is readable, and `deliver()` when the bell
/// rang. It has no thread.
///
/// A broker that is killed leaves its ports bound. The next one finds them and, when the same thing
/// is bound again, hands out the port that is there, with an event on it in case one was lost. So
/// clients bind anew what they had, and their peers notice nothing.
class evtchn_broker {
public:
    /// `window`: the control window as this process has it. `socket`: where other processes find
    /// the broker; empty: it is for this process alone.
    static result<std::unique_ptr<evtchn_broker>>
    create(doors& d, std::byte* window, std::string const& socket = {});

    evtchn_broker(evtchn_broker const&) = delete;
    evtchn_broker& operator=(evtchn_broker const&) = delete;
    virtual ~evtchn_broker() = default;

    /// Readable when a client wants something.
    virtual int fd() const noexcept = 0;

    /// Serves clients; does not block.
    virtual void dispatch() = 0;

    /// Tells clients of the events that are pending. Call it when the bell rang, and once at first.
    virtual void deliver() = 0;

    /// Event channels for this process, which must not outlive the broker.
    virtual result<std::unique_ptr<event_channels>> open() = 0;

    /// Closes the ports that a broker before this one left and nobody has bound anew. Returns how
    /// many.
    virtual unsigned close_orphans() = 0;

protected:
    evtchn_broker() noexcept = default;
};

} // namespace xenpp::transport
