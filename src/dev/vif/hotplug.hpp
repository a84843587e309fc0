// SPDX-License-Identifier: Apache-2.0
// The hotplug script of a network interface, called as Xen's toolstack calls it.
#pragma once

#include <xenpp/dev/vif/config.hpp>
#include <xenpp/dev/xenbus/backend.hpp>
#include <xenpp/dev/xenbus/hotplug.hpp>
#include <xenpp/os/process.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace xenpp::dev::detail {

/// Runs `SCRIPT online` or `SCRIPT offline` while the event loop goes on.
class hotplug_script {
public:
    explicit hotplug_script(backend_context const& context) noexcept : context_(context) {}

    hotplug_script(hotplug_script const&) = delete;
    hotplug_script& operator=(hotplug_script const&) = delete;
    ~hotplug_script();

    /// `done` is called from the event loop, once, with what came of it.
    result<void> start(std::string const& file,
                       std::string_view action,
                       std::string const& interface_name,
                       std::string const& gatewaydev,
                       std::function<void(result<void>)> done);

    bool is_running() const noexcept { return process_.has_value(); }

private:
    void look();

    backend_context const& context_;
    std::optional<os::process> process_;
    hotplug_call call_;
    std::string log_;
    std::function<void(result<void>)> done_;
};

} // namespace xenpp::dev::detail
