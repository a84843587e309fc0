// SPDX-License-Identifier: Apache-2.0
// What every xenstore client must show, whatever carries its messages.
#pragma once

#include <xenpp/store/client.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace xenpp::fakes {

/// `open` makes one more control-domain client of the same, empty store.
template <class Open>
void check_client_laws(Open open) {
    store::client a = open();
    store::client b = open();

    a.write("/c/x", std::string("v\0w", 3)).value();
    CHECK(b.read("/c/x").value() == std::string("v\0w", 3));
    CHECK(b.exists("/c/x").value());
    CHECK_FALSE(b.exists("/c/y").value());
    auto const missing = b.read("/c/y");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == static_cast<int>(errc::noent));
    CHECK(missing.error().message() == "xenstore read: /c/y: No such file or directory (errno 2)");
    CHECK(b.write("bad path", "").error().code == static_cast<int>(errc::inval));
    CHECK(b.write("/c/z", std::string(5000, 'x')).error().code == static_cast<int>(errc::toobig));

    store::perm_list const perms{{dom0, store::access::none}, {domid(3), store::access::both}};
    a.set_perms("/c/x", perms).value();
    CHECK(b.get_perms("/c/x").value() == perms);

    std::vector<std::string> names;
    for (int i = 1000; i < 1500; ++i) {
        names.push_back("name-" + std::to_string(i));
        a.mkdir("/many/" + names.back()).value();
    }
    CHECK(b.directory("/many").value() == names);
    CHECK(b.directory("/c").value() == std::vector<std::string>{"x"});
    CHECK(b.directory("/c/x").value().empty());

    a.watch("/w", "tok").value();
    CHECK(a.read_watch(1000).value()->path == "/w");
    CHECK_FALSE(a.read_watch(0).value());
    b.write("/w/1", "").value();
    CHECK(a.read("/w/1").value().empty()); // the event comes between
    a.write("/w/2", "").value();
    auto const first = a.read_watch(1000).value();
    CHECK(first->path == "/w/1");
    CHECK(first->token == "tok");
    CHECK(a.read_watch(1000).value()->path == "/w/2");
    a.unwatch("/w", "tok").value();
    b.rm("/w").value();
    CHECK_FALSE(a.read_watch(50).value());

    {
        auto t = a.begin().value();
        t.write("/t/1", "one").value();
        CHECK_FALSE(b.exists("/t/1").value());
    } // aborted
    CHECK_FALSE(b.exists("/t/1").value());
    auto t = a.begin().value();
    CHECK_FALSE(t.exists("/t/1").value());
    b.write("/t/1", "other").value();
    t.write("/t/1", "mine").value();
    CHECK_FALSE(t.commit().value());
    CHECK(b.read("/t/1").value() == "other");

    a.write("/counter", "0").value();
    int rounds = 0;
    a.transact([&](store::client_transaction& tx) -> result<void> {
         auto const now = XENPP_TRY(tx.read("/counter"));
         if (rounds++ < 3) {
             XENPP_TRY(b.write("/counter", std::to_string(rounds * 10)));
         }
         return tx.write("/counter", std::to_string(std::stoi(now) + 1));
     }).value();
    CHECK(rounds == 4);
    CHECK(b.read("/counter").value() == "31");
    auto const refused = a.transact(
        [&](store::client_transaction& tx) -> result<void> {
            XENPP_TRY(tx.read("/counter"));
            return b.write("/counter", "x");
        },
        3);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == static_cast<int>(errc::again));

    CHECK_FALSE(a.is_introduced(domid(7)).value());
    CHECK(a.get_domain_path(domid(7)).value() == "/local/domain/7");
    CHECK(a.release(domid(7)).error().code == static_cast<int>(errc::noent));
    a.introduce(domid(7), gfn(0xfeffc), evtchn_port(1)).value();
    a.introduce(domid(8), gfn(0xfeffc), evtchn_port(1)).value();
    CHECK(a.is_introduced(domid(7)).value());
    a.set_target(domid(7), domid(8)).value();
    a.resume(domid(7)).value();
    a.release(domid(7)).value();
    a.release(domid(8)).value();
    CHECK(a.control({"help"}).value().find("quota") != std::string::npos);
    a.reset_watches().value();
}

} // namespace xenpp::fakes
