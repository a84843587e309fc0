// SPDX-License-Identifier: Apache-2.0
// The consoles of all domains: found in xenstore, mapped, bound, served.
#pragma once

#include <xenpp/ctl/connection.hpp>
#include <xenpp/dev/console/backend.hpp>
#include <xenpp/dev/console/nodes.hpp>
#include <xenpp/os/poller.hpp>
#include <xenpp/store/client.hpp>

#include <daemon/event_router.hpp>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace xenpp::detail {

/// What a console needs of its daemon.
struct console_host {
    ctl::connection& hypervisor;
    event_router& events;
    store::client& store;
    std::string folder; ///< of the logs
    std::function<void(std::string_view)> log;
};

class consoles {
public:
    static result<std::unique_ptr<consoles>> create(console_host host);

    consoles(consoles const&) = delete;
    consoles& operator=(consoles const&) = delete;
    ~consoles();

    /// Readable when `dispatch` has something to do: at the terminals.
    int fd() const noexcept { return terminals_.fd(); }

    void dispatch();

    /// These domains are there, and no other. Their consoles are served as soon as their nodes are
    /// there, and while they say so.
    void set_domains(std::set<domid> const& now);

    /// A domain is gone, or going: what it wrote last is taken.
    void remove(domid d);

    /// Called for each report of the store's watches; says whether it was ours.
    bool changed(store::watch_report const& report);

private:
    struct served {
        dev::console_nodes nodes;
        transport::foreign_mapping page;
        evtchn_port port;
        dev::console_backend backend;
        bool is_polled = false;
        bool is_polled_to_write = false;
    };

    consoles(console_host host, os::poller terminals)
        : host_(std::move(host)), terminals_(std::move(terminals)) {}

    void add(domid d);
    void look_at(domid d);
    result<void> serve(domid d, dev::console_nodes const& nodes);
    void stop(domid d);
    void rename(domid d);
    std::string name_of(domid d) const;
    result<void> ring_event(domid d);
    void poll_terminal(domid d, served& c);
    void complain(domid d, error const& e) const;

    console_host host_;
    os::poller terminals_;
    std::set<domid> domains_;
    std::map<domid, served> served_;
};

} // namespace xenpp::detail
