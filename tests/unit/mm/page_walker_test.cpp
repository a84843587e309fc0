// SPDX-License-Identifier: Apache-2.0
// The page-table walker against a model, on memory that fails at every allocation in turn.
#include "fakes/table_frames.hpp"

#include <xenpp/mm/page_walker.hpp>

#include <array>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <tuple>
#include <vector>

using namespace xenpp;
using namespace xenpp::mm;
using fakes::table_frames;

namespace {

using formats = std::tuple<long_mode, npt, ept>;

constexpr page_attributes rwx{.write = true, .execute = true, .user = true};
constexpr page_attributes ro{.user = true};

/// What the tables should say: disjoint runs of frames, by first guest frame.
class model {
public:
    struct run {
        std::uint64_t pages;
        std::uint64_t frame;
        page_attributes attributes;

        bool operator==(run const&) const = default;
    };

    void unmap(std::uint64_t g, unsigned order) {
        std::uint64_t const end = g + (std::uint64_t{1} << order);
        cut(g);
        cut(end);
        runs_.erase(runs_.lower_bound(g), runs_.lower_bound(end));
    }

    void map(std::uint64_t g, std::uint64_t frame, unsigned order, page_attributes a) {
        unmap(g, order);
        runs_.emplace(g, run{std::uint64_t{1} << order, frame, a});
    }

    std::optional<std::pair<std::uint64_t, page_attributes>> lookup(std::uint64_t g) const {
        auto at = runs_.upper_bound(g);
        if (at == runs_.begin()) {
            return std::nullopt;
        }
        --at;
        auto const& [first, r] = *at;
        if (g - first >= r.pages) {
            return std::nullopt;
        }
        return std::pair{r.frame + (g - first), r.attributes};
    }

    /// Appends a run, merged with the one before where it continues it.
    void append(std::uint64_t g, run const& r) {
        if (!runs_.empty()) {
            auto& [first, last] = *runs_.rbegin();
            if (first + last.pages == g && last.frame + last.pages == r.frame &&
                last.attributes == r.attributes) {
                last.pages += r.pages;
                return;
            }
        }
        runs_.emplace(g, r);
    }

    model merged() const {
        model m;
        for (auto const& [g, r] : runs_) {
            m.append(g, r);
        }
        return m;
    }

    bool operator==(model const&) const = default;

private:
    void cut(std::uint64_t g) {
        auto at = runs_.lower_bound(g);
        if (at == runs_.begin()) {
            return;
        }
        --at;
        auto& [first, r] = *at;
        if (g - first < r.pages) {
            std::uint64_t const head = g - first;
            runs_.emplace(g, run{r.pages - head, r.frame + head, r.attributes});
            r.pages = head;
        }
    }

    std::map<std::uint64_t, run> runs_;
};

template <PtFormat F>
using walker = page_walker<F, table_frames>;

template <PtFormat F>
model read_back(walker<F> const& w) {
    model m;
    std::optional<gfn> at = gfn(0);
    while (at) {
        at = w.for_each(*at, 1000, [&](gfn g, translation const& t) {
            m.append(g.raw(), {std::uint64_t{1} << t.order, t.frame.raw(), t.attributes});
        });
    }
    return m;
}

/// The tables that a processor can reach.
template <PtFormat F>
std::set<mfn> reachable(table_frames& frames, mfn root) {
    std::set<mfn> seen{root};
    std::vector<std::pair<mfn, unsigned>> todo{{root, F::levels}};
    while (!todo.empty()) {
        auto const [table, level] = todo.back();
        todo.pop_back();
        for (unsigned i = 0; level > 1 && i < 512; ++i) {
            auto const e = frames.map(table)[i];
            if (F::is_present(e) && !F::is_leaf(e, level)) {
                mfn const child = to_mfn(F::address(e, level));
                CHECK(seen.insert(child).second); // no table hangs in two places
                todo.emplace_back(child, level - 1);
            }
        }
    }
    return seen;
}

struct operation {
    bool is_map;
    std::uint64_t g;
    std::uint64_t frame;
    unsigned order;
    page_attributes attributes;
};

/// Mostly around a few places, so that leaves of all sizes meet.
operation random_operation(std::mt19937_64& random) {
    auto const below = [&](std::uint64_t n) { return random() % n; };
    constexpr std::array<std::uint64_t, 4> places{0, 0x3'fe00, 0x1'fffc'0000, 0xf'fffc'0000};
    constexpr std::array<unsigned, 8> orders{0, 0, 0, 0, 9, 9, 9, 18};
    unsigned const order = orders[below(8)];
    std::uint64_t const mask = ~((std::uint64_t{1} << order) - 1);
    std::uint64_t const near = below(4) == 0 ? below(std::uint64_t{1} << 20) : below(1200);
    std::uint64_t const g = (places[below(4)] + near) & (walker<npt>::gfn_limit - 1) & mask;
    page_attributes const a{
        .write = below(2) != 0,
        .execute = below(2) != 0,
        .user = true,
        .uncached = below(8) == 0,
        .software = static_cast<std::uint8_t>(below(16)),
    };
    return {below(3) != 0, g, below(std::uint64_t{1} << 40) & mask, order, a};
}

template <PtFormat F>
expected<table_change, errc> apply(walker<F>& w, operation const& op) {
    return op.is_map ? w.map(gfn(op.g), mfn(op.frame), op.order, op.attributes)
                     : w.unmap(gfn(op.g), op.order);
}

void apply(model& m, operation const& op) {
    if (op.is_map) {
        m.map(op.g, op.frame, op.order, op.attributes);
    } else {
        m.unmap(op.g, op.order);
    }
}

template <PtFormat F>
void check_lookup(walker<F> const& w, model const& m, std::uint64_t g) {
    auto const want = g < walker<F>::gfn_limit ? m.lookup(g) : std::nullopt;
    auto const have = w.lookup(gfn(g));
    REQUIRE(have.has_value() == want.has_value());
    if (have) {
        CHECK(have->frame.raw() == want->first);
        CHECK(have->attributes == want->second);
    }
}

/// A table in plain arrays, for tests that the compiler runs.
struct array_frames {
    std::array<std::array<std::uint64_t, 512>, 6> pages{};
    std::uint64_t used = 0;
    std::uint64_t freed = 0;

    constexpr std::uint64_t* map(mfn table) { return pages[table.raw() - 1].data(); }

    constexpr expected<mfn, errc> allocate() {
        if (used == pages.size()) {
            return unexpected(errc::nomem);
        }
        return mfn(++used);
    }

    constexpr void free(mfn) { ++freed; }
};

template <PtFormat F>
constexpr bool maps_splits_and_unmaps() {
    array_frames frames;
    auto made = page_walker<F, array_frames>::create(frames);
    if (!made) {
        return false;
    }
    auto& w = *made;
    bool const mapped = w.map(gfn(0x200), mfn(0x400), 9, rwx).has_value();
    bool const unmapped = w.unmap(gfn(0x2ff), 0).has_value();
    auto const before = w.lookup(gfn(0x2fe));
    auto const after = w.lookup(gfn(0x300));
    return mapped && unmapped && !w.lookup(gfn(0x2ff)) &&
           before == translation{mfn(0x4fe), 0, rwx} && after == translation{mfn(0x500), 0, rwx} &&
           w.destroy(100).has_value() && frames.freed == frames.used;
}

static_assert(maps_splits_and_unmaps<long_mode>());
static_assert(maps_splits_and_unmaps<npt>());
static_assert(maps_splits_and_unmaps<ept>());

} // namespace

TEMPLATE_LIST_TEST_CASE("page_walker.maps_and_finds_leaves_of_each_order", "", formats) {
    table_frames frames;
    auto w = walker<TestType>::create(frames).value();
    for (unsigned order : {0u, 9u, 18u}) {
        gfn const g(std::uint64_t{1} << 30 | std::uint64_t{order} << 18);
        mfn const f(std::uint64_t{5} << 18);
        CHECK_FALSE(w.lookup(g));
        CHECK_FALSE(w.map(g, f, order, rwx).value().needs_flush);
        std::uint64_t const last = (std::uint64_t{1} << order) - 1;
        CHECK(w.lookup(g) == translation{f, order, rwx});
        CHECK(w.lookup(g + last) == translation{f + last, order, rwx});
        CHECK_FALSE(w.lookup(g + last + 1));
        CHECK(w.map(g, f, order, ro).value().needs_flush);
        CHECK(w.lookup(g) == translation{f, order, ro});
        CHECK(w.unmap(g, order).value().needs_flush);
        CHECK_FALSE(w.lookup(g));
        CHECK_FALSE(w.unmap(g, order).value().needs_flush);
    }
}

TEMPLATE_LIST_TEST_CASE("page_walker.refuses_what_no_leaf_can_say", "", formats) {
    table_frames frames;
    auto w = walker<TestType>::create(frames).value();
    constexpr std::uint64_t limit = walker<TestType>::gfn_limit;
    CHECK(w.map(gfn(0), mfn(0), 1, rwx).error() == errc::inval);
    CHECK(w.map(gfn(0), mfn(0), 27, rwx).error() == errc::inval);
    CHECK(w.map(gfn(1), mfn(0), 9, rwx).error() == errc::inval);
    CHECK(w.map(gfn(0), mfn(1), 9, rwx).error() == errc::inval);
    CHECK(w.map(gfn(limit), mfn(0), 0, rwx).error() == errc::inval);
    CHECK(w.map(gfn(~std::uint64_t{0}), mfn(0), 0, rwx).error() == errc::inval);
    CHECK(w.map(gfn(0), mfn(std::uint64_t{1} << 40), 0, rwx).error() == errc::inval);
    CHECK(w.map(gfn(0), mfn(~std::uint64_t{0}), 0, rwx).error() == errc::inval);
    CHECK(w.unmap(gfn(0), 3).error() == errc::inval);
    CHECK(w.unmap(gfn(limit), 0).error() == errc::inval);
    CHECK_FALSE(w.lookup(gfn(limit)));
    CHECK(frames.live() == 1);
    CHECK(w.map(gfn(limit - 1), mfn(7), 0, rwx).has_value());
    CHECK(w.lookup(gfn(limit - 1)).has_value());
}

TEMPLATE_LIST_TEST_CASE("page_walker.unmapping_nothing_allocates_nothing", "", formats) {
    table_frames frames;
    auto w = walker<TestType>::create(frames).value();
    frames.fail_after(0);
    for (unsigned order : {0u, 9u, 18u}) {
        CHECK_FALSE(w.unmap(gfn(0), order).value().needs_flush);
    }
}

TEMPLATE_LIST_TEST_CASE("page_walker.a_large_leaf_gives_back_the_tables_below_it", "", formats) {
    table_frames frames;
    auto w = walker<TestType>::create(frames).value();
    for (std::uint64_t g : {0u, 0x200u, 0x400u}) {
        REQUIRE(w.map(gfn(g), mfn(g), 0, rwx));
    }
    CHECK(frames.live() == 6); // root, two in the middle, three with leaves
    CHECK(w.map(gfn(0x200), mfn(0x200), 9, rwx).value().needs_flush);
    CHECK(frames.live() == 5);
    CHECK(w.map(gfn(0), mfn(0), 18, rwx).value().needs_flush);
    CHECK(frames.live() == 2);
    CHECK(w.unmap(gfn(0), 18).value().needs_flush);
    CHECK(frames.live() == 2);
}

TEMPLATE_LIST_TEST_CASE("page_walker.agrees_with_a_model_under_random_operations", "", formats) {
    for (std::uint64_t seed : {1u, 2u, 3u}) {
        std::mt19937_64 random(seed);
        table_frames frames;
        auto w = walker<TestType>::create(frames).value();
        model m;
        // A table must be out of every processor's reach before it is given back.
        frames.observer = [&](table_frames::event const& e) {
            if (e.kind == table_frames::event_kind::free) {
                CHECK_FALSE(reachable<TestType>(frames, w.root()).contains(e.frame));
            }
        };
        for (unsigned i = 0; i < 300; ++i) {
            auto const op = random_operation(random);
            bool const was_mapped = m.lookup(op.g).has_value();
            auto const changed = apply(w, op);
            REQUIRE(changed.has_value());
            CHECK((!was_mapped || changed->needs_flush));
            apply(m, op);
            std::uint64_t const end = op.g + (std::uint64_t{1} << op.order);
            for (std::uint64_t g :
                 {op.g, op.g + 1, op.g - 1, end - 1, end, random() % (1u << 20)}) {
                check_lookup(w, m, g);
            }
        }
        CHECK(read_back(w) == m.merged());
        CHECK(reachable<TestType>(frames, w.root()).size() == frames.live());
    }
}

TEMPLATE_LIST_TEST_CASE("page_walker.every_allocation_failure_leaves_all_translations",
                        "",
                        formats) {
    std::mt19937_64 random(4);
    table_frames frames;
    auto w = walker<TestType>::create(frames).value();
    model m;
    unsigned failures = 0;
    for (unsigned i = 0; i < 400; ++i) {
        auto const op = random_operation(random);
        // Each attempt gets one allocation further, so that each fails once.
        frames.fail_after(0);
        auto changed = apply(w, op);
        while (!changed) {
            REQUIRE(changed.error() == errc::nomem);
            ++failures;
            CHECK(read_back(w) == m.merged());
            CHECK(reachable<TestType>(frames, w.root()).size() == frames.live());
            frames.fail_after(1);
            changed = apply(w, op);
        }
        apply(m, op);
        REQUIRE(read_back(w) == m.merged());
    }
    CHECK(failures > 100);
    frames.never_fail();
    REQUIRE(w.destroy(~0u));
    CHECK(frames.live() == 0);
}

TEMPLATE_LIST_TEST_CASE("page_walker.creation_fails_without_memory", "", formats) {
    table_frames frames;
    frames.fail_after(0);
    CHECK(walker<TestType>::create(frames).error() == errc::nomem);
    CHECK(frames.live() == 0);
}

TEMPLATE_LIST_TEST_CASE("page_walker.destroys_in_bounded_steps", "", formats) {
    table_frames frames;
    auto w = walker<TestType>::create(frames).value();
    for (std::uint64_t i = 0; i < 12; ++i) {
        REQUIRE(w.map(gfn(i << 18 | i), mfn(i), 0, rwx));
    }
    std::size_t const tables = frames.live();
    REQUIRE(tables == 26); // the root, the one below it, and a path of two for each leaf
    frames.forget_history();
    std::size_t calls = 1;
    while (!w.destroy(7)) {
        CHECK(frames.history().size() == calls * 7);
        ++calls;
    }
    CHECK(frames.live() == 0);
    CHECK(calls == (tables + 6) / 7);
    CHECK(frames.history().back().frame == w.root());
    CHECK(w.destroy(1).has_value()); // done stays done
}

TEMPLATE_LIST_TEST_CASE("page_walker.for_each_keeps_its_budget_and_goes_on", "", formats) {
    table_frames frames;
    auto w = walker<TestType>::create(frames).value();
    REQUIRE(w.map(gfn(5), mfn(50), 0, rwx));
    REQUIRE(w.map(gfn(0x400), mfn(0x800), 9, ro));
    REQUIRE(w.map(gfn(walker<TestType>::gfn_limit - 1), mfn(9), 0, rwx));
    std::vector<std::pair<gfn, translation>> seen;
    std::optional<gfn> at = gfn(0);
    std::size_t calls = 0;
    while (at) {
        at = w.for_each(*at, 100, [&](gfn g, translation const& t) { seen.emplace_back(g, t); });
        ++calls;
    }
    REQUIRE(seen.size() == 3);
    CHECK(seen[0] == std::pair{gfn(5), translation{mfn(50), 0, rwx}});
    CHECK(seen[1] == std::pair{gfn(0x400), translation{mfn(0x800), 9, ro}});
    CHECK(seen[2].first == gfn(walker<TestType>::gfn_limit - 1));
    CHECK(calls > 20);
    CHECK(w.for_each(gfn(0), 0, [](gfn, translation const&) {}) == gfn(0));
}

TEMPLATE_LIST_TEST_CASE("page_walker: what comes of a split counts as accessed", "", formats) {
    table_frames frames;
    auto w = walker<TestType>::create(frames).value();
    page_attributes untouched = rwx;
    untouched.accessed = false;
    w.map(gfn(0), mfn(512), 9, untouched).value();
    CHECK_FALSE(w.lookup(gfn(5))->attributes.accessed);
    w.unmap(gfn(7), 0).value();
    CHECK(w.lookup(gfn(5))->attributes.accessed);
}
