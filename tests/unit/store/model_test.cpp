// SPDX-License-Identifier: Apache-2.0
// Random requests against the simplest model of a store: a map from paths to values.
#include <xenpp/store/server.hpp>

#include <fakes/store_peer.hpp>

#include <map>
#include <random>

using namespace xenpp;
using namespace xenpp::store;
using fakes::store_peer;

namespace {

struct model {
    std::map<std::string, std::string> nodes{{"/", ""}};

    void create(std::string const& path) {
        if (nodes.contains(path)) {
            return;
        }
        create(std::string(parent_of(path)));
        nodes[path] = "";
    }

    void write(std::string const& path, std::string const& value) {
        create(path);
        nodes[path] = value;
    }

    std::string rm(std::string const& path) {
        if (!nodes.contains(path)) {
            return nodes.contains(std::string(parent_of(path))) ? "OK" : "!ENOENT";
        }
        std::erase_if(nodes, [&](auto const& n) { return is_at_or_below(n.first, path); });
        return "OK";
    }

    std::string read(std::string const& path) const {
        auto const at = nodes.find(path);
        return at == nodes.end() ? "!ENOENT" : at->second;
    }

    std::string list(std::string const& path) const {
        if (!nodes.contains(path)) {
            return "!ENOENT";
        }
        std::string out;
        for (auto const& [name, value] : nodes) {
            if (name != "/" && parent_of(name) == path) {
                out += (out.empty() ? "" : ",") + name.substr(name.rfind('/') + 1);
            }
        }
        return out;
    }
};

std::size_t nodes_below(node const& n) {
    std::size_t total = 1;
    for (auto const& c : n.children) {
        total += nodes_below(*c.target);
    }
    return total;
}

struct player {
    std::mt19937 random{4711};

    unsigned up_to(unsigned n) { return static_cast<unsigned>(random() % n); }

    std::string path() {
        std::string out;
        for (auto depth = up_to(4) + 1; depth != 0; --depth) {
            out += "/" + std::string(1, static_cast<char>('a' + up_to(4)));
        }
        return out;
    }
};

/// One random request to both; `tx` is the transaction, or 0.
void play(player& p, model& m, store_peer& peer, std::uint32_t tx) {
    auto const path = p.path();
    auto const value = std::to_string(p.up_to(1000));
    switch (p.up_to(5)) {
    case 0:
        m.write(path, value);
        REQUIRE(peer.write(path, value, tx) == "OK");
        break;
    case 1:
        m.create(path);
        REQUIRE(peer.mkdir(path, tx) == "OK");
        break;
    case 2: REQUIRE(peer.rm(path, tx) == m.rm(path)); break;
    case 3: REQUIRE(peer.read(path, tx) == m.read(path)); break;
    case 4: REQUIRE(peer.list(path, tx) == m.list(path)); break;
    }
}

void check_equal(server const& s, model const& m) {
    REQUIRE(nodes_below(s.nodes().root()) == m.nodes.size());
    REQUIRE(s.nodes().owned(dom0) == m.nodes.size());
    for (auto const& [path, value] : m.nodes) {
        auto const* n = s.nodes().find(path);
        REQUIRE(n != nullptr);
        REQUIRE(std::string_view(n->value) == value);
    }
}

} // namespace

TEST_CASE("server.agrees_with_a_map") {
    server s;
    store_peer peer(s, dom0);
    model m;
    player p;
    for (int i = 0; i < 20000; ++i) {
        play(p, m, peer, 0);
        if (i % 500 == 0) {
            check_equal(s, m);
        }
    }
    check_equal(s, m);
}

TEST_CASE("server.transactions_are_serialisable") {
    // What commits is as if it had run at its end: a transaction that would have seen something
    // else then must be refused.
    server s;
    store_peer peer(s, dom0);
    model now;
    player p;
    int committed = 0;
    int refused = 0;
    for (int round = 0; round < 2000; ++round) {
        auto const tx = peer.begin();
        auto inside = p; // the same choices again at the end, on the model of then
        model seen = now;
        auto const steps = p.up_to(6);
        for (unsigned i = 0; i < steps; ++i) {
            play(p, seen, peer, tx);
        }
        for (unsigned i = p.up_to(3); i != 0; --i) {
            play(p, now, peer, 0);
        }
        auto const answer = peer.end(tx);
        if (answer != "OK") {
            REQUIRE(answer == "!EAGAIN");
            ++refused;
            continue;
        }
        ++committed;
        inside.up_to(6);
        model replay = now;
        for (unsigned i = 0; i < steps; ++i) {
            auto const path = inside.path();
            auto const value = std::to_string(inside.up_to(1000));
            switch (inside.up_to(5)) {
            case 0: replay.write(path, value); break;
            case 1: replay.create(path); break;
            case 2: replay.rm(path); break;
            case 3:
            case 4: break;
            }
        }
        now = replay;
        check_equal(s, now);
    }
    CHECK(committed > 200);
    CHECK(refused > 100);
}

TEST_CASE("server.replayed_changes_give_the_same_state_at_every_moment") {
    server s;
    s.record_changes();
    s.introduce(domid(5), gfn(1), evtchn_port(1));
    s.set_position(*s.ring_connection(domid(5)), {});
    server copy;
    store_peer tools(s, dom0);
    tools.chmod({"/", "b0"});
    store_peer guest(s, *s.ring_connection(domid(5)));
    player p;
    std::uint32_t tx = 0;
    for (int i = 0; i < 3000; ++i) {
        auto& who = p.up_to(2) == 0 ? tools : guest;
        auto const path = p.path();
        switch (p.up_to(9)) {
        case 0: who.write(path, "v"); break;
        case 1: who.mkdir(path); break;
        case 2: who.rm(path); break;
        case 3: who.watch(path, "t"); break;
        case 4: who.unwatch(path, "t"); break;
        case 5: who.chmod({path, "b5", "r6"}); break;
        case 6: tx = tx == 0 ? guest.begin() : tx; break;
        case 7: guest.write(path, "tx", tx); break;
        case 8:
            if (tx != 0) {
                guest.end(tx);
                tx = 0;
            }
            break;
        }
        s.set_position(guest.id(), ring_position{static_cast<std::uint32_t>(i), 0, {}});
        REQUIRE(copy.restore(s.take_changes()));
        if (i % 50 == 0) {
            REQUIRE(copy.snapshot() == s.snapshot());
        }
    }
    REQUIRE(copy.snapshot() == s.snapshot());
}
