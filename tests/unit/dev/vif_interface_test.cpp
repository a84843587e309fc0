// SPDX-License-Identifier: Apache-2.0
// A network interface's engine against a frontend in memory.
#include <xenpp/dev/vif/interface.hpp>
#include <xenpp/dev/vif/packet.hpp>

#include <catch2/catch.hpp>

#include <fakes/net_guest.hpp>
#include <fakes/packets.hpp>

using namespace xenpp;
using abi::netif_rsp_error;
using abi::netif_rsp_null;
using abi::netif_rsp_okay;
using dev::gso_type;
using dev::tx_outcome;
using dev::vif_interface;

namespace {

constexpr dev::vif_features all_features{true, true, true, true, true, false};

struct bed {
    explicit bed(vif_interface::config c = {.features = all_features}, std::size_t queues = 1)
        : guests(queues) {
        std::vector<dev::vif_queue_rings> rings;
        for (auto& g : guests) {
            g = std::make_unique<fakes::net_guest>();
            rings.push_back(g->rings());
        }
        vif = std::make_unique<vif_interface>(c, rings, guest().pages(), out);
    }

    fakes::net_guest& guest() { return *guests[0]; }

    tx_outcome send(std::uint64_t now_us = 1) { return vif->send(0, now_us); }

    std::vector<std::int16_t> statuses() {
        std::vector<std::int16_t> all;
        for (auto const& a : guest().answers()) {
            all.push_back(a.status);
        }
        return all;
    }

    void give(std::vector<std::byte> const& bytes,
              bool is_blank = false,
              gso_type gso = gso_type::none,
              std::uint16_t gso_size = 0) {
        vif->take({bytes, is_blank, false, gso, gso_size});
        vif->flush();
    }

    std::vector<std::unique_ptr<fakes::net_guest>> guests;
    fakes::frame_log out;
    std::unique_ptr<vif_interface> vif;
};

std::vector<std::byte> some_frame(std::size_t size, unsigned seed = 1) {
    std::vector<std::byte> f(size);
    for (std::size_t i = 0; i < size; ++i) {
        f[i] = std::byte(static_cast<std::uint8_t>(i * seed + (i >> 8)));
    }
    f[0] = std::byte{0}; // to one station
    return f;
}

abi::netif_extra_info gso_extra(std::uint16_t size, gso_type type, std::uint8_t flags = 0) {
    abi::netif_extra_info e{};
    e.type = abi::netif_extra_type_gso;
    e.flags = flags;
    e.u.gso.size = size;
    e.u.gso.type = static_cast<std::uint8_t>(type);
    return e;
}

abi::netif_extra_info group_extra(std::uint8_t type, std::uint8_t last) {
    abi::netif_extra_info e{};
    e.type = type;
    e.u.mcast.addr[0] = 1;
    e.u.mcast.addr[5] = last;
    return e;
}

} // namespace

TEST_CASE("vif.frames of all sizes leave the guest whole") {
    bed b;
    auto const size = GENERATE(14, 60, 1514, 4096, 4097, 12000, 65535);
    auto const f = some_frame(static_cast<std::size_t>(size));
    b.guest().send(f);
    CHECK(b.send() == tx_outcome::idle);
    REQUIRE(b.out.frames.size() == 1);
    CHECK(b.out.frames[0].bytes == f);
    CHECK_FALSE(b.out.frames[0].what.is_checksum_blank);
    CHECK(b.out.flushes == 1);
    for (auto const s : b.statuses()) {
        CHECK(s == netif_rsp_okay);
    }
    CHECK(b.vif->statistics().rx_packets == 1);
    CHECK(b.vif->statistics().rx_bytes == f.size());
}

TEST_CASE("vif.many packets need few copies and one event") {
    bed b;
    for (int i = 0; i < 100; ++i) {
        b.guest().send(some_frame(1000));
    }
    CHECK(b.send() == tx_outcome::idle);
    CHECK(b.out.frames.size() == 100);
    CHECK(b.guest().pages().copies == 1);
    CHECK(b.guest().tx_events == 1);
}

TEST_CASE("vif.a full ring of the largest packets goes in several turns") {
    bed b;
    for (int i = 0; i < 14; ++i) {
        b.guest().send(some_frame(65535));
    }
    unsigned turns = 1;
    while (b.send() == tx_outcome::more) {
        ++turns;
    }
    CHECK(turns > 1);
    CHECK(b.out.frames.size() == 14);
    CHECK(b.statuses().size() == 14U * 16U);
}

TEST_CASE("vif.what a guest leaves to others is passed on") {
    bed b;
    auto const p = fakes::tcp_packet(4000);
    b.guest().send(p, abi::nettxf_csum_blank | abi::nettxf_data_validated,
                   {gso_extra(1448, gso_type::tcpv4)});
    CHECK(b.send() == tx_outcome::idle);
    REQUIRE(b.out.frames.size() == 1);
    CHECK(b.out.frames[0].bytes == p);
    CHECK(b.out.frames[0].what.is_checksum_blank);
    CHECK(b.out.frames[0].what.gso == gso_type::tcpv4);
    CHECK(b.out.frames[0].what.gso_size == 1448);
    CHECK(b.statuses() == std::vector{netif_rsp_okay, netif_rsp_null});
}

TEST_CASE("vif.a bad packet is refused, and the next one is not") {
    bed b;
    auto& g = b.guest();
    auto const ref = g.pages().grant();
    abi::netif_tx_request r{ref.raw(), 0, 0, 7, 60};
    std::size_t slots = 1;
    SECTION("beyond the page's end") {
        r.offset = 4090;
    }
    SECTION("shorter than an Ethernet header") {
        r.size = 13;
    }
    SECTION("of a page that was not granted") {
        r.gref = 99;
    }
    SECTION("blank checksum of what is not IP") {
        r.flags = abi::nettxf_csum_blank;
    }
    SECTION("an unknown kind of extra information") {
        r.flags = abi::nettxf_extra_info;
        g.put(r);
        abi::netif_extra_info e{};
        e.type = abi::netif_extra_type_max;
        g.put_extra(e);
        slots = 0;
    }
    SECTION("segments of no size") {
        r.flags = abi::nettxf_extra_info | abi::nettxf_csum_blank;
        g.put(r);
        g.put_extra(gso_extra(0, gso_type::tcpv4));
        slots = 0;
    }
    SECTION("a part larger than the whole") {
        r.flags = abi::nettxf_more_data;
        g.put(r);
        g.put({ref.raw(), 0, 0, 8, 61});
        slots = 0;
    }
    SECTION("too many parts") {
        r.flags = abi::nettxf_more_data;
        r.size = 1000;
        g.put(r);
        for (unsigned i = 0; i < dev::tx_queue::most_slots; ++i) {
            auto const more = i + 1 < dev::tx_queue::most_slots ? abi::nettxf_more_data : 0U;
            g.put({ref.raw(), 0, static_cast<std::uint16_t>(more), 8, 10});
        }
        slots = 0;
    }
    if (slots != 0) {
        g.put(r);
    }
    auto const good = some_frame(100);
    g.send(good);
    CHECK(b.send() == tx_outcome::idle);
    REQUIRE(b.out.frames.size() == 1);
    CHECK(b.out.frames[0].bytes == good);
    auto const answers = g.answers();
    CHECK(answers.front().id == 7);
    CHECK(answers.front().status == netif_rsp_error);
    CHECK(answers.back().status == netif_rsp_okay);
    CHECK(b.vif->statistics().rx_errors == 1);
}

TEST_CASE("vif.a guest that breaks its ring is served no more") {
    bed b;
    auto& g = b.guest();
    auto const ref = g.pages().grant();
    char const* why = "";
    SECTION("missing data") {
        g.put({ref.raw(), 0, abi::nettxf_more_data, 0, 60});
        g.push();
        why = "data is missing";
    }
    SECTION("missing extra information") {
        g.put({ref.raw(), 0, abi::nettxf_extra_info, 0, 60});
        g.push();
        why = "extra information is missing";
    }
    SECTION("an index far ahead") {
        reinterpret_cast<abi::sring_header*>(g.tx_page().data())->req_prod = 300;
        why = "index of requests";
    }
    CHECK(b.send() == tx_outcome::broken);
    CHECK_THAT(b.vif->broken(), Catch::Contains(why) && Catch::Contains("transmit"));
    CHECK(b.out.frames.empty());
    CHECK(b.send() == tx_outcome::broken);
    b.give(some_frame(60));
    CHECK(b.vif->statistics().tx_drops == 1);
}

TEST_CASE("vif.frames of all sizes reach the guest whole") {
    bed b;
    b.guest().offer(40);
    auto const size = GENERATE(14, 60, 1514, 4096, 4097, 65535);
    auto const f = some_frame(static_cast<std::size_t>(size));
    b.give(f);
    auto const got = b.guest().receive();
    REQUIRE(got.size() == 1);
    CHECK(got[0].bytes == f);
    CHECK(got[0].extras.empty());
    CHECK(b.guest().rx_events == 1);
    CHECK(b.vif->statistics().tx_bytes == f.size());
}

TEST_CASE("vif.a frame to be cut is given whole to a guest that can do it") {
    bed b;
    b.guest().offer(10);
    auto const p = fakes::tcp_packet(9000);
    b.give(p, true, gso_type::tcpv4, 1448);
    auto const got = b.guest().receive();
    REQUIRE(got.size() == 1);
    CHECK(got[0].bytes == p);
    CHECK((got[0].flags & abi::netrxf_csum_blank) != 0);
    REQUIRE(got[0].extras.size() == 1);
    CHECK(got[0].extras[0].u.gso.size == 1448);
    CHECK(got[0].extras[0].u.gso.type == abi::netif_gso_type_tcpv4);
}

TEST_CASE("vif.and cut and summed for one that cannot") {
    bed b({.features = {.scatter_gather = true, .ipv4_checksum = false}});
    b.guest().offer(20);
    b.give(fakes::tcp_packet(9000), true, gso_type::tcpv4, 1448);
    auto const got = b.guest().receive();
    REQUIRE(got.size() == 7);
    for (auto const& g : got) {
        CHECK(g.flags == abi::netrxf_data_validated);
        CHECK(fakes::transport_sum(g.bytes, false) == 0xffff);
    }
    b.give(fakes::tcp_packet(100), true);
    auto const one = b.guest().receive();
    REQUIRE(one.size() == 1);
    CHECK(one[0].flags == abi::netrxf_data_validated);
    CHECK(fakes::transport_sum(one[0].bytes, false) == 0xffff);
}

TEST_CASE("vif.frames wait for pages, in order and up to a limit") {
    bed b;
    for (unsigned i = 0; i < 1500; ++i) {
        b.give(some_frame(60 + i % 100));
    }
    auto const s = b.vif->statistics();
    CHECK(s.tx_packets == 0);
    CHECK(s.tx_drops == 1500 - dev::rx_queue::most_waiting_frames);
    std::vector<fakes::net_guest::received> all;
    for (unsigned i = 0; i < 6; ++i) {
        b.guest().offer(200);
        b.vif->receive(0);
        for (auto& r : b.guest().receive()) {
            all.push_back(std::move(r));
        }
    }
    REQUIRE(all.size() == dev::rx_queue::most_waiting_frames);
    for (unsigned i = 0; i < all.size(); ++i) {
        CHECK(all[i].bytes == some_frame(60 + i % 100));
    }
}

TEST_CASE("vif.a guest that takes its page back gets an error, and the next frame") {
    bed b;
    b.guest().offer(3);
    b.guest().pages().revoke(b.guest().offered()[0]);
    b.give(some_frame(5000));
    b.give(some_frame(70));
    auto const got = b.guest().receive();
    REQUIRE(got.size() == 3);
    CHECK(got[0].is_error);
    CHECK(got[1].is_error);
    CHECK(got[2].bytes == some_frame(70));
    CHECK(b.vif->statistics().tx_errors == 1);
}

TEST_CASE("vif.a rate holds frames back until their time") {
    bed b({.features = all_features, .rate = dev::vif_rate{2000, 1000}});
    for (int i = 0; i < 100; ++i) {
        b.guest().send(some_frame(1000));
    }
    constexpr std::uint64_t start = 5'000'000;
    CHECK(b.send(start) == tx_outcome::no_credit);
    CHECK(b.out.frames.size() == 2);
    CHECK(b.vif->ready_at() == start + 1000);
    CHECK(b.send(start + 999) == tx_outcome::no_credit);
    CHECK(b.out.frames.size() == 2);
    CHECK(b.send(start + 1000) == tx_outcome::no_credit);
    CHECK(b.out.frames.size() == 4);
    // What was not used is kept, up to the size of the largest packet.
    CHECK(b.send(start + 3'600'000'000) == tx_outcome::no_credit);
    CHECK(b.out.frames.size() == 4 + 65);
}

TEST_CASE("vif.multicast frames are for whom asked") {
    auto features = all_features;
    features.multicast_control = true;
    bed b({.features = features});
    b.guest().offer(20);
    auto group = some_frame(60);
    group[0] = std::byte{1};
    std::fill(group.begin() + 1, group.begin() + 6, std::byte{0});
    group[5] = std::byte{9};
    b.give(group);
    CHECK(b.guest().receive().empty());
    b.guest().send(some_frame(60), 0, {group_extra(abi::netif_extra_type_mcast_add, 9)});
    CHECK(b.send() == tx_outcome::idle);
    CHECK(b.out.frames.empty()); // it is no frame
    CHECK(b.statuses() == std::vector{netif_rsp_okay, netif_rsp_null});
    b.give(group);
    CHECK(b.guest().receive().size() == 1);
    b.guest().send(some_frame(60), 0, {group_extra(abi::netif_extra_type_mcast_del, 9)});
    b.send();
    b.give(group);
    CHECK(b.guest().receive().empty());
    for (std::uint8_t i = 0; i < 65; ++i) {
        b.guest().send(some_frame(60), 0, {group_extra(abi::netif_extra_type_mcast_add, i)});
    }
    static_cast<void>(b.guest().answers());
    b.send();
    CHECK(b.guest().answers()[64 * 2].status == netif_rsp_error); // there are 64 groups
}

TEST_CASE("vif.connections spread over queues, and each stays on one") {
    constexpr std::size_t queues = 4;
    bed b({.features = all_features}, queues);
    for (auto& g : b.guests) {
        g->offer(200);
    }
    // The engine copies to the first guest's pages alone; where a frame went, the rings say.
    for (unsigned port = 0; port < 64; ++port) {
        auto p = fakes::tcp_packet(10);
        p[35] = std::byte(static_cast<std::uint8_t>(port));
        b.vif->take({p, true});
        b.vif->take({p, true});
        b.vif->flush();
    }
    for (auto& g : b.guests) {
        auto const frames = g->receive().size();
        CHECK(frames > 8);
        CHECK(frames % 2 == 0);
    }
}

TEST_CASE("vif.a successor goes on where the page says, and repeats nothing") {
    bed b;
    b.guest().send(some_frame(100, 1));
    b.guest().send(some_frame(100, 2));
    b.guest().offer(4);
    b.give(some_frame(61));
    b.send();
    CHECK(b.guest().answers().size() == 2);
    b.guest().send(some_frame(100, 3));
    b.guest().send(some_frame(100, 4));
    // The first of these was answered, and then its backend died: the index does not show it.
    auto* const entry = b.guest().tx_page().data() + sizeof(abi::sring_header) + 2 * 12;
    abi::netif_tx_response answered{};
    std::memcpy(&answered.id, entry + 8, sizeof answered.id);
    std::memcpy(entry, &answered, sizeof answered);

    fakes::frame_log out;
    vif_interface next({.features = all_features, .is_resumed = true}, {b.guest().rings()},
                       b.guest().pages(), out);
    CHECK(next.send(0, 1) == tx_outcome::idle);
    REQUIRE(out.frames.size() == 1);
    CHECK(out.frames[0].bytes == some_frame(100, 4));
    auto const answers = b.guest().answers();
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].id == answered.id);
    auto const more = some_frame(62);
    next.take({more});
    next.flush();
    auto const got = b.guest().receive();
    REQUIRE(got.size() == 2);
    CHECK(got[0].bytes == some_frame(61));
    CHECK(got[1].bytes == more);
}
