// SPDX-License-Identifier: Apache-2.0
// A network interface's backend: nodes, rings and events around the engine and a way out.
#include <xenpp/dev/vif/backend.hpp>
#include <xenpp/dev/vif/interface.hpp>
#include <xenpp/dev/vif/nodes.hpp>
#include <xenpp/dev/vif/tap_network.hpp>
#include <xenpp/dev/vif/user_network.hpp>
#include <xenpp/os/clock.hpp>
#include <xenpp/os/tap.hpp>

#include <fmt/format.h>

#include <dev/vif/hotplug.hpp>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace xenpp::dev {

namespace {

constexpr std::string_view operation = "network interface";
constexpr std::uint16_t default_mtu = 1500;
constexpr std::uint64_t ns_per_us = 1000;
constexpr std::string_view default_script = "vif-bridge";

std::uint64_t now_us() noexcept {
    return os::monotonic_ns() / ns_per_us;
}

/// What the frontend offered, mapped and bound, with the engine on it. Goes with the frontend.
class connection final : private vif_pages {
public:
    explicit connection(backend_context const& context) : context_(context) {}

    ~connection() override;

    static result<std::shared_ptr<connection>> open(backend_context const& context,
                                                    frame_sink& out,
                                                    std::optional<vif_rate> rate,
                                                    bool is_resumed);

    vif_interface& engine() noexcept { return *engine_; }

private:
    void copy(std::span<transport::grant_copy> pieces) override;
    result<transport::foreign_mapping> map(grant_ref ring);
    result<evtchn_port> bind(evtchn_port remote, std::function<void(connection&)> fired);
    result<vif_queue_rings> open_queue(vif_queue_nodes const& q, std::size_t index);
    void send(std::size_t index);
    void send_all();
    void wait_for_credit();
    void fail_if_broken();

    backend_context const& context_;
    std::weak_ptr<connection> self_;
    std::vector<transport::foreign_mapping> rings_;
    std::vector<evtchn_port> ports_;
    os::unique_fd clock_;
    std::unique_ptr<vif_interface> engine_;
    bool has_failed_ = false;
};

connection::~connection() {
    if (clock_) {
        context_.services.remove_fd(clock_.get());
    }
    for (auto const port : ports_) {
        context_.services.unbind(port);
    }
}

result<std::shared_ptr<connection>> connection::open(backend_context const& context,
                                                     frame_sink& out,
                                                     std::optional<vif_rate> rate,
                                                     bool is_resumed) {
    auto const front = XENPP_TRY(read_vif_frontend(context.store, context.address));
    auto c = std::make_shared<connection>(context);
    c->self_ = c;
    std::vector<vif_queue_rings> queues;
    for (std::size_t i = 0; i < front.queues.size(); ++i) {
        queues.push_back(XENPP_TRY(c->open_queue(front.queues[i], i)));
    }
    c->engine_ =
        std::make_unique<vif_interface>(vif_interface::config{front.features, rate, is_resumed},
                                        queues, static_cast<vif_pages&>(*c), out);
    if (front.control_ring) {
        auto ring = XENPP_TRY(c->map(*front.control_ring));
        auto const port = XENPP_TRY(
            c->bind(front.control_port, [](connection& self) { self.engine_->control(); }));
        c->engine_->add_control(ring.bytes(), [&s = context.services, port] { s.notify(port); });
        c->rings_.push_back(std::move(ring));
    }
    if (is_resumed) {
        // The one before us may have died between its last answers and the event for them.
        for (auto const port : c->ports_) {
            context.services.notify(port);
        }
    }
    if (rate) {
        c->clock_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
        if (!c->clock_) {
            return fail(operation, errno);
        }
        XENPP_TRY(context.services.add_fd(c->clock_.get(), [raw = c.get()] { raw->send_all(); }));
    }
    return c;
}

result<transport::foreign_mapping> connection::map(grant_ref ring) {
    return context_.services.doors().map_grants(context_.address.frontend, {&ring, 1},
                                                os::access::read_write);
}

/// An event may make the frontend's doing known as hopeless, and this object go.
result<evtchn_port> connection::bind(evtchn_port remote, std::function<void(connection&)> fired) {
    auto const port = XENPP_TRY(context_.services.bind(
        context_.address.frontend, remote, [weak = self_, what = std::move(fired)] {
            if (auto const self = weak.lock(); self && self->engine_) {
                what(*self);
                self->fail_if_broken();
            }
        }));
    ports_.push_back(port);
    return port;
}

result<vif_queue_rings> connection::open_queue(vif_queue_nodes const& q, std::size_t index) {
    auto tx = XENPP_TRY(map(q.tx_ring));
    auto rx = XENPP_TRY(map(q.rx_ring));
    bool const is_split = q.tx_port != q.rx_port;
    auto const tx_port = XENPP_TRY(bind(q.tx_port, [index, is_split](connection& self) {
        self.send(index);
        if (!is_split) {
            self.engine_->receive(index);
        }
    }));
    auto rx_port = tx_port;
    if (is_split) {
        rx_port =
            XENPP_TRY(bind(q.rx_port, [index](connection& self) { self.engine_->receive(index); }));
    }
    auto& services = context_.services;
    vif_queue_rings out{tx.bytes(), rx.bytes(), [&services, tx_port] { services.notify(tx_port); },
                        [&services, rx_port] { services.notify(rx_port); }};
    rings_.push_back(std::move(tx));
    rings_.push_back(std::move(rx));
    return out;
}

void connection::copy(std::span<transport::grant_copy> pieces) {
    auto const done = context_.services.doors().copy_grants(context_.address.frontend, pieces);
    if (!done) {
        for (auto& p : pieces) {
            p.is_done = false;
        }
        context_.services.log(
            fmt::format("{}: {}", to_string(context_.address), done.error().message()));
    }
}

void connection::send(std::size_t index) {
    switch (engine_->send(index, now_us())) {
    case tx_outcome::idle:
    case tx_outcome::broken: return;
    case tx_outcome::more:
        context_.services.later([weak = self_, index] {
            if (auto const self = weak.lock()) {
                self->send(index);
                self->fail_if_broken();
            }
        });
        return;
    case tx_outcome::no_credit: wait_for_credit(); return;
    }
}

void connection::send_all() {
    std::uint64_t ticks = 0;
    static_cast<void>(!::read(clock_.get(), &ticks, sizeof ticks));
    auto const self = self_.lock();
    for (std::size_t i = 0; i < engine_->queue_count(); ++i) {
        send(i);
    }
    fail_if_broken();
}

void connection::wait_for_credit() {
    constexpr std::uint64_t us_per_s = 1'000'000;
    auto const at = engine_->ready_at();
    auto const now = now_us();
    auto const wait = at > now ? at - now : 1;
    itimerspec when{};
    when.it_value = {static_cast<time_t>(wait / us_per_s),
                     static_cast<long>(wait % us_per_s * ns_per_us)};
    ::timerfd_settime(clock_.get(), 0, &when, nullptr);
}

void connection::fail_if_broken() {
    if (!has_failed_ && !engine_->broken().empty()) {
        has_failed_ = true;
        context_.failed(error{operation, 0, engine_->broken(), context_.address.frontend.raw()});
    }
}

/// Frames for the guest come here, whether it is connected or not.
class vif_backend final : public backend, private frame_sink {
public:
    vif_backend(switches& s, backend_context context)
        : switches_(s), context_(std::move(context)), script_(context_) {}

    result<std::optional<node_list>> prepare() override;
    result<node_list> connect(bool is_resumed) override;
    bool disconnect() noexcept override;
    node_list statistics() const override;

private:
    void take(frame const& f) override {
        if (connection_) {
            connection_->engine().take(f);
        }
    }

    void flush() override {
        if (connection_) {
            connection_->engine().flush();
        }
    }

    static node_list features();
    result<void> open_way_out();
    result<void> open_tap();
    void tap_is_ready(result<void> const& outcome);
    void close_way_out() noexcept;

    switches& switches_;
    backend_context context_;
    vif_config config_;
    vif_statistics before_; ///< what the process before this one had counted
    std::shared_ptr<named_switch> switch_;
    std::unique_ptr<frame_sink> way_out_;
    std::string tap_name_;    ///< empty: no TAP device
    std::string script_file_; ///< that was called for it; empty: none
    detail::hotplug_script script_;
    std::shared_ptr<connection> connection_; ///< last: it uses the way out
};

result<std::optional<node_list>> vif_backend::prepare() {
    if (!way_out_) {
        config_ = XENPP_TRY(read_vif(context_.store, context_.address));
        XENPP_TRY(open_way_out());
    }
    return script_.is_running() ? std::nullopt : std::optional(features());
}

/// Xen's scripts write hotplug-status themselves; one that does not says the same by its end.
node_list vif_backend::features() {
    auto nodes = vif_backend_features();
    nodes.emplace_back("hotplug-status", "connected");
    return nodes;
}

result<void> vif_backend::open_way_out() {
    switch (config_.network) {
    case vif_network::automatic:
    case vif_network::user:
        way_out_ = XENPP_TRY(user_network::create(
            {config_.mtu.value_or(default_mtu), config_.forwards}, context_.services, *this));
        return {};
    case vif_network::in_switch:
        switch_ = XENPP_TRY(switches_.open(context_.services, config_.switch_name));
        way_out_ = switch_->ports().plug(*this);
        return {};
    case vif_network::bridge: return open_tap();
    }
    return {};
}

/// The device's name is Xen's for a vif, so that scripts and tools find what they expect.
result<void> vif_backend::open_tap() {
    auto const& a = context_.address;
    auto const name =
        config_.vifname.empty() ? fmt::format("vif{}.{}", a.frontend.raw(), a.id) : config_.vifname;
    auto const script = config_.script.empty() ? std::string(default_script) : config_.script;
    auto const file = find_hotplug_script(script);
    bool const is_built_in = file.empty() && script == default_script;
    if (file.empty() && !is_built_in) {
        return fail(operation, errc::noent,
                    fmt::format("hotplug script {} is not there, or not executable; scripts "
                                "without a path are looked for in {}",
                                script, hotplug_folder));
    }
    if (is_built_in && !os::is_bridge(config_.bridge)) {
        return fail(operation, errc::nodev,
                    fmt::format("there is no bridge {}: make it (ip link add {} type bridge), or "
                                "name another with bridge=, or use network=user",
                                config_.bridge, config_.bridge));
    }
    auto tap = tap_network::create(name, context_.services, *this);
    if (!tap) {
        auto e = tap.error();
        if (e.code == EPERM || e.code == EACCES) {
            e.detail += ": a bridge needs the capability CAP_NET_ADMIN; network=user needs none";
        }
        return unexpected(std::move(e));
    }
    auto mtu = config_.mtu;
    if (!mtu) {
        if (auto const of_bridge = os::interface_mtu(config_.bridge)) {
            mtu = *of_bridge;
        }
    }
    if (mtu) {
        XENPP_TRY(os::set_interface_mtu(name, *mtu));
    }
    if (is_built_in) {
        XENPP_TRY(os::join_bridge(config_.bridge, name));
    } else {
        XENPP_TRY(script_.start(file, "online", name, config_.gatewaydev,
                                [this](result<void> const& outcome) { tap_is_ready(outcome); }));
        script_file_ = file;
    }
    way_out_ = *std::move(tap);
    tap_name_ = name;
    return {};
}

void vif_backend::tap_is_ready(result<void> const& outcome) {
    if (!outcome) {
        script_file_.clear(); // what did not come online need not go offline
        context_.failed(outcome.error());
        return;
    }
    context_.prepared();
}

result<node_list> vif_backend::connect(bool is_resumed) {
    connection_ = XENPP_TRY(connection::open(context_, *way_out_, config_.rate, is_resumed));
    before_ = is_resumed ? XENPP_TRY(read_vif_statistics(context_.store, context_.address))
                         : vif_statistics{};
    return node_list{};
}

/// An earlier process has counted too.
node_list vif_backend::statistics() const {
    return connection_ ? vif_statistics_nodes(before_, connection_->engine().statistics())
                       : node_list{};
}

bool vif_backend::disconnect() noexcept {
    connection_.reset();
    if (script_file_.empty()) {
        close_way_out();
        return true;
    }
    auto const started = script_.start(
        std::exchange(script_file_, {}), "offline", tap_name_, config_.gatewaydev,
        [this](result<void> const& outcome) {
            if (!outcome) {
                context_.services.log(
                    fmt::format("{}: {}", to_string(context_.address), outcome.error().message()));
            }
            close_way_out();
            context_.disconnected();
        });
    if (!started) {
        close_way_out();
    }
    return !started;
}

void vif_backend::close_way_out() noexcept {
    way_out_.reset();
    switch_.reset();
    tap_name_.clear();
}

} // namespace

result<std::unique_ptr<backend>> create_vif_backend(switches& s, backend_context context) {
    return std::unique_ptr<backend>(std::make_unique<vif_backend>(s, std::move(context)));
}

} // namespace xenpp::dev
