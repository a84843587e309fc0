// SPDX-License-Identifier: Apache-2.0
// Tests of the p2m and of references to frames: adding, replacing, splitting, teardown, no leak.
#include <xenpp/hv/p2m.hpp>

#include <fakes/hv_host.hpp>

using namespace xenpp;
using namespace xenpp::hv;
using fakes::hv_host;

TEST_CASE("p2m_add enters frames in the largest leaves that fit") {
    hv_host h;
    auto& d = h.make_domain();
    auto const f = h.populate(d, gfn(512), 9);
    auto const there = p2m_lookup(d, gfn(512 + 77)).value();
    CHECK(there.frame == f + 77);
    CHECK(there.order == 9);
    CHECK(there.attributes.write);
    h.populate(d, gfn(5), 2); // not aligned to 4: single pages
    CHECK(p2m_lookup(d, gfn(8))->order == 0);
    CHECK(d.total_pages == 516);
    CHECK_FALSE(p2m_lookup(d, gfn(9)));
    CHECK_FALSE(p2m_lookup(d, gfn(1ULL << 36)));
    h.kill(d);
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("p2m_add of 2 MiB at an odd place is 512 pages") {
    hv_host h;
    auto& d = h.make_domain();
    h.populate(d, gfn(3), 9);
    CHECK(p2m_lookup(d, gfn(514))->order == 0);
    CHECK_FALSE(p2m_lookup(d, gfn(515)));
    CHECK(p2m_remove(d, gfn(3), 9).value() == 512);
    CHECK(d.total_pages == 0);
    h.kill(d);
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("p2m_add over something gives the old frame back") {
    hv_host h;
    auto& d = h.make_domain();
    h.populate(d, gfn(0), 9);
    auto const f = h.populate(d, gfn(16));
    CHECK(p2m_lookup(d, gfn(16))->frame == f);
    CHECK(p2m_lookup(d, gfn(17))->order == 0); // the large leaf was split
    CHECK(d.total_pages == 512);
    CHECK(h.platform.flushes() > 0);
    auto const g = h.populate(d, gfn(0), 9); // large over pages
    CHECK(p2m_lookup(d, gfn(16))->frame == g + 16);
    CHECK(d.total_pages == 512);
    h.kill(d);
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("p2m_add enters 1 GiB only where nothing is") {
    hv_host h((2ULL << 18) + 65536);
    auto& d = h.make_domain(1, 1ULL << 20);
    h.populate(d, gfn(1ULL << 18), 18);
    CHECK(p2m_lookup(d, gfn((1ULL << 18) + 12345))->order == 18);
    CHECK(p2m_add(d, gfn(1ULL << 18), mfn(0), 18).error() == errc::exist);
    h.populate(d, gfn(5));
    CHECK(p2m_add(d, gfn(0), mfn(0), 18).error() == errc::exist);
    CHECK(p2m_add(d, gfn(1), mfn(1ULL << 18), 18).error() == errc::inval);
    // One page out of it splits it twice.
    CHECK(p2m_remove(d, gfn((1ULL << 18) + 1000), 0).value() == 1);
    CHECK(p2m_lookup(d, gfn((1ULL << 18) + 1001))->order == 0);
    CHECK(p2m_lookup(d, gfn((1ULL << 18) + 2048))->order == 9);
    CHECK(h.kill(d) > 8);
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("p2m_teardown gives a whole gigabyte back in steps") {
    hv_host h((2ULL << 18) + 65536);
    auto& d = h.make_domain(1, 1ULL << 20);
    h.populate(d, gfn(0), 18);
    CHECK(h.kill(d) >= 16);
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("p2m: a failed addition leaves all references with the caller") {
    hv_host h;
    auto& d = h.make_domain();
    auto const f = allocate_domain_pages(d, 9).value();
    h.platform.allocations_left = 2; // two tables, but three levels are missing below the root
    CHECK(p2m_add(d, gfn(1), f, 9).error() == errc::nomem);
    h.platform.allocations_left = ~0ULL;
    for (unsigned i = 0; i != 512; ++i) {
        REQUIRE(h.hv.frames.info(f + i).count == 1);
    }
    put_block(d, f, 9);
    CHECK(d.total_pages == 0);
    h.kill(d);
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("p2m: the n-th allocation may fail, and nothing leaks") {
    for (std::uint64_t n = 0;; ++n) {
        hv_host h;
        h.platform.allocations_left = n;
        auto made = create_domain(h.hv, domid(1), hv_host::create_args());
        bool done = false;
        if (made) {
            auto& d = **made;
            d.max_pages = 2048;
            if (vcpu_create(d, vcpu_id(0))) {
                auto const f = allocate_domain_pages(d, 9);
                if (f) {
                    done = p2m_add(d, gfn(511), *f, 9).has_value();
                    if (!done) {
                        put_block(d, *f, 9);
                    }
                }
            }
            h.platform.allocations_left = ~0ULL;
            h.kill(d);
        }
        REQUIRE(h.settle() == h.baseline);
        REQUIRE(h.platform.vcpu_count() == 0);
        if (done) {
            CHECK(n > 6);
            break;
        }
    }
}

TEST_CASE("p2m: its tables come out of the domain's pool") {
    hv_host h;
    auto& d = h.make_domain();
    d.guest_memory.frames.limit = 4; // the root and one path
    h.populate(d, gfn(0));
    auto const f = allocate_domain_pages(d, 0).value();
    CHECK(p2m_add(d, gfn(1ULL << 27), f, 0).error() == errc::nomem);
    put_frame(h.hv, f);
    h.populate(d, gfn(1));
    h.kill(d);
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("get_page holds the frame, whatever becomes of the gfn and the domain") {
    hv_host h;
    auto& d = h.make_domain();
    auto const f = h.populate(d, gfn(7));
    {
        auto const page = get_page(d, gfn(7)).value();
        CHECK(page.frame() == f);
        CHECK(page.map() == h.platform.map(f));
        CHECK(p2m_remove(d, gfn(7), 0).value() == 1);
        CHECK(get_page(d, gfn(7)).error() == errc::noent);
        CHECK(d.total_pages == 1);
        h.kill(d);
        CHECK(d.is_dying());
        CHECK(h.hv.domains[d.id.raw()] == &d); // its frame keeps it
        CHECK(h.settle() < h.baseline);
    }
    CHECK(h.hv.domains[1] == nullptr);
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("get_page refuses read-only gfns to writers, and the hypervisor's frames to all") {
    hv_host h;
    auto& d = h.make_domain();
    auto const f = allocate_domain_pages(d, 0).value();
    p2m_add(d, gfn(1), f, 0, p2m_rights::read_only).value();
    CHECK(get_page(d, gfn(1)).error() == errc::acces);
    CHECK(get_page(d, gfn(1), false));
    CHECK_FALSE(get_frame(h.hv, mfn(0))); // the frame table
    CHECK_FALSE(get_frame(h.hv, mfn(~0ULL)));
    CHECK_FALSE(get_frame(h.hv, h.hv.frames.frame_of(&d)));
    CHECK(get_page(*h.hv.control, gfn(hv_host::window_frame.raw())));
    CHECK(get_page(*h.hv.control, gfn(f.raw())).error() == errc::noent);
    h.kill(d);
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("allocate_domain_pages keeps to the domain's limit and uses its claim up") {
    hv_host h;
    auto& d = h.make_domain(1, 3);
    CHECK(allocate_domain_pages(d, 2).error() == errc::nomem);
    h.hv.frames.set_claim(0, 2).value();
    d.outstanding_pages = 2;
    h.populate(d, gfn(0));
    CHECK(d.outstanding_pages == 1);
    h.populate(d, gfn(1), 1);
    CHECK(d.outstanding_pages == 0);
    CHECK(h.hv.frames.claimed_pages() == 0);
    CHECK(allocate_domain_pages(d, 0).error() == errc::nomem);
    CHECK(d.total_pages == 3);
    h.kill(d);
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("p2m: what a domain never used is not scrubbed when it is freed") {
    hv_host h((2ULL << 18) + 65536);
    auto& d = h.make_domain(1, 1ULL << 20);
    auto const f = allocate_domain_pages(d, 18).value();
    h.hv.frames.mark_untouched(f, 18);
    p2m_add(d, gfn(0), f, 18, p2m_rights::untouched).value();
    CHECK(p2m_lookup(d, gfn(0))->order == 9); // so that each piece is noted by itself
    auto const root = d.guest_memory.tables->root();
    auto const entry = [&](mfn table, unsigned n) -> std::uint64_t& {
        return reinterpret_cast<std::uint64_t*>(h.platform.map(table))[n];
    };
    auto const below = [&](std::uint64_t e) { return to_mfn(mm::npt::address(e, 4)); };
    entry(below(entry(below(entry(root, 0)), 0)), 3) |= mm::npt::accessed; // as the processor does
    CHECK(get_page(d, gfn(5 * 512 + 1), false));
    CHECK(get_page(d, gfn(7 * 512 + 1), true)); // somebody may write one page of the eighth piece
    auto const dirty = [&](unsigned piece, unsigned page) {
        return h.hv.frames.info(f + piece * 512 + page).dirty;
    };
    h.kill(d);
    h.settle();
    CHECK_FALSE(dirty(0, 0));
    CHECK(dirty(3, 0));
    CHECK(dirty(3, 511));
    CHECK_FALSE(dirty(5, 1));
    CHECK_FALSE(dirty(7, 0));
    CHECK(dirty(7, 1));
    CHECK(h.hv.frames.dirty_pages() >= 513);
    CHECK(h.hv.frames.dirty_pages() < 1024);
}

TEST_CASE("p2m: 1 GiB is one leaf where the processor has those and notes no use of pieces") {
    struct {
        mm::second_level format;
        p2m_rights rights;
        unsigned order;
    } const rows[] = {{mm::second_level::of<mm::ept>(true, true), p2m_rights::untouched, 9},
                      {mm::second_level::of<mm::ept>(true, true), p2m_rights::writable, 18},
                      {mm::second_level::of<mm::ept>(false, true), p2m_rights::untouched, 18},
                      {mm::second_level::of<mm::ept>(false, false), p2m_rights::untouched, 9},
                      {mm::second_level::of<mm::ept>(true, false), p2m_rights::writable, 9},
                      {mm::second_level::of<mm::npt>(true, false), p2m_rights::writable, 9}};

    for (auto const& r : rows) {
        hv_host h((2ULL << 18) + 65536);
        h.platform.nested_format = r.format;
        auto& d = h.make_domain(1, 1ULL << 20);
        auto const f = allocate_domain_pages(d, 18).value();
        h.hv.frames.mark_untouched(f, 18);
        p2m_add(d, gfn(0), f, 18, r.rights).value();
        auto const there = p2m_lookup(d, gfn(3 * 512 + 1));
        REQUIRE(there);
        CHECK(there->order == r.order);
        CHECK(there->frame == f + (3 * 512 + 1));
        CHECK(p2m_remove(d, gfn(7), 0).value() == 1); // whatever it is, it can be taken apart
        CHECK_FALSE(p2m_lookup(d, gfn(7)));
        CHECK(p2m_lookup(d, gfn(8))->frame == f + 8);
        h.kill(d);
        CHECK(h.settle() == h.baseline);
    }
}

TEST_CASE("p2m: what leaves a domain that may be running counts as used") {
    hv_host h;
    auto& d = h.make_domain();
    auto const f = allocate_domain_pages(d, 9).value();
    h.hv.frames.mark_untouched(f, 9);
    p2m_add(d, gfn(0), f, 9, p2m_rights::untouched).value();
    p2m_remove(d, gfn(3), 0).value();
    h.settle();
    CHECK(h.hv.frames.info(f + 3).dirty);
    h.kill(d);
    CHECK(h.settle() == h.baseline);
}
