// SPDX-License-Identifier: Apache-2.0
// The laws of PtFormat, run on every format: building then decoding is the identity, bits do not
// overlap.
#include <xenpp/mm/page_format.hpp>
#include <xenpp/mm/second_level.hpp>

#include <array>
#include <tuple>

using namespace xenpp;
using namespace xenpp::mm;

namespace {

using formats = std::tuple<long_mode, npt, ept>;

constexpr unsigned flag_count = 5;

/// Every combination of the flags, with a software value that varies along.
constexpr page_attributes sample(unsigned i) {
    return {
        .write = (i & 1) != 0,
        .execute = (i & 2) != 0,
        .user = (i & 4) != 0,
        .uncached = (i & 8) != 0,
        .software = static_cast<std::uint8_t>((i * 7 + 3) % (1u << software_bits)),
        .accessed = (i & 16) != 0,
    };
}

constexpr unsigned samples = 1u << flag_count;

template <PtFormat F>
constexpr page_attributes represented(page_attributes a) {
    a.user = F::has_user ? a.user : true;
    return a;
}

/// Frames aligned for `level`: zero, all ones and single bits within 52 physical bits.
constexpr std::array<std::uint64_t, 6> frame_patterns{
    0, 1, 0x12'3456'789a, 0xff'ffff'ffff, std::uint64_t{1} << 39, 0x5a'5a5a'5a5a};

template <PtFormat F>
constexpr mfn aligned_frame(std::uint64_t pattern, unsigned level) {
    unsigned const order = order_of_level<F>(level);
    return mfn((pattern << order) & (F::address_mask >> page_shift));
}

template <PtFormat F>
constexpr bool leaves_round_trip() {
    for (unsigned level = 1; level <= F::max_leaf_level; ++level) {
        for (auto const pattern : frame_patterns) {
            for (unsigned i = 0; i < samples; ++i) {
                mfn const frame = aligned_frame<F>(pattern, level);
                auto const e = F::make_leaf(frame, sample(i), level);
                if (!F::is_present(e) || !F::is_leaf(e, level) ||
                    F::address(e, level) != to_maddr(frame) ||
                    F::attributes(e) != represented<F>(sample(i)) ||
                    F::has_reserved_bits(e, level, 52)) {
                    return false;
                }
            }
        }
    }
    return true;
}

template <PtFormat F>
constexpr bool tables_round_trip() {
    for (unsigned level = 2; level <= F::levels; ++level) {
        for (auto const pattern : frame_patterns) {
            maddr const table = to_maddr(aligned_frame<F>(pattern, 1));
            auto const e = F::make_table(table);
            if (!F::is_present(e) || F::is_leaf(e, level) || F::address(e, level) != table ||
                F::has_reserved_bits(e, level, 52)) {
                return false;
            }
        }
    }
    return true;
}

/// Each attribute changes bits that no other attribute and no address uses.
template <PtFormat F>
constexpr bool attributes_are_disjoint() {
    for (unsigned level = 1; level <= F::max_leaf_level; ++level) {
        auto const base = F::make_leaf(mfn(0), {}, level);
        std::array<typename F::entry, flag_count + 1> const changed{
            F::make_leaf(mfn(0), {.write = true}, level) ^ base,
            F::make_leaf(mfn(0), {.execute = true}, level) ^ base,
            F::make_leaf(mfn(0), {.user = true}, level) ^ base,
            F::make_leaf(mfn(0), {.uncached = true}, level) ^ base,
            F::make_leaf(mfn(0), {.software = 0xf}, level) ^ base,
            F::make_leaf(mfn(0), {.accessed = false}, level) ^ base,
        };
        typename F::entry seen = F::address_mask;
        for (unsigned i = 0; i < changed.size(); ++i) {
            bool const is_represented = i != 2 || F::has_user;
            if ((changed[i] != 0) != is_represented || (changed[i] & seen) != 0) {
                return false;
            }
            seen |= changed[i];
        }
        if ((base & F::address_mask) != 0) {
            return false;
        }
    }
    return true;
}

static_assert(leaves_round_trip<long_mode>() && leaves_round_trip<npt>() &&
              leaves_round_trip<ept>());
static_assert(tables_round_trip<long_mode>() && tables_round_trip<npt>() &&
              tables_round_trip<ept>());

/// The format that is data says the same as the one that is code, entry by entry.
template <PtFormat F>
constexpr bool second_level_agrees() {
    constexpr auto f = second_level::of<F>();
    for (unsigned flags = 0; flags < 16; ++flags) {
        page_attributes const a{.write = (flags & 1) != 0,
                                .execute = (flags & 2) != 0,
                                .user = true,
                                .uncached = (flags & 4) != 0,
                                .software = 5,
                                .accessed = (flags & 8) != 0};
        for (unsigned level = 1; level <= F::max_leaf_level; ++level) {
            auto const e = F::make_leaf(mfn(0x4000'0000), a, level);
            if (f.make_leaf(mfn(0x4000'0000), a, level) != e || !(f.attributes(e) == a) ||
                f.address(e, level) != F::address(e, level) || !f.is_leaf(e, level) ||
                f.has_reserved_bits(e, level, 40) != F::has_reserved_bits(e, level, 40)) {
                return false;
            }
        }
    }
    auto const table = F::make_table(maddr(0x12345000));
    return f.make_table(maddr(0x12345000)) == table && f.is_present(table) &&
           !f.is_leaf(table, 2) && f.address(table, 2) == maddr(0x12345000) &&
           !f.has_reserved_bits(table, 4, 40);
}

static_assert(second_level_agrees<npt>() && second_level_agrees<ept>());
// Without accessed bits (EPT on older processors) all memory counts as used.
static_assert(second_level::of<ept>(false)
                  .attributes(ept::make_leaf(mfn(1), {.accessed = false}, 1))
                  .accessed);
static_assert(second_level::of<ept>().notes_use() && !second_level::of<ept>(false).notes_use());
static_assert(second_level::of<npt>().has_1g() && !second_level::of<npt>(true, false).has_1g());
static_assert(attributes_are_disjoint<long_mode>() && attributes_are_disjoint<npt>() &&
              attributes_are_disjoint<ept>());

} // namespace

TEMPLATE_LIST_TEST_CASE("page_format.leaf_decodes_to_what_it_was_built_from", "", formats) {
    CHECK(leaves_round_trip<TestType>());
}

TEMPLATE_LIST_TEST_CASE("page_format.table_reference_decodes_to_the_table", "", formats) {
    CHECK(tables_round_trip<TestType>());
}

TEMPLATE_LIST_TEST_CASE("page_format.attributes_have_bits_of_their_own", "", formats) {
    CHECK(attributes_are_disjoint<TestType>());
}

TEMPLATE_LIST_TEST_CASE("page_format.empty_is_inert", "", formats) {
    CHECK_FALSE(TestType::is_present(TestType::empty));
    CHECK(TestType::empty == 0); // tables are born zeroed
}

TEMPLATE_LIST_TEST_CASE("page_format.only_leaf_levels_hold_large_leaves", "", formats) {
    for (unsigned level = 1; level <= TestType::levels; ++level) {
        auto const large = TestType::make_leaf(mfn(0), {}, 2);
        CHECK(TestType::is_leaf(large, level) == (level <= TestType::max_leaf_level));
        auto const small = TestType::make_leaf(mfn(0), {}, 1);
        CHECK(TestType::is_leaf(small, level) == (level == 1));
    }
    // A page-size bit in the root is malformed rather than a leaf.
    CHECK(TestType::has_reserved_bits(TestType::make_table(maddr(0)) | TestType::page_size,
                                      TestType::levels, 52));
}

TEMPLATE_LIST_TEST_CASE("page_format.addresses_beyond_the_processors_bits_are_reserved",
                        "",
                        formats) {
    for (unsigned bits = 36; bits < 52; ++bits) {
        mfn const beyond(std::uint64_t{1} << (bits - page_shift));
        mfn const within(std::uint64_t{1} << (bits - page_shift - 1));
        for (unsigned level = 1; level <= TestType::max_leaf_level; ++level) {
            auto const leaf = [&](mfn f) { return TestType::make_leaf(f, {}, level); };
            CHECK(TestType::has_reserved_bits(leaf(beyond), level, bits));
            CHECK_FALSE(TestType::has_reserved_bits(leaf(within), level, bits));
        }
        CHECK(TestType::has_reserved_bits(TestType::make_table(to_maddr(beyond)), 2, bits));
    }
}

TEMPLATE_LIST_TEST_CASE("page_format.a_misaligned_large_leaf_is_reserved", "", formats) {
    for (unsigned level = 2; level <= TestType::max_leaf_level; ++level) {
        auto const e = TestType::make_leaf(mfn(0), {}, level);
        CHECK(TestType::has_reserved_bits(e | to_maddr(mfn(2)).raw(), level, 52));
    }
}

TEST_CASE("page_format.entries_are_the_manuals") {
    // present, write, user, accessed, dirty; no-execute clear
    CHECK(long_mode::make_leaf(mfn(0x1234), {true, true, true, false, 0}, 1) == 0x123'4067);
    // present, accessed, page size, no-execute
    CHECK(long_mode::make_leaf(mfn(0x200), {}, 2) == 0x8000'0000'0020'00a1);
    CHECK(npt::make_leaf(mfn(0x1234), {true, true, false, false, 0}, 1) == 0x123'4067);
    CHECK(npt::make_table(maddr(0x5000)) == 0x5027);
    // read, write, execute, write-back, accessed, dirty
    CHECK(ept::make_leaf(mfn(0x1234), {true, true, false, false, 0}, 1) == 0x123'4337);
    CHECK(ept::make_table(maddr(0x5000)) == 0x5107);
}

TEST_CASE("page_format.ept_misconfigurations_are_reserved") {
    auto const leaf = ept::make_leaf(mfn(1), {.write = true}, 1);
    CHECK(ept::has_reserved_bits(leaf & ~ept::read, 1, 52));
    for (std::uint64_t type : {2u, 3u, 7u}) {
        CHECK(ept::has_reserved_bits((leaf & ~ept::type_mask) | type << 3, 1, 52));
    }
    CHECK(ept::has_reserved_bits(ept::make_table(maddr(0)) | ept::ignore_pat, 2, 52));
}
