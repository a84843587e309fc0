// SPDX-License-Identifier: Apache-2.0
// Grant tables when memory runs out, when a party dies, and under hostile or random use.
#include "grants_fixture.hpp"

#include <xenpp/hv/grant_table_op.hpp>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

using namespace xenpp;
using namespace xenpp::fakes;

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
