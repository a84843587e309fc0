// SPDX-License-Identifier: Apache-2.0
// PV page types: what a guest may map, pin and change, and that it all comes back.
#include "pv_fixture.hpp"

using namespace xenpp;
using abi::mmuext_cmd;
using fakes::pv_fixture;
using fakes::pv_guest;
using hv::pv::page_type;
using hv::pv::type_word;

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

TEST_CASE("pv.extents_are_exchanged_for_larger_and_smaller_ones") {
    pv_fixture f;
    auto const before = f.g.d.total_pages;
    std::vector<std::uint64_t> lists;
    for (unsigned n = 0; n != 4; ++n) {
        REQUIRE(f.g.call(abi::hypercall::update_va_mapping, {pv_guest::address(20 + n), 0, 0}) ==
                0);
        lists.push_back(f.g.frames[20 + n].raw());
    }
    lists.push_back(0x77); // the page that the new extent's first frame is
    f.g.put(lists, 3);
    abi::memory_exchange x{};
    x.in = {{pv_guest::address(3)}, 4, 0, 0, abi::domid_self, {}};
    x.out = {{pv_guest::address(3) + 32}, 1, 2, 0, abi::domid_self, {}};
    auto const exchange = [&] {
        auto const at = f.g.put(std::vector{x});
        return f.g.call(abi::hypercall::memory_op,
                        {static_cast<std::uint64_t>(abi::mem_op::exchange), at});
    };
    REQUIRE(exchange() == 0);
    auto const first = f.g.table(3)[4];
    CHECK(first % 4 == 0);
    CHECK(f.h.hv.m2p.get(mfn(first + 3)) == 0x7a);
    CHECK(f.g.d.total_pages == before);
    CHECK(exchange() == f.inval); // they are not its own any more
    CHECK(f.g.d.total_pages == before);
    // And back into single ones.
    f.g.put(std::vector<std::uint64_t>{first, 1, 2, 3, 4}, 3);
    x.in = {{pv_guest::address(3)}, 1, 2, 0, abi::domid_self, {}};
    x.out = {{pv_guest::address(3) + 8}, 4, 0, 0, abi::domid_self, {}};
    REQUIRE(exchange() == 0);
    CHECK(f.h.hv.m2p.get(mfn(f.g.table(3)[4])) == 4);
    CHECK(f.g.d.total_pages == before);
    x.out.nr_extents = 3;
    CHECK(exchange() == f.inval);
}

TEST_CASE("pv.memory_is_given_up_and_taken") {
    pv_fixture f;
    auto const op = [&](abi::mem_op cmd, std::uint64_t value) {
        f.g.put(std::vector{value}, 3);
        auto const at = f.g.put(std::vector<abi::memory_reservation>{
            {{pv_guest::address(3)}, 1, 0, 0, abi::domid_self, {}}});
        return f.g.call(abi::hypercall::memory_op, {static_cast<std::uint64_t>(cmd), at});
    };
    auto const total = f.g.d.total_pages;
    auto const gone = f.g.frames[20];
    CHECK(op(abi::mem_op::decrease_reservation, gone.raw()) == 1);
    CHECK(f.g.d.total_pages == total);                             // it is mapped still
    CHECK(op(abi::mem_op::decrease_reservation, gone.raw()) == 0); // but given up
    CHECK(f.g.call(abi::hypercall::update_va_mapping, {pv_guest::address(20), 0, 0}) == 0);
    CHECK(f.g.d.total_pages == total - 1);
    CHECK(f.h.hv.m2p.get(gone) == hv::pv::no_pfn);
    CHECK(op(abi::mem_op::populate_physmap, 20) == 1);
    mfn const fresh(f.g.table(3)[0]);
    CHECK(f.h.hv.m2p.get(fresh) == 20);
    CHECK(op(abi::mem_op::increase_reservation, 0) == 1);
    CHECK(f.g.d.total_pages == total + 1);
    CHECK(op(abi::mem_op::decrease_reservation, f.g.d.shared_info_frame.raw()) == 0);
    CHECK(op(abi::mem_op::decrease_reservation, ~std::uint64_t{0}) == 0);
}

TEST_CASE("pv.roots_are_counted") {
    pv_fixture f;
    auto const other = 10;
    CHECK(f.g.protect(other, f.ro) == 0);
    std::memcpy(f.g.table(other), f.g.table(f.root), page_size);
    CHECK(f.g.mmuext(mmuext_cmd::new_user_baseptr, other) == 0);
    CHECK(f.g.type(other).is_live_table(4));
    CHECK(f.g.mmuext(mmuext_cmd::new_baseptr, other) == 0);
    CHECK(f.g.type(other).count() == 2);
    CHECK(f.g.type(f.root).count() == 0);
    CHECK(f.g.type(f.l3).count() == 1);
    CHECK(f.g.mmuext(mmuext_cmd::new_baseptr, 5) == f.inval);
    abi::mmuext_op op{};
    op.cmd = static_cast<std::uint32_t>(mmuext_cmd::new_user_baseptr);
    CHECK(f.g.mmuext(op) == 0); // none
    CHECK(f.g.type(other).count() == 1);
    op.cmd = static_cast<std::uint32_t>(mmuext_cmd::new_baseptr);
    CHECK(f.g.mmuext(op) == f.inval);
}

TEST_CASE("pv.commands_that_are_not_for_a_guest_without_devices") {
    pv_fixture f;
    CHECK(f.g.mmuext(mmuext_cmd::flush_cache, 0) == to_abi(errc::acces));
    CHECK(f.g.mmuext(mmuext_cmd::flush_cache_global, 0) == f.inval);
    CHECK(f.g.mmuext(mmuext_cmd::mark_super, 5) == to_abi(errc::nosys));
    CHECK(f.g.mmuext(mmuext_cmd::unmark_super, 5) == to_abi(errc::nosys));
    CHECK(f.g.mmuext(static_cast<mmuext_cmd>(14), 5) == to_abi(errc::nosys));
    f.g.table(20)[3] = 7;
    CHECK(f.g.mmuext(mmuext_cmd::clear_page, 20) == 0);
    CHECK(f.g.table(20)[3] == 0);
    CHECK(f.g.mmuext(mmuext_cmd::clear_page, f.l1) == f.inval);
    abi::mmuext_op op{};
    op.cmd = static_cast<std::uint32_t>(mmuext_cmd::copy_page);
    op.arg1.mfn = f.g.frames[20].raw();
    op.arg2.src_mfn = f.g.frames[f.l1].raw();
    CHECK(f.g.mmuext(op) == 0);
    CHECK(f.g.table(20)[3] == f.g.table(f.l1)[3]);
}

TEST_CASE("pv.a_batch_stops_at_the_first_error_and_says_where") {
    pv_fixture f;
    CHECK(f.g.mmu_update({{f.g.slot(f.l1, 300), f.g.entry(2, f.rw)},
                          {f.g.slot(f.l1, 301), f.g.entry(f.l1, f.rw)},
                          {f.g.slot(f.l1, 302), f.g.entry(2, f.rw)}}) == f.inval);
    CHECK(f.g.done == 1);
    CHECK(f.g.table(f.l1)[302] == 0);
    CHECK(f.g.write(f.l1, 300, f.g.entry(2, f.rw) & ~0x60U, abi::mmu_pt_update_preserve_ad) == 0);
    CHECK(f.g.table(f.l1)[300] == f.g.entry(2, f.rw)); // accessed and dirty were kept
    CHECK(f.g.mmu_update({{to_maddr(f.g.frames[5]).raw() | abi::mmu_machphys_update, 99}}) == 0);
    CHECK(f.h.hv.m2p.get(f.g.frames[5]) == 99);
    CHECK(f.g.write(f.l1, 300, 0) == 0);
}

TEST_CASE("pv.descriptor_pages_hold_only_what_is_harmless") {
    pv_fixture f;
    f.g.table(10)[3] = 0x00af9b000000ffff; // code for ring 0
    CHECK(f.g.protect(10, f.ro) == 0);
    auto const list = f.g.put(std::vector{f.g.frames[10].raw()});
    CHECK(f.g.call(abi::hypercall::set_gdt, {list, 512}) == 0);
    CHECK(f.g.table(10)[3] == 0x00affb000000ffff); // is for ring 3
    CHECK(f.g.type(10).type() == page_type::seg_desc);
    CHECK(f.g.protect(10, f.rw) == f.inval);
    auto const set = [&](std::uint64_t d) {
        return f.g.call(abi::hypercall::update_descriptor, {f.g.slot(10, 5), d});
    };
    CHECK(set(0x0000ec0000080000) == f.inval); // a call gate
    CHECK(set(0x0000890000000067) == f.inval); // a task state
    CHECK(set(0x0000820000000000) == f.inval); // an LDT
    CHECK(set(0x00cff3000000ffff) == 0);
    CHECK(f.g.call(abi::hypercall::set_gdt, {list, 0}) == 0);
    f.g.put(std::vector{f.g.frames[10].raw()});
    CHECK(f.g.protect(10, f.rw) == 0);
    f.g.table(10)[6] = 0x0000ec0000080000;
    CHECK(f.g.protect(10, f.ro) == 0);
    CHECK(f.g.call(abi::hypercall::set_gdt, {list, 512}) == f.inval);
    CHECK(f.g.call(abi::hypercall::set_gdt, {list, 14 * 512 + 1}) == f.inval);
}

TEST_CASE("pv.the_ldt_takes_what_is_mapped_where_it_is_said_to_be") {
    pv_fixture f;
    CHECK(f.g.protect(10, f.ro) == 0);
    abi::mmuext_op op{};
    op.cmd = static_cast<std::uint32_t>(mmuext_cmd::set_ldt);
    op.arg1.linear_addr = pv_guest::address(10);
    op.arg2.nr_ents = 1024; // page 11 is writable and stays out
    CHECK(f.g.mmuext(op) == 0);
    CHECK(f.g.type(10).type() == page_type::seg_desc);
    CHECK(hv::pv::state_of(f.g.v()).ldt_frames[1] == mfn());
    op.arg1.linear_addr = hv::pv::m2p_base;
    CHECK(f.g.mmuext(op) == f.inval);
    op.arg1.linear_addr = pv_guest::address(10) + 8;
    CHECK(f.g.mmuext(op) == f.inval);
    op.arg2.nr_ents = 0;
    op.arg1.linear_addr = 0;
    CHECK(f.g.mmuext(op) == 0);
    CHECK(f.g.protect(10, f.rw) == 0);
}

TEST_CASE("pv.what_the_control_domain_writes_to_is_no_table") {
    pv_fixture f;
    CHECK(f.g.protect(10, f.ro) == 0);
    CHECK(hv::get_page(f.g.d, gfn(f.g.frames[f.l1].raw())).error() == errc::acces);
    CHECK(hv::get_page(f.g.d, gfn(f.g.frames[f.l1].raw()), false));
    {
        auto const page = hv::get_page(f.g.d, gfn(f.g.frames[10].raw())).value();
        CHECK(f.g.mmuext(mmuext_cmd::pin_l1_table, 10) == f.inval);
    }
    CHECK(f.g.mmuext(mmuext_cmd::pin_l1_table, 10) == 0);
    CHECK(f.g.mmuext(mmuext_cmd::unpin_table, 10) == 0);
}

TEST_CASE("pv.the_control_domain_pins_for_others_and_guests_do_not") {
    pv_fixture f;
    pv_guest other(f.h);
    CHECK(other.protect(10, f.ro) == 0);
    abi::mmuext_op op{};
    op.cmd = static_cast<std::uint32_t>(mmuext_cmd::pin_l1_table);
    op.arg1.mfn = other.frames[10].raw();
    auto const pin = [&](fakes::hv_host::vcpu& v, std::uint64_t at, std::uint64_t who) {
        return f.h.call(hv::pv::do_mmuext_op<fakes::fake_platform>, v, {at, 1, 0, who});
    };
    auto const at = f.g.put(std::vector{op});
    CHECK(pin(f.g.v(), at, other.d.id.raw()) == to_abi(errc::perm));
    CHECK(pin(f.g.v(), at, abi::domid_self) == f.inval);
    CHECK(pin(f.h.control(), f.h.put(op), other.d.id.raw()) == 0);
    CHECK(other.type(10).has(type_word::pinned));
    CHECK(pin(f.h.control(), f.h.put(op), 77) == to_abi(errc::srch));
    CHECK(pin(f.h.control(), f.h.put(op), f.h.make_domain().id.raw()) == f.inval);
}
