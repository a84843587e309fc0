// SPDX-License-Identifier: Apache-2.0
// The xenstore service's way to guests: their ring pages and event channels.
#pragma once

#include <xenpp/store/service.hpp>
#include <xenpp/transport/doors.hpp>

#include <daemon/event_router.hpp>

#include <functional>
#include <map>

namespace xenpp::detail {

class store_rings final : public store::guest_rings {
public:
    /// `fired` is told of a domain's events.
    store_rings(transport::doors& d,
                event_router& events,
                std::function<result<void>(domid)> fired) noexcept
        : doors_(d), events_(events), fired_(std::move(fired)) {}

    store_rings(store_rings const&) = delete;
    store_rings& operator=(store_rings const&) = delete;
    ~store_rings();

    abi::xenstore_domain_interface* map(store::domain_info const& info) override;
    void unmap(domid d) override;
    void notify(domid d) override;

private:
    struct ring {
        transport::foreign_mapping page;
        evtchn_port port;
    };

    transport::doors& doors_;
    event_router& events_;
    std::function<result<void>(domid)> fired_;
    std::map<domid, ring> rings_;
};

} // namespace xenpp::detail
