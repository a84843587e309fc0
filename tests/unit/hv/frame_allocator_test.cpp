// SPDX-License-Identifier: Apache-2.0
// Tests of the frame allocator: blocks, merging, scrubbing, epochs, claims, objects.
#include <xenpp/hv/frame_allocator.hpp>

#include <fakes/fake_platform.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <vector>

using namespace xenpp;
using namespace xenpp::hv;
using fakes::fake_platform;

namespace {

constexpr std::uint64_t section_frames = 16384;
constexpr std::uint64_t table_frames = 128;

struct machine {
    explicit machine(std::uint64_t frames, bool known_zero = true)
        : platform(frames), allocator(platform, epoch, cpu_epoch) {
        if (!known_zero) {
            std::memset(platform.map(mfn(0)), 0x5a, frames * page_size);
        }
        allocator.add(mfn(0), frames, known_zero).value();
    }

    bool is_zero(mfn f) {
        auto const* const p = platform.map(f);
        return std::all_of(p, p + page_size, [](std::byte b) { return b == std::byte{0}; });
    }

    void pass_epoch() { cpu_epoch.fill(epoch); }

    fake_platform platform;
    std::uint64_t epoch = 1;
    std::array<std::uint64_t, max_cpus> cpu_epoch{};
    frame_allocator<fake_platform> allocator;
};

} // namespace

TEST_CASE("frame_allocator.add takes the frame table from the memory itself") {
    machine m(section_frames * 2 + 1);
    CHECK(m.allocator.total_pages() == section_frames * 2 + 1);
    CHECK(m.allocator.free_pages() == section_frames * 2 + 1 - 3 * table_frames);
    CHECK(m.allocator.end() == mfn(section_frames * 2 + 1));
    CHECK(m.allocator.info(mfn(0)).owner == domid_xen);
    CHECK(m.allocator.find(mfn(section_frames * 3)) == nullptr);
    CHECK(m.allocator.find(mfn(~0ULL)) == nullptr);
}

TEST_CASE("frame_allocator.add refuses memory beyond its reach or too small for its table") {
    fake_platform platform(256);
    std::uint64_t epoch = 1;
    std::array<std::uint64_t, max_cpus> seen{};
    frame_allocator<fake_platform> a(platform, epoch, seen);
    CHECK(a.add(mfn(0), 100, true).error() == errc::nomem);
    CHECK(a.add(mfn(1ULL << 28), 1, true).error() == errc::range);
    CHECK(a.add(mfn(5), ~0ULL, true).error() == errc::range);
    CHECK(a.add(mfn(0), 0, true));
    CHECK(a.total_pages() == 0);
}

TEST_CASE("frame_allocator.allocate gives aligned, zeroed, owned blocks") {
    machine m(section_frames, GENERATE(true, false));
    for (unsigned order : {0U, 3U, 9U, 1U}) {
        auto const f = m.allocator.allocate(order, domid(7), page_use::guest).value();
        CHECK(f.raw() % (1ULL << order) == 0);
        for (std::uint64_t i = 0; i != 1ULL << order; ++i) {
            auto const& page = m.allocator.info(f + i);
            REQUIRE(page.count == 1);
            REQUIRE(page.owner == domid(7));
            REQUIRE(page.use == page_use::guest);
            REQUIRE(m.is_zero(f + i));
        }
    }
    CHECK(m.allocator.allocate(19, dom0, page_use::guest).error() == errc::inval);
    CHECK(m.allocator.allocate(18, dom0, page_use::guest).error() == errc::nomem);
}

TEST_CASE("frame_allocator.allocate gives a whole gigabyte where there is one") {
    machine m(3ULL << 18);
    auto const before = m.allocator.free_pages();
    auto const f = m.allocator.allocate(18, domid(1), page_use::guest).value();
    CHECK(f.raw() % (1ULL << 18) == 0);
    // Its frames come back one by one and merge again, dirty: then it takes several calls.
    for (std::uint64_t i = 0; i != 1ULL << 18; ++i) {
        m.allocator.free(f + i, 0);
    }
    CHECK(m.allocator.free_pages() == before);
    CHECK(m.allocator.dirty_pages() == 1ULL << 18);
    auto other = m.allocator.allocate(18, domid(1), page_use::guest); // the clean one
    REQUIRE(other.has_value());
    unsigned calls = 0;
    auto again = m.allocator.allocate(18, domid(1), page_use::guest);
    for (; !again && again.error() == errc::restart; ++calls) {
        again = m.allocator.allocate(18, domid(1), page_use::guest);
    }
    REQUIRE(again.has_value());
    CHECK(calls >= 500);
    CHECK(m.allocator.dirty_pages() == 0);
}

TEST_CASE("frame_allocator.free makes frames dirty, and nobody sees what they held") {
    machine m(section_frames);
    auto const f = m.allocator.allocate(2, domid(1), page_use::guest).value();
    std::memset(m.platform.map(f), 0xcc, 4 * page_size);
    m.allocator.free(f, 2);
    CHECK(m.allocator.dirty_pages() == 4);

    SECTION("idle work scrubs them") {
        for (unsigned n = 0; m.allocator.scrub_some(); ++n) {
            REQUIRE(n < 1000);
        }
        CHECK(m.allocator.dirty_pages() == 0);
        for (unsigned i = 0; i != 4; ++i) {
            CHECK(m.is_zero(f + i));
        }
    }
    SECTION("allocation scrubs them") {
        std::uint64_t n = 0;
        while (auto const g = m.allocator.allocate(0, domid(2), page_use::guest)) {
            REQUIRE(m.is_zero(*g));
            ++n;
        }
        CHECK(n == section_frames - table_frames);
        CHECK(m.allocator.dirty_pages() == 0);
    }
}

TEST_CASE("frame_allocator.free_later waits until every CPU has passed an epoch") {
    machine m(section_frames);
    std::vector<mfn> all;
    while (auto const f = m.allocator.allocate(0, domid(1), page_use::guest)) {
        all.push_back(*f);
    }
    m.pass_epoch();
    m.allocator.free_later(all.back(), 0);
    CHECK(m.allocator.free_pages() == 1);
    CHECK(m.allocator.deferred_pages() == 1);
    CHECK(m.allocator.allocate(0, domid(1), page_use::guest).error() == errc::nomem);
    m.cpu_epoch[0] = m.epoch;
    CHECK(m.allocator.allocate(0, domid(1), page_use::guest).error() == errc::nomem);
    m.cpu_epoch[1] = m.epoch;
    CHECK(m.allocator.allocate(0, domid(1), page_use::guest).value() == all.back());
    CHECK(m.allocator.deferred_pages() == 0);
}

TEST_CASE("frame_allocator.reclaim is bounded and says whether more remains") {
    machine m(section_frames);
    auto const before = m.allocator.free_pages();
    std::vector<mfn> some;
    for (int i = 0; i != 1000; ++i) {
        some.push_back(m.allocator.allocate(0, domid(1), page_use::guest).value());
    }
    for (auto const f : some) {
        m.allocator.free_later(f, 0);
    }
    CHECK_FALSE(m.allocator.reclaim());
    CHECK(m.allocator.deferred_pages() == 1000);
    m.pass_epoch();
    CHECK(m.allocator.reclaim());
    CHECK(m.allocator.deferred_pages() == 488);
    CHECK_FALSE(m.allocator.reclaim());
    CHECK(m.allocator.free_pages() == before);
}

TEST_CASE("frame_allocator.set_claim keeps frames for whoever claimed them") {
    machine m(section_frames);
    auto const free = m.allocator.free_pages();
    CHECK(m.allocator.set_claim(0, free + 1).error() == errc::nomem);
    REQUIRE(m.allocator.set_claim(0, free - 1));
    CHECK(m.allocator.claimed_pages() == free - 1);
    CHECK(m.allocator.set_claim(0, 2).error() == errc::nomem);
    CHECK(m.allocator.allocate(0, domid(1), page_use::guest));
    CHECK(m.allocator.allocate(0, domid(1), page_use::guest).error() == errc::nomem);
    CHECK(m.allocator.allocate(0, domid(2), page_use::guest, free - 1));
    REQUIRE(m.allocator.set_claim(free - 1, 0));
    CHECK(m.allocator.allocate(0, domid(1), page_use::guest));
}

TEST_CASE("frame_allocator.create makes objects of any size, and frame_of finds their frame") {
    struct big {
        explicit big(int v) : value(v) {}

        int value;
        std::array<char, 9000> rest;
    };

    machine m(section_frames);
    auto const before = m.allocator.free_pages();
    auto* const object = m.allocator.create<big>(42).value();
    CHECK(object->value == 42);
    CHECK(object->rest[8999] == 0);
    CHECK(before - m.allocator.free_pages() == 4);
    auto const f = m.allocator.frame_of(object->rest.data() + 5000);
    CHECK(m.platform.map(f) == reinterpret_cast<std::byte*>(object) + page_size);
    m.allocator.destroy(object);
    m.pass_epoch();
    m.allocator.reclaim();
    CHECK(m.allocator.free_pages() == before);
    m.platform.allocations_left = 0;
    CHECK(m.allocator.create<big>(1).error() == errc::nomem);
}

TEST_CASE("frame_allocator: what was not touched stays clean") {
    machine m(section_frames);
    auto const f = m.allocator.allocate(9, domid(1), page_use::guest).value();
    m.allocator.mark_untouched(f, 9);
    m.allocator.mark_touched(f + 100, 2);
    std::memset(m.platform.map(f + 100), 0xcc, 4 * page_size);
    SECTION("free") {
        m.allocator.free(f, 9);
    }
    SECTION("free_later") {
        m.allocator.free_later(f, 9);
        m.pass_epoch();
        m.allocator.reclaim();
    }
    CHECK(m.allocator.dirty_pages() == 4);
    while (auto const g = m.allocator.allocate(0, domid(2), page_use::guest)) {
        REQUIRE(m.is_zero(*g));
    }
    CHECK(m.allocator.dirty_pages() == 0);
}

TEST_CASE("frame_allocator: any sequence keeps blocks apart and loses none") {
    machine m(section_frames * 2, GENERATE(true, false));
    auto const before = m.allocator.free_pages();
    std::mt19937 random(7);
    std::map<std::uint64_t, unsigned> live; // first frame -> order
    std::uint64_t held = 0;
    for (int step = 0; step != 20000; ++step) {
        auto const what = random() % 8;
        if (what < 4) {
            auto const order = static_cast<unsigned>(std::min(random() % 11, random() % 11));
            auto const f = m.allocator.allocate(order, domid(3), page_use::guest);
            if (!f) {
                continue;
            }
            auto const after = live.lower_bound(f->raw());
            REQUIRE((after == live.end() || f->raw() + (1ULL << order) <= after->first));
            if (after != live.begin()) {
                auto const prior = std::prev(after);
                REQUIRE(prior->first + (1ULL << prior->second) <= f->raw());
            }
            auto* const first = m.platform.map(*f);
            auto* const last = first + ((1ULL << order) << page_shift) - 1;
            REQUIRE((*first == std::byte{0} && *last == std::byte{0}));
            *first = *last = std::byte{1};
            live.emplace(f->raw(), order);
            held += 1ULL << order;
            if (what == 0) {
                m.allocator.mark_untouched(*f, order);
                m.allocator.mark_touched(*f, 0);
                m.allocator.mark_touched(*f + ((1ULL << order) - 1), 0);
            }
        } else if (what < 7 && !live.empty()) {
            auto it = live.lower_bound(random() % (section_frames * 2));
            it = it == live.end() ? live.begin() : it;
            auto const [f, order] = *it;
            live.erase(it);
            if (order > 0 && what == 5) { // free the upper half only
                m.allocator.free(mfn(f + (1ULL << (order - 1))), order - 1);
                held -= 1ULL << (order - 1);
                live.emplace(f, order - 1U);
            } else if (what == 6) {
                m.allocator.free_later(mfn(f), order);
                held -= 1ULL << order;
                m.pass_epoch();
            } else {
                m.allocator.free(mfn(f), order);
                held -= 1ULL << order;
            }
        } else {
            m.allocator.scrub_some();
        }
        REQUIRE(m.allocator.free_pages() + held == before);
    }
    for (auto const& [f, order] : live) {
        m.allocator.free(mfn(f), order);
    }
    m.pass_epoch();
    while (m.allocator.scrub_some()) {
    }
    CHECK(m.allocator.free_pages() == before);
    CHECK(m.allocator.dirty_pages() == 0);
    CHECK(m.allocator.allocate(14, dom0, page_use::guest)); // everything has merged again
}
