// SPDX-License-Identifier: Apache-2.0
// Splitting of frame ranges: exact cover, aligned, and never smaller pages than possible.
#include <xenpp/builder/memory_extent.hpp>

#include <random>

using namespace xenpp;
using namespace xenpp::builder;

namespace {

/// The order a frame deserves: the largest aligned extent around it that the range holds whole.
unsigned best_order(std::uint64_t frame, gfn_range r) {
    for (unsigned const order : {18U, 9U}) {
        auto const start = frame >> order << order;
        if (start >= r.start.raw() && start + (std::uint64_t{1} << order) <= r.end().raw()) {
            return order;
        }
    }
    return 0;
}

void check_split(gfn_range r) {
    CAPTURE(r.start.raw(), r.count);
    auto at = r.start;
    auto const runs = orders_for(r);
    CHECK(runs.size() <= 5);
    for (auto const& run : runs) {
        CHECK(run.start == at);
        CHECK(run.count > 0);
        CHECK(run.start.raw() % (std::uint64_t{1} << run.order) == 0);
        CHECK(run.order == best_order(run.start.raw(), r));
        CHECK(run.order == best_order(run.end().raw() - 1, r));
        at = run.end();
    }
    CHECK(at == r.end());
}

} // namespace

TEST_CASE("memory_extent.known_ranges_split_as_expected") {
    CHECK(orders_for({gfn(0), 0}).empty());
    CHECK(orders_for({gfn(0), 0x10000}) == std::vector<extent_run>{{gfn(0), 9, 128}});
    CHECK(orders_for({gfn(0x100000), 0x40001}) ==
          std::vector<extent_run>{{gfn(0x100000), 18, 1}, {gfn(0x140000), 0, 1}});
    CHECK(orders_for({gfn(0x1ff), 0x402}) ==
          std::vector<extent_run>{{gfn(0x1ff), 0, 1}, {gfn(0x200), 9, 2}, {gfn(0x600), 0, 1}});
    CHECK(orders_for({gfn(0x3fdff), 0x80402}) == std::vector<extent_run>{{gfn(0x3fdff), 0, 1},
                                                                         {gfn(0x3fe00), 9, 1},
                                                                         {gfn(0x40000), 18, 2},
                                                                         {gfn(0xc0000), 9, 1},
                                                                         {gfn(0xc0200), 0, 1}});
}

TEST_CASE("memory_extent.any_range_is_covered_by_the_largest_extents") {
    std::mt19937_64 random(1);
    for (int i = 0; i < 2000; ++i) {
        auto const bits = static_cast<unsigned>(random() % 22);
        check_split({gfn(random() % (1U << 21)), random() % (std::uint64_t{1} << bits)});
        check_split({gfn((random() % 4) << 18), random() % (std::uint64_t{1} << bits)});
    }
    check_split({gfn((std::uint64_t{1} << 40) - 3), 7});
}
