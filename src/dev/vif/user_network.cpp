// SPDX-License-Identifier: Apache-2.0
// libslirp in an event loop.
#include <xenpp/dev/vif/packet.hpp>
#include <xenpp/dev/vif/user_network.hpp>
#include <xenpp/os/clock.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <fmt/format.h>

#include <arpa/inet.h>
#include <dev/vif/bytes.hpp>
#include <poll.h>
#include <slirp/libslirp.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <set>

namespace xenpp::dev {

namespace {

constexpr std::string_view operation = "user-mode network";
constexpr std::uint64_t ns_per_ms = 1'000'000;
/// As much as libslirp takes: its own segments are then as large as its windows.
constexpr std::size_t largest_mtu = 65521;
constexpr std::size_t ipv4_tcp_headers = 40;
constexpr std::size_t ipv6_tcp_headers = 60;

in_addr ipv4(char const* text) noexcept {
    in_addr a{};
    ::inet_pton(AF_INET, text, &a);
    return a;
}

in6_addr ipv6(char const* text) noexcept {
    in6_addr a{};
    ::inet_pton(AF_INET6, text, &a);
    return a;
}

bool is_syn(std::span<std::byte const> f, packet_headers const& h) noexcept {
    constexpr std::uint8_t tcp_syn = 0x02;
    return h.protocol == protocol_tcp && (detail::byte_at(f, h.transport + 13) & tcp_syn) != 0;
}

/// Lets the other end of a connection send segments as large as a frame can be: they go to the
/// guest as one frame that says how it would be cut. Without that, libslirp sends one packet for
/// each 1460 bytes.
void raise_segment_size(std::span<std::byte> f, packet_headers const& h) noexcept {
    constexpr std::uint8_t option_end = 0;
    constexpr std::uint8_t option_nop = 1;
    constexpr std::uint8_t option_mss = 2;
    constexpr std::size_t tcp_fixed_header = 20;
    for (auto at = h.transport + tcp_fixed_header; at < h.payload;) {
        auto const kind = detail::byte_at(f, at);
        if (kind == option_end) {
            return;
        }
        if (kind == option_nop) {
            ++at;
            continue;
        }
        if (at + 1 == h.payload) {
            return;
        }
        std::size_t const size = detail::byte_at(f, at + 1);
        if (size < 2 || size > h.payload - at) {
            return;
        }
        if (kind == option_mss && size == 4) {
            detail::put_net16(f, at + 2,
                              static_cast<std::uint16_t>(largest_mtu - ipv6_tcp_headers));
        }
        at += size;
    }
}

/// Whether a frame could make libslirp open a socket. What is not understood could.
bool may_open_socket(std::span<std::byte const> f,
                     std::optional<packet_headers> const& h) noexcept {
    constexpr std::size_t ethernet_type = 12;
    constexpr std::uint8_t tcp_syn_ack = 0x12;
    constexpr std::uint8_t tcp_syn = 0x02;
    constexpr std::uint8_t icmpv6 = 58;
    constexpr std::uint8_t router_solicitation = 133;
    constexpr std::uint8_t neighbor_advertisement = 136;
    constexpr unsigned fragment_bits = 0x3fff;
    auto const type = f.size() < ethernet_type + 2 ? 0U : detail::net16(f, ethernet_type);
    if (type != 0x0800 && type != 0x86dd) {
        return false; // ARP
    }
    if (!h || (!h->is_v6 && (detail::net16(f, h->network + 6) & fragment_bits) != 0)) {
        return true;
    }
    if (h->protocol == protocol_tcp) {
        return (detail::byte_at(f, h->transport + 13) & tcp_syn_ack) == tcp_syn;
    }
    if (h->protocol == icmpv6 && h->transport < h->end) {
        auto const kind = detail::byte_at(f, h->transport);
        return kind < router_solicitation || kind > neighbor_advertisement;
    }
    return true;
}

} // namespace

struct user_network::state {
    state(config const& c, backend_services& s, frame_sink& t) : services(s), to(t), mtu(c.mtu) {}

    state(state const&) = delete;
    state& operator=(state const&) = delete;
    ~state();

    result<void> open();
    result<void> forward(vif_forward const& f);
    void wake();
    void arm();
    void arm_timer(std::uint32_t timeout_ms);
    void watch(int fd, std::uint32_t events);
    void send(std::span<std::byte const> bytes);
    void run_timers();

    /// One of libslirp's timers.
    struct timer {
        SlirpTimerCb run;
        void* opaque;
        std::int64_t at_ms = -1; ///< -1: not set
    };

    backend_services& services;
    frame_sink& to;
    std::uint16_t mtu;
    Slirp* slirp = nullptr;
    os::unique_fd epoll;
    os::unique_fd clock;
    std::vector<pollfd> polled;           ///< what libslirp asked for last, by its index
    std::map<int, std::uint32_t> watched; ///< what epoll was told
    std::set<int> sockets;                ///< that libslirp has opened for the guest
    std::vector<std::unique_ptr<timer>> timers;
    std::vector<std::byte> scratch;
    /// Frames for the guest until they are flushed; the memory is used again.
    std::vector<std::vector<std::byte>> outgoing;
    std::size_t outgoing_count = 0;
};

user_network::state::~state() {
    if (epoll) {
        services.remove_fd(epoll.get());
    }
    if (slirp != nullptr) {
        ::slirp_cleanup(slirp);
    }
}

result<void> user_network::state::open() {
    static SlirpCb const callbacks = [] {
        SlirpCb c{};
        c.send_packet = [](void const* data, std::size_t size, void* o) -> ssize_t {
            static_cast<state*>(o)->send({static_cast<std::byte const*>(data), size});
            return static_cast<ssize_t>(size);
        };
        c.guest_error = [](char const*, void*) {}; // a guest's mistakes are its own
        c.clock_get_ns = [](void*) { return static_cast<std::int64_t>(os::monotonic_ns()); };
        c.timer_new = [](SlirpTimerCb run, void* opaque, void* o) -> void* {
            return static_cast<state*>(o)
                ->timers.emplace_back(std::make_unique<timer>(timer{run, opaque}))
                .get();
        };
        c.timer_free = [](void* t, void* o) {
            std::erase_if(static_cast<state*>(o)->timers,
                          [t](auto const& one) { return one.get() == t; });
        };
        c.timer_mod = [](void* t, std::int64_t at_ms, void*) {
            static_cast<timer*>(t)->at_ms = at_ms;
        };
        c.register_poll_fd = [](int fd, void* o) { static_cast<state*>(o)->sockets.insert(fd); };
        c.unregister_poll_fd = [](int fd, void* o) {
            auto& s = *static_cast<state*>(o);
            s.sockets.erase(fd);
            s.watch(fd, 0); // the number may mean another socket by the next look
        };
        c.notify = [](void*) {};
        return c;
    }();
    SlirpConfig c{};
    c.version = 3;
    c.in_enabled = true;
    c.vnetwork = ipv4("10.0.2.0");
    c.vnetmask = ipv4("255.255.255.0");
    c.vhost = ipv4("10.0.2.2");
    c.vdhcp_start = ipv4("10.0.2.15");
    c.vnameserver = ipv4("10.0.2.3");
    c.in6_enabled = true;
    c.vprefix_addr6 = ipv6("fec0::");
    c.vprefix_len = 64;
    c.vhost6 = ipv6("fec0::2");
    c.vnameserver6 = ipv6("fec0::3");
    c.if_mtu = largest_mtu;
    c.if_mru = largest_mtu;
    epoll.reset(::epoll_create1(EPOLL_CLOEXEC));
    clock.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!epoll || !clock) {
        return fail(operation, errno);
    }
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.fd = clock.get();
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, clock.get(), &e) != 0) {
        return fail(operation, errno);
    }
    slirp = ::slirp_new(&c, &callbacks, this);
    if (slirp == nullptr) {
        return fail(operation, "libslirp does not start (a statically linked xenpp has none: use a "
                               "bridge or a switch)");
    }
    XENPP_TRY(services.add_fd(epoll.get(), [this] { wake(); }));
    return {};
}

result<void> user_network::state::forward(vif_forward const& f) {
    auto const host = ipv4(f.host_address.empty() ? "127.0.0.1" : f.host_address.c_str());
    auto const guest = f.guest_address.empty() ? in_addr{} : ipv4(f.guest_address.c_str());
    errno = 0;
    if (::slirp_add_hostfwd(slirp, f.is_udp ? 1 : 0, host, f.host_port, guest, f.guest_port) != 0) {
        return fail(operation, errno,
                    fmt::format("cannot forward {}: is port {} of the host in use?", to_string(f),
                                f.host_port));
    }
    return {};
}

/// Sockets or the clock are ready.
void user_network::state::wake() {
    std::uint64_t ticks = 0;
    static_cast<void>(!::read(clock.get(), &ticks, sizeof ticks));
    // All of them at once, by the index that libslirp knows each by.
    if (!polled.empty()) {
        ::poll(polled.data(), polled.size(), 0);
    }
    ::slirp_pollfds_poll(
        slirp, 0,
        [](int index, void* o) {
            auto const& all = static_cast<state*>(o)->polled;
            auto const i = static_cast<std::size_t>(index);
            short const r = index >= 0 && i < all.size() ? all[i].revents : short{0};
            int events = 0;
            events |= (r & POLLIN) != 0 ? SLIRP_POLL_IN : 0;
            events |= (r & POLLOUT) != 0 ? SLIRP_POLL_OUT : 0;
            events |= (r & POLLPRI) != 0 ? SLIRP_POLL_PRI : 0;
            events |= (r & POLLERR) != 0 ? SLIRP_POLL_ERR : 0;
            events |= (r & POLLHUP) != 0 ? SLIRP_POLL_HUP : 0;
            return events;
        },
        this);
    run_timers();
    arm();
}

void user_network::state::run_timers() {
    auto const now = static_cast<std::int64_t>(os::monotonic_ns() / ns_per_ms);
    for (std::size_t i = 0; i < timers.size(); ++i) {
        auto& t = *timers[i];
        if (t.at_ms >= 0 && t.at_ms <= now) {
            t.at_ms = -1;
            t.run(t.opaque);
        }
    }
}

/// Gives the guest what has come for it, and asks libslirp what it waits for now.
void user_network::state::arm() {
    to.flush();
    outgoing_count = 0;
    polled.clear();
    std::uint32_t timeout_ms = UINT32_MAX;
    ::slirp_pollfds_fill(
        slirp, &timeout_ms,
        [](int fd, int wanted, void* o) {
            auto& all = static_cast<state*>(o)->polled;
            short events = 0;
            events = static_cast<short>(events | ((wanted & SLIRP_POLL_IN) != 0 ? POLLIN : 0));
            events = static_cast<short>(events | ((wanted & SLIRP_POLL_OUT) != 0 ? POLLOUT : 0));
            events = static_cast<short>(events | ((wanted & SLIRP_POLL_PRI) != 0 ? POLLPRI : 0));
            all.push_back({fd, events, 0});
            return static_cast<int>(all.size() - 1);
        },
        this);
    auto gone = watched;
    for (auto const& p : polled) {
        gone.erase(p.fd);
        watch(p.fd, static_cast<std::uint32_t>(p.events)); // the bits are epoll's too
    }
    for (auto const& [fd, events] : gone) {
        watch(fd, 0);
    }
    arm_timer(timeout_ms);
}

void user_network::state::watch(int fd, std::uint32_t events) {
    auto const known = watched.find(fd);
    auto const before = known == watched.end() ? 0 : known->second;
    if (events == before) {
        return;
    }
    epoll_event e{};
    e.events = events;
    e.data.fd = fd;
    int const what = events == 0 ? EPOLL_CTL_DEL : before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    ::epoll_ctl(epoll.get(), what, fd, &e);
    if (events == 0) {
        watched.erase(known);
    } else {
        watched[fd] = events;
    }
}

void user_network::state::arm_timer(std::uint32_t timeout_ms) {
    auto const now = static_cast<std::int64_t>(os::monotonic_ns() / ns_per_ms);
    std::int64_t wait = timeout_ms == UINT32_MAX ? -1 : std::int64_t{timeout_ms};
    for (auto const& t : timers) {
        if (t->at_ms >= 0) {
            auto const left = std::max<std::int64_t>(t->at_ms - now, 0);
            wait = wait < 0 ? left : std::min(wait, left);
        }
    }
    itimerspec when{};
    if (wait >= 0) {
        wait = std::max<std::int64_t>(wait, 1); // zero would be never
        when.it_value = {wait / 1000, wait % 1000 * static_cast<long>(ns_per_ms)};
    }
    ::timerfd_settime(clock.get(), 0, &when, nullptr);
}

/// libslirp's frames are gone when this returns.
void user_network::state::send(std::span<std::byte const> bytes) {
    if (outgoing_count == outgoing.size()) {
        outgoing.emplace_back();
    }
    auto& own = outgoing[outgoing_count++];
    own.assign(bytes.begin(), bytes.end());
    frame f{.bytes = own, .is_checksum_good = true};
    auto const h = read_headers(own);
    if (h && h->protocol == protocol_tcp && h->end - h->network > mtu) {
        auto const headers = h->is_v6 ? ipv6_tcp_headers : ipv4_tcp_headers;
        f.gso = h->is_v6 ? gso_type::tcpv6 : gso_type::tcpv4;
        f.gso_size = static_cast<std::uint16_t>(mtu - headers);
        f.is_checksum_good = false;
        f.is_checksum_blank = true;
        blank_checksum(own, *h);
    }
    to.take(f);
}

user_network::user_network(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}

user_network::~user_network() = default;

result<std::unique_ptr<user_network>>
user_network::create(config const& c, backend_services& services, frame_sink& to) {
    auto s = std::make_unique<state>(c, services, to);
    XENPP_TRY(s->open());
    for (auto const& f : c.forwards) {
        XENPP_TRY(s->forward(f));
    }
    s->arm();
    return std::unique_ptr<user_network>(new user_network(std::move(s)));
}

/// libslirp takes segments of any size, so nothing is cut here.
void user_network::take(frame const& f) {
    auto& s = *state_;
    auto bytes = f.bytes;
    auto const h = read_headers(bytes);
    if (s.sockets.size() >= most_sockets && may_open_socket(bytes, h)) {
        return;
    }
    if (h && (f.is_checksum_blank || is_syn(bytes, *h))) {
        s.scratch.assign(bytes.begin(), bytes.end());
        if (is_syn(bytes, *h)) {
            raise_segment_size(s.scratch, *h);
        }
        fill_checksum(s.scratch, *h);
        bytes = s.scratch;
    }
    ::slirp_input(s.slirp, reinterpret_cast<std::uint8_t const*>(bytes.data()),
                  static_cast<int>(bytes.size()));
}

void user_network::flush() {
    state_->arm();
}

} // namespace xenpp::dev
