// SPDX-License-Identifier: Apache-2.0
// A network interface's nodes: what the toolstack writes is what the backend reads, and a frontend
// that writes nonsense is told which node it is.
#include <xenpp/dev/vif/nodes.hpp>
#include <xenpp/store/client.hpp>
#include <xenpp/store/server.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

namespace {

using namespace xenpp;

struct bed {
    dev::device_address write(dev::vif_config const& c) {
        auto const d = dev::describe_vif(c, domid(3), 1);
        REQUIRE(client.transact(
            [&](store::client_transaction const& t) { return dev::write_device(t, d); }));
        return d.address;
    }

    void front(std::string_view name, std::string const& value) {
        REQUIRE(client.write(base + std::string(name), value));
    }

    /// What a frontend with one queue says.
    void offer() {
        front("request-rx-copy", "1");
        front("tx-ring-ref", "8");
        front("rx-ring-ref", "9");
        front("event-channel", "5");
    }

    std::string refusal() {
        auto const f = dev::read_vif_frontend(client, address);
        return f ? "none" : f.error().message();
    }

    store::server server;
    store::client client{store::connect_memory(server, dom0, true)};
    dev::device_address address{"vif", domid(3), 1};
    std::string base = "/local/domain/3/device/vif/1/";
};

dev::vif_config simple() {
    dev::vif_config c;
    c.mac = dev::parse_mac("00:16:3e:01:02:03");
    c.network = dev::vif_network::user;
    return c;
}

} // namespace

TEST_CASE("vif_nodes.what_is_written_is_what_is_read") {
    auto c = simple();
    SECTION("the least") {}
    SECTION("a bridge and all that goes with it") {
        c.network = dev::vif_network::bridge;
        c.bridge = "xenbr0";
        c.script = "/etc/xen/scripts/vif-bridge";
        c.gatewaydev = "eth0";
        c.ip = "10.0.0.7";
        c.vifname = "web";
        c.rate = dev::vif_rate{62500, 50'000};
        c.mtu = 9000;
    }
    SECTION("a switch") {
        c.network = dev::vif_network::in_switch;
        c.switch_name = "lan";
    }
    SECTION("forwarded ports") {
        c.forwards = {dev::parse_forward("tcp:8080-80").value(),
                      dev::parse_forward("udp:127.0.0.1:53-10.0.2.16:53").value()};
    }
    bed b;
    auto const a = b.write(c);
    CHECK(a == b.address);
    CHECK(dev::read_vif(b.client, a).value() == c);
    // The guest is told of its address, and where its backend is.
    CHECK(b.client.read(b.base + "mac").value() == "00:16:3e:01:02:03");
    CHECK(b.client.read(b.base + "backend").value() == dev::backend_path(a));
}

TEST_CASE("vif_nodes.another_toolstack_says_nothing_of_our_networks") {
    bed b;
    auto const base = dev::backend_path(b.address);
    REQUIRE(b.client.write(base + "/mac", "00:16:3e:00:00:01"));
    CHECK(dev::read_vif(b.client, b.address).value().network == dev::vif_network::user);
    REQUIRE(b.client.write(base + "/bridge", "xenbr1"));
    CHECK(dev::read_vif(b.client, b.address).value().network == dev::vif_network::bridge);
}

TEST_CASE("vif_nodes.a_toolstack_that_writes_nonsense_is_told_which_node") {
    bed b;
    auto const a = b.write(simple());
    auto const [name, value] = GENERATE(table<std::string, std::string>({
        {"mac", "00:16:3e"},
        {"rate", "100"},
        {"rate", "0,50"},
        {"rate", "100,x"},
        {"mtu", "big"},
        {"mtu", "65536"},
        {"xenpp-forward", "tcp:80"},
    }));
    auto const path = dev::backend_path(a) + "/" + name;
    REQUIRE(b.client.write(path, value));
    auto const read = dev::read_vif(b.client, a);
    REQUIRE_FALSE(read);
    CHECK_THAT(read.error().message(), Catch::Contains(path) && Catch::Contains(value));
}

TEST_CASE("vif_nodes.a_frontend_of_one_queue") {
    bed b;
    b.offer();
    auto f = dev::read_vif_frontend(b.client, b.address).value();
    REQUIRE(f.queues.size() == 1);
    CHECK(f.queues[0].tx_ring == grant_ref(8));
    CHECK(f.queues[0].rx_ring == grant_ref(9));
    CHECK(f.queues[0].tx_port == evtchn_port(5));
    CHECK(f.queues[0].rx_port == evtchn_port(5));
    CHECK(f.features.ipv4_checksum);
    CHECK_FALSE(f.features.scatter_gather);
    CHECK_FALSE(f.control_ring);
    b.front("event-channel-tx", "6");
    b.front("event-channel-rx", "7");
    b.front("feature-sg", "1");
    b.front("feature-gso-tcpv4", "1");
    b.front("feature-no-csum-offload", "1");
    b.front("ctrl-ring-ref", "10");
    b.front("event-channel-ctrl", "11");
    f = dev::read_vif_frontend(b.client, b.address).value();
    CHECK(f.queues[0].tx_port == evtchn_port(6));
    CHECK(f.queues[0].rx_port == evtchn_port(7));
    CHECK(f.features.scatter_gather);
    CHECK(f.features.gso_tcpv4);
    CHECK_FALSE(f.features.ipv4_checksum);
    CHECK(f.control_ring == grant_ref(10));
    CHECK(f.control_port == evtchn_port(11));
}

TEST_CASE("vif_nodes.a_frontend_of_two_queues") {
    bed b;
    b.front("request-rx-copy", "1");
    b.front("multi-queue-num-queues", "2");
    for (std::string const q : {"0", "1"}) {
        b.front("queue-" + q + "/tx-ring-ref", "1" + q);
        b.front("queue-" + q + "/rx-ring-ref", "2" + q);
        b.front("queue-" + q + "/event-channel", "3" + q);
    }
    auto const f = dev::read_vif_frontend(b.client, b.address).value();
    REQUIRE(f.queues.size() == 2);
    CHECK(f.queues[1].tx_ring == grant_ref(11));
    CHECK(f.queues[1].rx_ring == grant_ref(21));
    CHECK(f.queues[1].tx_port == evtchn_port(31));
}

TEST_CASE("vif_nodes.a_frontend_that_writes_nonsense_is_told_which_node") {
    bed b;
    CHECK_THAT(b.refusal(), Catch::Contains("only copying"));
    b.offer();
    CHECK(b.refusal() == "none");
    auto const [name, value] = GENERATE(table<std::string, std::string>({
        {"tx-ring-ref", "-1"},
        {"rx-ring-ref", "4294967296"},
        {"event-channel", ""},
        {"event-channel", "0x5"},
        {"ctrl-ring-ref", "many"},
    }));
    b.front(name, value);
    CHECK_THAT(b.refusal(), Catch::Contains(b.base + name));
}

TEST_CASE("vif_nodes.a_frontend_may_have_so_many_queues_and_no_more") {
    bed b;
    b.offer();
    auto const count = GENERATE(as<std::string>(), "0", "9", "4294967296");
    b.front("multi-queue-num-queues", count);
    CHECK_THAT(b.refusal(), Catch::Contains(count + " queues; 1 to 8 may be"));
}

TEST_CASE("vif_nodes.every_feature_is_offered_once") {
    auto nodes = dev::vif_backend_features();
    std::ranges::sort(nodes);
    CHECK(std::ranges::adjacent_find(nodes, {}, [](auto const& n) { return n.first; }) ==
          nodes.end());
    CHECK(std::ranges::count(nodes, std::pair<std::string, std::string>("feature-rx-copy", "1")) ==
          1);
}

TEST_CASE("vif_nodes.counts_go_on_after_a_restart") {
    bed b;
    dev::vif_statistics first;
    first.rx_bytes = 100;
    first.tx_drops = 3;
    for (auto const& [name, value] : dev::vif_statistics_nodes({}, first)) {
        REQUIRE(b.client.write(dev::backend_path(b.address) + "/statistics/" + name, value));
    }
    auto const before = dev::read_vif_statistics(b.client, b.address).value();
    CHECK(before.rx_bytes == 100);
    dev::vif_statistics more;
    more.rx_bytes = 11;
    more.tx_packets = 2;
    auto const nodes = dev::vif_statistics_nodes(before, more);
    CHECK(nodes.size() == 8);
    CHECK(nodes.front() == std::pair<std::string, std::string>("rx_bytes", "111"));
    CHECK(nodes.back() == std::pair<std::string, std::string>("tx_drops", "3"));
}
