// SPDX-License-Identifier: Apache-2.0
// What xenstore holds of a domain: its own directory, /vm, /libxl.
#pragma once

#include "host/session.hpp"

#include <xenpp/base/strong.hpp>
#include <xenpp/config/domain_config.hpp>
#include <xenpp/dev/xenbus/device.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::detail {

struct node_contents {
    domid id{};
    config::uuid uuid{};
    config::domain_config const* config = nullptr;
    std::string kernel;
    gfn store_page{}, console_page{};
    evtchn_port store_port{}, console_port{};
    bool is_monitored = true;
    std::vector<dev::new_device> devices{};
};

/// Writes all nodes of a new domain, with their permissions, in one transaction.
result<void> write_nodes(store::client const& s, node_contents const& c);

/// Removes all nodes of a domain, unless they are another domain's of that number.
result<void> remove_nodes(store::client const& s, domid d, config::uuid const& uuid);

/// Whether the monitor is to act on a domain.
result<bool> is_monitored(store::client const& s, domid d);

std::string vm_node(config::uuid const& uuid, std::string_view name = {});
std::string libxl_node(domid d, std::string_view name = {});

} // namespace xenpp::detail
