// SPDX-License-Identifier: Apache-2.0
// Random lives of hostile PV domains: after every operation all counts and types are what the page
// tables say, and no CPU can use what it must not.
#include <catch2/catch.hpp>

#include <fakes/pv_arena.hpp>

#include <random>
#include <vector>

using namespace xenpp;

TEST_CASE("pv.everything_adds_up_after_every_operation") {
    std::mt19937 random(20261123);
    for (unsigned life = 0; life != 24; ++life) {
        std::vector<std::uint8_t> bytes(16384);
        for (auto& b : bytes) {
            b = static_cast<std::uint8_t>(random());
        }
        fakes::byte_source in(bytes);
        fakes::pv_arena arena;
        for (unsigned n = 0; !in.is_empty(); ++n) {
            auto const fault = arena.step(in);
            INFO("life " << life << ", step " << n);
            REQUIRE(fault == "");
            REQUIRE(arena.find_fault() == "");
        }
        REQUIRE(arena.end() == "");
    }
}
