// SPDX-License-Identifier: Apache-2.0
// What is done with a domain that has shut down.
#include "host/restart.hpp"

#include "host/building.hpp"
#include "host/core_dump.hpp"
#include "host/create.hpp"
#include "host/nodes.hpp"

#include <xenpp/base/parse_number.hpp>
#include <xenpp/ctl/domctl.hpp>
#include <xenpp/os/clock.hpp>
#include <xenpp/os/file.hpp>

#include <fmt/core.h>

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <iterator>

namespace xenpp::detail {
namespace {

using config::shutdown_action;

/// A domain that ends sooner than this after its start is restarted no sooner: a guest that cannot
/// live costs its host one start every two seconds (Xen's xl also waits 2 s, before each restart).
constexpr double shortest_life_s = 2;

config::uuid uuid_of(abi::domctl_getdomaininfo const& i) noexcept {
    config::uuid u{};
    std::copy(std::begin(i.handle), std::end(i.handle), u.begin());
    return u;
}

/// "-20261122T2357Z", as Xen's xl names what it sets aside.
std::string time_suffix() {
    auto const now = static_cast<std::time_t>(os::wall_clock_ns() / 1'000'000'000);
    std::tm utc{};
    gmtime_r(&now, &utc);
    std::array<char, 32> text{};
    auto const n = std::strftime(text.data(), text.size(), "-%Y%m%dT%H%MZ", &utc);
    return {text.data(), n};
}

std::string_view verb(shutdown_action a) noexcept {
    switch (a) {
    case shutdown_action::destroy: return "destroying it";
    case shutdown_action::restart: return "restarting it";
    case shutdown_action::rename_restart: return "renaming it and starting another";
    case shutdown_action::preserve: return "leaving it as it is";
    case shutdown_action::coredump_destroy: return "writing its core and destroying it";
    case shutdown_action::coredump_restart: return "writing its core and restarting it";
    case shutdown_action::soft_reset: return "restarting it: a reset in place is not supported yet";
    }
    return "";
}

/// Others let go of descriptors sooner or later: what failed for want of one is tried again.
bool is_short_of_descriptors(error const& e) noexcept {
    return e.code == EMFILE || e.code == ENFILE;
}

/// Others' devices are this thread's too: they have their turn between the steps of a build.
struct turning final : builder::step_observer {
    session& s;

    explicit turning(session& one) noexcept : s(one) {}

    result<void> before(std::string_view /*step*/) override {
        s.turn(std::chrono::milliseconds(1));
        return {};
    }
};

} // namespace

struct ending::subject {
    domid id;
    config::uuid uuid;
    config::domain_config config;
};

std::string restarting_path(config::uuid const& uuid) {
    return fmt::format("{}/{}", restarting_node, config::format(uuid));
}

shutdown_action action_for(config::domain_config const& c, shutdown_reason reason) noexcept {
    switch (reason) {
    case shutdown_reason::poweroff: return c.on_poweroff;
    case shutdown_reason::reboot: return c.on_reboot;
    case shutdown_reason::crash: return c.on_crash;
    case shutdown_reason::watchdog: return c.on_watchdog;
    case shutdown_reason::soft_reset: return c.on_soft_reset;
    case shutdown_reason::suspend: return shutdown_action::preserve; // its saver goes on with it
    }
    return shutdown_action::destroy; // a reason that nobody knows
}

bool ending::is_too_soon(config::uuid const& uuid) {
    auto const text = s_->store().read(vm_node(uuid, "start_time"));
    auto const started = text ? parse_real(*text).value_or(0) : 0;
    auto const now = static_cast<double>(os::wall_clock_ns()) / 1e9;
    return now >= started && now - started < shortest_life_s;
}

result<bool> ending::act(abi::domctl_getdomaininfo const& i) {
    auto const info = to_domain_info(i, {});
    auto const reason = info.reason.value_or(shutdown_reason::poweroff);
    auto config = s_->configs().load(info.uuid);
    if (!config && is_short_of_descriptors(config.error())) {
        return false;
    }
    if (!config) {
        say(fmt::format("domain {} ended ({}); it stays as it is, for its configuration cannot be "
                        "read: {}",
                        i.domain, to_string(reason), config.error().message()));
        return true;
    }
    auto const what = action_for(*config, reason);
    bool const comes_again = what != shutdown_action::destroy &&
                             what != shutdown_action::coredump_destroy &&
                             what != shutdown_action::preserve;
    if (comes_again && is_too_soon(info.uuid)) {
        return false;
    }
    auto const name = config->name;
    say(fmt::format("domain {} ({}) ended ({}): {}", i.domain, name, to_string(reason),
                    verb(what)));
    if (what == shutdown_action::coredump_destroy || what == shutdown_action::coredump_restart) {
        auto const path = dump(i, name); // without a core the action is carried out all the same
        say(fmt::format("domain {} ({}): {}", i.domain, name,
                        path ? "its core is in " + *path : path.error().message()));
    }
    auto const done = carry_out({info.id, info.uuid, std::move(*config)}, what);
    if (!done) {
        say(fmt::format("domain {} ({}): {}", i.domain, name, done.error().message()));
        return !is_short_of_descriptors(done.error());
    }
    return true;
}

/// One core a name: a guest that crashes again and again fills no disk.
result<std::string> ending::dump(abi::domctl_getdomaininfo const& i, std::string const& name) {
    constexpr std::string_view operation = "dump domain's core";
    auto const folder = dumps_folder(*s_);
    if (folder.empty()) {
        return fail(operation, ENOENT, "this host has no folder for cores");
    }
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        return os::fail_errno(operation, folder);
    }
    auto path = fmt::format("{}/{}", folder, name);
    XENPP_TRY(write_core(*s_, i, path));
    return path;
}

result<void> ending::carry_out(subject const& d, shutdown_action what) {
    switch (what) {
    case shutdown_action::preserve: return {};
    case shutdown_action::destroy:
    case shutdown_action::coredump_destroy: return destroy_domain(*s_, d.id, d.uuid);
    case shutdown_action::restart:
    case shutdown_action::coredump_restart:
    case shutdown_action::soft_reset: return restart(d);
    case shutdown_action::rename_restart: return rename_and_restart(d);
    }
    return {};
}

result<void> ending::restart(subject const& d) {
    XENPP_TRY(s_->store().write(restarting_path(d.uuid), d.config.name));
    XENPP_TRY(destroy_domain(*s_, d.id, d.uuid, true));
    return create_again(d.uuid);
}

result<void> ending::rename_and_restart(subject const& d) {
    XENPP_TRY(s_->store().write(restarting_path(d.uuid), d.config.name));
    XENPP_TRY(set_aside(d));
    return create_again(d.uuid);
}

/// Gives a domain another name and UUID. xenstore comes first: a monitor that goes on after our
/// death finds there which UUID the hypervisor has yet to be told.
result<void> ending::set_aside(subject const& d) {
    auto aside = d.config;
    auto const uuid = config::random_uuid();
    aside.uuid = uuid;
    aside.name += time_suffix();
    auto reserved = name_reservation::take(s_, config::random_uuid(), aside.name, d.id);
    for (int n = 2; !reserved && reserved.error().code == static_cast<int>(errc::exist); ++n) {
        aside.name = fmt::format("{}{}-{}", d.config.name, time_suffix(), n);
        reserved = name_reservation::take(s_, config::random_uuid(), aside.name, d.id);
    }
    XENPP_TRY(std::move(reserved));
    XENPP_TRY(s_->keep_config(d.id, uuid, aside));
    XENPP_TRY(s_->store().transact([&](store::client_transaction const& t) -> result<void> {
        XENPP_TRY(t.write(domain_node(d.id, "name"), aside.name));
        XENPP_TRY(t.write(domain_node(d.id, "vm"), vm_node(uuid)));
        XENPP_TRY(t.write(vm_node(uuid, "name"), aside.name));
        XENPP_TRY(t.write(vm_node(uuid, "uuid"), config::format(uuid)));
        XENPP_TRY(t.write(libxl_node(d.id, "uuid"), config::format(uuid)));
        return t.write(libxl_node(d.id, "monitored"), "0");
    }));
    return ctl::set_domain_handle(s_->hypervisor(), d.id, uuid);
}

result<void> ending::create_again(config::uuid const& uuid) {
    auto const again = [&]() -> result<void> {
        auto const config = XENPP_TRY(s_->configs().load(uuid));
        turning observer(*s_);
        auto const made = XENPP_TRY(create_domain(s_, config, {.start = true}, &observer));
        say(fmt::format("domain {} ({}) started", made->id.raw(), config.name));
        return {};
    };
    auto const done = again();
    if (!done && is_short_of_descriptors(done.error())) {
        return done; // the note stays, so it is tried again
    }
    if (!done) {
        s_->configs().remove(uuid); // it will not come again
    }
    XENPP_TRY(s_->store().rm(restarting_path(uuid)));
    return done;
}

result<bool> ending::resume(std::vector<abi::domctl_getdomaininfo> const& domains) {
    auto const names = s_->store().directory(restarting_node);
    if (!names) {
        return is_missing(names.error()) ? result<bool>(false) : unexpected(names.error());
    }
    bool is_put_off = false;
    for (auto const& name : *names) {
        auto const uuid = config::parse_uuid(name);
        if (!uuid) {
            continue;
        }
        auto const it = std::ranges::find_if(domains, [&uuid](auto const& d) {
            return uuid_of(d) == *uuid && (d.flags & abi::dominf_dying) == 0;
        });
        if (it != domains.end()) { // either not yet destroyed, or not yet set aside for good
            auto const id = domid(it->domain);
            auto const kept = s_->store().read(libxl_node(id, "uuid"));
            auto const other = kept ? config::parse_uuid(*kept) : std::nullopt;
            if (!other || *other == *uuid) {
                if ((it->flags & abi::dominf_shutdown) == 0) { // it is there already
                    XENPP_TRY(s_->store().rm(restarting_path(*uuid)));
                }
                continue;
            }
            if (auto const done = ctl::set_domain_handle(s_->hypervisor(), id, *other); !done) {
                say(done.error().message());
                continue;
            }
        }
        say(fmt::format("going on with the restart of {}", name));
        if (auto const done = create_again(*uuid); !done) {
            is_put_off = is_put_off || is_short_of_descriptors(done.error());
            say(done.error().message());
        }
    }
    return is_put_off;
}

} // namespace xenpp::detail
