// SPDX-License-Identifier: Apache-2.0
// Which part of the daemon an event of domain 0's is for.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/transport/event_channels.hpp>

#include <functional>
#include <map>
#include <memory>

namespace xenpp::detail {

/// Ports with what to do when they fire. What is done may bind and unbind ports.
class event_router {
public:
    using action = std::function<result<void>()>;

    explicit event_router(std::unique_ptr<transport::event_channels> channels) noexcept
        : channels_(std::move(channels)) {}

    int fd() const noexcept { return channels_->fd(); }

    result<evtchn_port> bind_virq(unsigned virq, action a);
    result<evtchn_port> bind_interdomain(domid remote, evtchn_port remote_port, action a);
    void unbind(evtchn_port port) noexcept;

    /// Best effort: the other end may be gone.
    void notify(evtchn_port port) noexcept { static_cast<void>(channels_->notify(port)); }

    /// Does what the events that came call for, about one for each port; `fd()` stays readable
    /// while there are more. The first error is returned, after the others are done.
    result<void> dispatch();

private:
    std::unique_ptr<transport::event_channels> channels_;
    std::map<evtchn_port, std::shared_ptr<action const>> actions_;
};

} // namespace xenpp::detail
