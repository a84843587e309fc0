// SPDX-License-Identifier: Apache-2.0
// However many connections a guest asks for, the host's descriptors are not all its own.
#include <xenpp/dev/vif/user_network.hpp>

#include <fakes/backend_bed.hpp>
#include <fakes/net_guest.hpp>
#include <fakes/packets.hpp>

#include <filesystem>
#include <iterator>

using namespace xenpp;

namespace {

/// A packet of this protocol from 10.0.2.15 to 10.0.2.2.
fakes::packet_bytes ip_packet(unsigned protocol, std::initializer_list<unsigned> carried) {
    auto p = fakes::ethernet({{0x52, 0x55, 10, 0, 2, 2}}, {{0, 0x16, 0x3e, 1, 2, 3}}, 0x0800);
    auto const size = static_cast<unsigned>(20 + carried.size());
    fakes::append(p, {0x45, 0, 0, size, 0, 0, 0, 0, 64, protocol, 0, 0});
    fakes::append(p, {10, 0, 2, 15, 10, 0, 2, 2});
    auto const sum = static_cast<unsigned>(~fakes::plain_sum(std::span(p).subspan(14)) & 0xffff);
    p[24] = std::byte(static_cast<std::uint8_t>(sum >> 8));
    p[25] = std::byte(static_cast<std::uint8_t>(sum));
    fakes::append(p, carried);
    return p;
}

fakes::packet_bytes udp_packet(unsigned from) {
    constexpr unsigned discard = 9;
    return ip_packet(17, {from >> 8, from & 0xff, 0, discard, 0, 12, 0, 0, 1, 2, 3, 4});
}

std::size_t open_descriptors() {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

struct bed {
    fakes::scripted_doors doors;
    fakes::fake_services services{doors};
    fakes::frame_log guest;
    std::unique_ptr<dev::user_network> network =
        dev::user_network::create({}, services, guest).value();

    void send(fakes::packet_bytes const& p) {
        auto copy = p;
        network->take({.bytes = copy});
        network->flush();
    }
};

} // namespace

TEST_CASE("user_network.a_guest_has_so_many_sockets_and_no_more") {
    bed t;
    auto const before = open_descriptors();
    constexpr unsigned many = 2 * dev::user_network::most_sockets;
    for (unsigned port = 10'000; port != 10'000 + many; ++port) {
        t.send(udp_packet(port));
    }
    auto const full = open_descriptors();
    CHECK(full == before + dev::user_network::most_sockets);
    for (unsigned id = 0; id != 100; ++id) {
        t.send(ip_packet(1, {8, 0, (0xf7ff - id) >> 8, (0xf7ff - id) & 0xff, 0, id, 0, 0}));
    }
    t.send(fakes::tcp_packet(0, false, 0x02));
    CHECK(open_descriptors() == full);
    // What needs no socket is answered: who has 10.0.2.2?
    t.guest.frames.clear();
    auto ask =
        fakes::ethernet({{255, 255, 255, 255, 255, 255}}, {{0, 0x16, 0x3e, 1, 2, 3}}, 0x0806);
    fakes::append(ask, {0, 1, 8, 0, 6, 4, 0, 1, 0, 0x16, 0x3e, 1, 2, 3, 10, 0, 2, 15});
    fakes::append(ask, {0, 0, 0, 0, 0, 0, 10, 0, 2, 2});
    t.send(ask);
    CHECK(t.guest.frames.size() == 1);
    t.network.reset();
    CHECK(open_descriptors() < before);
}
