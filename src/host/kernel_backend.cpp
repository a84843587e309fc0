// SPDX-License-Identifier: Apache-2.0
// What the kernel's backends need said, and their hotplug scripts run to their end.
#include "host/kernel_backend.hpp"

#include <xenpp/dev/xenbus/hotplug.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/process.hpp>

#include <fmt/format.h>

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace xenpp::detail {
namespace {

constexpr std::string_view attach_operation = "attach device";

/// libxl's LIBXL_HOTPLUG_TIMEOUT.
constexpr int script_timeout_ms = 40'000;

/// A temporary file's name for what a script writes, removed with us.
class script_log {
public:
    explicit script_log(session const& s, dev::device_address const& a)
        : path_(s.file(fmt::format("hotplug-{}-{}-{}.log", a.kind, a.frontend.raw(), a.id))) {}

    script_log(script_log const&) = delete;
    script_log& operator=(script_log const&) = delete;

    ~script_log() {
        if (!path_.empty()) {
            ::unlink(path_.c_str());
        }
    }

    std::string const& path() const noexcept { return path_; }

private:
    std::string path_;
};

/// The script that a device names; an error if it is not there.
result<void> add_script(dev::new_device& d, std::string const& name) {
    auto const file = dev::find_hotplug_script(name);
    if (file.empty()) {
        return fail(
            attach_operation, ENOENT,
            fmt::format("{}: there is no hotplug script {} that can be run; scripts without "
                        "a path are looked for in {}",
                        to_string(d.address), name, dev::hotplug_folder));
    }
    std::erase_if(d.backend, [](auto const& node) { return node.first == "script"; });
    d.backend.emplace_back("script", file);
    return {};
}

} // namespace

bool is_kernels(session const& s, dev::device_address const& a) {
    return s.kind() == host_kind::native && !a.is_beside_kernel &&
           (a.kind == "vbd" || a.kind == "vif");
}

bool is_for_xenppd(dev::vbd_config const& c) noexcept {
    using dev::disk_backend_type;
    bool const is_asked_for =
        c.backend_type == disk_backend_type::xenpp || c.backend_type == disk_backend_type::qdisk;
    bool const is_kernels_kind =
        c.format == dev::disk_format::raw && (c.target.empty() || c.target.front() == '/');
    return is_asked_for || (c.backend_type == disk_backend_type::automatic && !is_kernels_kind);
}

bool is_for_xenppd(dev::vif_config const& c) noexcept {
    return c.is_xenppds || c.network == dev::vif_network::user ||
           c.network == dev::vif_network::in_switch || !c.forwards.empty();
}

result<void> suit_kernel(dev::vbd_config const& c, dev::new_device& d) {
    auto const refuse = [&d](std::string_view why) {
        return fail(attach_operation, EOPNOTSUPP, fmt::format("{}: {}", to_string(d.address), why));
    };
    if (c.format != dev::disk_format::raw) {
        return refuse(fmt::format("format={}: the kernel's backend reads raw images and block "
                                  "devices; leave it to xenppd (backendtype=xenpp), or convert it "
                                  "(qemu-img convert -O raw)",
                                  dev::to_string(c.format)));
    }
    if (c.target.empty()) {
        return refuse("the kernel's backend serves no drive without a medium");
    }
    if (!c.target.starts_with('/')) {
        return refuse(fmt::format("{}: the kernel's backend needs the path of a file or of a block "
                                  "device",
                                  c.target));
    }
    if (::access(c.target.c_str(), F_OK) != 0) {
        return fail(attach_operation, errno, fmt::format("{}: {}", to_string(d.address), c.target));
    }
    return add_script(d, "block");
}

result<void> suit_kernel(dev::vif_config const& c, dev::new_device& d) {
    XENPP_TRY(add_script(d, c.script.empty() ? "vif-bridge" : c.script));
    d.backend.emplace_back("hotplug-status", ""); // netback waits for it to be "connected"
    return {};
}

bool is_with_driver(dev::device_address const& a) {
    auto const driver =
        fmt::format("/sys/bus/xen-backend/devices/{}-{}-{}/driver", a.kind, a.frontend.raw(), a.id);
    return ::access(driver.c_str(), F_OK) == 0;
}

std::string missing_module(dev::device_address const& a) {
    auto const driver = "/sys/bus/xen-backend/drivers/" + a.kind;
    if (::access(driver.c_str(), F_OK) == 0) {
        return {};
    }
    return a.kind == "vbd" ? "xen-blkback" : "xen-netback";
}

result<void> run_hotplug(session& s, dev::device_address const& a, bool is_attached) {
    auto const file = XENPP_TRY(dev::read_node(s.store(), dev::backend_path(a) + "/script"));
    if (!file || file->empty()) {
        return {};
    }
    bool const is_disk = a.kind == "vbd";
    dev::hotplug_call call{a, *file, s.doors().store_path()};
    call.action = is_disk ? (is_attached ? "add" : "remove") : (is_attached ? "online" : "offline");
    if (!is_disk) {
        call.interface_name = fmt::format("vif{}.{}", a.frontend.raw(), a.id);
        call.gatewaydev =
            XENPP_TRY(dev::read_node(s.store(), dev::backend_path(a) + "/gatewaydev")).value_or("");
    }
    script_log const log(s, a);
    os::spawn_config c;
    c.arguments = dev::hotplug_arguments(call);
    c.log = log.path();
    auto const process = XENPP_TRY(os::spawn(c));
    pollfd ended{process.fd(), POLLIN, 0};
    if (::poll(&ended, 1, script_timeout_ms) <= 0) {
        static_cast<void>(process.send_signal(SIGKILL).has_value());
        static_cast<void>(process.wait(-1));
        return fail(dev::hotplug_operation, ETIMEDOUT,
                    fmt::format("{} {} has not ended within {} s", *file, call.action,
                                script_timeout_ms / 1000));
    }
    return dev::hotplug_outcome(s.store(), call, process.exit_status().value_or(-1), log.path());
}

} // namespace xenpp::detail
