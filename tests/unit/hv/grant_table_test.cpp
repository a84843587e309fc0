// SPDX-License-Identifier: Apache-2.0
// Grant tables: mapping, copying, revoking, both layouts, limits, ends, hostile guests.
#include <xenpp/hv/grant_table_op.hpp>

#include <fakes/fake_machine.hpp>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

using namespace xenpp;
using namespace xenpp::fakes;
using abi::gnttab_op;

namespace {

constexpr std::uint64_t data_gfn = 8; // the page that tests grant

struct grants_fixture {
    fake_machine m;
    domain& control = *m.hv->control;
    domain& a = m.add_guest(1);
    domain& b = m.add_guest(2);

    template <class Op>
    long call(domain& d, gnttab_op cmd, Op& op) {
        auto const at = fake_machine::arguments(d);
        std::memcpy(m.memory(d, at), &op, sizeof op);
        long const r = raw(d, cmd, at, 1);
        std::memcpy(&op, m.memory(d, at), sizeof op);
        return r;
    }

    long raw(domain& d, gnttab_op cmd, std::uint64_t at, std::uint64_t count) {
        return m.call_raw(&hv::do_grant_table_op<fakes::platform>, *d.vcpus[0],
                          {static_cast<std::uint64_t>(cmd), at, count});
    }

    abi::grant_entry_v1& v1(domain& d, std::uint32_t ref) {
        return *reinterpret_cast<abi::grant_entry_v1*>(m.cpu.map(*hv::grant_frame(d, 0, false)) +
                                                       ref * sizeof(abi::grant_entry_v1));
    }

    abi::grant_entry_v2& v2(domain& d, std::uint32_t ref) {
        return *reinterpret_cast<abi::grant_entry_v2*>(m.cpu.map(*hv::grant_frame(d, 0, false)) +
                                                       ref * sizeof(abi::grant_entry_v2));
    }

    std::uint16_t& status_word(domain& d, std::uint32_t ref) {
        return reinterpret_cast<std::uint16_t*>(m.cpu.map(*hv::grant_frame(d, 0, true)))[ref];
    }

    /// Entry `ref` of `d` gives page `g` to `to`.
    void grant(
        domain& d, std::uint32_t ref, domain& to, unsigned extra = 0, std::uint64_t g = data_gfn) {
        v1(d, ref) = {static_cast<std::uint16_t>(abi::gtf_permit_access | extra), to.id.raw(),
                      static_cast<std::uint32_t>(g)};
    }

    mfn frame(domain& d, std::uint64_t g = data_gfn) { return hv::p2m_lookup(d, gfn(g))->frame; }

    std::uint32_t references(domain& d, std::uint64_t g = data_gfn) {
        return m.hv->frames.info(frame(d, g)).count;
    }

    /// Maps for the control domain (no address) or into an hvm domain.
    abi::gnttab_map_grant_ref
    map(domain& by, domain& of, std::uint32_t ref, unsigned extra = 0, std::uint64_t address = 0) {
        abi::gnttab_map_grant_ref op{};
        op.dom = of.id.raw();
        op.ref = ref;
        op.host_addr = address;
        op.flags = extra | (address == 0 ? abi::gntmap_device_map : abi::gntmap_host_map);
        REQUIRE(call(by, gnttab_op::map_grant_ref, op) == 0);
        return op;
    }

    std::int16_t
    unmap(domain& by, std::uint32_t handle, std::uint64_t address, std::uint64_t bus = 0) {
        abi::gnttab_unmap_grant_ref op{};
        op.handle = handle;
        op.host_addr = address;
        op.dev_bus_addr = bus;
        REQUIRE(call(by, gnttab_op::unmap_grant_ref, op) == 0);
        return op.status;
    }

    std::int16_t set_version(domain& d, std::uint32_t version) {
        abi::gnttab_set_version op{version};
        return static_cast<std::int16_t>(call(d, gnttab_op::set_version, op));
    }

    abi::gnttab_copy
    copy_op(domain& from, std::uint32_t ref, std::uint16_t offset, std::uint16_t n) {
        abi::gnttab_copy op{};
        op.source.u.ref = ref;
        op.source.domid = from.id.raw();
        op.source.offset = offset;
        op.dest.u.gmfn = data_gfn;
        op.dest.domid = 0x7ff0;
        op.len = n;
        op.flags = abi::gntcopy_source_gref;
        return op;
    }
};

constexpr std::uint64_t hole = 0x100'0000; // no RAM there

} // namespace

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
    m.hv->cpu_epoch[1] = m.hv->epoch;
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

TEST_CASE_METHOD(grants_fixture, "grant_table.every_allocation_of_a_mapping_may_fail") {
    grant(a, 9, b);
    bool done = false;
    for (std::uint64_t n = 0; !done && n < 10; ++n) {
        m.cpu.allocations_left = n;
        auto const op = map(b, a, 9, 0, hole);
        m.cpu.allocations_left = ~std::uint64_t{0};
        done = op.status == abi::gntst_okay;
        if (!done) {
            CHECK((op.status == abi::gntst_no_space || op.status == abi::gntst_general_error));
            CHECK(references(a) == 1);
            CHECK(v1(a, 9).flags == abi::gtf_permit_access);
            CHECK_FALSE(hv::p2m_lookup(b, gfn(hole / page_size)));
        }
    }
    CHECK(done);
}

TEST_CASE_METHOD(grants_fixture,
                 "grant_table.a_dead_granter_lasts_until_its_pages_are_given_back") {
    grant(a, 9, b);
    auto const op = map(b, a, 9, 0, hole);
    mfn const f = frame(a);
    {
        auto const kept = hv::find_domain(*m.hv, domid(1));
        while (!hv::destroy_domain(*kept)) {
        }
    }
    REQUIRE(m.hv->domains[1] != nullptr); // a zombie
    CHECK(m.at<std::uint64_t>(b, hole) == 0);
    CHECK(m.hv->frames.info(f).count == 2);
    abi::gnttab_map_grant_ref again{};
    again.dom = 1;
    again.ref = 9;
    again.flags = abi::gntmap_host_map;
    again.host_addr = hole + page_size;
    CHECK(call(b, gnttab_op::map_grant_ref, again) == 0);
    CHECK(again.status == abi::gntst_bad_domain);
    CHECK(unmap(b, op.handle, hole) == abi::gntst_okay);
    CHECK(m.hv->domains[1] == nullptr);
}

TEST_CASE_METHOD(grants_fixture, "grant_table.a_dead_mapper_gives_everything_back") {
    grant(a, 9, b);
    for (std::uint64_t i = 0; i < 600; ++i) {
        REQUIRE(map(b, a, 9, 0, hole + i * page_size).status == abi::gntst_okay);
    }
    {
        auto const kept = hv::find_domain(*m.hv, domid(2));
        while (!hv::destroy_domain(*kept)) {
        }
    }
    CHECK(m.hv->domains[2] == nullptr);
    CHECK(references(a) == 1);
    CHECK(v1(a, 9).flags == abi::gtf_permit_access);
}

// --- hostile guests ----------------------------------------------------------------------------

TEST_CASE_METHOD(grants_fixture,
                 "grant_table.an_entry_that_changes_all_the_time_gives_nothing_away") {
    std::uint32_t const version = GENERATE(1U, 2U);
    CAPTURE(version);
    REQUIRE((version == 1 || set_version(a, 2) == 0));
    // The granter flips between its data page for b and a private page for nobody.
    std::memset(m.memory(a, (data_gfn + 1) * page_size), 0x5a, page_size);
    std::memset(m.memory(a, data_gfn * page_size), 0x11, page_size);
    std::atomic<bool> stop = false;
    auto& header = version == 1 ? hv::detail::v1_header(a, 9) : hv::detail::v2_header(a, 9);
    std::thread adversary([&] {
        std::mt19937 random(5);
        while (!stop.load(std::memory_order_relaxed)) {
            auto const r = static_cast<std::uint32_t>(random());
            std::uint32_t const flags = (r & 1) != 0 ? abi::gtf_permit_access : abi::gtf_invalid;
            std::uint32_t const user = (r & 2) != 0 ? 2 : 3;
            atomic_store(header, flags | ((r & 4) != 0 ? abi::gtf_readonly : 0U) | user << 16);
            atomic_store((&header)[version == 1 ? 1 : 2], data_gfn + (r >> 31) * 1000);
        }
    });
    unsigned copied = 0;
    unsigned mapped = 0;
    for (int i = 0; i < 20'000; ++i) {
        auto op = copy_op(a, 9, 0, 16);
        REQUIRE(call(b, gnttab_op::copy, op) == 0);
        copied += op.status == abi::gntst_okay ? 1U : 0U;
        auto const got = map(b, a, 9, i % 2 == 0 ? abi::gntmap_readonly : 0U, hole);
        if (got.status == abi::gntst_okay) {
            ++mapped;
            REQUIRE(hv::p2m_lookup(b, gfn(hole / page_size))->frame == frame(a));
            REQUIRE(unmap(b, got.handle, hole) == abi::gntst_okay);
        }
    }
    stop = true;
    adversary.join();
    CHECK(a.grants.used_count == 0);
    CHECK(references(a) == 1);
    CHECK(m.at<std::uint8_t>(b, data_gfn * page_size) == (copied != 0 ? 0x11 : 0));
    CHECK(copied + mapped <= 40'000); // whatever came of it, every call came back
}

TEST_CASE_METHOD(grants_fixture, "grant_table.random_operations_keep_the_counts_right") {
    std::mt19937 engine(11);
    auto const random = [&] { return static_cast<std::uint32_t>(engine()); };

    struct mapping {
        domain* by;
        domain* of;
        std::uint64_t address;
        std::uint64_t g;
        std::uint32_t handle;
    };

    std::vector<mapping> live;
    domain* const doms[2] = {&a, &b};
    std::uint64_t next = hole;
    for (int step = 0; step < 10'000; ++step) {
        auto& of = *doms[random() % 2];
        auto& by = *doms[random() % 2];
        std::uint32_t const ref = 8 + random() % 8;
        std::uint64_t const g = 4 + random() % 8;
        switch (random() % 3) {
        case 0:
            if (!of.grants.active(ref).is_used()) {
                grant(of, ref, by, random() % 2 == 0 ? abi::gtf_readonly : 0U, g);
            }
            break;
        case 1: {
            auto const op =
                map(by, of, ref, random() % 2 == 0 ? abi::gntmap_readonly : 0U, next += page_size);
            if (op.status == abi::gntst_okay) {
                live.push_back({&by, &of, next, v1(of, ref).frame, op.handle});
            }
            break;
        }
        default:
            if (!live.empty()) {
                auto const i = random() % live.size();
                auto const& l = live[i];
                REQUIRE(unmap(*l.by, l.handle, l.address) == abi::gntst_okay);
                live.erase(live.begin() + static_cast<std::ptrdiff_t>(i));
            }
        }
        if (step % 50 == 0) {
            for (auto* const d : doms) {
                std::uint32_t used = 0;
                std::uint32_t extra = 0;
                for (std::uint32_t r = 8; r < 16; ++r) {
                    used += d->grants.active(r).is_used() ? 1U : 0U;
                }
                for (std::uint64_t p = 4; p < 12; ++p) {
                    extra += references(*d, p) - 1;
                }
                std::uint32_t want = used;
                for (auto const& l : live) {
                    want += l.of == d ? 1U : 0U;
                }
                REQUIRE(d->grants.used_count == used);
                REQUIRE(extra == want); // one for each entry in use, one for each mapping
            }
        }
    }
}
