// SPDX-License-Identifier: Apache-2.0
// The client on a server in the same process, and a service without sockets.
#include <xenpp/store/client.hpp>
#include <xenpp/store/service.hpp>

#include <fakes/store_client_laws.hpp>
#include <fakes/store_guest.hpp>
#include <fakes/store_peer.hpp>
#include <unistd.h>

#include <map>

using namespace xenpp;
using namespace xenpp::store;
using fakes::joined;
using fakes::store_guest;

namespace {

/// Guests that live in this test.
struct fake_rings final : guest_rings {
    abi::xenstore_domain_interface* map(domain_info const& info) override {
        ++maps;
        auto const at = guests.find(info.domain);
        return at == guests.end() ? nullptr : &at->second.page;
    }

    void unmap(domid d) override { unmapped.push_back(d); }

    void notify(domid d) override { ++notified[d]; }

    std::map<domid, store_guest> guests;
    std::map<domid, int> notified;
    std::vector<domid> unmapped;
    int maps = 0;
};

} // namespace

TEST_CASE("client.in_memory") {
    server s;
    fakes::check_client_laws([&] { return client(connect_memory(s, dom0, true)); });
    CHECK(s.nodes().find("/c/x") != nullptr);
}

TEST_CASE("client.one_that_was_given_up_hears_so_when_it_waits_for_events") {
    server s;
    client idle(connect_memory(s, dom0, true));
    client busy(connect_memory(s, dom0, true));
    idle.watch("/x", "t").value();
    for (int i = 0; i < 5000; ++i) {
        busy.write("/x/" + std::to_string(i) + std::string(2000, 'n'), "").value();
    }
    CHECK(idle.read_watch(0).error().message().find("gave this client up") != std::string::npos);
    CHECK_FALSE(busy.read_watch(0).value());
}

TEST_CASE("client.in_memory_an_event_that_waits_is_not_repeated") {
    server s;
    client c(connect_memory(s, dom0, true));
    c.watch("/x", "t").value();
    CHECK(c.read_watch(0).value());
    for (int i = 0; i < 3; ++i) {
        c.write("/x", "").value();
        c.write("/x/y", "").value();
    }
    CHECK(c.read_watch(0).value()->path == "/x");
    c.write("/x", "").value();
    CHECK(c.read_watch(0).value()->path == "/x/y");
    CHECK(c.read_watch(0).value()->path == "/x");
    CHECK_FALSE(c.read_watch(0).value());
}

TEST_CASE("client.a_path_without_a_server_is_an_error") {
    CHECK(client::open("/nonexistent/socket").error().code == ENOENT);
    CHECK(client::open(std::string(200, 'x')).error().code != 0);
}

TEST_CASE("service.a_guest_and_a_client_hear_of_each_other") {
    fake_rings rings;
    auto& g = rings.guests[domid(5)];
    auto s = service::open({}, rings).value();
    client tools(s->connect());
    CHECK(tools.introduce(domid(6), gfn(1), evtchn_port(1)).error().code ==
          static_cast<int>(errc::inval));
    CHECK_FALSE(tools.is_introduced(domid(6)).value());
    tools.mkdir("/local/domain/5").value();
    tools.set_perms("/local/domain/5", {{domid(5), access::none}}).value();
    tools.introduce(domid(5), gfn(1), evtchn_port(1)).value();
    tools.watch("/local/domain/5/data", "d").value();
    CHECK(tools.read_watch(0).value());

    g.ask({op::watch, 1, 0, joined({"control", "c"})});
    g.ask({op::write, 2, 0, joined({"data/x"}).append("hello")});
    g.run();
    s->ring_event(domid(5)).value();
    CHECK(tools.read_watch(0).value()->path == "/local/domain/5/data/x");
    CHECK(tools.read("/local/domain/5/data/x").value() == "hello");
    CHECK(rings.notified[domid(5)] > 0);
    auto const before = rings.notified[domid(5)];
    tools.write("/local/domain/5/control/shutdown", "halt").value();
    CHECK(rings.notified[domid(5)] == before + 1);
    g.run();
    REQUIRE(g.messages().size() == 4);
    CHECK(g.messages()[3].payload == joined({"control/shutdown", "c"}));

    tools.watch("@releaseDomain", "r").value();
    CHECK(tools.read_watch(0).value());
    s->domain_shutdown(domid(5)).value();
    CHECK(tools.read_watch(0).value()->path == "@releaseDomain");
    s->domain_gone(domid(5)).value();
    CHECK(rings.unmapped == std::vector{domid(5)});
    s->ring_event(domid(5)).value();
}

TEST_CASE("service.a_guest_that_asks_without_end_gets_turns") {
    fake_rings rings;
    auto& g = rings.guests[domid(5)];
    auto s = service::open({}, rings).value();
    client tools(s->connect());
    tools.introduce(domid(5), gfn(1), evtchn_port(1)).value();
    for (std::uint32_t i = 0; i < 500; ++i) {
        g.ask({op::get_domain_path, i, 0, joined({"5"})});
    }
    for (int i = 0; i < 200; ++i) {
        g.run();
        s->ring_event(domid(5)).value();
        s->dispatch().value();
    }
    CHECK(g.messages().size() == 500);
}

TEST_CASE("service.guests_wait_while_a_caller_in_the_process_has_much_to_read") {
    fake_rings rings;
    auto& g = rings.guests[domid(5)];
    auto s = service::open({}, rings).value();
    auto const serve = [&](message const& m) {
        g.ask(m);
        do {
            g.run();
            s->ring_event(domid(5)).value();
        } while (!g.to_send.empty());
        g.run();
    };
    client tools(s->connect());
    tools.mkdir("/local/domain/5").value();
    tools.set_perms("/local/domain/5", {{domid(5), access::none}}).value();
    tools.introduce(domid(5), gfn(1), evtchn_port(1)).value();
    for (int i = 0; i < 10; ++i) {
        tools.watch("/local/domain/5/state", std::to_string(i) + std::string(1000, 't')).value();
        CHECK(tools.read_watch(0).value());
    }

    // Ten transactions, each of which says 1.3 MB to those who watch; then all of them end at once.
    constexpr std::uint32_t count = 10;
    std::vector<std::uint32_t> ids;
    for (std::uint32_t t = 0; t < count; ++t) {
        auto const own = "state/" + std::to_string(t);
        serve({op::mkdir, t, 0, joined({own})});
        serve({op::transaction_start, t, 0, joined({""})});
        ids.push_back(static_cast<std::uint32_t>(std::stoul(g.messages().back().payload)));
        for (std::uint32_t i = 0; i < 85; ++i) {
            auto const path = own + "/" + std::string(500, 'n') + "/" + std::to_string(i);
            serve({op::mkdir, i, ids.back(), joined({path})});
        }
    }
    g.received.clear();
    while (tools.read_watch(0).value()) {
    }
    for (auto const id : ids) {
        g.ask({op::transaction_end, 0, id, joined({"T"})});
    }
    g.run();
    s->ring_event(domid(5)).value();
    CHECK(s->core().is_congested());
    g.run();
    CHECK(g.messages().size() == 1);
    s->dispatch().value();                                                // nobody has read
    CHECK(tools.read("/local/domain/5/state/no").error().code == ENOENT); // nor by asking
    s->dispatch().value();
    g.run();
    CHECK(g.messages().size() == 1);

    std::size_t events = 0;
    for (std::uint32_t turn = 0; turn < count; ++turn) {
        while (tools.read_watch(0).value()) {
            ++events;
        }
        CHECK_FALSE(s->core().is_congested());
        s->dispatch().value();
        g.run();
    }
    CHECK(events == count * 85 * 10);
    CHECK(g.messages().size() == count);
    for (auto const& m : g.messages()) {
        CHECK(m.type == op::transaction_end);
    }
}

TEST_CASE("service.a_new_one_goes_on_where_the_old_one_was_killed") {
    char folder[] = "/tmp/xenpp-store-XXXXXX";
    REQUIRE(::mkdtemp(folder) != nullptr);
    service_options const options{std::string(folder) + "/journal", {}, {}};
    fake_rings rings;
    auto& g = rings.guests[domid(5)];
    {
        auto s = service::open(options, rings).value();
        CHECK_FALSE(s->is_recovered());
        client tools(s->connect());
        tools.introduce(domid(5), gfn(1), evtchn_port(1)).value();
        g.ask({op::get_domain_path, 1, 0, joined({"5"})});
        g.run();
        s->ring_event(domid(5)).value();
        g.ask({op::get_domain_path, 2, 0, joined({"5"})}); // asked, and nobody told
        g.run();
    }
    rings.notified.clear();
    auto s = service::open(options, rings).value();
    CHECK(s->is_recovered());
    CHECK(rings.notified[domid(5)] > 0);
    s->dispatch().value();
    g.run();
    CHECK(g.messages().size() == 2);
    CHECK(client(s->connect()).is_introduced(domid(5)).value());
    s.reset();
    ::unlink(options.journal.c_str());
    ::rmdir(folder);
}
