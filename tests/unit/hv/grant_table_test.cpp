// SPDX-License-Identifier: Apache-2.0
// Grant tables: mapping, copying, revoking, both layouts, limits.
#include "grants_fixture.hpp"

#include <xenpp/hv/grant_table_op.hpp>

#include <cstring>
#include <vector>

using namespace xenpp;
using namespace xenpp::fakes;

TEST_CASE_METHOD(grants_fixture, "grant_table.the_control_domain_learns_where_the_frame_is") {
    grant(a, 9, control);
    auto const op = map(control, a, 9);
    CHECK(op.status == abi::gntst_okay);
    CHECK(op.dev_bus_addr == to_maddr(frame(a)).raw());
    CHECK(v1(a, 9).flags == (abi::gtf_permit_access | abi::gtf_reading | abi::gtf_writing));
    CHECK(references(a) == 2);
    CHECK(unmap(control, op.handle, 0, op.dev_bus_addr + page_size) == abi::gntst_general_error);
    CHECK(unmap(control, op.handle, 0, 0) == abi::gntst_okay); // no address: nothing to do
    CHECK(references(a) == 2);
    CHECK(unmap(control, op.handle, 0, op.dev_bus_addr) == abi::gntst_okay);
    CHECK(v1(a, 9).flags == abi::gtf_permit_access);
    CHECK(references(a) == 1);
    CHECK(unmap(control, op.handle, 0, op.dev_bus_addr) == abi::gntst_bad_handle);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.a_guest_finds_the_page_in_its_own_memory") {
    grant(a, 9, b);
    m.at<std::uint64_t>(a, data_gfn * page_size) = 0x1234;
    auto const op = map(b, a, 9, 0, hole);
    REQUIRE(op.status == abi::gntst_okay);
    CHECK(m.at<std::uint64_t>(b, hole) == 0x1234);
    CHECK(hv::p2m_lookup(b, gfn(hole / page_size))->attributes.write);
    CHECK(references(a) == 3);
    CHECK(unmap(b, op.handle, hole + page_size) == abi::gntst_general_error);
    CHECK(unmap(b, op.handle, hole) == abi::gntst_okay);
    CHECK_FALSE(hv::p2m_lookup(b, gfn(hole / page_size)));
    CHECK(references(a) == 1);
    CHECK(v1(a, 9).flags == abi::gtf_permit_access);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.read_only_stays_read_only") {
    grant(a, 9, b, abi::gtf_readonly);
    CHECK(map(b, a, 9, 0, hole).status == abi::gntst_general_error);
    auto const op = map(b, a, 9, abi::gntmap_readonly, hole);
    REQUIRE(op.status == abi::gntst_okay);
    CHECK_FALSE(hv::p2m_lookup(b, gfn(hole / page_size))->attributes.write);
    CHECK(v1(a, 9).flags == (abi::gtf_permit_access | abi::gtf_readonly | abi::gtf_reading));
    CHECK(unmap(b, op.handle, hole) == abi::gntst_okay);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.marks_last_as_long_as_a_use_that_needs_them") {
    grant(a, 9, b);
    auto const reader = map(b, a, 9, abi::gntmap_readonly, hole);
    CHECK(v1(a, 9).flags == (abi::gtf_permit_access | abi::gtf_reading));
    auto const writer = map(b, a, 9, 0, hole + page_size);
    CHECK(writer.status == abi::gntst_okay);
    CHECK(v1(a, 9).flags == (abi::gtf_permit_access | abi::gtf_reading | abi::gtf_writing));
    CHECK(unmap(b, writer.handle, hole + page_size) == abi::gntst_okay);
    CHECK(v1(a, 9).flags == (abi::gtf_permit_access | abi::gtf_reading));
    CHECK(unmap(b, reader.handle, hole) == abi::gntst_okay);
    CHECK(v1(a, 9).flags == abi::gtf_permit_access);
    CHECK(a.grants.used_count == 0);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.a_handle_ends_its_own_mapping_and_no_other") {
    grant(a, 9, b);
    auto const writer = map(b, a, 9, 0, hole);
    auto const reader = map(b, a, 9, abi::gntmap_readonly, hole + page_size);
    // Ending the writer at the reader's place would leave a writable page behind a reader's mark.
    CHECK(unmap(b, writer.handle, hole + page_size) == abi::gntst_general_error);
    CHECK((v1(a, 9).flags & abi::gtf_writing) != 0);
    CHECK(unmap(b, reader.handle, hole + page_size) == abi::gntst_okay);
    CHECK(unmap(b, writer.handle, hole) == abi::gntst_okay);
    CHECK(v1(a, 9).flags == abi::gtf_permit_access);
    CHECK(references(a) == 1);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.a_mapping_that_was_overwritten_can_still_be_ended") {
    grant(a, 9, b);
    auto const op = map(b, a, 9, 0, hole);
    m.add_page(b, gfn(hole / page_size));
    CHECK(unmap(b, op.handle, hole) == abi::gntst_okay);
    CHECK(hv::p2m_lookup(b, gfn(hole / page_size))); // what stands there now is left alone
    CHECK(references(a) == 1);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.what_is_not_granted_cannot_be_mapped") {
    grant(a, 9, b);
    CHECK(map(control, a, 9).status == abi::gntst_general_error); // somebody else's
    CHECK(map(b, a, 10, 0, hole).status == abi::gntst_general_error);
    CHECK(map(b, a, 512, 0, hole).status == abi::gntst_bad_gntref); // the table is one frame
    CHECK(map(b, a, 0xffffffff, 0, hole).status == abi::gntst_bad_gntref);
    grant(a, 11, b, 0, 1000);
    CHECK(map(b, a, 11, 0, hole).status == abi::gntst_general_error); // no RAM
    CHECK(v1(a, 11).flags == abi::gtf_permit_access);                 // and not marked
    v1(a, 12) = {abi::gtf_accept_transfer, 2, data_gfn};
    CHECK(map(b, a, 12, 0, hole).status == abi::gntst_general_error);
    abi::gnttab_map_grant_ref op{};
    op.dom = 55;
    op.flags = abi::gntmap_host_map;
    CHECK(call(b, gnttab_op::map_grant_ref, op) == 0);
    CHECK(op.status == abi::gntst_bad_domain);
    op.dom = 1;
    op.flags = 0;
    CHECK(call(b, gnttab_op::map_grant_ref, op) == 0);
    CHECK(op.status == abi::gntst_bad_gntref);
    CHECK(map(b, a, 9, abi::gntmap_contains_pte, hole).status == abi::gntst_general_error);
    CHECK(map(control, a, 9, 0, hole).status == abi::gntst_general_error);
    CHECK(unmap(b, 0, hole) == abi::gntst_bad_handle);
    CHECK(unmap(b, 0xffffffff, hole) == abi::gntst_bad_handle);
    CHECK(a.grants.used_count == 0);
    CHECK(references(a) == 1);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.a_mapped_page_cannot_be_granted_on") {
    grant(a, 9, b);
    auto const op = map(b, a, 9, 0, hole);
    REQUIRE(op.status == abi::gntst_okay);
    grant(b, 9, control, 0, hole / page_size);
    CHECK(map(control, b, 9).status == abi::gntst_general_error);
    auto copy = copy_op(b, 9, 0, 8);
    CHECK(call(control, gnttab_op::copy, copy) == 0);
    CHECK(copy.status != abi::gntst_okay);
    // Nor may the hypervisor be made to write to it for ever.
    CHECK(hv::fifo_init_control(b, 0, gfn(hole / page_size), 0).error() == errc::inval);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.a_page_in_use_outlives_its_place_in_the_granter") {
    grant(a, 9, b);
    auto const op = map(b, a, 9, 0, hole);
    mfn const f = frame(a);
    m.at<std::uint64_t>(b, hole) = 77;
    REQUIRE(hv::p2m_remove(a, gfn(data_gfn), 0));
    CHECK(m.hv->frames.info(f).count == 2);
    CHECK(m.at<std::uint64_t>(b, hole) == 77);
    v1(a, 9) = {}; // the guest wipes its entry although it is in use
    CHECK(unmap(b, op.handle, hole) == abi::gntst_okay);
    CHECK(m.hv->frames.info(f).count == 0);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.an_unmap_waits_for_translations_that_linger") {
    grant(a, 9, b);
    auto const op = map(b, a, 9, 0, hole);
    b.vcpus[1]->running = true; // on CPU 1, in the guest
    b.vcpus[1]->processor = cpu_id(1);
    m.hv->cpu_epoch[1] = m.hv->epoch;
    m.hv->cpu_epoch[0] = 0; // runs a guest of somebody else, which never comes out
    abi::gnttab_unmap_grant_ref un{};
    un.handle = op.handle;
    un.host_addr = hole;
    std::memcpy(m.memory(b, page_size), &un, sizeof un);
    hv::hypercall_args args{{static_cast<std::uint64_t>(gnttab_op::unmap_grant_ref), page_size, 1}};
    for (int i = 0; i < 3; ++i) {
        auto const r = hv::do_grant_table_op(*b.vcpus[0], args);
        REQUIRE_FALSE(r);
        CHECK(r.error() == errc::restart);
        CHECK_FALSE(hv::p2m_lookup(b, gfn(hole / page_size)));
        CHECK((v1(a, 9).flags & abi::gtf_reading) != 0); // the granter may not have it yet
    }
    m.hv->cpu_epoch[1] = m.hv->epoch; // CPU 1 passes through its run loop
    CHECK(hv::do_grant_table_op(*b.vcpus[0], args));
    CHECK(m.at<abi::gnttab_unmap_grant_ref>(b, page_size).status == abi::gntst_okay);
    CHECK((v1(a, 9).flags & abi::gtf_reading) == 0);
    b.vcpus[1]->running = false;
}

TEST_CASE_METHOD(grants_fixture, "grant_table.copies_go_between_grants_and_own_pages") {
    grant(a, 9, control, abi::gtf_readonly);
    auto const window_frame = to_mfn(m.hv->window.machine_base).raw() + 5;
    std::memcpy(m.memory(a, data_gfn * page_size + 100), "payload", 8);
    auto op = copy_op(a, 9, 100, 8);
    op.dest.u.gmfn = window_frame;
    op.dest.offset = 4088;
    CHECK(call(control, gnttab_op::copy, op) == 0);
    CHECK(op.status == abi::gntst_okay);
    CHECK(std::memcmp(m.cpu.map(mfn(window_frame)) + 4088, "payload", 8) == 0);
    CHECK(v1(a, 9).flags == (abi::gtf_permit_access | abi::gtf_readonly));

    op.dest.offset = 4089;
    CHECK(call(control, gnttab_op::copy, op) == 0);
    CHECK(op.status == abi::gntst_bad_copy_arg);

    std::swap(op.source.u, op.dest.u); // the other way: the grant is read-only
    std::swap(op.source.domid, op.dest.domid);
    op.source.offset = op.dest.offset = 0;
    op.flags = abi::gntcopy_dest_gref;
    CHECK(call(control, gnttab_op::copy, op) == 0);
    CHECK(op.status == abi::gntst_general_error);
    grant(a, 9, control);
    CHECK(call(control, gnttab_op::copy, op) == 0);
    CHECK(op.status == abi::gntst_okay);
    CHECK(std::memcmp(m.memory(a, data_gfn * page_size), m.cpu.map(mfn(window_frame)), 8) == 0);

    op.flags = 0;
    op.dest.domid = 1; // a frame of somebody else
    CHECK(call(control, gnttab_op::copy, op) == 0);
    CHECK(op.status == abi::gntst_permission_denied);
    CHECK(references(a) == 1);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.one_guest_copies_between_two_grants") {
    grant(a, 20, b);
    grant(a, 21, b, 0, data_gfn + 1);
    std::memcpy(m.memory(a, data_gfn * page_size), "hello", 6);
    abi::gnttab_copy op{};
    op.source.u.ref = 20;
    op.dest.u.ref = 21;
    op.source.domid = op.dest.domid = 1;
    op.dest.offset = 10;
    op.len = 6;
    op.flags = abi::gntcopy_source_gref | abi::gntcopy_dest_gref;
    CHECK(call(b, gnttab_op::copy, op) == 0);
    CHECK(op.status == abi::gntst_okay);
    CHECK(std::memcmp(m.memory(a, (data_gfn + 1) * page_size + 10), "hello", 6) == 0);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.the_table_grows_on_demand_up_to_its_limit") {
    abi::gnttab_query_size q{};
    q.dom = 0x7ff0;
    CHECK(call(a, gnttab_op::query_size, q) == 0);
    CHECK(q.nr_frames == 1);
    CHECK(q.max_nr_frames == 64);
    auto const third = hv::grant_frame(a, 2, false);
    REQUIRE(third);
    CHECK(m.hv->frames.info(*third).use == hv::page_use::shared);
    CHECK(a.grants.frame_count == 3);
    CHECK(hv::grant_frame(a, 64, false).error() == errc::inval);
    CHECK(hv::grant_frame(a, 0, true).error() == errc::inval); // version 1 has no status words
    CHECK(hv::grant_frame(a, 63, false));
    abi::gnttab_setup_table s{};
    s.dom = 1;
    s.nr_frames = 65;
    CHECK(call(control, gnttab_op::setup_table, s) == 0);
    CHECK(s.status == abi::gntst_general_error);
    s.dom = 0;
    s.nr_frames = 2;
    s.frame_list.p = m.hv->window.virtual_base + page_size;
    CHECK(call(control, gnttab_op::setup_table, s) == 0);
    CHECK(s.status == abi::gntst_okay);
    CHECK(m.at<std::uint64_t>(control, m.hv->window.virtual_base + page_size + 8) ==
          hv::grant_frame(control, 1, false)->raw());
    q.dom = 2;
    CHECK(call(a, gnttab_op::query_size, q) == 0);
    CHECK(q.status == abi::gntst_permission_denied);
    q.dom = 99;
    CHECK(call(a, gnttab_op::query_size, q) == 0);
    CHECK(q.status == abi::gntst_bad_domain);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.versions_change_while_nothing_is_in_use") {
    grant(a, 0, control); // the console's, as a builder writes it
    grant(a, 1, control, abi::gtf_readonly, data_gfn + 1);
    grant(a, 9, b);
    auto const op = map(b, a, 9, 0, hole);
    CHECK(set_version(a, 2) == to_abi(errc::busy));
    CHECK(unmap(b, op.handle, hole) == abi::gntst_okay);
    CHECK(set_version(a, 3) == to_abi(errc::inval));
    CHECK(set_version(a, 2) == 0);
    CHECK(v2(a, 0).full_page.frame == data_gfn);
    CHECK(v2(a, 1).full_page.hdr.flags == (abi::gtf_permit_access | abi::gtf_readonly));
    CHECK(v2(a, 9).hdr.flags == 0);
    CHECK(map(control, a, 0).status == abi::gntst_okay);
    CHECK(status_word(a, 0) == (abi::gtf_reading | abi::gtf_writing));
    CHECK(v2(a, 0).hdr.flags == abi::gtf_permit_access);
    CHECK(set_version(a, 1) == to_abi(errc::busy));
    CHECK(unmap(control, 0, 0, to_maddr(frame(a)).raw()) == abi::gntst_okay);
    CHECK(status_word(a, 0) == 0);
    CHECK(set_version(a, 1) == 0);
    CHECK(v1(a, 0).frame == data_gfn);
    v1(a, 3).flags = abi::gtf_transitive;
    CHECK(set_version(a, 2) == to_abi(errc::inval));
    abi::gnttab_get_version g{1, 0, 0};
    CHECK(call(control, gnttab_op::get_version, g) == 0);
    CHECK(g.version == 1);
    CHECK(call(b, gnttab_op::get_version, g) == to_abi(errc::perm));
    b.grants.max_version = 1;
    CHECK(set_version(b, 2) == to_abi(errc::nosys));
}

TEST_CASE_METHOD(grants_fixture, "grant_table.a_part_of_a_page_can_be_copied_not_mapped") {
    REQUIRE(set_version(a, 2) == 0);
    v2(a, 9).sub_page = {
        {static_cast<std::uint16_t>(abi::gtf_permit_access | abi::gtf_sub_page), 2},
        100,
        50,
        data_gfn};
    CHECK(map(b, a, 9, 0, hole).status == abi::gntst_general_error);
    auto op = copy_op(a, 9, 100, 50);
    CHECK(call(b, gnttab_op::copy, op) == 0);
    CHECK(op.status == abi::gntst_okay);
    for (auto const& [offset, length] : {std::pair{99, 10}, {100, 51}, {150, 1}, {0, 4096}}) {
        op = copy_op(a, 9, static_cast<std::uint16_t>(offset), static_cast<std::uint16_t>(length));
        CHECK(call(b, gnttab_op::copy, op) == 0);
        CHECK(op.status == abi::gntst_general_error);
    }
    v2(a, 9).sub_page.length = 4000; // would reach beyond the page
    op = copy_op(a, 9, 100, 50);
    CHECK(call(b, gnttab_op::copy, op) == 0);
    CHECK(op.status == abi::gntst_general_error);
    CHECK(status_word(a, 9) == 0);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.entries_are_exchanged_unless_in_use") {
    grant(a, 9, b);
    grant(a, 10, control, abi::gtf_readonly, data_gfn + 1);
    abi::gnttab_swap_grant_ref op{9, 10, 0, 0};
    CHECK(call(a, gnttab_op::swap_grant_ref, op) == 0);
    CHECK(op.status == abi::gntst_okay);
    CHECK(v1(a, 9).frame == data_gfn + 1);
    CHECK(v1(a, 10).domid == 2);
    CHECK(map(b, a, 10, 0, hole).status == abi::gntst_okay);
    CHECK(call(a, gnttab_op::swap_grant_ref, op) == 0);
    CHECK(op.status == abi::gntst_eagain);
    op.ref_b = 512;
    CHECK(call(a, gnttab_op::swap_grant_ref, op) == 0);
    CHECK(op.status == abi::gntst_bad_gntref);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.long_arrays_are_done_in_steps") {
    for (std::uint64_t g = 16; g < 40; ++g) {
        m.add_page(b, gfn(g));
    }
    grant(a, 9, b);
    constexpr std::uint64_t n = 300;
    constexpr std::uint64_t at = 16 * page_size;
    for (std::uint64_t i = 0; i < n; ++i) {
        auto& op = m.at<abi::gnttab_map_grant_ref>(b, at + i * sizeof(abi::gnttab_map_grant_ref));
        op = {};
        op.host_addr = hole + i * page_size;
        op.flags = abi::gntmap_host_map;
        op.ref = 9;
        op.dom = 1;
    }
    CHECK(raw(b, gnttab_op::map_grant_ref, at, n) == 0);
    CHECK(references(a) == n + 2);
    std::vector<std::uint32_t> handles;
    for (std::uint64_t i = 0; i < n; ++i) {
        auto const size = sizeof(abi::gnttab_map_grant_ref);
        handles.push_back(m.at<abi::gnttab_map_grant_ref>(b, at + i * size).handle);
    }
    for (std::uint64_t i = 0; i < n; ++i) {
        auto const size = sizeof(abi::gnttab_unmap_grant_ref);
        auto& op = m.at<abi::gnttab_unmap_grant_ref>(b, at + i * size);
        op = {};
        op.host_addr = hole + i * page_size;
        op.handle = handles[i];
    }
    CHECK(raw(b, gnttab_op::unmap_grant_ref, at, n) == 0);
    CHECK(references(a) == 1);
    CHECK(raw(b, gnttab_op::unmap_grant_ref, at, n) == 0);
    CHECK(m.at<abi::gnttab_unmap_grant_ref>(b, at).status == abi::gntst_bad_handle);
    CHECK(raw(b, gnttab_op::map_grant_ref, at, 0) == 0);
    CHECK(raw(b, gnttab_op::map_grant_ref, at, 0x80000000) == to_abi(errc::inval));
    CHECK(raw(b, gnttab_op::map_grant_ref, hole, 1) == to_abi(errc::fault));
    CHECK(raw(b, gnttab_op::dump_table, at, 1) == to_abi(errc::nosys));
    CHECK(raw(b, static_cast<gnttab_op>(99), at, 1) == to_abi(errc::nosys));
}

TEST_CASE_METHOD(grants_fixture, "grant_table.handles_are_limited") {
    b.grants.max_maptrack_pages = 1;
    grant(a, 9, b);
    for (std::uint64_t i = 0; i < 128; ++i) {
        REQUIRE(map(b, a, 9, 0, hole + i * page_size).status == abi::gntst_okay);
    }
    CHECK(map(b, a, 9, 0, hole + 128 * page_size).status == abi::gntst_no_space);
    CHECK(references(a) == 130);
    b.dying = hv::dying_state::dying;
    while (!hv::grants_destroy(b)) {
    }
    CHECK(a.grants.used_count == 0);
    CHECK(v1(a, 9).flags == abi::gtf_permit_access);
}
