// SPDX-License-Identifier: Apache-2.0
// Frames with as many references as there may be, and memory that is freed faster than CPUs pass
// by.
#include <xenpp/hv/domain_life.hpp>
#include <xenpp/hv/hypercall_table.hpp>

#include <catch2/catch.hpp>

#include <fakes/hv_invariants.hpp>
#include <fakes/pv_guest.hpp>

#include <vector>

using namespace xenpp;
using fakes::pv_guest;
using hv::pv::frame_word;

namespace {

std::int16_t copy_from_own_grant(pv_guest& g, unsigned from, unsigned to) {
    auto& entry = *reinterpret_cast<abi::grant_entry_v1*>(g.d.hv.platform.map(g.d.grants.frame[0]));
    entry = {abi::gtf_permit_access, g.d.id.raw(),
             static_cast<std::uint32_t>(g.frames[from].raw())};
    abi::gnttab_copy op{};
    op.source.u.ref = 0;
    op.source.domid = g.d.id.raw();
    op.dest.u.gmfn = g.frames[to].raw();
    op.dest.domid = abi::domid_self;
    op.len = 8;
    op.flags = abi::gntcopy_source_gref;
    auto const at = g.put(std::vector{op});
    REQUIRE(g.call(abi::hypercall::grant_table_op,
                   {static_cast<std::uint64_t>(abi::gnttab_op::copy), at, 1}) == 0);
    return reinterpret_cast<abi::gnttab_copy const*>(g.table(0))->status;
}

} // namespace

TEST_CASE("pv_limits.a_grant_takes_no_reference_that_is_not_there") {
    fakes::hv_host h{9216};
    pv_guest g{h};
    constexpr unsigned page = 20;
    auto& count = g.info(page).count;
    auto const real = count;
    for (auto const left : {0U, 1U, 2U}) { // a copy needs two for a moment
        count = frame_word::most - left;
        auto const status = copy_from_own_grant(g, page, 22);
        CHECK((status == abi::gntst_okay) == (left == 2));
        CHECK(count == frame_word::most - left);
        CHECK(g.d.grants.used_count == 0);
    }
    count = real;
}

TEST_CASE("pv_limits.a_domain_ends_whatever_its_frames_counts_are") {
    fakes::hv_host h{9216};
    constexpr unsigned page = 20;
    auto const live_and_die = [&h](bool to_the_limit) {
        pv_guest g{h};
        auto& info = g.info(page);
        auto const more = to_the_limit ? frame_word::most - info.count : 0;
        info.count += more; // as by entries of tables that stand later in the list
        for (unsigned n = 0; n != 1000 && !hv::destroy_domain(g.d); ++n) {
        }
        CHECK_FALSE(info.allocated);
        if (to_the_limit) {
            CHECK(info.count == more);
            info.count = 0;
            hv::detail::last_reference_gone(h.hv, g.frames[page]);
        }
        return g.d.id;
    };
    live_and_die(false);
    auto const free = h.settle();
    CHECK_FALSE(hv::find_domain(h.hv, live_and_die(true)));
    CHECK(h.settle() == free);
}

TEST_CASE("pv_limits.a_guest_alone_on_its_cpu_does_not_keep_what_it_frees_from_others") {
    fakes::hv_host h{16384};
    pv_guest g{h};
    h.hv.cpu_epoch[0] = h.hv.cpu_epoch[1] = 1; // both in guests, no timer due
    unsigned hurried = 0;
    h.platform.on_kick = [&](cpu_id c) { hurried |= 1U << c.raw(); };
    auto const initialise = [&g] { // with a context of zeroes
        return g.call(
            abi::hypercall::vcpu_op,
            {static_cast<std::uint64_t>(abi::vcpu_op::initialise), 1, pv_guest::address(8)});
    };
    for (unsigned n = 0; n != 1000; ++n) {
        REQUIRE(initialise() == to_abi(errc::inval));
    }
    CHECK(h.hv.frames.deferred_pages() == 0);
    // What must wait makes the CPUs come by long before all waits.
    auto& frames = h.hv.frames;
    while (hurried == 0) {
        frames.free_later(frames.allocate(0, g.d.id, hv::page_use::hypervisor).value(), 0);
        REQUIRE(frames.deferred_pages() < frames.free_pages() / 4);
    }
    CHECK(hurried == 3); // its own CPU too
    h.platform.on_kick = nullptr;
    CHECK(hv::create_domain(h.hv, domid(77), pv_guest::create_args(1)));
}

TEST_CASE("pv_limits.a_gdt_beside_a_partial_table_comes_to_an_end") {
    fakes::hv_host h{9216};
    pv_guest g{h};
    constexpr unsigned table = 10, unused = 11;
    h.hv.pv_turn = 256; // half a page of descriptors, or of a table
    for (auto const page : {table, unused}) {
        REQUIRE(g.protect(page, pv_guest::ro) == 0);
    }
    auto const turn = [&g](abi::hypercall number, std::array<std::uint64_t, 6> arg) {
        hv::hypercall_args args{arg};
        return hv::dispatch_hypercall(g.v(), static_cast<unsigned>(number), args);
    };
    abi::mmuext_op pin{};
    pin.cmd = static_cast<std::uint32_t>(abi::mmuext_cmd::pin_l2_table);
    pin.arg1.mfn = g.frames[table].raw();
    auto const begun =
        turn(abi::hypercall::mmuext_op, {g.put(std::vector{pin}), 1, 0, abi::domid_self});
    REQUIRE(begun.error() == errc::restart); // and the guest thinks better of it
    std::vector const pages{g.frames[unused].raw(), g.frames[table].raw()};
    auto const at = g.put(pages);
    for (unsigned turns = 0;; ++turns) {
        REQUIRE(turns != 10);
        auto const r = turn(abi::hypercall::set_gdt, {at, 1024});
        if (r || r.error() != errc::restart) {
            CHECK(r);
            break;
        }
    }
    CHECK(g.call(abi::hypercall::set_gdt, {at, 0}) == 0);
}
