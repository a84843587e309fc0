// SPDX-License-Identifier: Apache-2.0
// Delivering events.
#include <daemon/event_router.hpp>

namespace xenpp::detail {

result<evtchn_port> event_router::bind_virq(unsigned virq, action a) {
    auto const port = XENPP_TRY(channels_->bind_virq(virq));
    actions_[port] = std::make_shared<action const>(std::move(a));
    return port;
}

result<evtchn_port>
event_router::bind_interdomain(domid remote, evtchn_port remote_port, action a) {
    auto const port = XENPP_TRY(channels_->bind_interdomain(remote, remote_port));
    actions_[port] = std::make_shared<action const>(std::move(a));
    return port;
}

void event_router::unbind(evtchn_port port) noexcept {
    actions_.erase(port);
    static_cast<void>(channels_->unbind(port)); // its domain may be gone, and the port with it
}

result<void> event_router::dispatch() {
    result<void> first;
    // A port may be pending again as soon as it is unmasked: once round, and the loop's other parts
    // have their turn.
    for (auto left = actions_.size() + 1; left != 0; --left) {
        auto const port = XENPP_TRY(channels_->pending());
        if (!port) {
            break;
        }
        auto const found = actions_.find(*port);
        if (found == actions_.end()) {
            continue;
        }
        auto const a = found->second; // stays, even if the action unbinds its own port
        auto done = (*a)();
        if (!done && first) {
            first = std::move(done);
        }
        // Unmasked last: what a domain sends meanwhile is one event, and no bell.
        if (actions_.contains(*port)) {
            XENPP_TRY(channels_->unmask(*port));
        }
    }
    return first;
}

} // namespace xenpp::detail
