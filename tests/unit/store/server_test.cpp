// SPDX-License-Identifier: Apache-2.0
// The server core behaves as xenstored 4.17: nodes, rights, watches, transactions, domains, quotas.
#include <xenpp/store/server.hpp>

#include <fakes/store_peer.hpp>

using namespace xenpp;
using namespace xenpp::store;
using fakes::joined;
using fakes::store_peer;

namespace {

constexpr domid guest{5};
constexpr domid other{6};

/// A server with a control domain's socket and two introduced guests that own their directories.
struct host {
    explicit host(quotas q = {}) : s(q), tools(s, dom0) {
        for (auto d : {guest, other}) {
            s.introduce(d, gfn(0xfeffc), evtchn_port(1));
            auto const home = domain_path(d);
            tools.mkdir(home);
            tools.chmod({home, "n" + std::to_string(d.raw())});
        }
    }

    store_peer peer(domid d) { return store_peer(s, *s.ring_connection(d)); }

    server s;
    store_peer tools;
};

} // namespace

TEST_CASE("server.writing_creates_parents_that_inherit_permissions") {
    host h;
    CHECK(h.tools.write("/a/b/c", "v") == "OK");
    CHECK(h.tools.read("/a/b/c") == "v");
    CHECK(h.tools.read("/a/b") == "");
    CHECK(h.tools.perms("/a/b") == "n0");
    CHECK(h.tools.write("rel/x", "r") == "OK");
    CHECK(h.tools.read("/local/domain/0/rel/x") == "r");
    CHECK(h.tools.chmod({"/a", "b0", "r5"}) == "OK");
    CHECK(h.tools.mkdir("/a/new") == "OK");
    CHECK(h.tools.perms("/a/new") == "b0,r5");
    auto g = h.peer(guest);
    CHECK(g.write("/a/g", "") == "!EACCES");
    CHECK(h.tools.chmod({"/a", "b0"}) == "OK");
    CHECK(g.write("/a/g", "") == "OK");
    CHECK(h.tools.perms("/a/g") == "b5"); // the creator owns it
}

TEST_CASE("server.malformed_requests_are_einval") {
    host h;

    struct row {
        op type;
        std::string payload;
    };

    row const rows[] = {
        {op::read, "/a"},
        {op::read, ""},
        {op::read, joined({"/a/"})},
        {op::read, joined({"@introduceDomain"})},
        {op::read, joined({"/", "/"})},
        {op::write, "/nonul"},
        {op::mkdir, ""},
        {op::rm, joined({"/"})},
        {op::directory_part, joined({"/"})},
        {op::directory_part, joined({"/", "x"})},
        {op::set_perms, joined({"/"})},
        {op::set_perms, joined({"/", "x5"})},
        {op::set_perms, joined({"@foo", "n0"})},
        {op::get_perms, joined({"@releaseDomain"})},
        {op::watch, joined({"/"})},
        {op::watch, joined({"/", "t", "x"})},
        {op::watch, joined({"/", std::string(1023, 't')})},
        {op::introduce, joined({"7"})},
        {op::introduce, joined({"7", "1", "0"})},
        {op::release, joined({"0"})},
        {op::get_domain_path, joined({"x"})},
        {op::control, joined({"nonsense"})},
    };
    for (auto const& r : rows) {
        CAPTURE(static_cast<unsigned>(r.type), r.payload);
        CHECK(h.tools.ask(r.type, r.payload) == "!EINVAL");
    }
    CHECK(h.tools.ask(op::watch_event, "") == "!ENOSYS");
    CHECK(h.tools.ask(static_cast<op>(20), "") == "!ENOSYS");
    CHECK(h.tools.ask(static_cast<op>(4711), "") == "!ENOSYS");
}

TEST_CASE("server.remove_takes_the_subtree_and_pardons_a_missing_node") {
    host h;
    h.tools.write("/q/r/s", "1");
    CHECK(h.tools.rm("/q/r/t") == "OK");
    CHECK(h.tools.rm("/q/zz/t") == "!ENOENT");
    CHECK(h.tools.rm("/q") == "OK");
    CHECK(h.tools.read("/q/r/s") == "!ENOENT");
}

TEST_CASE("server.a_stranger_learns_nothing") {
    host h;
    h.tools.write("/secret/x", "v");
    auto g = h.peer(guest);
    CHECK(g.read("/secret/x") == "!EACCES");
    CHECK(g.read("/secret/missing") == "!EACCES");
    CHECK(g.read("/missing") == "!EACCES");
    CHECK(g.list("/local/domain/6") == "!EACCES");
    CHECK(g.read("own") == "!ENOENT");
    CHECK(g.write("own", "1") == "OK");
    CHECK(g.perms("own") == "n5");
    CHECK(g.chmod({"own", "n6"}) == "!EPERM");
    CHECK(g.chmod({"own", "n5", "r6"}) == "OK");
    CHECK(h.peer(other).read("/local/domain/5/own") == "1");
    CHECK(h.peer(other).chmod({"/local/domain/5/own", "n5"}) == "!EACCES");
    for (auto type : {op::introduce, op::release, op::resume, op::set_target, op::control}) {
        CHECK(g.ask(type, joined({"6", "1", "1"})) == "!EACCES");
    }
}

TEST_CASE("server.a_target_lends_its_rights") {
    host h;
    h.peer(other).write("private", "v");
    auto g = h.peer(guest);
    CHECK(g.read("/local/domain/6/private") == "!EACCES");
    CHECK(h.tools.ask(op::set_target, joined({"5", "9"})) == "!ENOENT");
    CHECK(h.tools.ask(op::set_target, joined({"5", "6"})) == joined({"OK"}));
    CHECK(g.read("/local/domain/6/private") == "v");
    h.s.domain_gone(other);
    h.tools.write("/local/domain/6/private", "new");
    CHECK(g.read("/local/domain/6/private") == "!EACCES");
}

TEST_CASE("server.large_directories_are_read_in_parts") {
    host h;
    std::string names;
    for (int i = 1000; i < 1600; ++i) {
        auto const name = "node-" + std::to_string(i);
        h.tools.mkdir("/many/" + name);
        names += name + '\0';
    }
    CHECK(h.tools.list("/many") == "!E2BIG");
    std::string got;
    std::string generation;
    for (;;) {
        auto const part =
            h.tools.ask(op::directory_part, joined({"/many", std::to_string(got.size())}));
        REQUIRE(part.size() <= payload_max);
        auto const end = part.find('\0') + 1;
        generation = generation.empty() ? part.substr(0, end) : generation;
        CHECK(part.substr(0, end) == generation);
        bool const is_last = part.size() == end + 1 || part.ends_with(std::string(2, '\0'));
        got += part.substr(end, part.size() - end - (is_last ? 1 : 0));
        if (is_last) {
            break;
        }
    }
    CHECK(got == names);
    h.tools.mkdir("/many/one-more");
    CHECK_FALSE(h.tools.ask(op::directory_part, joined({"/many", "0"})).starts_with(generation));
}

TEST_CASE("server.watches_fire_at_once_and_for_what_is_below") {
    host h;
    CHECK(h.tools.watch("/a/b", "tok") == "OK");
    CHECK(h.tools.events() == "/a/b tok");
    CHECK(h.tools.watch("/a/b", "tok") == "!EEXIST");
    h.tools.write("/a/b/c/d", "1");
    h.tools.write("/a/bc", "1");
    h.tools.mkdir("/a/b/c");
    h.tools.chmod({"/a/b", "n0"});
    CHECK(h.tools.events() == "/a/b/c/d tok,/a/b tok");
    h.tools.watch("/a/b/c", "deep");
    h.tools.watch("/a/b/none", "none");
    h.tools.events();
    h.tools.rm("/a");
    CHECK(h.tools.events() == "/a/b tok,/a/b/c deep");
    CHECK(h.tools.unwatch("/a/b", "tok") == "OK");
    CHECK(h.tools.unwatch("/a/b", "tok") == "!ENOENT");
    h.tools.write("/a/b", "1");
    CHECK(h.tools.events() == "");
}

TEST_CASE("server.the_event_of_a_change_comes_before_its_reply_and_after_it_for_watch") {
    server s;
    auto const c = s.connect(dom0, true);
    auto const types = [&] {
        assembler in;
        in.feed(s.output(c));
        s.consume_output(c, s.output(c).size());
        std::vector<op> out;
        while (auto m = *in.next()) {
            out.push_back(m->type);
        }
        return out;
    };
    s.handle(c, {op::watch, 1, 0, joined({"/", "t"})});
    CHECK(types() == std::vector{op::watch, op::watch_event});
    s.handle(c, {op::mkdir, 2, 0, joined({"/x"})});
    CHECK(types() == std::vector{op::watch_event, op::mkdir});
}

TEST_CASE("server.relative_watches_report_relative_paths_and_only_what_may_be_read") {
    host h;
    auto g = h.peer(guest);
    CHECK(g.watch("control", "c") == "OK");
    CHECK(g.watch("/secret", "s") == "OK");
    CHECK(g.events() == "control c,/secret s");
    h.tools.write("/local/domain/5/control/shutdown", "poweroff");
    h.tools.write("/secret/x", "v");
    CHECK(g.events() == "control/shutdown c");
    CHECK(g.ask(op::reset_watches, "") == joined({"OK"}));
    h.tools.write("/local/domain/5/control/shutdown", "");
    CHECK(g.events() == "");
}

TEST_CASE("server.transactions_are_isolated_and_atomic") {
    host h;
    h.tools.watch("/t", "w");
    h.tools.events();
    auto const t = h.tools.begin();
    CHECK(h.tools.write("/t/a/b", "1", t) == "OK");
    CHECK(h.tools.write("/t/a/b", "2", t) == "OK");
    CHECK(h.tools.write("/t/gone", "2", t) == "OK");
    CHECK(h.tools.rm("/t/gone", t) == "OK");
    CHECK(h.tools.read("/t/a/b", t) == "2");
    CHECK(h.tools.read("/t/a/b") == "!ENOENT");
    CHECK(h.tools.ask(op::transaction_start, joined({""}), t) == "!EBUSY");
    CHECK(h.tools.ask(op::transaction_end, joined({"X"}), t) == "!EINVAL");
    CHECK(h.tools.events() == "");
    CHECK(h.tools.end(t) == "OK");
    CHECK(h.tools.events() == "/t/a/b w");
    CHECK(h.tools.read("/t/a/b") == "2");
    CHECK(h.tools.end(t) == "!ENOENT");
    CHECK(h.tools.read("/t/a/b", t) == "!ENOENT");
    auto const u = h.tools.begin();
    h.tools.write("/t/a/b", "3", u);
    CHECK(h.tools.end(u, false) == "OK");
    CHECK(h.tools.read("/t/a/b") == "2");
}

TEST_CASE("server.a_transaction_conflicts_over_what_it_looked_at_and_nothing_else") {
    host h;
    h.tools.write("/t/a", "1");
    h.tools.write("/t/b", "1");

    struct row {
        char const* what;
        void (*inside)(store_peer&, std::uint32_t);
        void (*outside)(store_peer&);
        char const* result;
    };

    row const rows[] = {
        {"value read, then written", [](store_peer& p, std::uint32_t t) { p.read("/t/a", t); },
         [](store_peer& p) { p.write("/t/a", "2"); }, "!EAGAIN"},
        {"another value", [](store_peer& p, std::uint32_t t) { p.read("/t/a", t); },
         [](store_peer& p) { p.write("/t/b", "2"); }, "OK"},
        {"absence seen, then created", [](store_peer& p, std::uint32_t t) { p.read("/t/n", t); },
         [](store_peer& p) { p.write("/t/n", "2"); }, "!EAGAIN"},
        {"listing seen, then a child more", [](store_peer& p, std::uint32_t t) { p.list("/t", t); },
         [](store_peer& p) { p.write("/t/m", "2"); }, "!EAGAIN"},
        {"two create siblings", [](store_peer& p, std::uint32_t t) { p.write("/t/x", "1", t); },
         [](store_peer& p) { p.write("/t/y", "2"); }, "OK"},
        {"two create the same", [](store_peer& p, std::uint32_t t) { p.write("/t/z", "1", t); },
         [](store_peer& p) { p.write("/t/z", "2"); }, "!EAGAIN"},
        {"the parent goes", [](store_peer& p, std::uint32_t t) { p.write("/t/deep/x", "1", t); },
         [](store_peer& p) { p.rm("/t"); }, "!EAGAIN"},
        {"the inherited permissions change",
         [](store_peer& p, std::uint32_t t) { p.mkdir("/u/x", t); },
         [](store_peer& p) {
             p.chmod({"/", "r0"});
         },
         "!EAGAIN"},
    };
    for (auto const& r : rows) {
        CAPTURE(r.what);
        auto const t = h.tools.begin();
        r.inside(h.tools, t);
        r.outside(h.tools);
        CHECK(h.tools.end(t) == r.result);
    }
}

TEST_CASE("server.introduction_and_death_are_announced_once") {
    host h;
    h.tools.watch("@introduceDomain", "i");
    h.tools.watch("@releaseDomain", "r");
    h.tools.events();
    CHECK(h.tools.ask(op::is_domain_introduced, joined({"9"})) == joined({"F"}));
    CHECK(h.tools.ask(op::introduce, joined({"9", "65531", "3"})) == joined({"OK"}));
    CHECK(h.tools.events() == "@introduceDomain i");
    CHECK(h.tools.ask(op::introduce, joined({"9", "65531", "3"})) == joined({"OK"}));
    CHECK(h.tools.events() == "");
    CHECK(h.tools.ask(op::is_domain_introduced, joined({"9"})) == joined({"T"}));
    CHECK(h.s.domains().back().ring == gfn(65531));
    h.s.domain_shutdown(domid(9));
    h.s.domain_shutdown(domid(9));
    CHECK(h.tools.events() == "@releaseDomain r");
    CHECK(h.tools.ask(op::resume, joined({"9"})) == joined({"OK"}));
    h.s.domain_shutdown(domid(9));
    CHECK(h.tools.events() == "@releaseDomain r");
    h.s.domain_gone(domid(9));
    CHECK(h.tools.events() == "@releaseDomain r");
    h.s.domain_gone(domid(9));
    CHECK(h.tools.events() == "");
    CHECK(h.tools.ask(op::release, joined({"9"})) == "!ENOENT");
    CHECK(h.tools.ask(op::get_domain_path, joined({"9"})) == joined({"/local/domain/9"}));
}

TEST_CASE("server.death_takes_the_domains_nodes_and_its_rights") {
    host h;
    h.tools.write("/d/shared", "v");
    h.tools.chmod({"/d/shared", "n0", "r6", "w5"});
    h.peer(guest).write("x/y", "1");
    h.s.domain_gone(guest);
    CHECK(h.tools.read("/local/domain/5") == "!ENOENT");
    CHECK(h.tools.perms("/d/shared") == "n0,r6");
    CHECK(h.s.nodes().owned(guest) == 0);
}

TEST_CASE("server.special_watches_need_the_right_to_read_them") {
    host h;
    auto g = h.peer(guest);
    g.watch("@releaseDomain", "r");
    g.events();
    h.s.domain_shutdown(other);
    CHECK(g.events() == "");
    CHECK(g.chmod({"@releaseDomain", "r0"}) == "!EACCES");
    CHECK(h.tools.chmod({"@releaseDomain", "n0", "r5"}) == "OK");
    h.s.domain_gone(other);
    CHECK(g.events() == "@releaseDomain r");
}

TEST_CASE("server.quotas_hold_for_guests_and_not_for_the_control_domain") {
    host h(
        quotas{.nodes = 10, .watches = 3, .transactions = 2, .node_size = 100, .permissions = 2});
    auto g = h.peer(guest);
    for (int i = 1; i < 10; ++i) {
        CHECK(g.mkdir("n" + std::to_string(i)) == "OK");
    }
    CHECK(g.mkdir("n10") == "!ENOSPC");
    CHECK(g.rm("n9") == "OK");
    CHECK(g.mkdir("n9/x") == "!ENOSPC"); // two nodes, one left
    CHECK(g.read("n9") == "!ENOENT");
    CHECK(g.write("n1", std::string(96, 'x')) == "OK");
    CHECK(g.write("n1", std::string(97, 'x')) == "!ENOSPC");
    CHECK(g.write("n2/" + std::string(96, 'y'), "") == "!ENOSPC");
    CHECK(g.chmod({"n2", "n5", "r6"}) == "OK");
    CHECK(g.chmod({"n2", "n5", "r6", "r7"}) == "!ENOSPC");
    CHECK(g.watch("a", "1") == "OK");
    CHECK(g.watch("a", "2") == "OK");
    CHECK(g.watch("a", "3") == "OK");
    CHECK(g.watch("a", "4") == "!E2BIG");
    g.begin();
    g.begin();
    CHECK(g.ask(op::transaction_start, joined({""})) == "!ENOSPC");
    for (int i = 0; i < 20; ++i) {
        CHECK(h.tools.write("/big/" + std::to_string(i), std::string(2000, 'x')) == "OK");
    }
    CHECK(h.tools.ask(op::control, joined({"quota", "5"})).find("watches          :        3") !=
          std::string::npos);
}

TEST_CASE("server.a_commit_may_not_exceed_the_node_quota_either") {
    host h(quotas{.nodes = 4});
    auto g = h.peer(guest);
    auto const t = g.begin();
    CHECK(g.mkdir("a", t) == "OK");
    CHECK(g.mkdir("b", t) == "OK");
    CHECK(g.mkdir("c") == "OK");
    CHECK(g.mkdir("d") == "OK");
    CHECK(g.end(t) == "!ENOSPC");
    CHECK(g.list("/local/domain/5") == "c,d");
}

TEST_CASE("server.a_client_that_does_not_read_is_bounded") {
    host h;
    auto g = h.peer(guest);
    g.watch("/local/domain/5/x", "t");
    g.events();
    for (int i = 0; i < 5000; ++i) {
        h.tools.write("/local/domain/5/x", "1");
    }
    CHECK(h.s.output(g.id()).size() < output_queue::coalesce_above + 100);
    std::string const long_name(1000, 'n');
    for (int i = 0; i < 20000 && h.s.is_open(g.id()); ++i) {
        h.tools.write("/local/domain/5/x/" + long_name + std::to_string(i), "");
    }
    CHECK_FALSE(h.s.is_open(g.id()));
    CHECK(h.s.output(g.id()).size() < output_queue::give_up_above + 2 * payload_max);
}

TEST_CASE("tree.a_snapshot_shares_the_values_that_have_not_changed") {
    tree t;
    t.create("/a/b/c", {{dom0, access::none}}, 1);
    t.set_value("/a", "a long value that does not fit into the node itself", 2);
    auto const snapshot = t;
    t.set_value("/a/b/c", "changes all nodes above it", 3);
    CHECK(snapshot.find("/a") != t.find("/a"));
    CHECK(std::string_view(snapshot.find("/a")->value).data() ==
          std::string_view(t.find("/a")->value).data());
}

TEST_CASE("tree.a_snapshot_stays_as_it_was") {
    tree t;
    t.create("/a", {{dom0, access::none}}, 1);
    t.set_value("/a", "old", 2);
    auto const snapshot = t;
    t.set_value("/a", "new", 3);
    t.create("/a/b", {{domid(3), access::none}}, 4);
    CHECK(std::string_view(snapshot.find("/a")->value) == "old");
    CHECK(snapshot.find("/a/b") == nullptr);
    CHECK(snapshot.owned(domid(3)) == 0);
    CHECK(t.owned(domid(3)) == 1);
    CHECK(std::string_view(t.remove("/a", 5)->value) == "new");
    CHECK(t.owned(domid(3)) == 0);
    CHECK(snapshot.owned(dom0) == 2);
}
