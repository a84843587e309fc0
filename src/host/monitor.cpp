// SPDX-License-Identifier: Apache-2.0
// The monitor: looks at all domains when one has ended or something is being built.
#include "host/building.hpp"
#include "host/create.hpp"
#include "host/devices.hpp"
#include "host/nodes.hpp"
#include "host/reap.hpp"
#include "host/restart.hpp"

#include <xenpp/ctl/domctl.hpp>
#include <xenpp/ctl/sysctl.hpp>
#include <xenpp/monitor.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/poller.hpp>
#include <xenpp/os/unique_fd.hpp>
#include <xenpp/store/path.hpp>

#include <fmt/core.h>

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

namespace xenpp {
namespace {

using detail::is_missing;
using domain_list = std::vector<abi::domctl_getdomaininfo>;

constexpr std::uint64_t tag_store = 1;
constexpr std::uint64_t tag_timer = 2;
constexpr std::string_view token = "xenpp-monitor";

/// How long until the next look: while something is under way that ends without a word (a builder
/// that dies, a restart that waits), and otherwise.
constexpr std::chrono::milliseconds busy_interval{250};
constexpr std::chrono::seconds idle_interval{30};

/// The domains that are ours to watch.
struct watched {
    bool is_any = false;       ///< one that lives
    bool is_any_dying = false; ///< one that somebody destroys
};

} // namespace

struct monitor::state {
    std::shared_ptr<detail::session> s;
    detail::ending ending;
    /// For events, so that nobody else who waits on this host takes ours; null on a host that has
    /// one connection to xenstore only, which is the session's.
    std::unique_ptr<store::client> own;
    os::poller poller;
    os::unique_fd timer;
    bool is_watching = false;
    bool has_work = true; ///< as of the last look
    int watched_fd = -1;
    /// Ends that were dealt with and whose domains stay.
    std::set<std::pair<domid, config::uuid>> settled{};

    state(std::shared_ptr<detail::session> session,
          detail::ending e,
          os::poller p,
          os::unique_fd t) noexcept
        : s(std::move(session)), ending(std::move(e)), poller(std::move(p)), timer(std::move(t)) {}

    state(state const&) = delete;
    state& operator=(state const&) = delete;

    ~state() { unwatch(); }

    store::client& events() { return own != nullptr ? *own : s->store(); }

    result<void> watch();
    void unwatch();
    result<void> greet();
    bool something_happened();
    void look_again_in(std::chrono::milliseconds time) const;
    result<bool> end_domains(domain_list const& domains);
    result<watched> find_watched(domain_list const& domains);
    result<void> sweep_nodes();
    result<void> look();
};

result<void> monitor::state::watch() {
    unwatch();
    auto connection = XENPP_TRY(s->connect_store());
    own = connection != nullptr ? std::make_unique<store::client>(std::move(connection)) : nullptr;
    XENPP_TRY(events().watch("@releaseDomain", token));
    XENPP_TRY(events().watch(detail::building_node, token));
    if (events().event_fd() >= 0) {
        XENPP_TRY(poller.add(events().event_fd(), tag_store));
        watched_fd = events().event_fd();
    }
    is_watching = true;
    return {};
}

void monitor::state::unwatch() {
    if (watched_fd >= 0) {
        poller.remove(watched_fd);
        watched_fd = -1;
    }
    if (is_watching) { // a session's connection outlives us
        static_cast<void>(events().unwatch("@releaseDomain", token).has_value());
        static_cast<void>(events().unwatch(detail::building_node, token).has_value());
        is_watching = false;
    }
}

/// What Xen's dom0 start-up writes of domain 0, where nobody did.
result<void> monitor::state::greet() {
    auto const name = detail::domain_node(dom0, "name");
    if (!XENPP_TRY(s->store().exists(name))) {
        XENPP_TRY(s->store().write(detail::domain_node(dom0, "domid"), "0"));
        XENPP_TRY(s->store().write(name, "Domain-0"));
    }
    return {};
}

/// Takes in what woke us.
bool monitor::state::something_happened() {
    std::uint64_t expirations = 0;
    bool happened = read(timer.get(), &expirations, sizeof expirations) > 0;
    for (;;) {
        auto const event = events().read_watch(0);
        if (!event) { // the store is gone
            is_watching = false;
            return true;
        }
        if (!*event) {
            return happened;
        }
        happened = true;
    }
}

void monitor::state::look_again_in(std::chrono::milliseconds time) const {
    itimerspec t{};
    t.it_value.tv_sec = time.count() / 1000;
    t.it_value.tv_nsec = time.count() % 1000 * 1'000'000;
    timerfd_settime(timer.get(), 0, &t, nullptr);
}

/// Acts on domains that have shut down. True if some have to wait.
result<bool> monitor::state::end_domains(domain_list const& domains) {
    bool waits = false;
    std::set<std::pair<domid, config::uuid>> still;
    auto const notes = XENPP_TRY(detail::building_notes(s->store()));
    for (auto const& d : domains) {
        if ((d.flags & abi::dominf_shutdown) == 0 || (d.flags & abi::dominf_dying) != 0) {
            continue;
        }
        auto const info = detail::to_domain_info(d, {});
        auto const key = std::pair(info.id, info.uuid);
        if (settled.contains(key)) {
            still.insert(key);
            continue;
        }
        auto const is_unfinished =
            std::ranges::any_of(notes, [&info](auto const& n) { return n.uuid == info.uuid; });
        if (is_unfinished) {
            waits = true;
        } else if (!XENPP_TRY(detail::is_monitored(s->store(), info.id)) ||
                   XENPP_TRY(ending.act(d))) {
            still.insert(key);
        } else {
            waits = true;
        }
    }
    settled = std::move(still);
    return waits;
}

result<watched> monitor::state::find_watched(domain_list const& domains) {
    watched found;
    for (auto const& d : domains) {
        if (domid(d.domain) != dom0 &&
            XENPP_TRY(detail::is_monitored(s->store(), domid(d.domain)))) {
            auto& of_kind = (d.flags & abi::dominf_dying) != 0 ? found.is_any_dying : found.is_any;
            of_kind = true;
        }
    }
    return found;
}

/// Removes nodes of domains that are gone, which somebody destroyed without cleaning up.
result<void> monitor::state::sweep_nodes() {
    auto const names = s->store().directory("/libxl");
    if (!names) {
        return is_missing(names.error()) ? result<void>() : unexpected(names.error());
    }
    for (auto const& name : *names) {
        auto const id = store::parse_domid(name);
        if (!id || *id == dom0) {
            continue;
        }
        auto const info = ctl::get_domain_info(s->hypervisor(), *id);
        if (info || !is_missing(info.error())) {
            continue;
        }
        auto const text = s->store().read(detail::libxl_node(*id, "uuid"));
        auto const uuid = text ? config::parse_uuid(*text) : std::nullopt;
        // Only what is ours: Xen's own tools write no such node.
        if (!uuid || !s->store().read(detail::libxl_node(*id, "monitored"))) {
            continue;
        }
        // Whoever removes it now goes on, and else we do at the next look.
        if (auto const lock = XENPP_TRY(detail::release_lock::try_take(*s, *id))) {
            static_cast<void>(detail::release_devices(*s, *id).has_value());
            XENPP_TRY(detail::remove_nodes(s->store(), *id, *uuid));
        }
    }
    return {};
}

result<void> monitor::state::look() {
    s->turn();
    look_again_in(busy_interval); // should this fail
    bool busy = XENPP_TRY(
        detail::reap_dead_builders(*s, [this](std::string const& line) { ending.say(line); }));
    auto const domains = XENPP_TRY(ctl::get_domain_list(s->hypervisor()));
    busy = XENPP_TRY(ending.resume(domains)) || busy;
    busy = XENPP_TRY(end_domains(domains)) || busy;
    XENPP_TRY(sweep_nodes());
    auto const left = XENPP_TRY(find_watched(XENPP_TRY(ctl::get_domain_list(s->hypervisor()))));
    // Whoever destroys a domain removes its nodes afterwards, and nobody tells when.
    busy = busy || left.is_any_dying;
    look_again_in(busy ? busy_interval : idle_interval);
    has_work = busy || left.is_any;
    return {};
}

monitor::monitor(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}

monitor::monitor(monitor&&) noexcept = default;
monitor& monitor::operator=(monitor&&) noexcept = default;
monitor::~monitor() = default;

result<monitor> monitor::create(host& h, monitor_log log) {
    auto poller = XENPP_TRY(os::poller::create());
    os::unique_fd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer) {
        return os::fail_errno("create monitor");
    }
    XENPP_TRY(poller.add(timer.get(), tag_timer));
    auto s = h.session();
    auto st = std::make_unique<state>(s, detail::ending(s, std::move(log)), std::move(poller),
                                      std::move(timer));
    XENPP_TRY(st->greet());
    XENPP_TRY(st->watch()); // fires at once, so the first dispatch looks at everything
    st->look_again_in(std::chrono::milliseconds(1));
    return monitor(std::move(st));
}

int monitor::fd() const noexcept {
    return state_->poller.fd();
}

result<void> monitor::look() {
    return state_->look();
}

bool monitor::has_work() const noexcept {
    return state_->has_work;
}

result<void> monitor::dispatch() {
    state_->s->turn();
    if (!state_->something_happened()) {
        return {};
    }
    if (!state_->is_watching) { // the daemon died: all connections to it are lost
        XENPP_TRY(state_->s->reopen_store());
        XENPP_TRY(state_->watch());
    }
    return state_->look();
}

} // namespace xenpp
