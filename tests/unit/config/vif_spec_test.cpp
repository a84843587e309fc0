// SPDX-License-Identifier: Apache-2.0
// Network specs: what they mean, what is wrong with them and where, and back to text.
#include <xenpp/config/vif_spec.hpp>

#include <catch2/catch.hpp>

using namespace xenpp;
using config::parse_vif;
using config::parse_vif_rate;
using dev::vif_network;

namespace {

dev::vif_config good(std::string_view text) {
    auto const p = parse_vif(text);
    INFO(text << ": " << (p ? "" : p.error().reason));
    REQUIRE(p);
    CHECK(p->warnings.empty());
    return p->config;
}

} // namespace

TEST_CASE("vif.an empty spec means all defaults") {
    CHECK(good("") == dev::vif_config{});
    CHECK(good("  ") == dev::vif_config{});
    CHECK(dev::vif_config{}.network == vif_network::automatic);
}

TEST_CASE("vif.Xen's keys") {
    auto const c = good("mac=00:16:3E:1:02:ff, bridge=xenbr0,gatewaydev=eth0,ip=10.0.0.2,type=vif,"
                        "model=e1000,vifname=web0,script=vif-route,backend=0,rate=10Mb/s,devid=3,"
                        "mtu=9000,untrusted");
    CHECK(to_string(*c.mac) == "00:16:3e:01:02:ff");
    CHECK(c.bridge == "xenbr0");
    CHECK(c.gatewaydev == "eth0");
    CHECK(c.ip == "10.0.0.2");
    CHECK(c.type == "vif");
    CHECK(c.model == "e1000");
    CHECK(c.vifname == "web0");
    CHECK(c.script == "vif-route");
    CHECK(c.backend == "0");
    CHECK(c.rate == dev::vif_rate{62'500, 50'000});
    CHECK(c.devid == 3U);
    CHECK(c.mtu == 9000);
    CHECK(!c.is_trusted);
    CHECK(c.network == vif_network::bridge);
}

TEST_CASE("vif.a mac may have any separators") {
    CHECK(to_string(*good("mac=00-16-3e.01x02 03").mac) == "00:16:3e:01:02:03");
}

TEST_CASE("vif.our own keys say where frames go") {
    CHECK(good("network=user").network == vif_network::user);
    CHECK(good("network=bridge").network == vif_network::bridge);
    CHECK(good("bridge=a,backendtype=xenpp").is_xenppds);
    auto const s = good("switch=lan.1");
    CHECK(s.network == vif_network::in_switch);
    CHECK(s.switch_name == "lan.1");
    auto const f = good("forward=tcp:8080-80,forward=udp:0.0.0.0:53-10.0.2.16:5353");
    CHECK(f.network == vif_network::user);
    CHECK(f.forwards == std::vector<dev::vif_forward>{
                            {false, "", 8080, "", 80},
                            {true, "0.0.0.0", 53, "10.0.2.16", 5353},
                        });
}

TEST_CASE("vif.what is wrong, and where") {
    struct row {
        char const* text;
        std::size_t offset;
        char const* reason;
    };

    auto const [text, offset, reason] = GENERATE(values<row>({
        {"mac=00:16:3e:01:02", 4, "six hexadecimal numbers"},
        {"mac=00:16:3e:01:02:03:04", 4, "six hexadecimal numbers"},
        {"mac=0x:16:3e:01:02:03", 4, "six hexadecimal numbers"},
        {"bridge=br0, mac=01:16:3e:01:02:03", 16, "address of a group"},
        {"mac=0:0:0:0:0:0", 4, "all zeros"},
        {"mac", 0, "`mac` needs a value"},
        {"mac=00:16:3e:01:02:03,mac=00:16:3e:01:02:04", 22, "given before"},
        {"bridge=", 7, "name of a network interface"},
        {"bridge=a/b", 7, "name of a network interface"},
        {"vifname=abcdefghijklmnop", 8, "1 to 15"},
        {"type=pv", 5, "`vif`"},
        {"devid=-1", 6, "0 to 1023"},
        {"devid=1024", 6, "0 to 1023"},
        {"devid=1x", 6, "0 to 1023"},
        {"mtu=67", 4, "68 to 65517"},
        {"mtu=65518", 4, "68 to 65517"},
        {"rate=10Mb", 9, "B/s (bytes) or b/s"},
        {"rate=10 Mb/s", 7, "B/s (bytes) or b/s"},
        {"trusted=1", 0, "stands alone"},
        {"bridg=br0", 0, "did you mean `bridge`?"},
        {"vlan", 0, "no key"},
        {"=br0", 0, "expected a key"},
        {"mac=00:16:3e:01:02:03,,bridge=a", 22, "between two commas"},
        {"colo_ft_host=a", 0, "COLO"},
        {"forwarddev=eth0", 0, "COLO"},
        {"network=slirp", 8, "`user` or `bridge`"},
        {"switch=a b", 7, "name of a switch"},
        {"switch=..", 7, "name of a switch"},
        {"switch=a,bridge=b", 9, "contradicts `switch`"},
        {"network=user,switch=a", 0, "contradicts `switch`"},
        {"network=user,bridge=a", 13, "contradicts `network=user`"},
        {"bridge=a,forward=tcp:1-2", 9, "user-mode networking alone"},
        {"switch=a,forward=tcp:1-2", 9, "user-mode networking alone"},
        {"backendtype=qemu", 12, "expected `xenpp`"},
        {"forward=8080-80", 8, "expected tcp:"},
        {"forward=tcp:8080", 8, "expected tcp:"},
        {"forward=tcp:x-80", 12, "port from 1 to 65535"},
        {"forward=tcp:1.2.3:80-80", 12, "IPv4 address"},
        {"forward=tcp:127.0.0.1:0-80", 22, "port from 1 to 65535"},
        {"forward=tcp:80-", 15, "port from 1 to 65535"},
        {"forward=tcp:80-10.0.2.15:65536", 25, "port from 1 to 65535"},
    }));
    INFO(text);
    auto const p = parse_vif(text);
    REQUIRE(!p);
    CHECK(p.error().offset == offset);
    CHECK_THAT(p.error().reason, Catch::Contains(reason));
}

TEST_CASE("vif.old spellings are warned about") {
    auto const p = parse_vif("accel=0,netdev=eth0");
    REQUIRE(p);
    CHECK(p->config.gatewaydev == "eth0");
    REQUIRE(p->warnings.size() == 2);
    CHECK(p->warnings[0].offset == 0);
    CHECK(p->warnings[1].offset == 8);
}

TEST_CASE("vif.printing and reading again gives the same") {
    auto const* text = GENERATE(
        "",
        "mac=00:16:3e:01:02:03,bridge=br0,gatewaydev=e,ip=1.2.3.4,type=ioemu,model=m,vifname=n,"
        "script=s,backend=b,rate=1MB/s@20ms,devid=0,mtu=1400,untrusted",
        "switch=s", "network=user", "bridge=b,backendtype=xenpp", "network=bridge",
        "forward=tcp:1-2,forward=udp:0.0.0.0:3-4", "rate=333b/s@4000s", "rate=17KB/s@333u");
    INFO(text);
    auto const c = good(text);
    INFO(config::print(c));
    CHECK(good(config::print(c)) == c);
}

TEST_CASE("vif.rates") {
    struct row {
        char const* text;
        std::uint64_t bytes;
        std::uint32_t interval_us;
    };

    auto const [text, bytes, interval] = GENERATE(values<row>({
        {"10Mb/s", 62'500, 50'000},
        {"1MB/s@20ms", 20'000, 20'000},
        {"1MB/s@20", 20'000'000, 20'000'000},
        {"1MB/s@1m", 1'000, 1'000},
        {"1MB/s@1us", 1, 1},
        {"010MB/s", 400'000, 50'000},
        {"1Gb/s", 6'250'000, 50'000},
        {"20B/s", 1, 50'000},
    }));
    INFO(text);
    auto const r = parse_vif_rate(text);
    REQUIRE(r);
    CHECK(*r == dev::vif_rate{bytes, interval});
}

TEST_CASE("vif.rates that are none") {
    struct row {
        char const* text;
        std::size_t offset;
        char const* reason;
    };

    auto const [text, offset, reason] = GENERATE(values<row>({
        {"", 0, "expected a rate"},
        {"Mb/s", 0, "expected a rate"},
        {"-1Mb/s", 0, "expected a rate"},
        {"08MB/s", 0, "octal"},
        {"10Mbs", 4, "B/s"},
        {"10mb/s", 2, "B/s"},
        {"0MB/s", 5, "nothing could be sent"},
        {"19B/s", 5, "nothing could be sent"},
        {"1MB/s@", 6, "expected an interval"},
        {"1MB/s@0", 7, "zero"},
        {"1MB/s@4295", 10, "too long"},
        {"1MB/s@1sm", 8, "ends before this"},
        {"1MB/s ", 5, "ends before this"},
        {"18446744073709551616B/s", 0, "too large"},
        {"18446744073709551615KB/s", 24, "too large"},
        {"18446744073709551615B/s", 23, "too large"},
    }));
    INFO(text);
    auto const r = parse_vif_rate(text);
    REQUIRE(!r);
    CHECK(r.error().offset == offset);
    CHECK_THAT(r.error().reason, Catch::Contains(reason));
}

TEST_CASE("vif.a generated mac is Xen's, stable, and differs by interface") {
    std::array<std::uint8_t, 16> uuid{1, 2, 3};
    auto const a = dev::generate_mac(uuid, 0);
    CHECK(to_string(a).starts_with("00:16:3e:"));
    CHECK(a == dev::generate_mac(uuid, 0));
    CHECK(a != dev::generate_mac(uuid, 1));
    uuid[15] = 1;
    CHECK(a != dev::generate_mac(uuid, 0));
}
