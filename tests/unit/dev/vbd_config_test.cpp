// SPDX-License-Identifier: Apache-2.0
// Names and numbers of virtual disks.
#include <xenpp/dev/vbd/config.hpp>

using namespace xenpp;

TEST_CASE("vbd_config.names_stand_for_the_numbers_of_xens_interface") {
    struct row {
        std::string_view name;
        std::uint32_t number;
    };

    // clang-format off
    constexpr row rows[] = {
        {"xvda",      51712},
        {"xvda1",     51713},
        {"xvdb",      51728},
        {"xvdp15",    51967},
        {"xvdq",      0x1000'1000},
        {"xvdaa",     0x1000'1a00},
        {"xvda16",    0x1000'0010},
        {"sda",       2048},
        {"sdp15",     2303},
        {"hda",       768},
        {"hdb1",      833},
        {"hdc",       5632},
        {"hdd63",     5759},
    };
    // clang-format on
    for (auto const& r : rows) {
        CHECK(dev::parse_vdev(r.name) == r.number);
        CHECK(dev::vdev_name(r.number) == r.name);
    }
    CHECK(dev::parse_vdev("d0") == 51712U);
    CHECK(dev::parse_vdev("d1p2") == 51730U);
    CHECK(dev::parse_vdev("d16") == 0x1000'1000U);
    CHECK(dev::parse_vdev("51712") == 51712U);
    CHECK(dev::parse_vdev("0xca00") == 51712U);
    CHECK(dev::vdev_name(1) == "1");
    for (auto const* const bad :
         {"",      "xvd", "xvd1",        "xvda0",  "xvda256",     "xvdA", "sdq",
          "sda16", "hde", "hda64",       "d",      "d1p",         "dp1",  "d1p256",
          "d01",   "-1",  "99999999999", "xvda1x", "xvdzzzzzzzz", "0x",   "/dev/xvda"}) {
        INFO(bad);
        CHECK_FALSE(dev::parse_vdev(bad));
    }
}
