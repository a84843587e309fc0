// SPDX-License-Identifier: Apache-2.0
// Events, xenstore's reports, and domains that are gone.
#include <xenpp/ctl/sysctl.hpp>
#include <xenpp/dev/xenbus/device.hpp>
#include <xenpp/store/connection.hpp>
#include <xenpp/transport/native.hpp>

#include <daemon/beside_kernel.hpp>

#include <algorithm>
#include <utility>

namespace xenpp::detail {

namespace {

enum class source : std::uint64_t {
    events,
    store,
    backends,
};

constexpr std::string_view release_token = "released";

} // namespace

beside_kernel::beside_kernel(std::unique_ptr<transport::doors> doors,
                             ctl::connection hypervisor,
                             std::unique_ptr<transport::event_channels> channels,
                             store::client store,
                             os::poller poller,
                             daemon_log log) noexcept
    : doors_(std::move(doors))
    , hypervisor_(std::move(hypervisor))
    , events_(std::move(channels))
    , store_(std::move(store))
    , poller_(std::move(poller))
    , log_(std::move(log)) {}

result<std::unique_ptr<beside_kernel>> beside_kernel::create(os::state_dir const& where,
                                                             daemon_log log) {
    auto doors = XENPP_TRY(transport::native::open());
    auto hypervisor = XENPP_TRY(ctl::connection::open(*doors));
    auto channels = XENPP_TRY(doors->open_event_channels());
    store::client store(XENPP_TRY(store::connect_path(doors->store_path())));
    auto poller = XENPP_TRY(os::poller::create());
    std::unique_ptr<beside_kernel> b(new beside_kernel(std::move(doors), std::move(hypervisor),
                                                       std::move(channels), std::move(store),
                                                       std::move(poller), std::move(log)));
    b->backends_ =
        XENPP_TRY(backends::create(*b->doors_, b->events_, b->store_, where, b->log_, true));
    XENPP_TRY(b->store_.watch("@releaseDomain", release_token));
    auto const add = [&b](int fd, source s) {
        return b->poller_.add(fd, static_cast<std::uint64_t>(s));
    };
    XENPP_TRY(add(b->events_.fd(), source::events));
    XENPP_TRY(add(b->store_.event_fd(), source::store));
    XENPP_TRY(add(b->backends_->poll_fd(), source::backends));
    XENPP_TRY(b->dispatch()); // devices of a process before this one
    return b;
}

result<void> beside_kernel::dispatch() {
    for (auto const& r : poller_.wait(0)) {
        switch (static_cast<source>(r.tag)) {
        case source::events: XENPP_TRY(events_.dispatch()); break;
        case source::backends: backends_->dispatch(); break;
        case source::store: break; // below, also what came without waking us
        }
    }
    return backends_->settle([this] { return read_reports(); });
}

result<void> beside_kernel::read_reports() {
    while (auto const report = XENPP_TRY(store_.read_watch(0))) {
        if (report->token == release_token) {
            XENPP_TRY(look_at_domains());
        } else {
            backends_->changed(*report);
        }
    }
    return {};
}

/// Lets go of what belongs to domains that are going, and removes the nodes that other toolstacks,
/// which do not know these backends, leave.
result<void> beside_kernel::look_at_domains() {
    auto const all = XENPP_TRY(ctl::get_domain_list(hypervisor_));
    auto const is_going = [&all](domid d) {
        auto const info = std::ranges::find(all, d.raw(), &abi::domctl_getdomaininfo::domain);
        return info == all.end() || (info->flags & abi::dominf_dying) != 0;
    };
    for (auto const d : backends_->frontends()) {
        if (is_going(d)) {
            backends_->remove(d);
        }
    }
    for (auto const& a : XENPP_TRY(dev::list_beside_kernel(store_))) {
        if (is_going(a.frontend) && !XENPP_TRY(store_.exists(dev::libxl_path(a)))) {
            XENPP_TRY(store_.transact(
                [&a](store::client_transaction const& t) { return dev::remove_device(t, a); }));
        }
    }
    return {};
}

} // namespace xenpp::detail
