// SPDX-License-Identifier: Apache-2.0
// A PV guest and the oracle that counts everything anew when the test ends.
#pragma once

#include <catch2/catch.hpp>

#include <fakes/hv_invariants.hpp>
#include <fakes/pv_guest.hpp>

namespace xenpp::fakes {

struct pv_fixture {
    hv_host h{9216};
    hv_invariants<fake_platform> invariants{h.hv};
    pv_guest g{h};
    unsigned const l1 = g.page_of_l1();
    unsigned const l2 = l1 + 1;
    unsigned const l3 = l1 + 2;
    unsigned const root = g.page_of_root();
    std::uint64_t const rw = pv_guest::rw;
    std::uint64_t const ro = pv_guest::ro;
    long const inval = to_abi(errc::inval);

    ~pv_fixture() { check(); }

    pv_fixture() = default;
    pv_fixture(pv_fixture const&) = delete;
    pv_fixture& operator=(pv_fixture const&) = delete;

    void check() { CHECK(invariants.find_fault() == ""); }
};

} // namespace xenpp::fakes
