// SPDX-License-Identifier: Apache-2.0
// Xen's security advisories on PV memory, each as an attempt on this hypervisor.
#include "pv_fixture.hpp"

#include <random>
#include <thread>

using namespace xenpp;
using abi::mmuext_cmd;
using fakes::pv_fixture;
using fakes::pv_guest;
using hv::pv::page_type;
using hv::pv::type_word;

TEST_CASE("pv_advisory.148_a_large_page_by_an_update_of_flags") {
    pv_fixture f;
    auto const at = hv::pv::table_index(pv_guest::base, 2);
    auto const old = f.g.table(f.l2)[at];
    CHECK(f.g.write(f.l2, at, old | hv::pv::entry_large) == f.inval);
    CHECK(f.g.write(f.l2, at, old | hv::pv::entry_global) == f.inval);
    CHECK(f.g.write(f.l3, hv::pv::table_index(pv_guest::base, 3),
                    f.g.entry(f.l2, f.rw) | hv::pv::entry_large) == f.inval);
    CHECK(f.g.table(f.l2)[at] == old);
}

TEST_CASE("pv_advisory.182_a_root_that_maps_itself") {
    pv_fixture f;
    for (auto const flags : {f.ro, f.rw}) {
        CHECK(f.g.write(f.root, 300, f.g.entry(f.root, flags)) == f.inval);
    }
    CHECK(f.g.write(f.l2, 5, f.g.entry(f.l2, f.ro)) == f.inval);
    CHECK(f.g.write(f.l1, 300, f.g.entry(f.root, f.ro)) == 0); // to read it is harmless
    CHECK(f.g.write(f.l1, 300, f.g.entry(f.root, f.rw)) == f.inval);
    CHECK(f.g.write(f.l1, 300, 0) == 0);
}

TEST_CASE("pv_advisory.212_an_exchange_that_answers_into_the_hypervisor") {
    pv_fixture f;
    REQUIRE(f.g.call(abi::hypercall::update_va_mapping, {pv_guest::address(20), 0, 0}) == 0);
    f.g.put(std::vector{f.g.frames[20].raw()}, 3);
    for (auto const out : {hv::pv::m2p_base, std::uint64_t{0xffff'82d0'4000'0000},
                           std::uint64_t{0xffff'8300'0000'0000}, ~std::uint64_t{7}}) {
        abi::memory_exchange x{};
        x.in = {{pv_guest::address(3)}, 1, 0, 0, abi::domid_self, {}};
        x.out = {{out}, 1, 0, 0, abi::domid_self, {}};
        x.nr_exchanged = ~std::uint64_t{0} >> 4; // and an index that wraps into it
        auto const at = f.g.put(std::vector{x});
        CHECK(f.g.call(abi::hypercall::memory_op,
                       {static_cast<std::uint64_t>(abi::mem_op::exchange), at}) == f.inval);
    }
    CHECK(f.g.info(20).count == 1);
    abi::memory_exchange x{};
    x.in = {{pv_guest::address(3)}, 1, 0, 0, abi::domid_self, {}};
    x.out = {{0xffff'8300'0000'0000}, 1, 0, 0, abi::domid_self, {}};
    auto const at = f.g.put(std::vector{x});
    CHECK(f.g.call(abi::hypercall::memory_op,
                   {static_cast<std::uint64_t>(abi::mem_op::exchange), at}) == to_abi(errc::fault));
}

TEST_CASE("pv_advisory.213_a_batch_that_goes_on_in_another_mode") {
    pv_fixture f;
    auto const at = f.g.put(std::vector<abi::multicall_entry>{
        {static_cast<std::uint64_t>(abi::hypercall::iret), 0, {}},
        {static_cast<std::uint64_t>(abi::hypercall::update_va_mapping),
         0,
         {pv_guest::address(10), f.g.entry(10, f.ro), 0}}});
    CHECK(f.g.call(abi::hypercall::multicall, {at, 2}) == 0);
    auto const* const done = reinterpret_cast<abi::multicall_entry const*>(f.g.table(0));
    CHECK(static_cast<long>(done[0].result) < 0);
    CHECK(hv::pv::state_of(f.g.v()).in_kernel);
}

TEST_CASE("pv_advisory.214_a_page_that_changes_hands_while_it_is_a_table") {
    pv_fixture f;
    pv_guest other(f.h);
    abi::gnttab_transfer op{};
    op.mfn = f.g.frames[f.l1].raw();
    op.domid = other.d.id.raw();
    auto const at = f.g.put(std::vector{op});
    CHECK(f.g.call(abi::hypercall::grant_table_op,
                   {static_cast<std::uint64_t>(abi::gnttab_op::transfer), at, 1}) == 0);
    CHECK(reinterpret_cast<abi::gnttab_transfer const*>(f.g.table(0))->status ==
          abi::gntst_general_error);
    CHECK(f.g.info(f.l1).owner == f.g.d.id);
}

namespace {

/// Guest `g` grants its page 20 to `other`, which maps and unmaps it.
struct grant_fixture : pv_fixture {
    pv_guest other{h};

    grant_fixture() {
        auto& e = *reinterpret_cast<abi::grant_entry_v1*>(h.platform.map(g.d.grants.frame[0]));
        e = {abi::gtf_permit_access, other.d.id.raw(),
             static_cast<std::uint32_t>(g.frames[20].raw())};
    }

    abi::gnttab_map_grant_ref map(std::uint32_t flags, std::uint64_t address) {
        abi::gnttab_map_grant_ref op{};
        op.dom = g.d.id.raw();
        op.flags = flags;
        op.host_addr = address;
        run(abi::gnttab_op::map_grant_ref, op);
        return op;
    }

    std::int16_t unmap(std::uint32_t handle, std::uint64_t address, std::uint64_t bus = 0) {
        abi::gnttab_unmap_grant_ref op{};
        op.handle = handle;
        op.host_addr = address;
        op.dev_bus_addr = bus;
        run(abi::gnttab_op::unmap_grant_ref, op);
        return op.status;
    }

    std::int16_t replace(std::uint32_t handle, std::uint64_t address, std::uint64_t by) {
        abi::gnttab_unmap_and_replace op{};
        op.handle = handle;
        op.host_addr = address;
        op.new_addr = by;
        run(abi::gnttab_op::unmap_and_replace, op);
        return op.status;
    }

    template <class Op>
    void run(abi::gnttab_op cmd, Op& op) {
        auto const at = other.put(std::vector{op});
        REQUIRE(other.call(abi::hypercall::grant_table_op,
                           {static_cast<std::uint64_t>(cmd), at, 1}) == 0);
        std::memcpy(&op, other.table(0), sizeof op);
    }
};

} // namespace

TEST_CASE("pv_advisory.224_both_kinds_of_mapping_and_only_one_ended") {
    grant_fixture f;
    auto const hole = pv_guest::base + 300 * page_size;
    auto const m = f.map(abi::gntmap_host_map | abi::gntmap_device_map, hole);
    REQUIRE(m.status == abi::gntst_okay);
    CHECK(f.g.type(20).count() == 3); // its own mapping, the other's, the grant
    f.check();
    CHECK(f.unmap(m.handle, hole) == abi::gntst_okay);
    CHECK(f.g.type(20).count() == 1);
    CHECK(f.unmap(m.handle, 0, m.dev_bus_addr) == abi::gntst_bad_handle);
    CHECK(f.g.type(20).count() == 1);
}

TEST_CASE("pv_advisory.227_an_entry_address_that_is_none") {
    grant_fixture f;
    auto const flags = abi::gntmap_host_map | abi::gntmap_contains_pte;
    auto const good = f.other.slot(f.other.page_of_l1(), 300);
    for (auto const at : {good + 1, good + 4, good + 7, f.other.slot(f.other.page_of_l1() + 1, 3),
                          f.other.slot(5, 0), f.g.slot(f.l1, 300), ~std::uint64_t{7},
                          to_maddr(fakes::hv_host::window_frame).raw()}) {
        CHECK(f.map(flags, at).status == abi::gntst_general_error);
    }
    auto const m = f.map(flags, good);
    REQUIRE(m.status == abi::gntst_okay);
    CHECK(f.other.table(f.other.page_of_l1())[300] == f.g.entry(20, f.rw));
    CHECK(f.unmap(m.handle, good + 8) == abi::gntst_general_error);
    CHECK(f.unmap(m.handle, good) == abi::gntst_okay);
    CHECK(f.other.table(f.other.page_of_l1())[300] == 0);
}

TEST_CASE("pv_grants.an_overwritten_mapping_harms_nobody") {
    grant_fixture f;
    auto const hole = pv_guest::base + 300 * page_size;
    auto const m = f.map(abi::gntmap_host_map, hole);
    REQUIRE(m.status == abi::gntst_okay);
    auto const granted = f.other.table(f.other.page_of_l1())[300];
    CHECK(f.other.write(f.other.page_of_l1(), 301, granted) == f.inval); // no copies
    CHECK(f.other.write(f.other.page_of_l1(), 300, 0) == 0);
    CHECK(f.g.type(20).count() == 2); // the grant keeps it as it is
    CHECK(f.g.protect(20, f.ro) == 0);
    CHECK(f.g.mmuext(mmuext_cmd::pin_l1_table, 20) == f.inval);
    CHECK(f.unmap(m.handle, hole) == abi::gntst_okay);
    CHECK(f.g.mmuext(mmuext_cmd::pin_l1_table, 20) == 0);
    CHECK(f.map(abi::gntmap_host_map, hole).status == abi::gntst_general_error);
    CHECK(f.map(abi::gntmap_host_map | abi::gntmap_readonly, hole).status == abi::gntst_okay);
}

TEST_CASE("pv_grants.a_mapping_is_replaced_by_memory_of_the_mappers_own_only") {
    grant_fixture f;
    auto const hole = pv_guest::base + 300 * page_size;
    auto const second = hole + page_size;
    auto const m = f.map(abi::gntmap_host_map, hole);
    auto const n = f.map(abi::gntmap_host_map, second);
    CHECK(f.replace(m.handle, hole, second) == abi::gntst_general_error); // another's
    CHECK(f.replace(m.handle, second, pv_guest::address(9)) == abi::gntst_general_error);
    auto const moved = f.other.table(f.other.page_of_l1())[9];
    CHECK(f.replace(m.handle, hole, pv_guest::address(9)) == abi::gntst_okay);
    CHECK(f.other.table(f.other.page_of_l1())[300] == moved);
    CHECK(f.other.table(f.other.page_of_l1())[9] == 0);
    CHECK(f.replace(m.handle, hole, pv_guest::address(8)) == abi::gntst_bad_handle);
    CHECK(f.unmap(n.handle, second) == abi::gntst_okay);
    CHECK(f.g.type(20).count() == 1);
}

TEST_CASE("pv_advisory.231_a_node_that_is_none") {
    pv_fixture f;
    f.g.put(std::vector<std::uint64_t>{20}, 3);
    for (unsigned node = 0; node < 256; node += 15) {
        auto const at = f.g.put(std::vector<abi::memory_reservation>{
            {{pv_guest::address(3)}, 1, 0, node << 8, abi::domid_self, {}}});
        f.g.table(3)[0] = 20;
        CHECK(f.g.call(abi::hypercall::memory_op,
                       {static_cast<std::uint64_t>(abi::mem_op::populate_physmap), at}) == 1);
    }
}

TEST_CASE("pv_advisory.299_validation_in_parts_and_a_change_of_mind") {
    pv_fixture f;
    // A second tree: 10 is its L4, 11 its L3, 12 its L2, 13 and 14 its L1s.
    for (unsigned p = 10; p != 15; ++p) {
        CHECK(f.g.protect(p, f.ro) == 0);
    }
    f.g.table(10)[5] = f.g.entry(11, f.rw);
    f.g.table(11)[6] = f.g.entry(12, f.rw);
    f.g.table(12)[7] = f.g.entry(13, f.rw);
    f.g.table(12)[400] = f.g.entry(14, f.rw);
    f.g.table(13)[8] = f.g.entry(3, f.rw);
    f.g.table(14)[8] = f.g.entry(4, f.rw);
    auto const turn = [&](mmuext_cmd cmd, unsigned page) {
        abi::mmuext_op op{};
        op.cmd = static_cast<std::uint32_t>(cmd);
        op.arg1.mfn = f.g.frames[page].raw();
        f.h.hv.pv_turn = 16384;
        hv::hypercall_args args{{f.g.put(std::vector{op}), 1, 0, abi::domid_self}};
        f.h.hv.pv_turn = 40;
        auto const r = hv::pv::do_mmuext_op(f.g.v(), args);
        f.check(); // in every state in between
        return r ? errc::ok : r.error();
    };
    // Some turns of a pin, then the tables are wanted as something else: they go back.
    for (unsigned turns = 1; turns != 60; ++turns) {
        for (unsigned n = 0; n != turns; ++n) {
            if (turn(mmuext_cmd::pin_l4_table, 10) == errc::ok) {
                break;
            }
        }
        if (f.g.type(10).has(type_word::pinned)) {
            errc r = errc::restart;
            for (unsigned n = 0; n != turns && r == errc::restart; ++n) {
                r = n == 0 ? turn(mmuext_cmd::unpin_table, 10)
                           : turn(mmuext_cmd::tlb_flush_local, 0);
            }
        }
        f.h.hv.pv_turn = 16384;
        CHECK(f.g.protect(12, f.rw) != 1);
        CHECK(f.g.mmuext(mmuext_cmd::pin_l3_table, 12) == f.inval);
        CHECK(f.g.protect(12, f.ro) == 0);
        f.check();
    }
    f.h.hv.pv_turn = 16384;
    if (!f.g.type(10).has(type_word::pinned)) {
        CHECK(f.g.mmuext(mmuext_cmd::pin_l4_table, 10) == 0);
    }
    CHECK(f.g.type(4).count() == 2);
    CHECK(f.g.mmuext(mmuext_cmd::unpin_table, 10) == 0);
    CHECK(f.g.type(4).count() == 1);
}

TEST_CASE("pv_advisory.401_a_type_is_not_had_before_the_others_have_flushed") {
    pv_fixture f;
    f.h.hv.tlb[0].space = &f.g.d; // this CPU's tables are the guest's
    unsigned flushes = 0;
    CHECK(f.g.protect(10, f.ro) == 0);
    f.h.platform.on_flush = [&](cpu_id) {
        ++flushes;
        // It is a table for all who look, and nobody gets it writable any more.
        CHECK_FALSE(hv::pv::get_writable(f.g.d, f.g.info(10)));
    };
    CHECK(f.g.mmuext(mmuext_cmd::pin_l1_table, 10) == 0);
    CHECK(flushes == 1);
    CHECK(f.g.mmuext(mmuext_cmd::unpin_table, 10) == 0);
    f.h.platform.on_flush = [&](cpu_id) {
        ++flushes;
        CHECK(f.g.type(10).has(type_word::busy)); // others wait
    };
    CHECK(f.g.protect(10, f.rw) == 0);
    CHECK(flushes == 2);
    f.h.platform.on_flush = nullptr;
    f.h.hv.tlb[0].space = nullptr;
}

TEST_CASE("pv_advisory.401_two_vcpus_fight_over_a_page") {
    pv_fixture f;
    {
        hv::pv::table_work w(f.g.d);
        hv::pv::set_kernel_root(w, f.g.v(1), f.g.frames[f.root]).value();
    }
    std::uint64_t const slot = f.g.slot(f.l1, 300);
    auto const fight = [&f, slot](unsigned n) {
        f.h.platform.run_on(cpu_id(n));
        std::mt19937 random(n);
        for (unsigned i = 0; i != 20000; ++i) {
            auto const page = 10 + static_cast<unsigned>(random()) % 2;
            hv::pv::table_work w(f.g.d);
            abi::mmuext_op op{};
            op.arg1.mfn = f.g.frames[page].raw();
            switch (random() % 4) {
            case 0:
                op.cmd = 0;
                static_cast<void>(hv::pv::carry_out(w, f.g.v(n), op));
                break;
            case 1:
                op.cmd = 4;
                static_cast<void>(hv::pv::carry_out(w, f.g.v(n), op));
                break;
            default:
                static_cast<void>(hv::pv::carry_out(
                    w, abi::mmu_update{slot + 8 * (random() % 2),
                                       random() % 2 == 0 ? f.g.entry(page, f.rw) : 0}));
            }
        }
    };
    auto const grab = [&f](unsigned n) { // as a grant or the hypervisor itself does: without a lock
        f.h.platform.run_on(cpu_id(n));
        for (unsigned i = 0; i != 40000; ++i) {
            auto& page = f.g.info(10 + i % 2);
            if (hv::pv::get_writable(f.g.d, page)) {
                hv::pv::put_writable(f.h.hv, f.g.d, f.g.frames[10 + i % 2]);
            }
        }
    };
    CHECK(f.g.protect(10, 0) == 0);
    CHECK(f.g.protect(11, 0) == 0);
    std::thread first(fight, 0);
    std::thread second(fight, 1);
    grab(2);
    first.join();
    second.join();
    f.h.platform.run_on(cpu_id(0));
}

TEST_CASE("pv_advisory.402_all_mappings_of_a_page_are_cached") {
    pv_fixture f;
    auto const wanted = f.g.entry(2, f.rw);
    for (auto const bits : {hv::pv::entry_pcd, hv::pv::entry_pwt, hv::pv::entry_large,
                            hv::pv::entry_pcd | hv::pv::entry_pwt | hv::pv::entry_large}) {
        CHECK(f.g.write(f.l1, 300, wanted | bits) == 0);
        CHECK(f.g.table(f.l1)[300] == wanted);
    }
    CHECK(f.g.write(f.l2, 5, f.g.entry(f.l1, f.rw | hv::pv::entry_pcd)) == f.inval);
    CHECK(f.g.write(f.l1, 300, 0) == 0);
}

TEST_CASE("pv_advisory.410_the_end_comes_in_bounded_steps") {
    fakes::hv_host h(9216);
    fakes::hv_invariants<fakes::fake_platform> invariants(h.hv);
    pv_guest g(h, 512);
    auto const free = h.hv.frames.free_pages();
    h.hv.pv_turn = 256;
    auto const turns = h.kill(g.d);
    CHECK(turns > 512 / (256 / 8));
    CHECK(turns < 512);
    CHECK(invariants.find_fault() == "");
    CHECK(h.settle() > free + 512);
}
