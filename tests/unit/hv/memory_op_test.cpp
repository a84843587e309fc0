// SPDX-License-Identifier: Apache-2.0
// Tests of memory_op: populating, withdrawing, claims, shared frames, resources, questions.
#include <xenpp/hv/memory_op.hpp>

#include <fakes/hv_host.hpp>

#include <vector>

using namespace xenpp;
using namespace xenpp::hv;
using fakes::fake_platform;
using fakes::hv_host;

namespace {

constexpr auto memory_op = do_memory_op<fake_platform>;

std::uint64_t number(abi::mem_op op) {
    return static_cast<std::uint64_t>(op);
}

struct bench : hv_host {
    using hv_host::hv_host;

    long op(abi::mem_op cmd, auto& structure) {
        return call_with(memory_op, {number(cmd)}, 1, structure);
    }

    /// populate or decrease of `gfns` for `d`.
    long reserve(abi::mem_op cmd,
                 domain& d,
                 std::vector<std::uint64_t> const& gfns,
                 unsigned order = 0,
                 std::uint32_t flags = 0) {
        auto const list = window_base + (1U << 20);
        for (std::size_t i = 0; i != gfns.size(); ++i) {
            put(gfns[i], list + 8 * i);
        }
        abi::memory_reservation r{};
        r.extent_start = {list};
        r.nr_extents = gfns.size();
        r.extent_order = order;
        r.mem_flags = flags;
        r.domid = d.id.raw();
        return op(cmd, r);
    }

    long ask(abi::mem_op cmd, domid id) {
        abi::memory_domain which{id.raw()};
        return op(cmd, which);
    }

    void expect_clean(domain& d) {
        kill(d);
        CHECK(settle() == baseline);
        CHECK(hv.frames.claimed_pages() == 0);
    }
};

} // namespace

TEST_CASE("populate_physmap gives extents of every size, with restarts for many") {
    bench h((2ULL << 18) + 65536);
    auto& d = h.make_domain(1, 1ULL << 20);
    CHECK(h.reserve(abi::mem_op::populate_physmap, d, {1ULL << 18}, 18) == 1);
    CHECK(p2m_lookup(d, gfn((1ULL << 18) + 5))->order == 9);
    std::vector<std::uint64_t> megabytes;
    for (std::uint64_t i = 0; i != 32; ++i) {
        megabytes.push_back(i * 512);
    }
    CHECK(h.reserve(abi::mem_op::populate_physmap, d, megabytes, 9) == 32);
    CHECK(h.turns == 16); // 16384 frames, 1024 a turn
    CHECK(p2m_lookup(d, gfn(0))->order == 9);
    CHECK(h.reserve(abi::mem_op::populate_physmap, d, {32 * 512, 32 * 512 + 1}) == 2);
    CHECK(h.ask(abi::mem_op::current_reservation, d.id) == (1 << 18) + 32 * 512 + 2);
    CHECK(h.ask(abi::mem_op::maximum_reservation, d.id) == 1 << 20);
    CHECK(h.ask(abi::mem_op::maximum_gpfn, d.id) == (2 << 18) - 1);
    h.expect_clean(d);
}

TEST_CASE("populate_physmap says how far it came") {
    bench h;
    auto& d = h.make_domain(1, 4);
    auto const populate = abi::mem_op::populate_physmap;
    CHECK(h.reserve(populate, d, {1, 2, 3, 4, 5, 6}) == 4); // the domain's limit
    CHECK(h.reserve(populate, d, {7}) == 0);
    d.max_pages = 8;
    CHECK(h.reserve(populate, d, {1ULL << 60}) == 0);                            // no such gfn
    CHECK(h.reserve(populate, d, {7}, 0, abi::xenmemf_populate_on_demand) == 0); // not offered
    CHECK(h.reserve(populate, d, {0}, 19) == 0);
    CHECK(h.reserve(abi::mem_op::increase_reservation, d, {7}) == 0);
    CHECK(h.reserve(populate, d, {}) == 0);
    abi::memory_reservation r{};
    r.domid = 999;
    r.nr_extents = 1;
    CHECK(h.op(populate, r) == 0); // no such domain
    r.domid = d.id.raw();
    r.extent_start = {0x1000};
    CHECK(h.op(populate, r) == 0); // the list lies nowhere
    r.nr_extents = ~0ULL;
    CHECK(h.op(populate, r) == 0);
    CHECK(d.total_pages == 4);
    h.expect_clean(d);
}

TEST_CASE("populate_physmap waits for freed memory that CPUs may still reach") {
    bench h(8192 + 1024);
    auto& d = h.make_domain();
    h.populate(d, gfn(0)); // makes the tables
    std::vector<mfn> rest;
    while (auto const f = h.hv.frames.allocate(0, domid_xen, page_use::hypervisor)) {
        rest.push_back(*f);
    }
    CHECK(h.reserve(abi::mem_op::populate_physmap, d, {1}) == 0); // nothing to wait for
    h.hv.cpu_epoch.fill(h.hv.epoch);                              // both CPUs are in a guest
    h.hv.frames.free_later(rest.back(), 0);
    h.put(std::uint64_t{1});
    abi::memory_reservation r{};
    r.extent_start = {hv_host::scratch};
    r.nr_extents = 1;
    r.domid = d.id.raw();
    auto const at = h.put(r, hv_host::scratch + 64);
    hypercall_args args{{number(abi::mem_op::populate_physmap), at}};
    CHECK(do_memory_op(h.control(), args).error() == errc::restart);
    CHECK(h.platform.kicks(cpu_id(1)) > 0);
    h.hv.cpu_epoch.fill(h.hv.epoch); // now they have been through their loops
    CHECK(*do_memory_op(h.control(), args) == 1);
    CHECK(p2m_lookup(d, gfn(1))->frame == rest.back());
}

TEST_CASE("decrease_reservation takes memory of the domain's own, and only that") {
    bench h;
    auto& d = h.make_domain();
    auto const decrease = abi::mem_op::decrease_reservation;
    h.populate(d, gfn(0), 9);
    h.populate(d, gfn(512));
    CHECK(h.reserve(decrease, d, {3, 4, 512}) == 3);
    CHECK(d.total_pages == 510);
    CHECK(h.reserve(decrease, d, {5, 3, 6}) == 1); // 3 is a hole by now
    CHECK(d.total_pages == 509);
    CHECK(h.reserve(decrease, d, {0}, 9) == 0); // not whole any more
    abi::add_to_physmap a{};
    a.domid = d.id.raw();
    a.gpfn = 600;
    REQUIRE(h.op(abi::mem_op::add_to_physmap, a) == 0);
    CHECK(h.reserve(decrease, d, {600}) == 0); // the hypervisor's
    h.expect_clean(d);
}

TEST_CASE("a guest may change its own memory and nobody else's") {
    bench h;
    auto& d = h.make_domain();
    auto& other = h.make_domain();
    auto& v = *d.vcpus[0];
    h.populate(d, gfn(1));
    auto reserve = [&](domid id, std::uint64_t g, unsigned order = 0) {
        abi::memory_reservation r{};
        r.extent_start = {page_size + 256};
        r.nr_extents = 1;
        r.extent_order = order;
        r.domid = id.raw();
        write_guest(v, page_size + 256, g).value();
        write_guest(v, page_size, r).value();
        return h.call(memory_op, v, {number(abi::mem_op::populate_physmap), page_size});
    };
    CHECK(reserve(domid_self, 9) == 1);
    CHECK(reserve(d.id, 512, 9) == 1);
    CHECK(reserve(domid_self, 1ULL << 18, 18) == 0); // too large for a guest
    CHECK(reserve(other.id, 9) == 0);
    CHECK(other.total_pages == 0);
    for (auto const op : {abi::mem_op::current_reservation, abi::mem_op::maximum_gpfn}) {
        write_guest(v, page_size, abi::memory_domain{other.id.raw()}).value();
        CHECK(h.call(memory_op, v, {number(op), page_size}) == to_abi(errc::perm));
    }
    write_guest(v, page_size, abi::memory_reservation{}).value();
    for (auto const op : {abi::mem_op::claim_pages, abi::mem_op::set_pod_target}) {
        CHECK(h.call(memory_op, v, {number(op), page_size}) == to_abi(errc::perm));
    }
    CHECK(h.call(memory_op, v, {number(abi::mem_op::populate_physmap), 0x123456789}) ==
          to_abi(errc::fault));
    h.kill(other);
    h.expect_clean(d);
}

TEST_CASE("claim_pages sets memory aside that populating uses up") {
    bench h;
    auto& d = h.make_domain();
    abi::memory_reservation r{};
    r.domid = d.id.raw();
    r.nr_extents = 600;
    CHECK(h.op(abi::mem_op::claim_pages, r) == 0);
    CHECK(h.hv.frames.claimed_pages() == 600);
    CHECK(h.op(abi::mem_op::claim_pages, r) == to_abi(errc::inval)); // one at a time
    CHECK(h.reserve(abi::mem_op::populate_physmap, d, {0}, 9) == 1);
    CHECK(d.outstanding_pages == 88);
    r.nr_extents = 0;
    CHECK(h.op(abi::mem_op::claim_pages, r) == 0);
    CHECK(h.hv.frames.claimed_pages() == 0);
    r.nr_extents = 512; // no more than it has
    CHECK(h.op(abi::mem_op::claim_pages, r) == to_abi(errc::inval));
    d.max_pages = 1ULL << 30;
    r.nr_extents = 1ULL << 29;
    CHECK(h.op(abi::mem_op::claim_pages, r) == to_abi(errc::nomem));
    r.extent_order = 1;
    CHECK(h.op(abi::mem_op::claim_pages, r) == to_abi(errc::inval));
    r.extent_order = 0;
    r.nr_extents = 1000;
    CHECK(h.op(abi::mem_op::claim_pages, r) == 0);
    h.expect_clean(d); // the end of the domain is the end of its claim
}

TEST_CASE("add_to_physmap puts the shared info over RAM, whose page goes back") {
    bench h;
    auto& d = h.make_domain();
    h.populate(d, gfn(0), 9);
    abi::add_to_physmap a{};
    a.domid = d.id.raw();
    a.space = abi::xenmapspace_shared_info;
    a.gpfn = 16;
    CHECK(h.op(abi::mem_op::add_to_physmap, a) == 0);
    CHECK(p2m_lookup(d, gfn(16))->frame == d.shared_info_frame);
    CHECK(d.total_pages == 511);
    CHECK(h.hv.frames.info(d.shared_info_frame).count == 2);
    CHECK(h.op(abi::mem_op::add_to_physmap, a) == 0); // again, over itself
    CHECK(h.hv.frames.info(d.shared_info_frame).count == 2);
    a.idx = 1;
    CHECK(h.op(abi::mem_op::add_to_physmap, a) == to_abi(errc::inval));
    a.idx = 0;
    a.gpfn = 1ULL << 40;
    CHECK(h.op(abi::mem_op::add_to_physmap, a) == to_abi(errc::inval));
    for (auto const space : {abi::xenmapspace_gmfn, abi::xenmapspace_gmfn_range,
                             abi::xenmapspace_gmfn_foreign, abi::xenmapspace_dev_mmio, 77U}) {
        a.space = space;
        a.gpfn = 20;
        CHECK(h.op(abi::mem_op::add_to_physmap, a) == to_abi(errc::nosys));
    }
    a.domid = 0;
    a.space = abi::xenmapspace_shared_info;
    CHECK(h.op(abi::mem_op::add_to_physmap, a) == to_abi(errc::acces)); // not translated
    abi::remove_from_physmap r{};
    r.domid = d.id.raw();
    r.gpfn = 16;
    CHECK(h.op(abi::mem_op::remove_from_physmap, r) == 0);
    CHECK(h.op(abi::mem_op::remove_from_physmap, r) == to_abi(errc::noent));
    CHECK(h.hv.frames.info(d.shared_info_frame).count == 1);
    h.expect_clean(d);
}

TEST_CASE("add_to_physmap_batch maps grant frames, each with its own error") {
    bench h;
    auto& d = h.make_domain();
    constexpr unsigned count = 70;
    auto const idxs = hv_host::scratch;
    auto const gpfns = idxs + 1024;
    auto const errs = gpfns + 1024;
    for (unsigned i = 0; i != count; ++i) {
        h.put(std::uint64_t{i}, idxs + 8 * i);
        h.put(std::uint64_t{1000 + i}, gpfns + 8 * i);
    }
    abi::add_to_physmap_batch b{};
    b.domid = d.id.raw();
    b.space = abi::xenmapspace_grant_table;
    b.size = count;
    b.idxs = {idxs};
    b.gpfns = {gpfns};
    b.errs = {errs};
    CHECK(h.op(abi::mem_op::add_to_physmap_batch, b) == 0);
    CHECK(h.turns == 2);
    CHECK(h.peek<std::int32_t>(errs) == 0);
    CHECK(h.peek<std::int32_t>(errs + 4 * 63) == 0);
    CHECK(h.peek<std::int32_t>(errs + 4 * 64) == to_abi(errc::inval)); // 64 frames are the limit
    CHECK(p2m_lookup(d, gfn(1000))->frame == grant_frame(d, 0, false).value());
    b.u.res0 = 1;
    CHECK(h.op(abi::mem_op::add_to_physmap_batch, b) == to_abi(errc::inval));
    b.space = abi::xenmapspace_gmfn_foreign;
    CHECK(h.op(abi::mem_op::add_to_physmap_batch, b) == to_abi(errc::perm));
    h.expect_clean(d);
}

TEST_CASE("acquire_resource answers the frames of a grant table") {
    bench h;
    auto& d = h.make_domain();
    abi::mem_acquire_resource q{};
    q.domid = d.id.raw();
    q.type = abi::xenmem_resource_grant_table;
    CHECK(h.op(abi::mem_op::acquire_resource, q) == 0);
    CHECK(q.nr_frames == 64);
    q.nr_frames = 2;
    q.frame_list = {hv_host::scratch};
    CHECK(h.op(abi::mem_op::acquire_resource, q) == 0);
    CHECK(h.peek<std::uint64_t>(hv_host::scratch) == grant_frame(d, 0, false)->raw());
    CHECK(h.peek<std::uint64_t>(hv_host::scratch + 8) == grant_frame(d, 1, false)->raw());
    q.nr_frames = 65;
    CHECK(h.op(abi::mem_op::acquire_resource, q) == to_abi(errc::toobig));
    q.nr_frames = 1;
    q.frame = 64;
    CHECK(h.op(abi::mem_op::acquire_resource, q) == to_abi(errc::inval));
    q.frame = ~0ULL;
    CHECK(h.op(abi::mem_op::acquire_resource, q) == to_abi(errc::inval));
    q.frame = 0;
    q.id = 2;
    CHECK(h.op(abi::mem_op::acquire_resource, q) == to_abi(errc::inval));
    q.type = abi::xenmem_resource_ioreq_server;
    CHECK(h.op(abi::mem_op::acquire_resource, q) == to_abi(errc::opnotsupp));
    q.pad = 1;
    CHECK(h.op(abi::mem_op::acquire_resource, q) == to_abi(errc::inval));
    q.pad = 0;
    q.domid = 0;
    CHECK(h.op(abi::mem_op::acquire_resource, q) == to_abi(errc::srch)); // not its own
    h.expect_clean(d);
}

TEST_CASE("set_memory_map is what the domain then reads") {
    bench h;
    auto& d = h.make_domain();
    auto& v = *d.vcpus[0];
    h.populate(d, gfn(0));
    CHECK(h.call(memory_op, v, {number(abi::mem_op::memory_map), 0}) == to_abi(errc::nosys));
    for (unsigned i = 0; i != 40; ++i) {
        h.put(static_cast<std::uint8_t>(i), hv_host::scratch + i);
    }
    abi::foreign_memory_map f{};
    f.domid = d.id.raw();
    f.map.nr_entries = 2;
    f.map.buffer = {hv_host::scratch};
    CHECK(h.op(abi::mem_op::set_memory_map, f) == 0);
    CHECK(h.op(abi::mem_op::set_memory_map, f) == 0); // replaces
    write_guest(v, 0, abi::memory_map{1, 0, {256}}).value();
    CHECK(h.call(memory_op, v, {number(abi::mem_op::memory_map), 0}) == to_abi(errc::nobufs));
    write_guest(v, 0, abi::memory_map{5, 0, {256}}).value();
    CHECK(h.call(memory_op, v, {number(abi::mem_op::memory_map), 0}) == 0);
    CHECK(read_guest<abi::memory_map>(v, 0)->nr_entries == 2);
    CHECK(read_guest<std::uint8_t>(v, 256 + 39).value() == 39);
    f.map.nr_entries = guest_memory_map::capacity + 1;
    CHECK(h.op(abi::mem_op::set_memory_map, f) == to_abi(errc::toobig));
    f.map.nr_entries = 2;
    f.map.buffer = {1};
    CHECK(h.op(abi::mem_op::set_memory_map, f) == to_abi(errc::fault));
    h.expect_clean(d);
}

TEST_CASE("memory_op: what does not exist says so") {
    bench h;
    CHECK(h.call(memory_op, h.control(), {number(abi::mem_op::exchange)}) == to_abi(errc::fault));
    CHECK(h.call(memory_op, h.control(), {number(abi::mem_op::get_vnumainfo)}) ==
          to_abi(errc::opnotsupp));
    for (auto const op :
         {abi::mem_op::paging_op, abi::mem_op::access_op, abi::mem_op::sharing_op}) {
        CHECK(h.call(memory_op, h.control(), {number(op)}) == to_abi(errc::nosys));
    }
    CHECK(h.call(memory_op, h.control(), {63}) == to_abi(errc::nosys));
    CHECK(h.call(memory_op, h.control(), {number(abi::mem_op::get_sharing_freed_pages)}) == 0);
    CHECK(h.call(memory_op, h.control(), {number(abi::mem_op::maximum_ram_page)}) == 65536);
    CHECK(h.ask(abi::mem_op::current_reservation, domid(77)) == to_abi(errc::srch));
    auto& d = h.make_domain();
    abi::pod_target t{};
    t.domid = d.id.raw();
    t.target_pages = 100;
    CHECK(h.op(abi::mem_op::set_pod_target, t) == 0);
    t.target_pages = 1ULL << 40;
    CHECK(h.op(abi::mem_op::set_pod_target, t) == to_abi(errc::inval));
}
