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
