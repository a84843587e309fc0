// SPDX-License-Identifier: Apache-2.0
// The journal: replay equals the run, torn tails vanish, damage is reported, a crash after any step
// of the ring loses nothing.
#include <xenpp/store/journal.hpp>
#include <xenpp/store/ring_connection.hpp>

#include <fakes/no_descriptors.hpp>
#include <fakes/store_guest.hpp>
#include <fakes/store_peer.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>

using namespace xenpp;
using namespace xenpp::store;
using fakes::joined;
using fakes::store_guest;
using fakes::store_peer;

namespace {

constexpr domid guest{5};

struct folder {
    folder() {
        char name[] = "/tmp/xenpp-store-XXXXXX";
        path = ::mkdtemp(name);
    }

    ~folder() {
        for (auto const* file : {"/j", "/j.new", "/k"}) {
            ::unlink((path + file).c_str());
        }
        ::rmdir(path.c_str());
    }

    folder(folder const&) = delete;
    folder& operator=(folder const&) = delete;

    std::string path;
};

std::string contents(std::string const& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

void put(std::string const& path, std::string const& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// A snapshot but for the epoch, which its first five bytes are.
std::string state(server const& s) {
    return s.snapshot().substr(5);
}

/// A few of everything that is journalled.
void exercise(server& s) {
    store_peer tools(s, dom0);
    tools.write("/local/domain/5/name", "guest");
    tools.chmod({"/local/domain/5", "n5", "r0"});
    s.introduce(guest, gfn(0xfeffc), evtchn_port(1));
    s.introduce(domid(6), gfn(0xfeffc), evtchn_port(1));
    tools.ask(op::set_target, joined({"5", "6"}));
    tools.chmod({"@releaseDomain", "n0", "r5"});
    store_peer g(s, *s.ring_connection(guest));
    s.set_position(g.id(), ring_position{7, 9, {}});
    g.watch("name", "n");
    g.watch("@releaseDomain", "r");
    g.watch("other", "o");
    g.unwatch("other", "o");
    auto const t = g.begin();
    g.write("data/x", "1", t);
    g.rm("name", t);
    g.end(t);
    s.domain_shutdown(domid(6));
    s.domain_gone(domid(6));
    tools.rm("/local/domain/0");
    s.set_position(g.id(), ring_position{107, 0, "partial"});
}

} // namespace

TEST_CASE("journal.replay_equals_the_run") {
    folder f;
    server s;
    std::string expected;
    {
        auto j = journal::open(f.path + "/j", s).value();
        CHECK_FALSE(j.is_recovered());
        exercise(s);
        j.commit(s).value();
        expected = state(s);
        server busy;
        auto const second = journal::open(f.path + "/j", busy);
        REQUIRE_FALSE(second);
        CHECK(second.error().message().find("in use") != std::string::npos);
    }
    server r;
    auto j = journal::open(f.path + "/j", r).value();
    CHECK(j.is_recovered());
    CHECK(state(r) == expected);
    server from_snapshot;
    CHECK(from_snapshot.restore(r.snapshot()));
    CHECK(from_snapshot.snapshot() == r.snapshot());
}

TEST_CASE("journal.a_file_cut_at_any_byte_holds_a_prefix_of_the_run") {
    folder f;
    server s;
    std::vector<std::string> states;
    {
        auto j = journal::open(f.path + "/j", s).value();
        states.push_back(state(s));
        store_peer tools(s, dom0);
        for (int i = 0; i < 5; ++i) {
            tools.write("/n" + std::to_string(i), "v");
            j.commit(s).value();
            states.push_back(state(s));
        }
    }
    auto const bytes = contents(f.path + "/j");
    std::size_t last = 0;
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        put(f.path + "/k", bytes.substr(0, cut));
        server r;
        auto const j = journal::open(f.path + "/k", r);
        REQUIRE(j);
        auto const at = std::find(states.begin(), states.end(), state(r)) - states.begin();
        REQUIRE(static_cast<std::size_t>(at) < states.size());
        CHECK(static_cast<std::size_t>(at) >= last);
        last = static_cast<std::size_t>(at);
        ::unlink((f.path + "/k").c_str());
    }
    CHECK(last == 5);
}

TEST_CASE("journal.damage_in_the_middle_is_reported") {
    folder f;
    {
        server s;
        auto j = journal::open(f.path + "/j", s).value();
        store_peer tools(s, dom0);
        for (auto const* name : {"/a", "/b"}) {
            tools.write(name, "v");
            j.commit(s).value();
        }
    }
    auto bytes = contents(f.path + "/j");
    bytes[20] = static_cast<char>(bytes[20] ^ 1);
    put(f.path + "/j", bytes);
    server s;
    auto const j = journal::open(f.path + "/j", s);
    REQUIRE_FALSE(j);
    CHECK(j.error().message().find("byte 8 is damaged") != std::string::npos);
    put(f.path + "/j", "something else entirely");
    CHECK_FALSE(journal::open(f.path + "/j", s));
    CHECK_FALSE(journal::open("/nonexistent/j", s));
}

TEST_CASE("journal.it_is_compacted_and_says_the_same") {
    folder f;
    std::string expected;
    {
        server s;
        auto j = journal::open(f.path + "/j", s).value();
        exercise(s);
        store_peer tools(s, dom0);
        for (int i = 0; i < 2000; ++i) {
            tools.write("/busy", std::string(2000, static_cast<char>('a' + i % 26)));
            j.commit(s).value();
            REQUIRE(j.size() < (1 << 20) + 5000);
        }
        expected = state(s);
    }
    server r;
    auto const j = journal::open(f.path + "/j", r).value();
    CHECK(state(r) == expected);
}

TEST_CASE("journal.entries_for_each_parent_are_read_as_well") {
    // As written before a node and the parents it lacks became one entry.
    std::string each;
    std::uint64_t generation = 0;
    for (auto const* path : {"/a", "/a/b", "/a/b/c"}) {
        write_mutation(each, {mutation::kind::create, path, {}, {{dom0, access::none}}},
                       ++generation);
    }
    server old;
    CHECK(old.restore(each));
    server s;
    s.record_changes();
    store_peer(s, dom0).mkdir("/a/b/c");
    server now;
    CHECK(now.restore(s.take_changes()));
    for (auto* r : {&old, &now}) {
        CHECK(r->nodes().find("/a/b/c") != nullptr);
        CHECK(r->nodes().owned(dom0) == 4);
    }
    CHECK(old.nodes().find("/a/b")->value_generation == 2);
    std::string twice;
    write_mutation(twice, {mutation::kind::create, "/a/b", {}, {{dom0, access::none}}}, 9);
    CHECK_FALSE(now.restore(twice));
}

TEST_CASE("journal.what_could_not_be_written_is_written_with_the_next") {
    folder f;
    server s;
    std::optional j(journal::open(f.path + "/j", s).value());
    store_peer tools(s, dom0);
    tools.write("/x", "1");
    j->commit(s).value();
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    rlimit const full{j->size() + 100, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &full) == 0);
    tools.mkdir("/a");
    tools.write("/a/b", std::string(1000, 'v'));
    auto const refused = j->commit(s);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == EFBIG);
    tools.write("/a/c", "needs /a");
    j->commit(s).value();
    auto const expected = state(s);
    j.reset();
    server r;
    REQUIRE(journal::open(f.path + "/j", r));
    CHECK(state(r) == expected);
}

TEST_CASE("journal.what_cannot_be_compacted_grows_on_until_it_can") {
    folder f;
    server s;
    std::optional j(journal::open(f.path + "/j", s).value());
    store_peer tools(s, dom0);
    auto const grow_to = [&](std::uint64_t size) {
        for (std::uint64_t written = 0; written < size; written += 2000) {
            tools.write("/x", std::string(2000, static_cast<char>('a' + written / 2000 % 26)));
            j->commit(s).value();
        }
    };
    {
        fakes::no_descriptors const full;
        grow_to(std::uint64_t{5} << 19);
        CHECK(j->size() > std::uint64_t{5} << 19);
    }
    // The file in which it could not be written is no reason to end either, and does not stay.
    REQUIRE(::symlink("/dev/full", (f.path + "/j.new").c_str()) == 0);
    grow_to(std::uint64_t{5} << 18);
    CHECK(j->size() > std::uint64_t{5} << 19);
    CHECK(::access((f.path + "/j.new").c_str(), F_OK) != 0);
    grow_to(std::uint64_t{5} << 18);
    CHECK(j->size() < std::uint64_t{5} << 19);
    auto const expected = state(s);
    j.reset();
    server r;
    CHECK(journal::open(f.path + "/j", r));
    CHECK(state(r) == expected);
}

TEST_CASE("journal.transactions_of_an_earlier_epoch_are_doomed_but_work") {
    folder f;
    std::uint32_t old = 0;
    {
        server s;
        auto j = journal::open(f.path + "/j", s).value();
        store_peer(s, dom0).chmod({"/", "b0"});
        s.introduce(guest, gfn(1), evtchn_port(1));
        store_peer g(s, *s.ring_connection(guest));
        old = g.begin();
        g.write("/x", "1", old);
        j.commit(s).value();
    }
    server r;
    auto j = journal::open(f.path + "/j", r).value();
    store_peer g(r, *r.ring_connection(guest));
    CHECK(g.read("/x", old) == "!ENOENT");
    CHECK(g.write("/x", "1", old) == "OK");
    CHECK(g.read("/x", old) == "1");
    CHECK(g.end(old) == "!EAGAIN");
    CHECK(g.read("/x") == "!ENOENT");
    auto const fresh = g.begin();
    CHECK(fresh != old);
    CHECK(g.write("/x", "1", fresh) == "OK");
    CHECK(g.end(fresh) == "OK");
    CHECK(g.read("/x", fresh) == "!ENOENT");
    CHECK(store_peer(r, dom0).read("/x", old) == "!ENOENT"); // sockets do not outlive a restart
}

namespace {

/// What a guest asks in the crash test: every kind of effect, replies and requests larger than the
/// ring.
std::vector<message> script() {
    std::vector<message> out;
    std::uint32_t id = 100;
    auto const add = [&](op type, std::string payload) {
        out.push_back(message{type, ++id, 0, std::move(payload)});
    };
    add(op::watch, joined({"data", "tok"}));
    for (int i = 0; i < 4; ++i) {
        add(op::write, joined({"data/n" + std::to_string(i)}).append("value"));
    }
    add(op::write, joined({"data/big"}).append(1900, 'B'));
    add(op::read, joined({"data/big"}));
    add(op::mkdir, joined({"data/dir/sub"}));
    add(op::rm, joined({"data/n1"}));
    add(op::rm, joined({"data/none/none"}));
    add(op::directory, joined({"data"}));
    add(op::unwatch, joined({"data", "tok"}));
    add(op::write, joined({"data/count"}).append("1"));
    return out;
}

/// One life of the daemon: a server from the journal, and the guest's ring.
struct life {
    life(std::string const& path, store_guest& g) : log(journal::open(path, s).value()) {
        if (!s.ring_connection(guest)) {
            store_peer tools(s, dom0);
            tools.mkdir("/local/domain/5");
            tools.chmod({"/local/domain/5", "n5"});
            s.introduce(guest, gfn(1), evtchn_port(1));
        }
        ring.emplace(s, *s.ring_connection(guest), g.page);
        log.commit(s).value();
    }

    server s;
    journal log;
    std::optional<ring_connection> ring;
};

constexpr int steps_per_round = 5;

/// Runs until nothing moves, `chunk` guest bytes a round; crashes after step number `crash`.
std::string run(store_guest& g, std::size_t chunk, int crash, int& steps) {
    folder f;
    auto const path = f.path + "/j";
    auto now = std::make_unique<life>(path, g);
    int idle = 0;
    for (steps = 0; idle < 2 * steps_per_round; ++steps) {
        auto const before = g.received.size() + g.to_send.size() + g.page.req_cons;
        switch (steps % steps_per_round) {
        case 0: g.run(chunk); break;
        case 1: now->ring->receive(); break;
        case 2: now->log.commit(now->s).value(); break;
        case 3: now->ring->publish(); break;
        case 4: now->ring->send(); break;
        }
        if (steps == crash) {
            now.reset();
            now = std::make_unique<life>(path, g);
            steps += steps_per_round - 1 - steps % steps_per_round;
        }
        bool const is_idle = before == g.received.size() + g.to_send.size() + g.page.req_cons &&
                             g.to_send.empty() && g.page.rsp_prod == g.page.rsp_cons;
        idle = is_idle ? idle + 1 : 0;
    }
    return state(now->s);
}

} // namespace

TEST_CASE("ring.a_crash_after_any_step_loses_and_doubles_nothing") {
    for (std::size_t const chunk : {std::size_t{37}, std::size_t{1024}}) {
        store_guest whole;
        for (auto const& m : script()) {
            whole.ask(m);
        }
        auto const start = whole;
        int total = 0;
        auto const expected = run(whole, chunk, -1, total);
        REQUIRE(whole.messages().size() == script().size() + 8); // events: 1 at once, 7 changes
        REQUIRE(total > 30);
        for (int crash = 0; crash < total; ++crash) {
            auto g = start;
            int steps = 0;
            auto const reached = run(g, chunk, crash, steps);
            CAPTURE(chunk, crash);
            REQUIRE(g.received == whole.received);
            // Indices and generations too: the state is the same to the byte.
            REQUIRE(reached == expected);
        }
    }
}

TEST_CASE("ring.a_guest_that_lies_about_indices_is_given_up") {
    struct row {
        char const* what;
        void (*spoil)(abi::xenstore_domain_interface&);
        std::uint32_t reason;
    };

    row const rows[] = {
        {"more requests than fit", [](auto& p) { p.req_prod = p.req_cons + 1025; }, 2},
        {"responses taken that were not sent", [](auto& p) { p.rsp_cons = p.rsp_prod + 1; }, 2},
        {"a payload too long",
         [](auto& p) {
             auto const bytes = encode({op::write, 1, 0, std::string(payload_max + 1, 'x')});
             for (std::size_t i = 0; i < 16; ++i) {
                 p.req[p.req_prod++ % 1024] = bytes[i];
             }
         },
         3},
    };
    for (auto const& r : rows) {
        CAPTURE(r.what);
        server s;
        s.introduce(guest, gfn(1), evtchn_port(1));
        store_guest g;
        ring_connection ring(s, *s.ring_connection(guest), g.page);
        g.ask({op::read, 1, 0, joined({"x"})});
        g.run();
        ring.receive();
        ring.publish();
        r.spoil(g.page);
        ring.receive();
        ring.send();
        CHECK_FALSE(ring.is_open());
        CHECK(g.page.error == r.reason);
        auto const page = g.page;
        CHECK_FALSE(ring.receive());
        CHECK_FALSE(ring.send());
        CHECK(page.rsp_prod == g.page.rsp_prod);
    }
}

TEST_CASE("ring.a_guest_that_does_not_read_is_not_served") {
    server s;
    store_peer tools(s, dom0);
    tools.write("/v", std::string(3000, 'v'));
    tools.chmod({"/v", "r0"});
    s.introduce(guest, gfn(1), evtchn_port(1));
    store_guest g;
    ring_connection ring(s, *s.ring_connection(guest), g.page);
    for (std::uint32_t i = 0; i < 100; ++i) {
        g.ask({op::read, i, 0, joined({"/v"})});
    }
    for (int i = 0; i < 100; ++i) {
        auto const rsp_cons = g.page.rsp_cons;
        auto const received = g.received.size();
        g.run();
        g.page.rsp_cons = rsp_cons;
        g.received.resize(received);
        ring.receive();
        ring.publish();
        ring.send();
    }
    CHECK(s.output(*s.ring_connection(guest)).size() < ring_connection::output_limit + 4096);
    CHECK_FALSE(g.to_send.empty());
    for (int i = 0; i < 1000; ++i) {
        g.run();
        ring.receive();
        ring.publish();
        ring.send();
    }
    CHECK(g.messages().size() == 100);
}
