// SPDX-License-Identifier: Apache-2.0
// What another CPU may do in the middle of an operation on a PV domain's memory.
#include <xenpp/hv/link_op.hpp>

#include <catch2/catch.hpp>

#include <fakes/hv_invariants.hpp>
#include <fakes/pv_guest.hpp>

#include <memory>
#include <vector>

using namespace xenpp;
using abi::mmuext_cmd;
using fakes::pv_guest;
using hv::pv::page_type;

namespace {

struct race_fixture {
    fakes::hv_host h{9216};
    fakes::hv_invariants<fakes::fake_platform> invariants{h.hv};
    pv_guest g{h};

    ~race_fixture() {
        h.platform.on_flush = nullptr;
        h.platform.on_kick = nullptr;
        CHECK(invariants.find_fault() == "");
    }

    bool unmap(unsigned page) {
        return g.call(abi::hypercall::update_va_mapping, {pv_guest::address(page), 0, 0}) == 0;
    }
};

} // namespace

TEST_CASE("pv_race.a_frame_that_is_made_writable_is_not_freed_meanwhile") {
    race_fixture f;
    constexpr unsigned page = 10;
    auto const frame = f.g.frames[page];
    REQUIRE(f.g.protect(page, pv_guest::ro) == 0);
    REQUIRE(f.g.mmuext(mmuext_cmd::pin_l1_table, page) == 0);
    f.h.hv.tlb[1].space = &f.g.d; // CPU 1 is in the guest, and remembers the table
    f.h.hv.tlb[1].in_guest = 1;
    REQUIRE(f.g.mmuext(mmuext_cmd::unpin_table, page) == 0);
    REQUIRE(f.unmap(page));
    REQUIRE(f.g.info(page).count == 1);
    f.h.platform.on_kick = [&](cpu_id c) { // it leaves, and its guest gives the frame up
        f.h.hv.tlb[c.raw()].in_guest = 0;
        hv::pv::table_work w(f.g.d);
        CHECK(hv::pv::give_up_frame(w, frame));
    };
    {
        auto const held = hv::get_page(f.g.d, gfn(frame.raw()), true);
        CHECK(f.h.platform.kicks(cpu_id(1)) == 1);
        REQUIRE(held);
        CHECK(f.g.info(page).use == hv::page_use::guest);
    }
    CHECK(f.g.info(page).use == hv::page_use::dying);
    f.h.hv.tlb[1].space = nullptr;
}

TEST_CASE("pv_race.a_root_is_a_root_until_its_cpu_has_loaded_another") {
    race_fixture f;
    constexpr unsigned next = 10;
    auto const old = f.g.page_of_root();
    auto const slot = hv::pv::table_index(pv_guest::base, 4);
    f.g.table(next)[slot] = f.g.table(old)[slot];
    REQUIRE(f.g.protect(next, pv_guest::ro) == 0);
    unsigned loads = 0;
    f.h.platform.on_flush = [&](cpu_id) {
        ++loads;
        CHECK(hv::pv::kernel_root(f.g.v()) == f.g.frames[next]);
        CHECK(f.g.type(old).is_live_table(4));
    };
    CHECK(f.g.mmuext(mmuext_cmd::new_baseptr, next) == 0);
    CHECK(loads == 1);
    CHECK(f.g.type(old).count() == 0);
}

TEST_CASE("pv_race.a_frame_is_its_domains_once_it_is_on_its_list") {
    race_fixture f;
    auto& frames = f.h.hv.frames;
    auto const frame = frames.allocate(0, f.g.d.id, hv::page_use::hypervisor).value();
    CHECK_FALSE(hv::get_page(f.g.d, gfn(frame.raw()), false));
    {
        lock_guard const hold(f.g.d.page_lock);
        f.g.d.total_pages += 1;
    }
    CHECK(hv::pv::enlist_pages(f.g.d, frame, 1));
    CHECK(hv::get_page(f.g.d, gfn(frame.raw()), true));
}

TEST_CASE("pv_race.memory_of_a_dying_domain_never_becomes_its_own") {
    race_fixture f;
    auto const frame = f.h.hv.frames.allocate(0, f.g.d.id, hv::page_use::hypervisor).value();
    atomic_store(f.g.d.dying, hv::dying_state::dying);
    CHECK_FALSE(hv::pv::enlist_pages(f.g.d, frame, 1));
    CHECK_FALSE(hv::get_page(f.g.d, gfn(frame.raw()), false));
    f.h.hv.frames.free(frame, 0);
    atomic_store(f.g.d.dying, hv::dying_state::alive);
}

TEST_CASE("pv_race.a_time_area_holds_its_page_as_writable_and_lets_go_of_it") {
    race_fixture f;
    constexpr unsigned page = 10;
    abi::vcpu_register_time_memory_area op{};
    auto ask = [&](std::uint64_t where) {
        op.addr.p = where;
        auto const at = f.g.put(std::vector{op});
        return f.g.call(
            abi::hypercall::vcpu_op,
            {static_cast<std::uint64_t>(abi::vcpu_op::register_vcpu_time_memory_area), 0, at});
    };
    REQUIRE(ask(pv_guest::address(page)) == 0);
    CHECK(f.g.type(page).count() == 2);
    REQUIRE(ask(pv_guest::address(11)) == 0);
    CHECK(f.g.type(page).count() == 1);
    CHECK(f.g.info(page).count == 2);
    REQUIRE(ask(0) == 0);
    CHECK(f.g.type(11).count() == 1);
}

TEST_CASE("pv_race.a_context_that_fails_in_part_leaves_no_process_without_tables") {
    race_fixture f;
    auto& v = f.g.v();
    auto& s = hv::pv::state_of(v);
    {
        hv::pv::table_work w(f.g.d);
        REQUIRE(hv::pv::set_user_root(w, v, f.g.frames[f.g.page_of_root()]));
    }
    s.in_kernel = false;
    auto const c = std::make_unique<abi::vcpu_guest_context>();
    c->flags = abi::vgcf_in_kernel;
    c->ctrlreg[3] = v.context.cr3;
    c->gdt_ents = 512;
    c->gdt_frames[0] = ~std::uint64_t{0} >> 12; // no memory
    CHECK_FALSE(hv::pv::load_context(v, *c));
    CHECK(hv::pv::root_in_use(v) != 0);
    s.in_kernel = true;
}

TEST_CASE("pv_race.what_a_domain_was_granted_is_not_mapped_as_its_own") {
    race_fixture f;
    auto const granted = f.g.frames[10];
    auto& mapper = f.h.make_domain();
    auto const own = f.h.populate(mapper, gfn(4));
    REQUIRE(hv::get_frame(f.h.hv, granted));
    REQUIRE(hv::p2m_add(mapper, gfn(5), granted, 0));
    link::link_map_foreign op{};
    op.first_gfn = 4;
    op.flags = link::map_writable;
    auto const page = hv::detail::foreign_page(f.h.control(), mapper, op, 0);
    REQUIRE(page);
    CHECK(page->frame() == own);
    CHECK_FALSE(hv::detail::foreign_page(f.h.control(), mapper, op, 1));
    REQUIRE(hv::p2m_remove(mapper, gfn(5), 0));
}

TEST_CASE("pv_race.a_row_of_flushes_is_done_in_turns") {
    race_fixture f;
    f.h.hv.pv_turn = 128;
    abi::mmuext_op op{};
    op.cmd = static_cast<std::uint32_t>(mmuext_cmd::tlb_flush_all);
    auto const at = f.g.put(std::vector(10, op));
    CHECK(f.g.call(abi::hypercall::mmuext_op, {at, 10, 0, abi::domid_self}) == 0);
    CHECK(f.h.turns == 5);
}

TEST_CASE("pv_race.a_root_that_is_given_up_and_taken_again_in_one_turn_stays_whole") {
    race_fixture f;
    constexpr unsigned next = 10, given_up = 14; // and under `next` one table of each level
    auto const slot = hv::pv::table_index(pv_guest::base, 4);
    f.g.table(given_up)[slot] = f.g.table(f.g.page_of_root())[slot];
    for (unsigned page = next; page != next + 3; ++page) {
        f.g.table(page)[511] = f.g.entry(page + 1, pv_guest::rw);
    }
    for (unsigned page = next; page <= given_up; ++page) {
        REQUIRE(f.g.protect(page, pv_guest::ro) == 0);
    }
    auto& v = f.g.v(1);
    auto const c = std::make_unique<abi::vcpu_guest_context>();
    c->flags = abi::vgcf_in_kernel;
    c->ctrlreg[3] = to_maddr(f.g.frames[given_up]).raw();
    c->gdt_ents = 512;
    REQUIRE_FALSE(hv::pv::load_context(v, *c)); // frame 0 holds no descriptors
    REQUIRE(hv::pv::kernel_root(v) == f.g.frames[given_up]);
    f.h.hv.pv_turn = 4 * 512; // just enough for the new root
    c->gdt_ents = 0;
    c->ctrlreg[3] = to_maddr(f.g.frames[next]).raw();
    c->ctrlreg[1] = to_maddr(f.g.frames[given_up]).raw();
    auto done = hv::pv::load_context(v, *c);
    for (unsigned turn = 0; !done && done.error() == errc::restart && turn != 100; ++turn) {
        done = hv::pv::load_context(v, *c);
    }
    CHECK(done);
    CHECK(f.g.mmuext(mmuext_cmd::tlb_flush_local, 0) == 0); // finishes what is unfinished
    CHECK(hv::pv::state_of(v).user_root == f.g.frames[given_up]);
    CHECK(f.g.type(given_up).is_live_table(4));
    CHECK(f.g.type(given_up).count() == 1);
}

TEST_CASE("pv_race.the_shortest_of_turns_gets_somewhere") {
    race_fixture f;
    constexpr unsigned l3 = 10, l2 = 11;
    f.g.table(l3)[511] = f.g.entry(l2, pv_guest::rw);
    REQUIRE(f.g.protect(l3, pv_guest::ro) == 0);
    REQUIRE(f.g.protect(l2, pv_guest::ro) == 0);
    f.h.hv.pv_turn = 1;
    CHECK(f.g.write(f.g.page_of_root(), 7, f.g.entry(l3, pv_guest::rw)) == 0);
    CHECK(f.g.type(l2).is_live_table(2));
    CHECK(f.h.turns > 512);
}
