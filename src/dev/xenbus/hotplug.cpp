// SPDX-License-Identifier: Apache-2.0
// Calling hotplug scripts as Xen's toolstack does.
#include <xenpp/dev/xenbus/hotplug.hpp>
#include <xenpp/os/file.hpp>

#include <fmt/format.h>

#include <unistd.h>

namespace xenpp::dev {

std::string find_hotplug_script(std::string const& name) {
    auto file = name.starts_with('/') ? name : std::string(hotplug_folder) + name;
    return ::access(file.c_str(), X_OK) == 0 ? file : std::string();
}

std::vector<std::string> hotplug_arguments(hotplug_call const& c) {
    std::vector<std::string> out{
        "env",
        "script=" + c.file,
        "XENBUS_TYPE=" + c.address.kind,
        "XENBUS_PATH=" + backend_path(c.address),
        "XENBUS_BASE_PATH=backend",
        "XENSTORED_PATH=" + c.store_path,
    };
    if (!c.interface_name.empty()) {
        out.push_back("vif=" + c.interface_name);
    }
    if (!c.gatewaydev.empty()) {
        out.push_back("netdev=" + c.gatewaydev);
    }
    out.push_back(c.file);
    out.push_back(c.action);
    if (!c.interface_name.empty()) {
        out.emplace_back("type_if=vif");
    }
    return out;
}

result<void> hotplug_outcome(store::node_access const& s,
                             hotplug_call const& c,
                             int status,
                             std::string const& log) {
    if (status == 0) {
        return {};
    }
    auto const why = read_node(s, backend_path(c.address) + "/hotplug-error");
    std::string words = why && *why ? **why : std::string();
    if (words.empty() && !log.empty()) {
        constexpr std::size_t most_bytes = 500;
        words = os::tail_of_file(log, most_bytes);
    }
    return fail(hotplug_operation, fmt::format("{} {} failed with status {}{}{}", c.file, c.action,
                                               status, words.empty() ? "" : ": ", words));
}

} // namespace xenpp::dev
