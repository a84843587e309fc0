// SPDX-License-Identifier: Apache-2.0
// One loop around machine, xenstore, event channels, consoles and backends.
#include <xenpp/abi/xen.hpp>
#include <xenpp/ctl/sysctl.hpp>
#include <xenpp/daemon.hpp>
#include <xenpp/host_parts.hpp>
#include <xenpp/monitor.hpp>
#include <xenpp/os/clock.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/transport/evtchn_broker.hpp>
#include <xenpp/transport/machine.hpp>

#include <fmt/format.h>

#include <daemon/backends.hpp>
#include <daemon/consoles.hpp>
#include <daemon/event_router.hpp>
#include <daemon/lock.hpp>
#include <daemon/looking.hpp>
#include <daemon/machine_state.hpp>
#include <daemon/store_rings.hpp>
#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

namespace xenpp {

namespace {

/// What in the loop is ready.
enum class source : std::uint64_t {
    machine_end,
    bell,
    broker,
    events,
    store,
    consoles,
    backends,
    monitor,
    timer,
};

constexpr std::string_view introduce_token = "introduced";
constexpr std::string_view release_token = "released";

/// Between two looks for control processes that have died.
constexpr time_t reap_seconds = 2;
/// Looks after which a port that nobody has bound anew is nobody's.
constexpr unsigned looks_until_orphan = 15;

char const* name_of(transport::accelerator a) noexcept {
    switch (a) {
    case transport::accelerator::automatic: return "automatic";
    case transport::accelerator::tcg: return "TCG";
    case transport::accelerator::kvm: return "KVM";
    }
    return "";
}

result<os::unique_fd> make_timer() {
    os::unique_fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    itimerspec const every{{reap_seconds, 0}, {reap_seconds, 0}};
    if (!timer || ::timerfd_settime(timer.get(), 0, &every, nullptr) != 0) {
        return os::fail_errno("start xenppd");
    }
    return timer;
}

/// What Xen's start scripts write of domain 0.
result<void> write_own_nodes(store::client const& s) {
    return s.transact([](store::client_transaction const& t) -> result<void> {
        XENPP_TRY(t.mkdir("/tool/xenstored"));
        XENPP_TRY(t.write("/local/domain/0/domid", "0"));
        return t.write("/local/domain/0/name", "Domain-0");
    });
}

} // namespace

struct daemon::state {
    state(os::state_dir w, daemon_log l, detail::daemon_lock k) noexcept
        : where(std::move(w)), log(std::move(l)), lock(std::move(k)) {}

    result<void> find_machine(transport::machine_config const& config);
    result<void> open_doors();
    result<void> open_store();
    result<void> open_monitor();
    result<void> poll();

    result<bool> turn();
    result<bool> serve_all();
    result<bool> serve_ready();
    result<void> serve(source s);
    result<void> answer_bell();
    result<void> look_after_slots();
    result<void> read_reports();
    result<void> settle();
    result<void> follow_domains();
    result<void> look_at_domains();
    bool has_ended();

    os::state_dir where;
    daemon_log log;
    detail::daemon_lock lock;
    std::optional<os::poller> poller;
    os::unique_fd timer;
    unsigned looks = 0;
    detail::looking looking;
    // Each uses those before it.
    std::optional<transport::machine> machine;
    std::optional<ctl::connection> hypervisor;
    std::unique_ptr<transport::evtchn_broker> broker;
    std::optional<detail::event_router> events;
    std::optional<detail::store_rings> rings;
    std::unique_ptr<store::service> store;
    std::optional<store::client> client;
    std::unique_ptr<detail::consoles> consoles;
    std::unique_ptr<detail::backends> backends;
    std::optional<xenpp::monitor> monitor;
    std::optional<result<bool>> end_within_monitor; ///< what `serve_all` said in one of its turns
};

result<void> daemon::state::find_machine(transport::machine_config const& config) {
    if (auto const pid = XENPP_TRY(transport::running_machine(where)); pid != 0) {
        log(fmt::format("the machine runs already (QEMU is process {})", pid));
    } else {
        auto const m = XENPP_TRY(transport::start_machine(where, config));
        log(fmt::format("started a machine of {} MiB and {} CPUs in {} ms (QEMU is process {})",
                        m.memory_mib, config.cpus, m.start_ns / 1'000'000, m.pid));
        log(fmt::format("its accelerator is {}: {}", name_of(m.accel.what), m.accel.why));
    }
    machine.emplace(XENPP_TRY(transport::machine::connect(where, {.answers_bell = true})));
    return detail::adopt_machine_state(where, machine->qemu_pid());
}

result<void> daemon::state::open_doors() {
    auto& doors = machine->doors();
    machine->reap_slots(); // first what the daemon before this one held
    hypervisor.emplace(XENPP_TRY(ctl::connection::open(doors)));
    broker = XENPP_TRY(
        transport::evtchn_broker::create(doors, machine->window(), where.file("evtchn.socket")));
    events.emplace(XENPP_TRY(broker->open()));
    return {};
}

result<void> daemon::state::open_store() {
    rings.emplace(machine->doors(), *events, [this](domid d) { return store->ring_event(d); });
    store = XENPP_TRY(store::service::open(
        {where.file("store.journal"), where.file("xenstored.socket"), {}}, *rings));
    client.emplace(store->connect());
    XENPP_TRY(write_own_nodes(*client));
    consoles = XENPP_TRY(
        detail::consoles::create({*hypervisor, *events, *client, where.file("consoles"), log}));
    backends = XENPP_TRY(detail::backends::create(machine->doors(), *events, *client, where, log));
    // Both report at once.
    XENPP_TRY(client->watch("@introduceDomain", introduce_token));
    XENPP_TRY(client->watch("@releaseDomain", release_token));
    XENPP_TRY(events->bind_virq(abi::virq_dom_exc, [this] { return look_at_domains(); }));
    XENPP_TRY(look_at_domains());
    return settle();
}

/// The monitor's host is this one: the same doors, and xenstore without a socket. What it waits for
/// when it starts a domain anew, its devices above all, is done here meanwhile.
result<void> daemon::state::open_monitor() {
    host_parts parts;
    parts.doors = std::shared_ptr<transport::doors>(std::shared_ptr<void>(), &machine->doors());
    parts.store = store->connect();
    parts.connect_store = [this] { return store->connect(); };
    parts.state_dir = where.path();
    parts.turn = [this](int most_ms) {
        if (most_ms == 0 || end_within_monitor) {
            return; // our own loop comes to it
        }
        pollfd ready{poller->fd(), POLLIN, 0};
        ::poll(&ready, 1, most_ms);
        if (auto const done = serve_all(); !done || !*done) {
            end_within_monitor = done;
        }
    };
    auto h = XENPP_TRY(assemble_host(std::move(parts)));
    monitor.emplace(XENPP_TRY(xenpp::monitor::create(h, log)));
    return {};
}

result<void> daemon::state::poll() {
    auto const add = [this](int fd, source s) {
        return poller->add(fd, static_cast<std::uint64_t>(s));
    };
    timer = XENPP_TRY(make_timer());
    XENPP_TRY(add(machine->qemu_fd(), source::machine_end));
    XENPP_TRY(add(machine->bell_fd(), source::bell));
    XENPP_TRY(add(broker->fd(), source::broker));
    XENPP_TRY(add(events->fd(), source::events));
    XENPP_TRY(add(store->event_fd(), source::store));
    XENPP_TRY(add(consoles->fd(), source::consoles));
    XENPP_TRY(add(backends->poll_fd(), source::backends));
    XENPP_TRY(add(monitor->fd(), source::monitor));
    XENPP_TRY(add(timer.get(), source::timer));
    // What the daemon before this one was rung for and did not see to.
    broker->deliver();
    return {};
}

result<void> daemon::state::serve(source s) {
    switch (s) {
    case source::machine_end: return {};
    case source::bell: return answer_bell();
    case source::broker: broker->dispatch(); return {};
    case source::events: return events->dispatch();
    case source::store: return store->dispatch();
    case source::consoles: consoles->dispatch(); return {};
    case source::backends: backends->dispatch(); return {};
    case source::monitor: return {}; // every turn looks at it
    case source::timer: return look_after_slots();
    }
    return {};
}

result<void> daemon::state::answer_bell() {
    if (!machine->answer_bell()) {
        return {};
    }
    broker->deliver();
    return events->dispatch(); // ours without another turn of the loop
}

result<void> daemon::state::look_after_slots() {
    std::uint64_t count = 0;
    static_cast<void>(!::read(timer.get(), &count, sizeof count));
    store->accept_again();
    if (auto const reaped = machine->reap_slots(); reaped != 0) {
        log(fmt::format("reset {} slots of processes that had died", reaped));
    }
    if (++looks == looks_until_orphan) {
        if (auto const closed = broker->close_orphans(); closed != 0) {
            log(fmt::format("closed {} event channels that nobody has taken up again", closed));
        }
    }
    return {};
}

result<void> daemon::state::read_reports() {
    while (auto const report = XENPP_TRY(client->read_watch(0))) {
        if (report->token == introduce_token || report->token == release_token) {
            XENPP_TRY(follow_domains());
        } else if (!consoles->changed(*report)) {
            backends->changed(*report);
        }
    }
    return {};
}

result<void> daemon::state::settle() {
    return backends->settle([this] { return read_reports(); });
}

/// Consoles are for the domains that xenstore knows.
result<void> daemon::state::follow_domains() {
    std::set<domid> known;
    for (auto const& d : store->core().domains()) {
        known.insert(d.domain);
    }
    consoles->set_domains(known);
    return {};
}

/// What has become of the domains that xenstore knows.
result<void> daemon::state::look_at_domains() {
    auto const all = XENPP_TRY(ctl::get_domain_list(*hypervisor));
    for (auto const& d : store->core().domains()) {
        auto const info =
            std::ranges::find(all, d.domain.raw(), &abi::domctl_getdomaininfo::domain);
        if (info == all.end() || (info->flags & abi::dominf_dying) != 0) {
            consoles->remove(d.domain);
            backends->remove(d.domain);
            XENPP_TRY(store->domain_gone(d.domain));
        } else if ((info->flags & abi::dominf_shutdown) != 0) {
            XENPP_TRY(store->domain_shutdown(d.domain));
        }
    }
    return {};
}

/// If the machine has ended: says so, and removes what is of no use without it.
bool daemon::state::has_ended() {
    if (machine->is_running()) {
        return false;
    }
    log("the machine has ended; its console ends:\n" +
        os::tail_of_file(where.file("console.log"), 2000));
    detail::remove_machine_state(where);
    return true;
}

result<daemon>
daemon::start(os::state_dir const& where, transport::machine_config const& config, daemon_log log) {
    auto lock = XENPP_TRY(detail::daemon_lock::take(where));
    if (!log) {
        log = [](std::string_view) {};
    }
    auto s = std::make_unique<state>(where, std::move(log), std::move(lock));
    s->poller.emplace(XENPP_TRY(os::poller::create()));
    XENPP_TRY(s->find_machine(config));
    XENPP_TRY(s->open_doors());
    XENPP_TRY(s->open_store());
    XENPP_TRY(s->open_monitor());
    XENPP_TRY(s->poll());
    s->log(fmt::format("serving {}", where.path()));
    return daemon(std::move(s));
}

daemon::daemon(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}

daemon::daemon(daemon&&) noexcept = default;
daemon& daemon::operator=(daemon&&) noexcept = default;
daemon::~daemon() = default;

/// Everything that is ready. False: the machine has ended.
result<bool> daemon::state::serve_ready() {
    for (auto const& r : poller->wait(0)) {
        auto const what = static_cast<source>(r.tag);
        auto const served = serve(what);
        if ((!served || what == source::machine_end) && has_ended()) {
            return false;
        }
        XENPP_TRY(served);
    }
    return true;
}

/// All but the monitor. False: the machine has ended.
result<bool> daemon::state::serve_all() {
    if (machine->has_events()) {
        broker->deliver();
        XENPP_TRY(events->dispatch());
    }
    if (!XENPP_TRY(serve_ready())) {
        return false;
    }
    XENPP_TRY(settle());
    return true;
}

result<bool> daemon::state::turn() {
    if (!XENPP_TRY(serve_all())) {
        return false;
    }
    // Events of a store in the same process wake nobody.
    auto const done = monitor->dispatch();
    if (end_within_monitor) {
        return *std::exchange(end_within_monitor, std::nullopt);
    }
    if (!done) {
        if (has_ended()) {
            return false;
        }
        log("monitor: " + done.error().message());
    }
    XENPP_TRY(settle());
    return true;
}

int daemon::fd() const noexcept {
    return state_->poller->fd();
}

/// While devices are busy the next event is looked for before we sleep: to be woken takes several
/// times as long as most guests take to go on.
result<bool> daemon::dispatch() {
    auto& s = *state_;
    s.looking.woken(os::monotonic_ns());
    bool is_looking = false;
    bool is_up = XENPP_TRY(s.turn());
    while (is_up) {
        auto const now = os::monotonic_ns();
        if (s.backends->take_activity()) {
            s.looking.found(now);
        }
        if (!s.looking.goes_on(now)) {
            break;
        }
        if (!std::exchange(is_looking, true)) {
            s.machine->set_events_polled(true);
        }
        is_up = XENPP_TRY(s.turn());
    }
    if (is_looking) {
        s.machine->set_events_polled(false);
        if (is_up && s.machine->has_events()) {
            is_up = XENPP_TRY(s.turn());
        }
    }
    return is_up;
}

result<void> daemon::stop() {
    auto& s = *state_;
    s.log("stopping the machine");
    XENPP_TRY(transport::stop_machine(s.where));
    detail::remove_machine_state(s.where);
    return {};
}

} // namespace xenpp
