// SPDX-License-Identifier: Apache-2.0
// A switch learns where addresses are, and forgets what is unplugged.
#include <xenpp/dev/vif/net_switch.hpp>

#include <catch2/catch.hpp>

#include <fakes/net_guest.hpp>
#include <fakes/packets.hpp>

using namespace xenpp;
using dev::mac_address;

namespace {

constexpr mac_address a{{0, 0x16, 0x3e, 0, 0, 1}};
constexpr mac_address b{{0, 0x16, 0x3e, 0, 0, 2}};
constexpr mac_address everybody{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

struct bed {
    void send(std::size_t port, mac_address to, mac_address from) {
        auto const bytes = fakes::ethernet(to, from, 0x88b5);
        ports[port]->take({bytes});
        ports[port]->flush();
    }

    std::vector<std::size_t> got() {
        std::vector<std::size_t> counts;
        for (auto& l : logs) {
            counts.push_back(l.frames.size());
            CHECK(l.flushes == static_cast<int>(l.frames.empty() ? 0 : 1));
            l.frames.clear();
            l.flushes = 0;
        }
        return counts;
    }

    dev::net_switch s;
    std::array<fakes::frame_log, 3> logs;
    std::array<std::unique_ptr<dev::net_switch::port>, 3> ports{s.plug(logs[0]), s.plug(logs[1]),
                                                                s.plug(logs[2])};
};

using counts = std::vector<std::size_t>;

} // namespace

TEST_CASE("net_switch.frames go everywhere until their address is known") {
    bed t;
    t.send(0, b, a);
    CHECK(t.got() == counts{0, 1, 1});
    t.send(1, a, b);
    CHECK(t.got() == counts{1, 0, 0});
    t.send(0, b, a);
    CHECK(t.got() == counts{0, 1, 0});
    t.send(0, everybody, a);
    CHECK(t.got() == counts{0, 1, 1});
}

TEST_CASE("net_switch.an address moves with its station") {
    bed t;
    t.send(0, everybody, a);
    t.send(2, everybody, a);
    static_cast<void>(t.s.address_count());
    for (auto& l : t.logs) {
        l.frames.clear();
        l.flushes = 0;
    }
    t.send(1, a, b);
    CHECK(t.got() == counts{0, 0, 1});
    CHECK(t.s.address_count() == 2);
}

TEST_CASE("net_switch.what is unplugged is forgotten") {
    bed t;
    t.send(2, everybody, a);
    t.ports[2].reset();
    CHECK(t.s.port_count() == 2);
    CHECK(t.s.address_count() == 0);
}

TEST_CASE("net_switch.a port's addresses are bounded, and nobody else's go for them") {
    bed t;
    t.send(1, everybody, b);
    for (unsigned i = 0; i < 1000; ++i) {
        t.send(0, everybody,
               {{2, 0, 0, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}});
    }
    CHECK(t.s.address_count() == dev::net_switch::most_addresses_of_port + 1);
    for (auto& l : t.logs) {
        l.frames.clear();
        l.flushes = 0;
    }
    t.send(0, b, a);
    CHECK(t.got() == counts{0, 1, 0});
}

TEST_CASE("net_switch.frames from a group, or cut short, are dropped") {
    bed t;
    t.send(0, b, everybody);
    auto const bytes = fakes::packet_bytes(13);
    t.ports[0]->take({bytes});
    t.ports[0]->flush();
    CHECK(t.got() == counts{0, 0, 0});
}
