// SPDX-License-Identifier: Apache-2.0
// Frames of the machine and their places in its RAM file.
#include <sys/mman.h>
#include <transport/ram_file.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>

using namespace xenpp;
using namespace xenpp::transport;

TEST_CASE("ram_file.q35_splits_its_ram_from_2_75_gib_on") {
    auto const whole = q35_regions(0xb0000000 - (1U << 20));
    REQUIRE(whole.size() == 1);
    CHECK(whole[0].size == 0xb0000000 - (1U << 20));
    auto const split = q35_regions(0xb0000000);
    REQUIRE(split.size() == 2);
    CHECK(split[0].size == 0x80000000);
    CHECK(split[1].base == 0x100000000);
    CHECK(split[1].size == 0x30000000);
    CHECK(split[1].file_offset == 0x80000000);
}

TEST_CASE("ram_file.maps_extents_where_their_indices_say") {
    constexpr std::size_t pages = 64;
    os::unique_fd fd(::memfd_create("ram", MFD_CLOEXEC));
    REQUIRE(::ftruncate(fd.get(), pages * 4096) == 0);
    auto const all =
        os::mapping::of_file(fd.get(), 0, pages * 4096, os::access::read_write).value();
    for (std::size_t i = 0; i < pages; ++i) {
        all.data()[i * 4096] = static_cast<std::byte>(i);
    }
    // 32 pages low, 32 from 4 GiB.
    constexpr std::uint64_t high = 0x100000;
    ram_file const ram(std::move(fd), {{0, 32 * 4096, 0}, {high << 12, 32 * 4096, 32 * 4096}});
    std::vector<link::frame_extent> const extents{{high + 3, 0, 2}, {9, 2, 1}, {high, 3, 3}};
    auto const m = ram.map(extents, 6, os::access::read_only).value();
    constexpr std::array<unsigned, 6> expected{35, 36, 9, 32, 33, 34};
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK(m.data()[i * 4096] == static_cast<std::byte>(expected[i]));
    }
    std::vector<link::frame_extent> const one{{high + 31, 0, 1}};
    CHECK(ram.map(one, 1, os::access::read_write).value().data()[0] == std::byte{63});

    for (auto const& bad : {link::frame_extent{32, 0, 1}, link::frame_extent{31, 0, 2},
                            link::frame_extent{high + 31, 0, 2}, link::frame_extent{~0ULL, 0, 1},
                            link::frame_extent{0, 1, 2}, link::frame_extent{0, ~0U, 2}}) {
        CHECK_FALSE(ram.map(std::span(&bad, 1), 2, os::access::read_only));
    }
}

TEST_CASE("ram_file.extents_that_follow_one_another_are_joined") {
    std::vector<link::frame_extent> e{{10, 0, 2}, {12, 2, 3}, {20, 5, 1}, {21, 7, 1}, {22, 8, 1}};
    merge_extents(e);
    REQUIRE(e.size() == 3);
    CHECK(e[0].count == 5);
    CHECK(e[1].frame == 20);
    CHECK(e[2].index == 7);
    CHECK(e[2].count == 2);
    std::vector<link::frame_extent> none;
    merge_extents(none);
    CHECK(none.empty());
}

TEST_CASE("ram_file.writes_across_extents") {
    constexpr std::size_t pages = 16;
    os::unique_fd fd(::memfd_create("ram", MFD_CLOEXEC));
    REQUIRE(::ftruncate(fd.get(), pages * 4096) == 0);
    auto const all =
        os::mapping::of_file(fd.get(), 0, pages * 4096, os::access::read_write).value();
    ram_file const ram(std::move(fd), {{0, pages * 4096, 0}});
    std::vector<std::byte> bytes(2 * 4096 + 100);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>(i % 251 + 1);
    }
    std::vector<link::frame_extent> const extents{{8, 0, 2}, {3, 2, 1}};
    REQUIRE(ram.write(extents, 50, bytes));
    CHECK(std::equal(bytes.begin(), bytes.begin() + 2 * 4096 - 50, all.data() + 8 * 4096 + 50));
    CHECK(std::equal(bytes.begin() + 2 * 4096 - 50, bytes.end(), all.data() + 3 * 4096));
    CHECK(all.data()[8 * 4096 + 49] == std::byte{0});
    CHECK(all.data()[3 * 4096 + 150] == std::byte{0});
    CHECK_FALSE(ram.write(std::span(extents).first(1), 50, bytes)); // there is more
    std::vector<link::frame_extent> const gap{{8, 0, 1}, {3, 2, 1}};
    CHECK_FALSE(ram.write(gap, 0, std::span(bytes).first(2 * 4096)));
    std::vector<link::frame_extent> const beyond{{15, 0, 2}};
    CHECK_FALSE(ram.write(beyond, 0, std::span(bytes).first(2 * 4096)));
}
