// SPDX-License-Identifier: Apache-2.0
// The event channel door: ports of domain 0, bound and waited for.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>

#include <optional>

namespace xenpp::transport {

/// Ports that this object bound, with the meaning of /dev/xen/evtchn: an event on a port is
/// reported once, and then no more until `unmask`. Its ports are closed when it goes.
class event_channels {
public:
    event_channels() noexcept = default;
    event_channels(event_channels const&) = delete;
    event_channels& operator=(event_channels const&) = delete;
    virtual ~event_channels() = default;

    /// Readable while `pending()` has something to say.
    virtual int fd() const noexcept = 0;

    /// The next port with an event, or nothing; does not block.
    virtual result<std::optional<evtchn_port>> pending() = 0;

    /// Lets a port report again; an event that came meanwhile is reported at once.
    virtual result<void> unmask(evtchn_port port) = 0;

    /// Sends an event to the other end. That there is none may remain unknown.
    virtual result<void> notify(evtchn_port port) = 0;

    /// Errors of the three: the hypervisor's, among them EEXIST for a VIRQ that somebody has.
    virtual result<evtchn_port> bind_virq(unsigned virq) = 0;
    virtual result<evtchn_port> bind_interdomain(domid remote, evtchn_port remote_port) = 0;
    /// A port of domain 0 that `remote` may bind.
    virtual result<evtchn_port> bind_unbound(domid remote) = 0;

    virtual result<void> unbind(evtchn_port port) = 0;
};

} // namespace xenpp::transport
