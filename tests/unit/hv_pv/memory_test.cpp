// SPDX-License-Identifier: Apache-2.0
// PV page types: what a guest may map, pin and change, and that it all comes back.
#include <catch2/catch.hpp>

#include <fakes/hv_invariants.hpp>
#include <fakes/pv_guest.hpp>

using namespace xenpp;
using abi::mmuext_cmd;
using fakes::pv_guest;
using hv::pv::page_type;
using hv::pv::type_word;

namespace {

struct pv_fixture {
    fakes::hv_host h{9216};
    fakes::hv_invariants<fakes::fake_platform> invariants{h.hv};
    pv_guest g{h};

    ~pv_fixture() { CHECK(invariants.find_fault() == ""); }

    unsigned const l1 = g.page_of_l1();
    unsigned const root = g.page_of_root();
    std::uint64_t const rw = pv_guest::rw;
    std::uint64_t const ro = pv_guest::ro;
    long const inval = to_abi(errc::inval);
};

} // namespace

TEST_CASE("pv.a_root_makes_tables_of_what_it_reaches") {
    pv_fixture f;
    CHECK(f.g.type(f.root).is_live_table(4));
    CHECK(f.g.type(f.root - 1).is_live_table(3));
    CHECK(f.g.type(f.root - 2).is_live_table(2));
    CHECK(f.g.type(f.l1).is_live_table(1));
    CHECK(f.g.type(2).type() == page_type::writable);
    CHECK(f.g.type(2).count() == 1);
    CHECK(f.g.info(2).count == 2); // allocated, mapped
    CHECK(f.g.table(f.root)[256] == f.h.hv.m2p.slot());
}

TEST_CASE("pv.a_mapping_changes_with_its_counts") {
    pv_fixture f;
    CHECK(f.g.write(f.l1, 300, f.g.entry(2, f.rw)) == 0);
    CHECK(f.g.done == 1);
    CHECK(f.g.type(2).count() == 2);
    CHECK(f.g.info(2).count == 3);
    CHECK(f.g.write(f.l1, 300, f.g.entry(2, f.ro)) == 0);
    CHECK(f.g.type(2).count() == 1);
    CHECK(f.g.info(2).count == 3);
    CHECK(f.g.write(f.l1, 300, 0) == 0);
    CHECK(f.g.info(2).count == 2);
    CHECK(f.g.write(f.l1, 300, f.g.entry(f.l1, f.ro)) == 0); // tables may be read
    CHECK(f.g.write(f.l1, 300, f.g.entry(f.l1, f.rw)) == f.inval);
    CHECK(f.g.table(f.l1)[300] == f.g.entry(f.l1, f.ro));
}

TEST_CASE("pv.tables_are_pinned_and_given_up") {
    pv_fixture f;
    f.g.table(10)[7] = f.g.entry(3, f.rw);
    CHECK(f.g.mmuext(mmuext_cmd::pin_l1_table, 10) == f.inval); // it is writable
    CHECK(f.g.protect(10, f.ro) == 0);
    CHECK(f.g.mmuext(mmuext_cmd::pin_l1_table, 10) == 0);
    CHECK(f.g.type(10).has(type_word::pinned));
    CHECK(f.g.type(3).count() == 2);
    CHECK(f.g.mmuext(mmuext_cmd::pin_l1_table, 10) == f.inval); // already
    CHECK(f.g.mmuext(mmuext_cmd::pin_l2_table, 10) == f.inval);
    CHECK(f.g.protect(10, f.rw) == f.inval);
    CHECK(f.g.mmuext(mmuext_cmd::unpin_table, 10) == 0);
    CHECK(f.g.type(3).count() == 1);
    CHECK(f.g.mmuext(mmuext_cmd::unpin_table, 10) == f.inval);
    CHECK(f.g.protect(10, f.rw) == 0);
}

TEST_CASE("pv.a_domain_gives_everything_back") {
    fakes::hv_host h(9216);
    {
        pv_guest first(h);
        h.kill(first.d);
    }
    auto const free = h.settle(); // the m2p stays
    pv_guest g(h);
    CHECK(g.protect(10, pv_guest::ro) == 0);
    g.table(10)[7] = g.entry(3, pv_guest::rw);
    CHECK(g.mmuext(mmuext_cmd::pin_l1_table, 10) == 0);
    auto const id = g.d.id;
    h.kill(g.d);
    CHECK(h.hv.domains[id.raw()] == nullptr);
    CHECK(h.settle() == free);
}
