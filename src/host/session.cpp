// SPDX-License-Identifier: Apache-2.0
// What a host and its handles share.
#include "host/session.hpp"

#include <xenpp/ctl/domctl.hpp>
#include <xenpp/ctl/sysctl.hpp>
#include <xenpp/os/clock.hpp>

#include <fmt/core.h>

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace xenpp::detail {

result<std::shared_ptr<session>> session::open(host_parts parts) {
    auto hypervisor = XENPP_TRY(ctl::connection::open(*parts.doors));
    return std::shared_ptr<session>(new session(std::move(parts), std::move(hypervisor)));
}

result<std::unique_ptr<store::connection>> session::connect_store() const {
    if (!parts_.connect_store) {
        return std::unique_ptr<store::connection>();
    }
    return parts_.connect_store();
}

result<void> session::reopen_store() {
    auto again = XENPP_TRY(connect_store());
    if (again == nullptr) {
        return fail("connect to xenstore", ENOTCONN, "the connection is lost");
    }
    store_ = std::make_unique<store::client>(std::move(again));
    is_watching_ = false;
    return {};
}

result<void> session::keep_config(domid d, config::uuid const& id, config::domain_config const& c) {
    std::vector<std::uint32_t> nodes;
    if (!c.cpus.empty() || !c.cpus_soft.empty()) {
        nodes = XENPP_TRY(node_of_cpu());
    }
    return configs_.save(d, id, c, nodes);
}

result<std::vector<std::uint32_t>> session::node_of_cpu() {
    std::vector<std::uint32_t> out;
    for (auto const& cpu : XENPP_TRY(ctl::get_cpu_topology(hypervisor_))) {
        out.push_back(cpu.node);
    }
    return out;
}

bool session::watch_domains() {
    constexpr std::string_view token = "xenpp";
    if (!is_watching_) {
        is_watching_ = store_->watch("@releaseDomain", token).has_value();
    }
    return is_watching_;
}

void session::wait_for_change(std::chrono::milliseconds most) {
    turn();
    if (!watch_domains() && reopen_store()) {
        watch_domains();
    }
    auto const fd = is_watching_ ? store_->event_fd() : -1;
    if (fd < 0) { // nothing to wait for but time
        os::sleep_ns(static_cast<std::uint64_t>(std::clamp<std::int64_t>(most.count(), 0, 1)) *
                     1'000'000);
        turn();
        return;
    }
    bool came = false;
    while (auto const event = store_->read_watch(0)) {
        if (!*event) {
            break;
        }
        came = true;
    }
    if (!came) {
        pollfd p{fd, POLLIN, 0};
        poll(&p, 1, static_cast<int>(std::clamp<std::int64_t>(most.count(), 0, 1000)));
        while (true) {
            auto const event = store_->read_watch(0);
            if (!event) { // the store is gone: again with a new connection next time
                is_watching_ = false;
                break;
            }
            if (!*event) {
                break;
            }
        }
    }
    turn();
}

result<std::string> session::name_of(domid d) {
    auto name = store_->read(domain_node(d, "name"));
    if (!name && is_missing(name.error())) {
        return std::string(d == dom0 ? "Domain-0" : "");
    }
    return name;
}

result<abi::domctl_getdomaininfo> domain_ref::check(std::string_view operation) const {
    auto info = ctl::get_domain_info(s->hypervisor(), id);
    bool const is_other = info && !std::ranges::equal(info->handle, uuid);
    if (is_other || (!info && info.error().code == ESRCH)) {
        return fail(operation, ESRCH, fmt::format("domain {} is gone", id.raw()));
    }
    return info;
}

std::string domain_node(domid d, std::string_view name) {
    auto path = fmt::format("/local/domain/{}", d.raw());
    if (!name.empty()) {
        path.append("/").append(name);
    }
    return path;
}

} // namespace xenpp::detail
