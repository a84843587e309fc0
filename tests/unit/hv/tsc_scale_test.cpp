// SPDX-License-Identifier: Apache-2.0
// The scale that guests get agrees with exact arithmetic, at every plausible rate.
#include <xenpp/hv/tsc_scale.hpp>

#include <cstdint>

using namespace xenpp;

TEST_CASE("tsc_scale.is_exact_to_a_part_in_a_billion") {
    for (std::uint32_t const khz :
         {1'000U, 10'000U, 999'999U, 1'000'000U, 1'000'001U, 2'613'000U, 5'000'000U}) {
        auto const s = hv::scale_for(khz);
        CHECK(s.mul >= 0x80000000U);
        std::uint64_t const hour = std::uint64_t{khz} * 1000 * 3600;
        auto const ns = hv::scale_ticks(hour, s);
        std::uint64_t const exact = 3600ULL * 1'000'000'000;
        std::uint64_t const off = ns > exact ? ns - exact : exact - ns;
        INFO(khz);
        CHECK(off < exact / 1'000'000'000 + 2000);
    }
}

TEST_CASE("tsc_scale.never_steps_back") {
    auto const s = hv::scale_for(2'613'000);
    std::uint64_t last = 0;
    for (std::uint64_t t = 0; t < 100'000; ++t) {
        auto const ns = hv::scale_ticks(t, s);
        CHECK(ns >= last);
        last = ns;
    }
}
