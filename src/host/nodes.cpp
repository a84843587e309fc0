// SPDX-License-Identifier: Apache-2.0
// What xenstore holds of a domain. Names and permissions are those of Xen's tools.
#include "host/nodes.hpp"

#include <xenpp/dev/xenbus/device.hpp>
#include <xenpp/os/clock.hpp>

#include <fmt/core.h>

#include <array>
#include <initializer_list>
#include <utility>

namespace xenpp::detail {
namespace {

using store::access;

constexpr std::uint64_t kib_per_mib = 1024;

/// Nodes below a domain's directory that its kernel may write.
constexpr std::array<std::string_view, 11> guest_nodes{
    "device/suspend/event-channel",
    "control/shutdown",
    "control/feature-poweroff",
    "control/feature-reboot",
    "control/feature-suspend",
    "control/sysrq",
    "data",
    "drivers",
    "feature",
    "attr",
    "error",
};

using node_list = std::initializer_list<std::pair<std::string_view, std::string>>;

result<void>
write_all(store::client_transaction const& t, std::string const& base, node_list nodes) {
    for (auto const& [name, value] : nodes) {
        XENPP_TRY(t.write(base + "/" + std::string(name), value));
    }
    return {};
}

/// A directory of its own, readable by the domain. What is made in it inherits that.
result<void> make_directory(store::client_transaction const& t, std::string const& path, domid d) {
    XENPP_TRY(t.mkdir(path));
    return t.set_perms(path, {{dom0, access::none}, {d, access::read}});
}

result<void> write_own(store::client_transaction const& t, node_contents const& c) {
    auto const& config = *c.config;
    auto const base = domain_node(c.id);
    // An HVM or PVH kernel takes what it sees less than this for populated on demand, and gives as
    // much back; here it sees all that it has at the start.
    auto const static_max =
        config.type == config::domain_type::pv ? config.maxmem_mib : config.memory_mib;
    XENPP_TRY(make_directory(t, base, c.id));
    XENPP_TRY(write_all(t, base,
                        {
                            {"vm", vm_node(c.uuid)},
                            {"name", config.name},
                            {"domid", std::to_string(c.id.raw())},
                            {"memory/static-max", std::to_string(static_max * kib_per_mib)},
                            {"memory/target", std::to_string(config.memory_mib * kib_per_mib)},
                            {"memory/videoram", "0"},
                            {"control/platform-feature-multiprocessor-suspend", "1"},
                            {"control/platform-feature-xs_reset_watches", "1"},
                            {"store/port", std::to_string(c.store_port.raw())},
                            {"store/ring-ref", std::to_string(c.store_page.raw())},
                            {"device", ""},
                        }));
    for (std::uint32_t v = 0; v != config.maxvcpus; ++v) {
        XENPP_TRY(t.write(fmt::format("{}/cpu/{}/availability", base, v),
                          v < config.vcpus ? "online" : "offline"));
    }
    for (auto const name : guest_nodes) {
        auto const path = base + "/" + std::string(name);
        XENPP_TRY(t.write(path, ""));
        XENPP_TRY(t.set_perms(path, {{c.id, access::none}}));
    }
    return {};
}

/// The console is written last: backends look for it.
result<void> write_console(store::client_transaction const& t, node_contents const& c) {
    return write_all(t, domain_node(c.id, "console"),
                     {
                         {"backend-id", "0"},
                         {"limit", "1048576"},
                         {"type", "xenconsoled"},
                         {"output", "pty"},
                         {"tty", ""},
                         {"port", std::to_string(c.console_port.raw())},
                         {"ring-ref", std::to_string(c.console_page.raw())},
                     });
}

result<void> write_vm(store::client_transaction const& t, node_contents const& c) {
    auto const now = os::wall_clock_ns();
    auto const base = vm_node(c.uuid);
    XENPP_TRY(make_directory(t, base, c.id));
    return write_all(
        t, base,
        {
            {"name", c.config->name},
            {"uuid", config::format(c.uuid)},
            {"image/ostype", "linux"},
            {"image/kernel", c.kernel},
            {"image/ramdisk", c.config->ramdisk},
            {"image/cmdline", c.config->cmdline},
            {"start_time", fmt::format("{}.{:02}", now / 1'000'000'000, now / 10'000'000 % 100)},
        });
}

result<void> write_libxl(store::client_transaction const& t, node_contents const& c) {
    auto const base = libxl_node(c.id);
    XENPP_TRY(t.mkdir(base));
    XENPP_TRY(t.set_perms(base, {{dom0, access::none}}));
    return write_all(t, base,
                     {
                         {"type", std::string(to_string(c.config->type))},
                         {"uuid", config::format(c.uuid)},
                         {"monitored", c.is_monitored ? "1" : "0"},
                     });
}

} // namespace

result<void> write_nodes(store::client const& s, node_contents const& c) {
    return s.transact([&c](store::client_transaction const& t) -> result<void> {
        XENPP_TRY(write_own(t, c));
        XENPP_TRY(write_vm(t, c));
        XENPP_TRY(write_libxl(t, c));
        for (auto const& device : c.devices) {
            XENPP_TRY(dev::write_device(t, device));
        }
        return write_console(t, c);
    });
}

result<void> remove_nodes(store::client const& s, domid d, config::uuid const& uuid) {
    return s.transact([&](store::client_transaction const& t) -> result<void> {
        auto const remove = [&t](std::string const& path) -> result<void> {
            auto done = t.rm(path);
            return !done && is_missing(done.error()) ? result<void>() : done;
        };
        XENPP_TRY(remove(vm_node(uuid)));
        auto const owner = t.read(libxl_node(d, "uuid"));
        if (owner && *owner != config::format(uuid)) {
            return {};
        }
        for (auto const& device : XENPP_TRY(dev::list_devices(t, d))) {
            XENPP_TRY(dev::remove_device(t, device));
        }
        XENPP_TRY(remove(libxl_node(d)));
        return remove(domain_node(d));
    });
}

result<bool> is_monitored(store::client const& s, domid d) {
    auto const flag = s.read(libxl_node(d, "monitored"));
    if (!flag && !is_missing(flag.error())) {
        return unexpected(flag.error());
    }
    return flag && *flag == "1";
}

std::string vm_node(config::uuid const& uuid, std::string_view name) {
    auto path = "/vm/" + config::format(uuid);
    if (!name.empty()) {
        path.append("/").append(name);
    }
    return path;
}

std::string libxl_node(domid d, std::string_view name) {
    auto path = fmt::format("/libxl/{}", d.raw());
    if (!name.empty()) {
        path.append("/").append(name);
    }
    return path;
}

} // namespace xenpp::detail
