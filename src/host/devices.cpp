// SPDX-License-Identifier: Apache-2.0
// Attach and detach are transactions in xenstore; what follows is the backend's and the guest's.
#include "host/devices.hpp"

#include "host/kernel_backend.hpp"
#include "host/native.hpp"

#include <xenpp/dev/vbd/nodes.hpp>
#include <xenpp/dev/vif/nodes.hpp>
#include <xenpp/os/file.hpp>

#include <fmt/format.h>

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <thread>

namespace xenpp::detail {
namespace {

using clock = std::chrono::steady_clock;
using dev::xenbus_state;

constexpr std::string_view attach_operation = "attach device";
/// Where xl.conf names no other.
constexpr char const* default_bridge = "xenbr0";

constexpr std::string_view detach_operation = "detach device";
/// How long the kernel's backends are given (libxl's LIBXL_INIT_TIMEOUT and _DESTROY_TIMEOUT).
constexpr std::chrono::seconds kernel_timeout(10);

/// Not all that is waited for is told by xenstore.
constexpr std::chrono::milliseconds glance(100);

/// A connection of its own, so that its watches are gone with it and no report is somebody else's.
result<store::client> watch_state(session& s, dev::device_address const& a) {
    store::client c(XENPP_TRY(s.connect_store()));
    XENPP_TRY(c.watch(dev::backend_path(a) + "/state", "state"));
    return c;
}

/// Reads the backend's state until `is_enough` says so; false: the time was over.
template <class Enough>
result<bool> wait_for_state(session& s,
                            dev::device_address const& a,
                            std::chrono::milliseconds timeout,
                            Enough is_enough) {
    auto const c = XENPP_TRY(watch_state(s, a));
    auto const end = clock::now() + timeout;
    for (s.turn();;) {
        if (is_enough(XENPP_TRY(dev::read_state(c, dev::backend_path(a))))) {
            return true;
        }
        auto const left = std::chrono::ceil<std::chrono::milliseconds>(end - clock::now());
        if (left <= std::chrono::milliseconds(0)) {
            return false;
        }
        auto const most = std::min(left, glance);
        XENPP_TRY(c.read_watch(s.turn(most) ? 0 : static_cast<int>(most.count())));
    }
}

/// What an end says is wrong, in its error directory; empty: it says nothing.
std::string words_of(session& s, std::string const& directory) {
    auto words = s.store().read(directory + "/error").value_or("");
    std::ranges::replace(words, '\n', ' '); // it is part of a line
    return words;
}

std::string frontend_words(session& s, dev::device_address const& a) {
    return words_of(s, domain_node(a.frontend, fmt::format("error/device/{}/{}", a.kind, a.id)));
}

bool is_over(xenbus_state backend) {
    return backend == xenbus_state::closed || backend == xenbus_state::unknown;
}

result<void> remove_nodes_of(session& s, dev::device_address const& a) {
    return s.store().transact(
        [&a](store::client_transaction const& t) { return dev::remove_device(t, a); });
}

unexpected<error>
refuse(std::string_view operation, int code, dev::device_address const& a, std::string_view why) {
    return unexpected(
        error{operation, code, fmt::format("{}: {}", to_string(a), why), a.frontend.raw()});
}

/// Has the kernel's backend let go of a device without asking the frontend, whose nodes go first,
/// and runs its hotplug script. Nothing to do for a backend of ours: it looks after itself.
result<void> release_device(session& s, dev::device_address const& a) {
    if (!is_kernels(s, a)) {
        return {};
    }
    XENPP_TRY(s.store().transact([&a](store::client_transaction const& t) -> result<void> {
        if (XENPP_TRY(t.exists(dev::frontend_path(a)))) {
            XENPP_TRY(t.rm(dev::frontend_path(a)));
        }
        auto const state = XENPP_TRY(dev::read_state(t, dev::backend_path(a)));
        return is_over(state) ? result<void>() : dev::ask_to_close(t, a);
    }));
    // Where the kernel's driver was just about to connect, it goes without writing that it closed.
    bool const is_closed = XENPP_TRY(wait_for_state(
        s, a, kernel_timeout, [&a](xenbus_state b) { return is_over(b) || !is_with_driver(a); }));
    XENPP_TRY(run_hotplug(s, a, false));
    return is_closed ? result<void>()
                     : refuse(detach_operation, ETIMEDOUT, a, "its backend has not let go of it");
}

result<std::map<std::string, std::string>> read_directory(store::client const& s,
                                                          std::string const& path) {
    std::map<std::string, std::string> out;
    auto const names = s.directory(path);
    if (!names) {
        return is_missing(names.error()) ? result<std::map<std::string, std::string>>(out)
                                         : unexpected(names.error());
    }
    for (auto const& name : *names) {
        if (auto value = XENPP_TRY(dev::read_node(s, path + "/" + name))) {
            out.emplace(name, *std::move(value));
        }
    }
    return out;
}

std::string node_in(std::map<std::string, std::string> const& nodes, std::string_view name) {
    auto const found = nodes.find(std::string(name));
    return found == nodes.end() ? std::string() : found->second;
}

} // namespace

result<std::vector<dev::new_device>>
devices_of(session& s, config::domain_config const& config, config::uuid const& uuid, domid d) {
    std::vector<dev::new_device> out;
    for (auto const& disk : config.disks) {
        out.push_back(XENPP_TRY(vbd_for(s, disk, d)));
    }
    auto const ids = vif_ids(config.vifs);
    for (std::size_t i = 0; i < ids.size(); ++i) {
        out.push_back(XENPP_TRY(vif_for(s, config.vifs[i], uuid, d, ids[i])));
    }
    return out;
}

std::vector<std::uint32_t> vif_ids(std::span<dev::vif_config const> vifs) {
    std::set<std::uint32_t> taken;
    for (auto const& v : vifs) {
        if (v.devid) {
            taken.insert(*v.devid);
        }
    }
    std::vector<std::uint32_t> out;
    std::uint32_t next = 0;
    for (auto const& v : vifs) {
        while (!v.devid && taken.contains(next)) {
            ++next;
        }
        out.push_back(v.devid ? *v.devid : next++);
    }
    return out;
}

result<dev::new_device> vbd_for(session& s, dev::vbd_config const& c, domid d) {
    auto device = XENPP_TRY(dev::new_vbd(c, d));
    device.address.is_beside_kernel = s.kind() == host_kind::native && is_for_xenppd(c);
    if (is_kernels(s, device.address)) {
        XENPP_TRY(suit_kernel(c, device));
    }
    return device;
}

result<dev::new_device>
vif_for(session& s, dev::vif_config v, config::uuid const& uuid, domid d, std::uint32_t devid) {
    bool const is_native = s.kind() == host_kind::native;
    if (is_native && v.network == dev::vif_network::automatic) {
        v.network = dev::vif_network::bridge;
    }
    dev::settle_network(v, default_bridge);
    if (!v.mac) {
        v.mac = dev::generate_mac(uuid, devid);
    }
    auto device = dev::describe_vif(v, d, devid);
    device.address.is_beside_kernel = is_native && is_for_xenppd(v);
    if (is_kernels(s, device.address)) {
        XENPP_TRY(suit_kernel(v, device));
    }
    return device;
}

result<void> wait_for_backend(session& s, dev::device_address const& a) {
    if (s.kind() == host_kind::sim) {
        return {};
    }
    bool const is_of_kernel = is_kernels(s, a);
    if (a.is_beside_kernel) {
        XENPP_TRY(ensure_monitor(s)); // it serves them too, and stays while there are any
    }
    bool has_failed = false;
    bool const is_done = XENPP_TRY(wait_for_state(
        s, a, is_of_kernel ? kernel_timeout : attach_timeout, [&has_failed](xenbus_state b) {
            has_failed = b == xenbus_state::closing || b == xenbus_state::closed ||
                         b == xenbus_state::unknown;
            return has_failed || b != xenbus_state::initialising;
        }));
    if (has_failed) {
        auto const words = words_of(s, dev::error_path(a));
        return refuse(attach_operation, 0, a, words.empty() ? "its backend gave it up" : words);
    }
    if (is_done) {
        return is_of_kernel ? run_hotplug(s, a, true) : result<void>();
    }
    auto const module = is_of_kernel ? missing_module(a) : std::string();
    return refuse(
        attach_operation, ETIMEDOUT, a,
        module.empty()
            ? "no backend has taken it up; is the daemon of this host running?"
            : fmt::format("domain 0's kernel has no backend for it: modprobe {}", module));
}

result<void> attach_device(session& s, dev::new_device const& d) {
    XENPP_TRY(s.store().transact(
        [&d](store::client_transaction const& t) { return dev::write_device(t, d); }));
    auto ready = wait_for_backend(s, d.address);
    if (!ready) {
        static_cast<void>(release_device(s, d.address).has_value());
        static_cast<void>(remove_nodes_of(s, d.address).has_value());
    }
    return ready;
}

result<void>
detach_device(session& s, dev::device_address const& a, detach_options const& options) {
    auto const back = dev::backend_path(a);
    if (!XENPP_TRY(s.store().exists(dev::libxl_path(a)))) {
        return refuse(detach_operation, ENOENT, a, "there is no such device");
    }
    auto const state = XENPP_TRY(dev::read_state(s.store(), back));
    // A frontend that was never connected has nothing to let go of.
    if (!options.force && state != xenbus_state::initialising && state != xenbus_state::init_wait &&
        !is_over(state)) {
        XENPP_TRY(s.store().transact(
            [&a](store::client_transaction const& t) { return dev::ask_to_close(t, a); }));
        if (!XENPP_TRY(wait_for_state(s, a, options.timeout, is_over))) {
            auto const words = frontend_words(s, a);
            return refuse(detach_operation, EBUSY, a,
                          fmt::format("the guest has not let go of it within {} s{}{}; have it "
                                      "stop using the device, or force it",
                                      options.timeout.count() / 1000,
                                      words.empty() ? "" : " and says: ", words));
        }
    }
    auto const released = release_device(s, a);
    XENPP_TRY(remove_nodes_of(s, a));
    return released;
}

result<std::optional<release_lock>> release_lock::try_take(session& s, domid d) {
    if (s.kind() != host_kind::native) { // the daemon alone does it
        return std::optional(release_lock({}));
    }
    auto file = XENPP_TRY(os::open_file(s.file("release.lock"), O_RDWR | O_CREAT));
    if (!XENPP_TRY(os::try_lock_byte(file.get(), d.raw()))) {
        return std::optional<release_lock>();
    }
    return std::optional(release_lock(std::move(file)));
}

result<release_lock> release_lock::take(session& s, domid d) {
    constexpr std::chrono::milliseconds pause(20);
    for (auto const end = clock::now() + attach_timeout; clock::now() < end;) {
        if (auto lock = XENPP_TRY(try_take(s, d))) {
            return *std::move(lock);
        }
        std::this_thread::sleep_for(pause);
    }
    return fail(detach_operation, EBUSY,
                fmt::format("another process has been removing domain {} for long", d.raw()));
}

result<void> release_devices(session& s, domid d) {
    result<void> first;
    for (auto const& a : XENPP_TRY(dev::list_devices(s.store(), d))) {
        auto const done = release_device(s, a);
        if (first && !done) {
            first = done;
        }
    }
    return first;
}

result<std::vector<device_info>> device_infos(session& s, domid d, std::string_view kind) {
    std::vector<device_info> out;
    for (auto const& a : XENPP_TRY(dev::list_devices(s.store(), d, kind))) {
        device_info i;
        i.address = a;
        i.backend = XENPP_TRY(read_directory(s.store(), dev::backend_path(a)));
        i.frontend = XENPP_TRY(read_directory(s.store(), dev::frontend_path(a)));
        i.backend_state = dev::parse_state(i.backend_node("state"));
        i.frontend_state = dev::parse_state(i.frontend_node("state"));
        out.push_back(std::move(i));
    }
    std::ranges::sort(out, {}, &device_info::address);
    return out;
}

} // namespace xenpp::detail

namespace xenpp {

std::string device_info::frontend_node(std::string_view name) const {
    return detail::node_in(frontend, name);
}

std::string device_info::backend_node(std::string_view name) const {
    return detail::node_in(backend, name);
}

} // namespace xenpp
