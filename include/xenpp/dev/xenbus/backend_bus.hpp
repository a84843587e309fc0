// SPDX-License-Identifier: Apache-2.0
// Finds the devices that domain 0 serves in xenstore, and takes each through its states.
#pragma once

#include <xenpp/dev/xenbus/backend.hpp>

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace xenpp::dev {

/// All backends of domain 0 that are xenppd's. Its user passes on what the store's watches report
/// and calls `dispatch` once a turn.
class backend_bus {
public:
    /// `store` and `services` outlive the bus. The watches that it sets report at once, so that
    /// devices that are there, also connected ones, are found by the first `changed`.
    /// `is_beside_kernel`: see `device_address`.
    static result<std::unique_ptr<backend_bus>> create(store::client& store,
                                                       backend_services& services,
                                                       std::span<backend_kind const> kinds,
                                                       bool is_beside_kernel = false);

    backend_bus(backend_bus const&) = delete;
    backend_bus& operator=(backend_bus const&) = delete;
    /// Devices that are connected stay so, for the process that comes next.
    ~backend_bus();

    /// Called for each report of the store's watches; says whether it was ours.
    bool changed(store::watch_report const& report);

    /// A domain is gone, or going: nothing of it is held any longer than work in flight needs.
    void remove(domid d);

    /// Does what is due; cheap when nothing is. True: it did something, so that the store may have
    /// reports.
    bool dispatch();

    /// Writes the counts of devices, where they changed. For once in a while: each costs a
    /// transaction.
    void write_statistics();

    std::size_t device_count() const noexcept { return devices_.size(); }

    /// Whether there is a device, or work in flight for one that is gone.
    bool is_busy() const noexcept { return !devices_.empty() || !leaving_.empty(); }

    /// The domains whose devices there are.
    std::set<domid> frontends() const;

private:
    struct device;

    backend_bus(store::client& store,
                backend_services& services,
                std::span<backend_kind const> kinds,
                bool is_beside_kernel);

    void look_at_all();
    void look_at(device_address const& a);
    result<std::unique_ptr<device>> make(device_address const& a);
    result<void> advance(device& d);
    result<void> renew_frontend(device& d);
    result<bool> take(device& d, backend_step step, xenbus_state own);
    result<void> write_and_go_on(device& d, node_list const& nodes, xenbus_state then) const;
    result<void> give_up(device& d, xenbus_state frontend, error const& e);
    static void close(device& d, xenbus_state then);
    void drop(device_address const& a);
    void remove_leavings(device_address const& a);

    store::client& store_;
    backend_services& services_;
    std::span<backend_kind const> kinds_;
    bool is_beside_kernel_;
    std::string root_;
    std::map<device_address, std::unique_ptr<device>> devices_;
    std::vector<std::unique_ptr<device>> leaving_; ///< without nodes, with work in flight
    std::vector<device_address> due_;              ///< to be looked at
    std::set<device_address> gone_;                ///< with nodes, of a domain that is gone
};

} // namespace xenpp::dev
