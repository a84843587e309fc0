// SPDX-License-Identifier: Apache-2.0
// The broker's socket: clients that behave, clients that die, clients that make no sense.
#include "sim_domain.hpp"

#include <xenpp/abi/event_channel.hpp>
#include <xenpp/os/unix_socket.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <transport/evtchn_client.hpp>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <future>

using namespace xenpp;
using namespace xenpp::transport;
using tests::call;
using tests::sim_domain;

namespace {

/// The doors of a client, which asks nothing of them here.
struct closed_doors final : doors {
    result<std::int64_t> hypercall(unsigned, std::array<std::uint64_t, 6> const&) override {
        return fail("hypercall", errc::nosys);
    }

    result<hypercall_memory> allocate(std::size_t) override {
        return fail("allocate", errc::nomem);
    }

    void release(hypercall_memory const&) noexcept override {}

    result<foreign_mapping> map_foreign(domid, std::span<gfn const>, os::access) override {
        return fail("map", errc::nosys);
    }

    result<foreign_mapping> map_foreign(domid, gfn, std::size_t, os::access) override {
        return fail("map", errc::nosys);
    }

    result<foreign_mapping> map_grants(domid, std::span<grant_ref const>, os::access) override {
        return fail("map", errc::nosys);
    }

    result<std::unique_ptr<event_channels>> open_event_channels() override {
        return fail("open", errc::nosys);
    }

    std::string store_path() const override { return {}; }

    std::string description() const override { return {}; }
};

/// A simulation whose broker listens; the client's calls block, so they run in another thread
/// while this one serves.
struct listening_broker {
    listening_broker() {
        REQUIRE(::mkdtemp(folder.data()) != nullptr);
        // In the place of the one that the simulation has, for the bits have one reader.
        auto& m = machine.machine();
        m.broker = evtchn_broker::create(m.doors, m.window(), path()).value();
        m.doors.broker = m.broker.get();
    }

    listening_broker(listening_broker const&) = delete;
    listening_broker& operator=(listening_broker const&) = delete;

    ~listening_broker() {
        std::error_code ignored;
        std::filesystem::remove_all(folder, ignored);
    }

    evtchn_broker& listener() { return *machine.machine().broker; }

    std::string path() const { return folder + "/evtchn.socket"; }

    template <class F>
    auto serve_while(F f) {
        auto outcome = std::async(std::launch::async, f);
        while (outcome.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
            listener().dispatch();
        }
        return outcome.get();
    }

    std::unique_ptr<event_channels> connect() {
        return serve_while([this] {
                   return connect_event_channels(path(), client_doors, machine.machine().window());
               })
            .value();
    }

    /// How many of domain 0's first ports are in use.
    unsigned ports_in_use() {
        unsigned n = 0;
        for (std::uint32_t port = 1; port < 64; ++port) {
            abi::evtchn_status s{};
            s.dom = domid_self.raw();
            s.port = port;
            if (call(machine.doors(), abi::hypercall::event_channel_op, abi::evtchn_op::status,
                     s) == 0) {
                n += s.status != abi::evtchnstat_closed ? 1U : 0U;
            }
        }
        return n;
    }

    /// An event for a port of domain 0, as the hypervisor raises it.
    void raise(evtchn_port port) {
        abi::evtchn_send op{port.raw()};
        REQUIRE(call(machine.doors(), abi::hypercall::event_channel_op, abi::evtchn_op::send, op) ==
                0);
        listener().deliver();
    }

    sim machine = sim::create({.memory_mib = 256}).value();
    std::string folder = "/tmp/xenpp-broker-XXXXXX";
    closed_doors client_doors;
};

bool is_readable(int fd, int timeout_ms = 0) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, timeout_ms) == 1;
}

} // namespace

TEST_CASE("evtchn_broker.serves_another_process_through_its_socket") {
    listening_broker b;
    auto client = b.connect();
    auto const virq = b.serve_while([&] { return client->bind_virq(abi::virq_dom_exc); }).value();
    auto second = b.connect();
    CHECK(b.serve_while([&] { return second->bind_virq(abi::virq_dom_exc); }).error().code ==
          EEXIST);
    CHECK(b.serve_while([&] { return second->unbind(virq); }).error().code == EINVAL);
    CHECK(b.ports_in_use() == 1);

    // Domain 0 to itself: its two ends are ports of two clients.
    auto const local = b.serve_while([&] { return client->bind_unbound(dom0); }).value();
    auto const other = b.serve_while([&] { return second->bind_interdomain(dom0, local); }).value();
    b.listener().deliver();
    while (second->pending().value()) {
    }
    REQUIRE(second->unmask(other));
    b.raise(local);
    CHECK(is_readable(second->fd()));
    CHECK_FALSE(is_readable(client->fd()));
    CHECK(second->pending().value() == other);
    CHECK_FALSE(second->pending().value());
    b.raise(local);
    CHECK_FALSE(is_readable(second->fd())); // masked
    REQUIRE(b.serve_while([&] { return second->unmask(other); }));
    CHECK(second->pending().value() == other);
}

TEST_CASE("evtchn_broker.closes_the_ports_of_a_client_that_has_gone") {
    listening_broker b;
    auto client = b.connect();
    for (unsigned i = 0; i < 10; ++i) {
        REQUIRE(b.serve_while([&] { return client->bind_unbound(domid(5)); }));
    }
    CHECK(b.ports_in_use() == 10);
    client.reset();
    for (unsigned i = 0; i < 1000 && b.ports_in_use() != 0; ++i) {
        b.listener().dispatch();
    }
    CHECK(b.ports_in_use() == 0);
}

TEST_CASE("evtchn_broker.drops_clients_that_make_no_sense") {
    listening_broker b;
    for (std::size_t const size : {std::size_t{1}, std::size_t{11}, std::size_t{500}}) {
        auto const socket = os::connect_unix(b.path(), os::socket_kind::packet).value();
        std::vector<char> const noise(size, '\x41');
        b.listener().dispatch();
        REQUIRE(::send(socket.get(), noise.data(), size, 0) == static_cast<ssize_t>(size));
        b.listener().dispatch();
        auto const events = os::receive_descriptor(socket.get());
        REQUIRE(events);
        char byte = 0;
        CHECK(::recv(socket.get(), &byte, 1, 0) == 0); // dropped
    }
    // An unknown request is answered.
    auto const socket = os::connect_unix(b.path(), os::socket_kind::packet).value();
    b.listener().dispatch();
    REQUIRE(os::receive_descriptor(socket.get()));
    evtchn_request const r{static_cast<evtchn_request_kind>(99), 0, 0};
    REQUIRE(::send(socket.get(), &r, sizeof r, 0) == static_cast<ssize_t>(sizeof r));
    b.listener().dispatch();
    evtchn_reply reply{};
    REQUIRE(::recv(socket.get(), &reply, sizeof reply, 0) == static_cast<ssize_t>(sizeof reply));
    CHECK(reply.status == EINVAL);
}

TEST_CASE("evtchn_broker.a_client_notices_that_the_broker_has_gone") {
    listening_broker b;
    auto client = b.connect();
    CHECK_FALSE(is_readable(client->fd()));
    b.machine.machine().broker.reset();
    CHECK(is_readable(client->fd(), 1000));
    auto const gone = client->pending();
    REQUIRE_FALSE(gone);
    CHECK(gone.error().message().find("broker has gone") != std::string::npos);
    CHECK_FALSE(client->bind_virq(3));
}
