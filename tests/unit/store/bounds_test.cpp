// SPDX-License-Identifier: Apache-2.0
// What a guest can make the store hold, write and do is bounded.
#include <xenpp/store/server.hpp>

#include <fakes/store_peer.hpp>

#include <string>

using namespace xenpp;
using namespace xenpp::store;
using fakes::joined;
using fakes::store_peer;

namespace {

constexpr domid guest{5};

/// A server with a control domain's socket and an introduced guest that owns its directory.
struct host {
    explicit host(quotas q = {}) : s(q), tools(s, dom0) {
        s.introduce(guest, gfn(1), evtchn_port(1));
        tools.mkdir("/local/domain/5");
        tools.chmod({"/local/domain/5", "n5"});
    }

    store_peer peer() { return store_peer(s, *s.ring_connection(guest)); }

    server s;
    store_peer tools;
};

/// `name` and as many components below it as a path may have.
std::string deep(std::string name) {
    while (name.size() < 1900) {
        name += "/a";
    }
    return name;
}

} // namespace

TEST_CASE("bounds.a_deep_path_costs_what_its_length_says") {
    host h;
    h.s.record_changes();
    auto g = h.peer();
    auto const path = deep("x");
    CHECK(g.mkdir(path) == "OK");
    CHECK(h.s.nodes().owned(guest) == 952); // with its directory
    CHECK(h.s.take_changes().size() < 2500);
    CHECK(g.rm("x") == "OK");
    h.s.take_changes();
    h.tools.watch("/", "all");
    h.tools.events();
    auto const t = g.begin();
    CHECK(g.mkdir(path, t) == "OK");
    CHECK(g.end(t) == "OK");
    CHECK(h.tools.events() == "/local/domain/5/" + path + " all");
    CHECK(h.s.take_changes().size() < 2500);
}

TEST_CASE("bounds.what_transactions_looked_at_and_change_has_a_quota_together") {
    constexpr quotas limits{.transaction_memory = 100'000};
    constexpr std::size_t most = limits.transaction_memory + std::size_t{4} * payload_max;
    host h(limits);
    auto g = h.peer();
    CHECK(g.write("there", "") == "OK");
    CHECK(g.write("kept", "1") == "OK");
    auto const held = [&] { return h.s.transaction_memory(g.id()); };
    auto const t = g.begin();
    auto const u = g.begin();
    CHECK(g.read(deep("none"), t) == "!ENOENT");
    CHECK(held() < 1000); // the first that is missing tells all

    struct row {
        char const* what;
        std::string (*ask)(store_peer&, std::string const&, std::uint32_t);
    };

    row const rows[] = {
        {"READ", [](auto& p, auto& name, auto id) { return p.read(name, id); }},
        {"DIRECTORY", [](auto& p, auto& name, auto id) { return p.list(name, id); }},
        {"GET_PERMS", [](auto& p, auto& name, auto id) { return p.perms(name, id); }},
        {"RM", [](auto& p, auto& name, auto id) { return p.rm(name, id); }},
        {"MKDIR and RM",
         [](auto& p, auto& name, auto id) {
             auto const made = p.mkdir(name, id);
             return made == "OK" ? p.rm(name, id) : made;
         }},
        {"WRITE of two nodes",
         [](auto& p, auto& name, auto id) {
             auto const first = p.write("there", name, id);
             return first == "OK" ? p.write("here", name, id) : first;
         }},
        {"SET_PERMS",
         [](auto& p, auto&, auto id) {
             return p.chmod({"there", "n5", "r6", "r7", "r8"}, id);
         }},
    };
    for (auto const& r : rows) {
        CAPTURE(r.what);
        auto const v = g.begin();
        std::string answer;
        for (int i = 0; i < 1000 && answer != "!ENOSPC"; ++i) {
            answer = r.ask(g, std::to_string(i) + std::string(1900, 'n'), v);
            REQUIRE(held() < most);
        }
        CHECK(answer == "!ENOSPC");
        CHECK(g.read("kept", t) == "!ENOSPC"); // they share it
        CHECK(g.write("more", "", u) == "!ENOSPC");
        CHECK(g.read("kept") == "1");
        CHECK(g.end(v) == "OK");
        CHECK(g.read("kept", t) == "1");
    }
    CHECK(g.end(t, false) == "OK");
    CHECK(g.end(u) == "OK");
    CHECK(held() == 0);

    auto const own = h.tools.begin();
    for (int i = 0; i < 100; ++i) {
        CHECK(h.tools.write("/tool/" + std::to_string(i), std::string(2000, 'v'), own) == "OK");
    }
    CHECK(h.s.transaction_memory(h.tools.id()) > most);
    CHECK(h.tools.end(own) == "OK");
}

TEST_CASE("bounds.a_doomed_transaction_has_the_same_quota") {
    host before;
    auto const old = before.peer().begin();
    server s(quotas{.transaction_memory = 50'000});
    REQUIRE(s.restore(before.s.snapshot()));
    s.begin_epoch();
    store_peer g(s, *s.ring_connection(guest));
    std::string answer;
    for (int i = 0; i < 1000 && answer != "!ENOSPC"; ++i) {
        answer = g.read(std::to_string(i) + std::string(1900, 'n'), old);
    }
    CHECK(answer == "!ENOSPC");
    CHECK(s.transaction_memory(g.id()) < 50'000 + payload_max);
    CHECK(g.end(old) == "!EAGAIN");
    CHECK(s.transaction_memory(g.id()) == 0);
}

TEST_CASE("bounds.a_node_written_again_and_again_is_one_change") {
    host h;
    auto g = h.peer();
    auto const t = g.begin();
    CHECK(g.write("state", "0", t) == "OK");
    for (int i = 0; i < 3000; ++i) {
        REQUIRE(g.write("state", std::string(1900, 'v'), t) == "OK");
    }
    CHECK(g.write("state", "last", t) == "OK");
    CHECK(h.s.transaction_memory(g.id()) < 1500);
    CHECK(g.read("state", t) == "last");
    CHECK(g.end(t) == "OK");
    CHECK(g.read("state") == "last");
}
