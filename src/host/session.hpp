// SPDX-License-Identifier: Apache-2.0
// What a host and all handles made by it share: the connections, and what is kept.
#pragma once

#include "host/config_store.hpp"

#include <xenpp/cpupool.hpp>
#include <xenpp/ctl/connection.hpp>
#include <xenpp/domain_info.hpp>
#include <xenpp/host_parts.hpp>
#include <xenpp/store/client.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace xenpp::detail {

class session {
public:
    static result<std::shared_ptr<session>> open(host_parts parts);

    host_kind kind() const noexcept { return parts_.kind; }

    ctl::connection& hypervisor() noexcept { return hypervisor_; }

    transport::doors& doors() const noexcept { return *parts_.doors; }

    store::client& store() noexcept { return *store_; }

    config_store& configs() noexcept { return configs_; }

    /// Keeps what a domain was made from; affinity also as numbers, which other tools read.
    result<void> keep_config(domid d, config::uuid const& id, config::domain_config const& c);

    /// The NUMA node of each of the host's CPUs.
    result<std::vector<std::uint32_t>> node_of_cpu();

    /// A file or folder of the host's; empty if the host keeps none.
    std::string file(std::string_view name) const {
        return parts_.state_dir.empty() ? std::string()
                                        : parts_.state_dir + "/" + std::string(name);
    }

    /// The daemon's path, if the program named it.
    std::string const& daemon() const noexcept { return parts_.daemon; }

    /// Another connection to xenstore; null on a host that has but one.
    result<std::unique_ptr<store::connection>> connect_store() const;

    /// Opens the way to xenstore again, after it broke.
    result<void> reopen_store();

    /// Lets happen what happens in this process alone, and waits for it at most so long. False:
    /// nothing does, and it has not waited.
    bool turn(std::chrono::milliseconds most = {}) const {
        if (parts_.turn) {
            parts_.turn(static_cast<int>(most.count()));
        }
        return static_cast<bool>(parts_.turn);
    }

    /// Returns when a domain may have ended or been introduced, at the latest after `most`.
    void wait_for_change(std::chrono::milliseconds most);

    /// The name of a domain in xenstore; empty if it has none.
    result<std::string> name_of(domid d);

private:
    session(host_parts parts, ctl::connection hypervisor)
        : parts_(std::move(parts))
        , hypervisor_(std::move(hypervisor))
        , store_(std::make_unique<store::client>(std::move(parts_.store)))
        , configs_(parts_.kind == host_kind::native
                       ? config_store("/var/lib/xen", config_store::naming::libxl)
                       : config_store(file("domains"))) {}

    bool watch_domains();

    host_parts parts_;
    ctl::connection hypervisor_;
    std::unique_ptr<store::client> store_;
    config_store configs_;
    bool is_watching_ = false; ///< @releaseDomain, on `store_`
};

/// Which domain a handle means.
struct domain_ref {
    std::shared_ptr<session> s;
    domid id;
    config::uuid uuid;
    std::uint32_t vcpus;

    /// What the hypervisor says of it; `operation` fails with "domain N is gone" if the number now
    /// means another domain or none.
    result<abi::domctl_getdomaininfo> check(std::string_view operation) const;
};

/// Its directory in xenstore, or a node in it.
std::string domain_node(domid d, std::string_view name = {});

/// A CPU pool by name or number. ENOENT.
result<cpupool_info> find_cpupool(session& s, std::string_view what);

domain_info to_domain_info(abi::domctl_getdomaininfo const& i, std::string name);

/// Whether an error says that there is no such node or domain.
inline bool is_missing(error const& e) noexcept {
    return e.code == static_cast<int>(errc::noent) || e.code == static_cast<int>(errc::srch);
}

} // namespace xenpp::detail
