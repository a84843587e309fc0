// SPDX-License-Identifier: Apache-2.0
// The allocator of hypercall memory against a model that knows every byte.
#include <transport/arena.hpp>

#include <algorithm>
#include <random>
#include <vector>

using xenpp::transport::arena;

TEST_CASE("arena.never_gives_a_byte_twice_and_takes_all_back") {
    constexpr std::size_t size = 1U << 16;
    arena a(size);
    std::vector<bool> used(size);

    struct block {
        std::size_t offset, length;
    };

    std::vector<block> blocks;
    std::mt19937 random(4);
    for (unsigned i = 0; i < 20'000; ++i) {
        if (random() % 2 == 0 || blocks.empty()) {
            std::size_t const length = random() % 3 == 0 ? random() % 12'000 : random() % 200;
            if (auto const at = a.allocate(length)) {
                REQUIRE(*at % (length >= 4096 ? 4096 : 64) == 0);
                REQUIRE(*at + length <= size);
                auto const begin = used.begin() + static_cast<std::ptrdiff_t>(*at);
                auto const end = begin + static_cast<std::ptrdiff_t>(length);
                REQUIRE(std::none_of(begin, end, [](bool b) { return b; }));
                std::fill(begin, end, true);
                blocks.push_back({*at, length});
            }
        } else {
            auto const n = random() % blocks.size();
            auto const b = blocks[n];
            blocks[n] = blocks.back();
            blocks.pop_back();
            a.release(b.offset, b.length);
            std::fill_n(used.begin() + static_cast<std::ptrdiff_t>(b.offset), b.length, false);
        }
    }
    for (auto const& b : blocks) {
        a.release(b.offset, b.length);
    }
    CHECK(a.free_bytes() == size);
    CHECK(a.allocate(size).value() == 0); // in one piece
    CHECK_FALSE(a.allocate(0));
}

TEST_CASE("arena.refuses_sizes_that_would_wrap") {
    arena a(4096);
    CHECK_FALSE(a.allocate(~std::size_t{0}));
    CHECK_FALSE(a.allocate(4097));
    CHECK(a.allocate(4096));
}
