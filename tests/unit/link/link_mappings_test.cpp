// SPDX-License-Identifier: Apache-2.0
// What a slot holds: every reference taken is dropped exactly once, at every point of failure.
#include <xenpp/hv/link_mappings.hpp>

#include <catch2/catch.hpp>

#include <cstring>
#include <map>
#include <memory>
#include <set>

using namespace xenpp;
using namespace xenpp::hv;

namespace {

/// Pages that can run out, and a count for each frame and grant that is held.
struct ledger {
    std::map<std::byte*, std::unique_ptr<std::byte[]>> pages;
    std::size_t most_pages = ~std::size_t{0};
    std::map<std::uint64_t, int> frames;
    std::map<std::uint32_t, int> grants;
    unsigned drops = 0;
    std::set<std::uint16_t> writable_domains;

    expected<std::byte*, errc> allocate_page() {
        if (pages.size() >= most_pages) {
            return unexpected(errc::nomem);
        }
        auto p = std::make_unique<std::byte[]>(page_size);
        auto* const raw = p.get();
        pages.emplace(raw, std::move(p));
        return raw;
    }

    void free_page(std::byte* p) { REQUIRE(pages.erase(p) == 1); }

    void drop_frames(domid d, mfn first, std::uint32_t count, bool writable) {
        ++drops;
        REQUIRE(count <= link_mappings<ledger>::drop_batch);
        for (std::uint64_t i = 0; i < count; ++i) {
            REQUIRE(frames[first.raw() + i]-- > 0);
        }
        if (writable) {
            writable_domains.insert(d.raw());
        }
    }

    void drop_grant(domid, std::uint32_t handle, mfn f, bool) {
        REQUIRE(f == mfn(handle + 100));
        REQUIRE(grants[handle]-- > 0);
    }

    long held() const {
        long n = 0;
        for (auto const& [frame, count] : frames) {
            n += count;
        }
        for (auto const& [handle, count] : grants) {
            n += count;
        }
        return n;
    }
};

expected<void, errc> hold(ledger& l, link_mappings<ledger>& m, std::uint32_t mapping, mfn f) {
    auto const done = m.add_frame(mapping, f);
    if (done) {
        ++l.frames[f.raw()];
    }
    return done;
}

} // namespace

TEST_CASE("link_mappings.runs_of_frames_share_a_node") {
    ledger l;
    link_mappings m(l);
    auto const mapping = m.create(domid{5}, true);
    REQUIRE(mapping);
    CHECK(*mapping != 0);
    for (std::uint64_t i = 0; i < 300; ++i) {
        REQUIRE(hold(l, m, *mapping, mfn(1000 + i)));
    }
    REQUIRE(hold(l, m, *mapping, mfn(7)));
    CHECK(m.extent_count() == 2);
    CHECK(m.frame_count() == 301);
    CHECK(m.mapping_count() == 1);
    CHECK(m.is_mapping(*mapping, domid{5}, true));
    CHECK_FALSE(m.is_mapping(*mapping, domid{5}, false));
    CHECK_FALSE(m.is_mapping(*mapping, domid{6}, true));
    unsigned turns = 1;
    while (!m.remove(*mapping)) {
        ++turns;
        REQUIRE(turns < 10);
    }
    CHECK(turns > 1);
    CHECK(l.held() == 0);
    CHECK(m.frame_count() == 0);
    CHECK(m.mapping_count() == 0);
    CHECK(l.writable_domains == std::set<std::uint16_t>{5});
    CHECK(m.remove(*mapping).error() == errc::inval);
}

TEST_CASE("link_mappings.a_number_that_is_no_mapping_is_refused") {
    ledger l;
    link_mappings m(l);
    CHECK(m.remove(0).error() == errc::inval);
    CHECK(m.remove(~0U).error() == errc::inval);
    auto const mapping = m.create(domid{1}, false);
    REQUIRE(mapping);
    REQUIRE(hold(l, m, *mapping, mfn(9)));
    for (std::uint32_t n = 0; n < 1000; ++n) {
        if (n != *mapping) {
            CHECK(m.remove(n).error() == errc::inval);
        }
    }
    CHECK(l.held() == 1);
    while (!m.remove_all()) {
    }
    CHECK(l.held() == 0);
    CHECK(l.pages.empty());
}

TEST_CASE("link_mappings.remove_all_leaves_nothing") {
    ledger l;
    link_mappings m(l);
    for (std::uint32_t k = 0; k < 40; ++k) {
        auto const mapping = m.create(domid{static_cast<std::uint16_t>(k)}, k % 2 == 0);
        REQUIRE(mapping);
        for (std::uint64_t i = 0; i < 50; ++i) {
            REQUIRE(hold(l, m, *mapping, mfn(i * 2 + k)));
        }
        REQUIRE(m.add_grant(*mapping, k, mfn(k + 100)));
        ++l.grants[k];
    }
    CHECK(m.mapping_count() == 40);
    REQUIRE(m.create(domid{1}, true)); // an empty one
    while (!m.remove_all()) {
    }
    CHECK(l.held() == 0);
    CHECK(l.pages.empty());
    CHECK(m.extent_count() == 0);
    // and it can be used again
    auto const again = m.create(domid{2}, true);
    REQUIRE(again);
    REQUIRE(hold(l, m, *again, mfn(3)));
    while (!m.remove_all()) {
    }
    CHECK(l.pages.empty());
}

TEST_CASE("link_mappings.running_out_of_pages_at_any_point_loses_nothing") {
    for (std::size_t most = 0; most < 8; ++most) {
        ledger l;
        l.most_pages = most;
        link_mappings m(l);
        auto const mapping = m.create(domid{1}, true);
        if (most < 2) {
            CHECK(mapping.error() == errc::nomem);
        } else {
            REQUIRE(mapping);
            std::uint64_t f = 0;
            while (hold(l, m, *mapping, mfn(f))) {
                f += 2;
            }
            CHECK(l.held() == static_cast<long>((most - 1) * 256 - 2));
            CHECK(m.add_grant(*mapping, 1, mfn(101)).error() == errc::nomem);
        }
        while (!m.remove_all()) {
        }
        CHECK(l.held() == 0);
        CHECK(l.pages.empty());
    }
}

TEST_CASE("link_mappings.a_slot_may_hold_131071_nodes") {
    ledger l;
    link_mappings m(l);
    auto const mapping = m.create(domid{1}, true);
    REQUIRE(mapping);
    std::uint64_t f = 0;
    expected<void, errc> last;
    while ((last = hold(l, m, *mapping, mfn(f)))) {
        f += 2;
    }
    CHECK(last.error() == errc::nospc);
    CHECK(m.extent_count() == 131070);
    while (!m.remove_all()) {
    }
    CHECK(l.held() == 0);
    CHECK(l.pages.empty());
}
