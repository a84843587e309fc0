// SPDX-License-Identifier: Apache-2.0
// The guest page walk: every mode and page size, every fault, and agreement with the table walker.
#include "fakes/table_frames.hpp"

#include <xenpp/mm/guest_walk.hpp>
#include <xenpp/mm/page_walker.hpp>

#include <array>
#include <map>
#include <random>
#include <vector>

using namespace xenpp;
using namespace xenpp::mm;
namespace error = x86::page_fault_error;
using access_kind = guest_access::kind;
using walk_result = expected<guest_translation, guest_walk_error>;

namespace {

/// Sparse guest memory that counts reads and has holes where nothing was stored.
class sparse_memory {
public:
    void store(std::uint64_t address, std::uint64_t entry) { entries_[address] = entry; }

    expected<std::uint64_t, errc> read_entry(gpa address, unsigned size) {
        ++reads;
        sizes_are_right = sizes_are_right && size == entry_size && address.raw() % size == 0;
        auto const at = entries_.find(address.raw());
        if (at == entries_.end()) {
            return unexpected(errc::fault);
        }
        return at->second;
    }

    unsigned reads = 0;
    unsigned entry_size = 8;
    bool sizes_are_right = true;

private:
    std::map<std::uint64_t, std::uint64_t> entries_;
};

constexpr std::uint64_t p = 1;
constexpr std::uint64_t pw = 3;
constexpr std::uint64_t pwu = 7;
constexpr std::uint64_t ps = 0x80;
constexpr std::uint64_t nx = std::uint64_t{1} << 63;

/// Four-level tables at 0x1000, 0x2000, ... in which one address has a path, with entries of
/// choice.
struct long_path {
    static constexpr std::uint64_t linear = 0x0000'7f12'3456'789a;

    guest_paging paging{.mode = x86::paging_mode::long_mode,
                        .cr3 = x86::cr3::value(0x1000),
                        .write_protect = true,
                        .no_execute = true,
                        .page_1g = true};
    sparse_memory memory;
    std::array<std::uint64_t, 5> flags{0, pwu, pwu, pwu, pwu}; ///< by level
    std::array<std::uint64_t, 5> targets{0, 0x55'5000, 0x4000, 0x3000, 0x2000};
    std::uint64_t address = linear;

    walk_result walk(guest_access const& a = {}) {
        std::uint64_t table = 0x1000;
        for (unsigned level = 4; level > 0; --level) {
            std::uint64_t const index = address >> (12 + 9 * (level - 1)) & 511;
            memory.store(table + index * 8, targets[level] | flags[level]);
            table = targets[level];
        }
        return walk_guest(paging, gva(address), a, memory);
    }
};

void check_fault(walk_result const& r, error::value code) {
    REQUIRE_FALSE(r.has_value());
    CHECK(r.error() == guest_walk_error{guest_walk_error::kind::page_fault, code, errc::ok});
}

struct table_memory {
    fakes::table_frames& frames;

    expected<std::uint64_t, errc> read_entry(gpa address, unsigned size) {
        CHECK(size == 8);
        return frames.map(mfn(address.raw() >> page_shift))[(address.raw() & 0xfff) / 8];
    }
};

} // namespace

TEST_CASE("guest_walk.without_paging_an_address_is_physical") {
    sparse_memory memory;
    guest_paging const off;
    CHECK(walk_guest(off, gva(0x1234), {}, memory).value().address == gpa(0x1234));
    CHECK(walk_guest(off, gva(0x1'0000'1234), {}, memory).value().address == gpa(0x1234));
    CHECK(memory.reads == 0);
}

TEST_CASE("guest_walk.control_registers_select_the_mode") {
    using enum x86::paging_mode;
    auto const mode = [](std::uint64_t cr0, std::uint64_t cr4, std::uint64_t efer) {
        return paging_of(x86::cr0::value(cr0), {}, x86::cr4::value(cr4), x86::efer::value(efer), 40,
                         true)
            .mode;
    };
    CHECK(mode(0x11, 0, 0) == none);
    CHECK(mode(0x8000'0011, 0, 0) == two_level);
    CHECK(mode(0x8000'0011, 0x20, 0) == pae);
    CHECK(mode(0x8000'0011, 0x20, 0xd00) == long_mode);
    CHECK(mode(0x8000'0011, 0x1020, 0xd00) == la57);
    CHECK(mode(0x0000'0011, 0x20, 0x100) == none);
    auto const all = paging_of(x86::cr0::value(0x8001'0033), x86::cr3::value(0x5000),
                               x86::cr4::value(0x30'00b0), x86::efer::value(0xd01), 40, false);
    CHECK((all.write_protect && all.no_execute && all.smep && all.smap && all.page_size_32 &&
           !all.page_1g));
}

TEST_CASE("guest_walk.four_levels_with_each_page_size") {
    long_path small;
    auto const r = small.walk();
    CHECK(r.value() == guest_translation{gpa(0x55'589a), 0, true, true, true});
    CHECK(small.memory.reads == 4);

    long_path large;
    large.flags[2] |= ps;
    large.targets[2] = 0x1'2340'0000;
    CHECK(large.walk().value() ==
          guest_translation{gpa(0x1'2340'0000 | (large.address & 0x1f'ffff)), 9, true, true, true});
    CHECK(large.memory.reads == 3);

    long_path huge;
    huge.flags[3] |= ps;
    huge.targets[3] = 0x40'4000'0000;
    CHECK(huge.walk().value().address == gpa(0x40'4000'0000 | (huge.address & 0x3fff'ffff)));
    CHECK(huge.walk().value().order == 18);
    CHECK(huge.memory.sizes_are_right);
}

TEST_CASE("guest_walk.five_levels") {
    sparse_memory memory;
    guest_paging const paging{.mode = x86::paging_mode::la57, .cr3 = x86::cr3::value(0x1000)};
    std::uint64_t const address = 0x00ab'cdef'0123'4567;
    std::uint64_t table = 0x1000;
    for (unsigned level = 5; level > 0; --level) {
        memory.store(table + (address >> (12 + 9 * (level - 1)) & 511) * 8, (table + 0x1000) | pwu);
        table += 0x1000;
    }
    CHECK(walk_guest(paging, gva(address), {}, memory).value().address == gpa(0x6567));
    CHECK(memory.reads == 5);
    auto const bad = walk_guest(paging, gva(std::uint64_t{1} << 56), {}, memory);
    CHECK(bad.error().what == guest_walk_error::kind::not_canonical);
}

TEST_CASE("guest_walk.an_address_that_is_not_canonical_is_no_page_fault") {
    long_path path;
    for (std::uint64_t a :
         {0x0000'8000'0000'0000ull, 0xffff'7fff'ffff'ffffull, 0x8000'0000'0000'0000ull}) {
        auto const r = walk_guest(path.paging, gva(a), {}, path.memory);
        REQUIRE_FALSE(r.has_value());
        CHECK(r.error().what == guest_walk_error::kind::not_canonical);
    }
    CHECK(path.memory.reads == 0);
    path.address = 0xffff'8000'0000'1234;
    CHECK(path.walk().has_value());
}

TEST_CASE("guest_walk.a_missing_entry_faults_at_each_level") {
    for (unsigned level = 1; level <= 4; ++level) {
        long_path path;
        path.flags[level] = 0;
        check_fault(path.walk(), {});
        check_fault(path.walk({.what = access_kind::write}), error::write);
        check_fault(path.walk({.what = access_kind::fetch, .is_user = true}),
                    error::user | error::fetch);
    }
}

TEST_CASE("guest_walk.an_unreadable_entry_is_the_readers_error") {
    long_path path;
    REQUIRE(path.walk());
    path.paging.cr3 = x86::cr3::value(0x9000);
    auto const r = walk_guest(path.paging, gva(path.address), {}, path.memory);
    REQUIRE_FALSE(r.has_value());
    CHECK(r.error() == guest_walk_error{guest_walk_error::kind::memory, {}, errc::fault});
}

TEST_CASE("guest_walk.reserved_bits_fault") {
    struct row {
        unsigned level;
        std::uint64_t bits;
    };

    auto const code = error::present | error::reserved;
    for (row const r :
         {row{1, 1ull << 40}, row{2, 1ull << 51}, row{4, 1ull << 40}, row{4, ps},
          row{2, ps | 1ull << 13}, row{2, ps | 1ull << 20}, row{3, ps | 1ull << 29}}) {
        long_path path;
        if (r.level < 4 && (r.bits & ps) != 0) {
            path.targets[r.level] = 0x4000'0000; // aligned for either size
        }
        path.flags[r.level] |= r.bits;
        check_fault(path.walk(), code);
        check_fault(path.walk({.what = access_kind::write, .is_user = true}),
                    code | error::write | error::user);
    }
    long_path without_nx;
    without_nx.paging.no_execute = false;
    without_nx.flags[1] |= nx;
    check_fault(without_nx.walk(), code);
    long_path without_1g;
    without_1g.paging.page_1g = false;
    without_1g.flags[3] |= ps;
    check_fault(without_1g.walk(), code);
    long_path ignored;
    ignored.flags[1] |= 0x7ffull << 52 | 0xe00; // available to software
    CHECK(ignored.walk().has_value());
}

TEST_CASE("guest_walk.permissions_follow_the_manual_in_every_combination") {
    // Restated from SDM3 4.6.1 by cases rather than by mask, for all rights, modes and accesses.
    for (unsigned n = 0; n < 1u << 10; ++n) {
        auto const bit = [n](unsigned i) { return (n >> i & 1) != 0; };
        bool const w = bit(0), u = bit(1), x = bit(2), user = bit(3), wp = bit(4), smep = bit(5),
                   smap = bit(6), ac = bit(7);
        auto const what = static_cast<access_kind>((n >> 8) % 3);
        for (unsigned level = 1; level <= 4; ++level) {
            long_path path;
            path.flags[level] = p | (w ? 2u : 0) | (u ? 4u : 0) | (x ? 0 : nx);
            path.paging.write_protect = wp;
            path.paging.smep = smep;
            path.paging.smap = smap;
            bool allowed = true;
            if (user) {
                allowed =
                    u && (what != access_kind::write || w) && (what != access_kind::fetch || x);
            } else if (what == access_kind::fetch) {
                allowed = x && (!u || !smep);
            } else {
                allowed = (!u || !smap || ac) && (what == access_kind::read || w || !wp);
            }
            auto const r = path.walk({.what = what, .is_user = user, .lifts_smap = ac});
            REQUIRE(r.has_value() == allowed);
            if (allowed) {
                CHECK(*r == guest_translation{gpa(0x55'589a), 0, w, x, u});
                continue;
            }
            error::value code = error::present;
            code |= what == access_kind::write ? error::write : error::value{};
            code |= what == access_kind::fetch ? error::fetch : error::value{};
            code |= user ? error::user : error::value{};
            check_fault(r, code);
        }
    }
}

TEST_CASE("guest_walk.two_levels_of_32_bit_entries") {
    sparse_memory memory;
    memory.entry_size = 4;
    guest_paging paging{
        .mode = x86::paging_mode::two_level, .cr3 = x86::cr3::value(0x1018), .write_protect = true};
    std::uint64_t const address = 0xc123'4567;
    memory.store(0x1000 + (address >> 22) * 4, 0x2000 | pw);
    memory.store(0x2000 + (address >> 12 & 1023) * 4, 0xabcd'e000 | p);
    CHECK(walk_guest(paging, gva(address), {}, memory).value() ==
          guest_translation{gpa(0xabcd'e567), 0, false, true, false});
    check_fault(walk_guest(paging, gva(address), {.what = access_kind::write}, memory),
                error::present | error::write);
    // A fetch is not told without NX or SMEP.
    check_fault(
        walk_guest(paging, gva(address), {.what = access_kind::fetch, .is_user = true}, memory),
        error::present | error::user);
    // The upper half of a linear address does not exist.
    CHECK(walk_guest(paging, gva(address | 1ull << 32), {}, memory).has_value());
    CHECK(memory.sizes_are_right);
}

TEST_CASE("guest_walk.four_megabyte_pages_reach_forty_bits") {
    sparse_memory memory;
    memory.entry_size = 4;
    guest_paging paging{
        .mode = x86::paging_mode::two_level, .cr3 = x86::cr3::value(0x1000), .page_size_32 = true};
    std::uint64_t const slot = 0x1000 + (0xc123'4567 >> 22) * 4;
    memory.store(slot, 0x0040'0000 | 0x5a << 13 | ps | pwu);
    CHECK(walk_guest(paging, gva(0xc123'4567), {}, memory).value() ==
          guest_translation{gpa(0x5a'0040'0000 | (0xc123'4567 & 0x3f'ffff)), 10, true, true, true});
    paging.physical_bits = 36; // bits above 35 become reserved
    check_fault(walk_guest(paging, gva(0xc123'4567), {}, memory), error::present | error::reserved);
    memory.store(slot, 0x0040'0000 | 1 << 21 | ps | pwu);
    paging.physical_bits = 40;
    check_fault(walk_guest(paging, gva(0xc123'4567), {}, memory), error::present | error::reserved);
    // Without PSE the bit means nothing and a table follows.
    paging.page_size_32 = false;
    memory.store(slot, 0x2000 | ps | pwu);
    memory.store(0x2000 + (0xc123'4567 >> 12 & 1023) * 4, 0x7000 | pwu);
    CHECK(walk_guest(paging, gva(0xc123'4567), {}, memory).value().address == gpa(0x7567));
}

TEST_CASE("guest_walk.pae_has_a_root_of_four") {
    sparse_memory memory;
    guest_paging paging{
        .mode = x86::paging_mode::pae, .cr3 = x86::cr3::value(0x1fe0), .no_execute = true};
    std::uint64_t const address = 0xc123'4567;
    std::uint64_t const root = 0x1fe0 + 3 * 8;
    memory.store(root, 0x2000 | p); // no permission bits here
    memory.store(0x2000 + (address >> 21 & 511) * 8, 0x3000 | pwu);
    memory.store(0x3000 + (address >> 12 & 511) * 8, 0xf'5555'5000 | pwu | nx);
    CHECK(walk_guest(paging, gva(address), {.is_user = true}, memory).value() ==
          guest_translation{gpa(0xf'5555'5567), 0, true, false, true});
    check_fault(walk_guest(paging, gva(address), {.what = access_kind::fetch}, memory),
                error::present | error::fetch);
    memory.store(0x2000 + (address >> 21 & 511) * 8, 0x40'0000 | ps | pwu);
    CHECK(walk_guest(paging, gva(address), {}, memory).value().order == 9);
    for (std::uint64_t bad : {p << 1, p << 2, p << 5, p << 8, p << 52, nx}) {
        memory.store(root, 0x2000 | p | bad);
        check_fault(walk_guest(paging, gva(address), {}, memory), error::present | error::reserved);
    }
    CHECK(memory.sizes_are_right);
}

TEST_CASE("guest_walk.agrees_with_the_table_walker") {
    std::mt19937_64 random(11);
    fakes::table_frames frames;
    auto tables = page_walker<long_mode, fakes::table_frames>::create(frames).value();
    for (unsigned i = 0; i < 200; ++i) {
        constexpr std::array<unsigned, 6> orders{0, 0, 0, 9, 9, 18};
        unsigned const order = orders[random() % 6];
        std::uint64_t const mask = ~((std::uint64_t{1} << order) - 1);
        page_attributes const a{random() % 2 != 0, random() % 2 != 0, random() % 2 != 0, false, 0};
        REQUIRE(tables.map(gfn(random() % (1u << 21) & mask), mfn(random() % (1u << 28) & mask),
                           order, a));
    }
    guest_paging const paging{.mode = x86::paging_mode::long_mode,
                              .cr3 = x86::cr3::value(to_maddr(tables.root()).raw()),
                              .no_execute = true,
                              .page_1g = true};
    table_memory memory{frames};
    unsigned found = 0;
    for (unsigned i = 0; i < 5000; ++i) {
        std::uint64_t const address = random() % (std::uint64_t{1} << 33);
        auto const want = tables.lookup(gfn(address >> page_shift));
        auto const have = walk_guest(paging, gva(address), {}, memory);
        REQUIRE(have.has_value() == want.has_value());
        if (have) {
            ++found;
            CHECK(have->address.raw() == (to_maddr(want->frame).raw() | (address & 0xfff)));
            CHECK(have->order == want->order);
            CHECK(have->is_writable == want->attributes.write);
            CHECK(have->is_executable == want->attributes.execute);
            CHECK(have->is_user == want->attributes.user);
        }
    }
    CHECK(found > 1000);
}
