// SPDX-License-Identifier: Apache-2.0
// The hotplug script of a network interface, called as Xen's toolstack calls it.
#pragma once

#include <xenpp/dev/vif/config.hpp>
#include <xenpp/dev/xenbus/backend.hpp>
#include <xenpp/os/process.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace xenpp::dev::detail {

/// Runs `SCRIPT online` or `SCRIPT offline` with what scripts expect in their environment: script,
/// vif, XENBUS_TYPE, XENBUS_PATH, XENBUS_BASE_PATH, netdev, and XENSTORED_PATH, so that
/// xenstore-read and xenstore-write find this host. A script that fails says why in the node
/// hotplug-error, or on its standard error.
class hotplug_script {
public:
    /// Where a script without a path is looked for.
    static constexpr std::string_view folder = "/etc/xen/scripts/";

    explicit hotplug_script(backend_context const& context) noexcept : context_(context) {}

    hotplug_script(hotplug_script const&) = delete;
    hotplug_script& operator=(hotplug_script const&) = delete;
    ~hotplug_script();

    /// The file that `name` means; empty if it is not there.
    static std::string find(std::string const& name);

    /// `done` is called from the event loop, once, with what came of it.
    result<void> start(std::string const& file,
                       std::string_view action,
                       std::string const& interface_name,
                       std::string const& gatewaydev,
                       std::function<void(result<void>)> done);

    bool is_running() const noexcept { return process_.has_value(); }

private:
    void look();
    result<void> outcome(int status) const;

    backend_context const& context_;
    std::optional<os::process> process_;
    std::string file_;
    std::string action_;
    std::string log_;
    std::function<void(result<void>)> done_;
};

} // namespace xenpp::dev::detail
