// SPDX-License-Identifier: Apache-2.0
// The console's nodes against a store in this process.
#include <xenpp/dev/console/nodes.hpp>
#include <xenpp/store/server.hpp>

using namespace xenpp;

TEST_CASE("console_nodes.are_read_when_all_are_there_and_make_sense") {
    store::server server;
    store::client const s(store::connect_memory(server, dom0, true));
    domid const d(3);
    auto const read = [&] { return dev::read_console(s, d).value(); };
    CHECK_FALSE(read());
    REQUIRE(s.write("/local/domain/3/console/ring-ref", "1044479"));
    CHECK_FALSE(read());
    REQUIRE(s.write("/local/domain/3/console/port", "2"));
    CHECK(read() == dev::console_nodes{gfn(1044479), evtchn_port(2), 0});
    REQUIRE(s.write("/local/domain/3/console/limit", "65536"));
    REQUIRE(s.write("/local/domain/3/console/type", "xenconsoled"));
    CHECK(read() == dev::console_nodes{gfn(1044479), evtchn_port(2), 65536});
    SECTION("another backend's") {
        REQUIRE(s.write("/local/domain/3/console/type", "ioemu"));
        CHECK_FALSE(read());
    }
    SECTION("no number") {
        auto const bad = GENERATE("", "x", "2x", "-2", "99999999999");
        REQUIRE(s.write("/local/domain/3/console/port", bad));
        CHECK_FALSE(read());
    }
    REQUIRE(dev::write_console_tty(s, d, "/dev/pts/9"));
    CHECK(s.read("/local/domain/3/console/tty").value() == "/dev/pts/9");
}
