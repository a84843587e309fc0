// SPDX-License-Identifier: Apache-2.0
// Following devices through xenstore.
#include <xenpp/dev/xenbus/backend_bus.hpp>
#include <xenpp/store/path.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace xenpp::dev {

namespace {

constexpr std::string_view root_token = "backend";
constexpr std::string_view frontend_token = "frontend";

using names = std::vector<std::string>;

/// More steps than the longest way through the table has.
constexpr int most_steps = 8;

std::string state_text(xenbus_state s) {
    return std::to_string(static_cast<unsigned>(s));
}

/// The token of the watch on a frontend's state is its backend's path behind a prefix.
std::string token_of(device_address const& a) {
    return std::string(frontend_token) + backend_path(a);
}

} // namespace

struct backend_bus::device {
    device_address address;
    std::unique_ptr<backend> what{};
    bool is_prepared = false;
    bool is_connected = false;
    bool is_disconnecting = false;
    bool is_new = false;                       ///< attached while we looked on
    bool is_settled = false;                   ///< has been connected, or was closed in earnest
    xenbus_state then = xenbus_state::unknown; ///< once disconnected
    std::optional<error> failure{};            ///< reported from elsewhere, to be acted upon
    /// The frontend's state when it failed: nothing is tried again while that is so.
    std::optional<xenbus_state> failed_at{};
    node_list statistics{}; ///< as they were written last
};

backend_bus::backend_bus(store::client& store,
                         backend_services& services,
                         std::span<backend_kind const> kinds,
                         bool is_beside_kernel)
    : store_(store)
    , services_(services)
    , kinds_(kinds)
    , is_beside_kernel_(is_beside_kernel)
    , root_(store::domain_path(dom0) + "/backend") {}

backend_bus::~backend_bus() = default;

result<std::unique_ptr<backend_bus>> backend_bus::create(store::client& store,
                                                         backend_services& services,
                                                         std::span<backend_kind const> kinds,
                                                         bool is_beside_kernel) {
    std::unique_ptr<backend_bus> bus(new backend_bus(store, services, kinds, is_beside_kernel));
    XENPP_TRY(store.watch(bus->root_, root_token));
    return bus;
}

bool backend_bus::changed(store::watch_report const& report) {
    auto const note = [this](device_address const& a) {
        if (std::ranges::find(due_, a) == due_.end()) {
            due_.push_back(a);
        }
    };
    if (report.token == root_token) {
        if (auto const a = parse_backend_path(report.path)) {
            note(*a);
        } else {
            look_at_all();
        }
        return true;
    }
    if (report.token.starts_with(frontend_token)) {
        auto const a =
            parse_backend_path(std::string_view(report.token).substr(frontend_token.size()));
        // The node is the guest's, and so is what it creates below.
        if (a && report.path == frontend_path(*a) + "/state") {
            note(*a);
        }
        return a.has_value();
    }
    return false;
}

/// Something above the devices changed: it may be any of them.
void backend_bus::look_at_all() {
    due_.clear();
    for (auto const& [a, _] : devices_) {
        due_.push_back(a);
    }
    for (auto const& kind : kinds_) {
        auto const of_kind =
            fmt::format("{}/{}{}", root_, is_beside_kernel_ ? beside_kernel_prefix : "", kind.name);
        for (auto const& frontend : store_.directory(of_kind).value_or(names())) {
            auto const of_domain = of_kind + "/" + frontend;
            for (auto const& id : store_.directory(of_domain).value_or(names())) {
                auto const a = parse_backend_path(of_domain + "/" + id);
                if (a && !devices_.contains(*a)) {
                    due_.push_back(*a);
                }
            }
        }
    }
}

bool backend_bus::dispatch() {
    std::erase_if(leaving_, [](auto const& d) { return !d->is_disconnecting; });
    auto const due = std::exchange(due_, {}); // what is noted meanwhile has its turn next
    for (auto const& a : due) {
        look_at(a);
    }
    return !due.empty();
}

result<std::unique_ptr<backend_bus::device>> backend_bus::make(device_address const& a) {
    auto const kind = std::ranges::find(kinds_, std::string_view(a.kind), &backend_kind::name);
    if (kind == kinds_.end() || a.backend != dom0 || a.is_beside_kernel != is_beside_kernel_) {
        return std::unique_ptr<device>();
    }
    auto d = std::make_unique<device>(device{.address = a});
    backend_context context{a, store_, services_, {}, {}, {}};
    context.prepared = [this, a] { due_.push_back(a); };
    context.disconnected = [this, raw = d.get()] {
        raw->is_disconnecting = false;
        due_.push_back(raw->address);
    };
    context.failed = [this, raw = d.get()](error e) {
        raw->failure = std::move(e);
        due_.push_back(raw->address);
    };
    d->what = XENPP_TRY(kind->create(std::move(context)));
    XENPP_TRY(store_.watch(frontend_path(a) + "/state", token_of(a)));
    return d;
}

void backend_bus::look_at(device_address const& a) {
    auto const is_there = store_.exists(backend_path(a) + "/state");
    if (!is_there || !*is_there) {
        drop(a);
        gone_.erase(a);
        remove_leavings(a);
        return;
    }
    if (gone_.contains(a)) {
        return; // its nodes are removed with its domain's, soon
    }
    auto found = devices_.find(a);
    if (found == devices_.end()) {
        auto made = make(a);
        if (!made) {
            services_.log(fmt::format("{}: {}", to_string(a), made.error().message()));
            return;
        }
        if (*made == nullptr) {
            return; // of a kind that we do not serve
        }
        found = devices_.emplace(a, *std::move(made)).first;
    }
    auto& d = *found->second;
    if (auto const done = advance(d); !done) {
        services_.log(fmt::format("{}: {}", to_string(a), done.error().message()));
    }
}

result<void> backend_bus::advance(device& d) {
    auto const back = backend_path(d.address);
    for (int i = 0; i != most_steps; ++i) {
        if (d.is_disconnecting) {
            return {};
        }
        if (d.then != xenbus_state::unknown) {
            XENPP_TRY(write_and_go_on(d, {}, std::exchange(d.then, xenbus_state::unknown)));
        }
        auto const own = XENPP_TRY(read_state(store_, back));
        auto const frontend = XENPP_TRY(read_state(store_, frontend_path(d.address)));
        auto const online = XENPP_TRY(read_node(store_, back + "/online"));
        if (d.failure) {
            XENPP_TRY(give_up(d, frontend, *std::exchange(d.failure, std::nullopt)));
            continue;
        }
        if (d.failed_at && *d.failed_at != frontend) {
            d.failed_at.reset();
        }
        bool const is_online = !online || *online != "0";
        d.is_new = d.is_new || own == xenbus_state::initialising;
        if (d.is_new && !d.is_settled && is_online && own == xenbus_state::closed &&
            frontend == xenbus_state::closed) {
            XENPP_TRY(renew_frontend(d));
            continue;
        }
        auto step = next_backend_step(own, frontend, is_online);
        bool const is_waiting = own == xenbus_state::init_wait || own == xenbus_state::connected;
        if (step.what != backend_action::close && is_waiting && !d.is_prepared) {
            step = {backend_action::prepare, own}; // an earlier process was this far
        } else if (step.what == backend_action::none && own == xenbus_state::connected &&
                   !d.is_connected) {
            step = {backend_action::connect, own};
        }
        if (step.what == backend_action::none ||
            (d.failed_at && step.what != backend_action::close)) {
            return {};
        }
        auto const done = take(d, step, own);
        if (!done) {
            XENPP_TRY(give_up(d, frontend, done.error()));
        } else if (!*done) {
            return {};
        }
    }
    return {};
}

/// Linux's netfront closes a device that was detached when it gets to it: that may be when another
/// of the same number has been attached, whose nodes then say that it is closed, so that the guest
/// takes no notice of it. It is as new as before; but a frontend that closes it again means it.
result<void> backend_bus::renew_frontend(device& d) {
    d.is_settled = true;
    return store_.write(frontend_path(d.address) + "/state",
                        state_text(xenbus_state::initialising));
}

/// False: it takes longer, and there will be another look.
result<bool> backend_bus::take(device& d, backend_step step, xenbus_state own) {
    switch (step.what) {
    case backend_action::none: return false;
    case backend_action::prepare: {
        auto const nodes = XENPP_TRY(d.what->prepare());
        if (!nodes) {
            return false;
        }
        d.is_prepared = true;
        XENPP_TRY(write_and_go_on(d, *nodes, step.then));
        return true;
    }
    case backend_action::connect: {
        auto const nodes = XENPP_TRY(d.what->connect(own == xenbus_state::connected));
        d.is_connected = true;
        d.is_settled = true;
        XENPP_TRY(write_and_go_on(d, nodes, step.then));
        return true;
    }
    case backend_action::close: close(d, step.then); return true;
    }
    return false;
}

/// The state follows when all is let go.
void backend_bus::close(device& d, xenbus_state then) {
    d.is_disconnecting = !d.what->disconnect();
    d.is_connected = false;
    d.is_prepared = false;
    d.then = then;
}

result<void>
backend_bus::write_and_go_on(device& d, node_list const& nodes, xenbus_state then) const {
    auto const back = backend_path(d.address);
    return store_.transact([&](store::client_transaction const& t) -> result<void> {
        // The toolstack may have removed the device: nothing of it comes back.
        if (!XENPP_TRY(t.exists(back + "/state"))) {
            return {};
        }
        for (auto const& [name, value] : nodes) {
            XENPP_TRY(t.write(back + "/" + name, value));
        }
        if (XENPP_TRY(read_state(t, back)) != then) {
            XENPP_TRY(t.write(back + "/state", state_text(then)));
        }
        return {};
    });
}

/// Closes a device that cannot go on. A frontend that has seen it work is asked to close too.
result<void> backend_bus::give_up(device& d, xenbus_state frontend, error const& e) {
    services_.log(fmt::format("{}: {}", to_string(d.address), e.message()));
    d.failed_at = frontend;
    d.is_settled = true;
    bool const is_seen =
        frontend == xenbus_state::initialised || frontend == xenbus_state::connected;
    close(d, is_seen ? xenbus_state::closing : xenbus_state::closed);
    auto const directory = error_path(d.address);
    return store_.transact([&](store::client_transaction const& t) -> result<void> {
        if (!XENPP_TRY(t.exists(backend_path(d.address) + "/state"))) {
            return {};
        }
        XENPP_TRY(t.mkdir(directory));
        XENPP_TRY(t.set_perms(directory, {{dom0, store::access::none}}));
        return t.write(directory + "/error", e.message());
    });
}

void backend_bus::write_statistics() {
    for (auto const& [a, d] : devices_) {
        if (!d->is_connected) {
            continue;
        }
        auto now = d->what->statistics();
        if (now == d->statistics) {
            continue;
        }
        auto const back = backend_path(a);
        auto const done = store_.transact([&](store::client_transaction const& t) -> result<void> {
            if (!XENPP_TRY(t.exists(back + "/state"))) {
                return {};
            }
            for (auto const& [name, value] : now) {
                XENPP_TRY(t.write(fmt::format("{}/statistics/{}", back, name), value));
            }
            return {};
        });
        if (!done) {
            services_.log(fmt::format("{}: {}", to_string(a), done.error().message()));
        }
        d->statistics = std::move(now);
    }
}

void backend_bus::drop(device_address const& a) {
    auto const found = devices_.find(a);
    if (found == devices_.end()) {
        return;
    }
    static_cast<void>(store_.unwatch(frontend_path(a) + "/state", token_of(a)));
    auto d = std::move(found->second);
    devices_.erase(found);
    if (!d->is_disconnecting) {
        d->is_disconnecting = !d->what->disconnect();
    }
    if (d->is_disconnecting) {
        leaving_.push_back(std::move(d));
    }
}

/// A script that runs on when its device is removed writes how it ended.
void backend_bus::remove_leavings(device_address const& a) {
    auto const is_any = store_.exists(backend_path(a));
    if (!is_any || !*is_any) {
        return;
    }
    auto const done = store_.transact(
        [&a](store::client_transaction const& t) { return dev::remove_leavings(t, a); });
    if (!done) {
        services_.log(fmt::format("{}: {}", to_string(a), done.error().message()));
    }
}

std::set<domid> backend_bus::frontends() const {
    std::set<domid> out;
    for (auto const& [a, _] : devices_) {
        out.insert(a.frontend);
    }
    return out;
}

void backend_bus::remove(domid d) {
    std::vector<device_address> of_domain;
    for (auto const& [a, _] : devices_) {
        if (a.frontend == d) {
            of_domain.push_back(a);
        }
    }
    for (auto const& a : of_domain) {
        drop(a);
        gone_.insert(a);
    }
}

} // namespace xenpp::dev
