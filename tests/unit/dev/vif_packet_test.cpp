// SPDX-License-Identifier: Apache-2.0
// Reading headers, checksums and segmentation, against a plain reference.
#include <xenpp/dev/vif/packet.hpp>

#include <catch2/catch.hpp>

#include <fakes/packets.hpp>

using namespace xenpp;
using dev::gso_type;

TEST_CASE("vif packet.headers are found") {
    auto const v6 = GENERATE(false, true);
    auto const p = fakes::tcp_packet(100, v6);
    auto const h = dev::read_headers(p);
    REQUIRE(h);
    CHECK(h->is_v6 == v6);
    CHECK(h->protocol == dev::protocol_tcp);
    CHECK(h->network == 14);
    CHECK(h->transport == (v6 ? 54 : 34));
    CHECK(h->payload == h->transport + 20);
    CHECK(h->checksum == h->transport + 16);
    CHECK(h->end == p.size());
}

TEST_CASE("vif packet.headers behind a VLAN tag are found") {
    auto p = fakes::tcp_packet(10);
    fakes::packet_bytes tag;
    fakes::append(tag, {0x81, 0, 0, 5});
    p.insert(p.begin() + 12, tag.begin(), tag.end());
    auto const h = dev::read_headers(p);
    REQUIRE(h);
    CHECK(h->network == 18);
}

TEST_CASE("vif packet.a frame that is cut short anywhere has no headers") {
    auto const v6 = GENERATE(false, true);
    auto const p = fakes::tcp_packet(3, v6);
    for (std::size_t n = 0; n < p.size(); ++n) {
        CHECK_FALSE(dev::read_headers(std::span(p).first(n)));
    }
}

TEST_CASE("vif packet.headers that contradict the frame are none") {
    auto p = fakes::tcp_packet(3);
    SECTION("a short IP header") {
        p[14] = std::byte{0x44};
    }
    SECTION("an IP header longer than the packet") {
        p[14] = std::byte{0x4f};
        p[17] = std::byte{50};
    }
    SECTION("a short TCP header") {
        p[46] = std::byte{0x40};
    }
    SECTION("a TCP header beyond the end") {
        p[46] = std::byte{0xf0};
    }
    SECTION("another version") {
        p[14] = std::byte{0x65};
    }
    SECTION("a later fragment") {
        p[21] = std::byte{1};
    }
    CHECK_FALSE(dev::read_headers(p));
}

TEST_CASE("vif packet.a checksum is right for every length") {
    auto const v6 = GENERATE(false, true);
    for (std::size_t n = 0; n < 70; ++n) {
        auto p = fakes::tcp_packet(n, v6);
        dev::fill_checksum(p, *dev::read_headers(p));
        CHECK(fakes::transport_sum(p, v6) == 0xffff);
    }
}

TEST_CASE("vif packet.segments make up the packet again") {
    auto const v6 = GENERATE(false, true);
    constexpr unsigned cwr_psh_fin_ack = 0x99;
    constexpr std::size_t payload = 5000;
    auto const p = fakes::tcp_packet(payload, v6, cwr_psh_fin_ack);
    dev::frame const f{p, true, false, v6 ? gso_type::tcpv6 : gso_type::tcpv4, 1448};
    auto const h = dev::read_headers(p);
    REQUIRE(dev::is_valid_gso(f, *h));
    std::vector<std::byte> room(dev::size_of_segments(f, *h));
    std::vector<std::byte> joined;
    unsigned count = 0;
    dev::cut_into_segments(f, *h, room, [&](std::span<std::byte const> s) {
        auto const sh = dev::read_headers(s);
        REQUIRE(sh);
        CHECK(sh->end == s.size());
        CHECK(fakes::transport_sum(s, v6) == 0xffff);
        if (!v6) {
            CHECK(fakes::plain_sum(s.subspan(14, 20)) == 0xffff);
            CHECK(std::to_integer<unsigned>(s[19]) == 0x34 + count); // the IP id counts up
        }
        auto const sequence = std::to_integer<std::size_t>(s[sh->transport + 6]) << 8 |
                              std::to_integer<std::size_t>(s[sh->transport + 7]);
        CHECK(sequence == 0x304 + joined.size());
        bool const is_last = count == 3;
        CHECK(std::to_integer<unsigned>(s[sh->transport + 13]) == (count == 0 ? 0x90U
                                                                   : is_last  ? 0x19U
                                                                              : 0x10U));
        joined.insert(joined.end(), s.begin() + static_cast<std::ptrdiff_t>(sh->payload), s.end());
        ++count;
    });
    CHECK(count == 4);
    CHECK(joined == std::vector<std::byte>(p.end() - payload, p.end()));
}

TEST_CASE("vif packet.a segmentation that makes no sense is refused") {
    auto const p = fakes::tcp_packet(3000);
    auto const h = *dev::read_headers(p);
    CHECK_FALSE(dev::is_valid_gso({p, true, false, gso_type::tcpv4, 0}, h));
    CHECK_FALSE(dev::is_valid_gso({p, true, false, gso_type::tcpv4, 11}, h)); // 273 segments
    CHECK_FALSE(dev::is_valid_gso({p, true, false, gso_type::tcpv6, 1448}, h));
    auto const empty = fakes::tcp_packet(0);
    CHECK_FALSE(
        dev::is_valid_gso({empty, true, false, gso_type::tcpv4, 1448}, *dev::read_headers(empty)));
}

TEST_CASE("vif packet.a connection's frames have one hash") {
    auto const a = fakes::tcp_packet(3);
    auto b = fakes::tcp_packet(300);
    CHECK(dev::flow_hash(a) == dev::flow_hash(b));
    b[35] = std::byte{1};
    CHECK(dev::flow_hash(a) != dev::flow_hash(b));
}
