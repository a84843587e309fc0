// SPDX-License-Identifier: Apache-2.0
// Tests of copies to and from callers: window bounds, page crossing, paging, read-only, wrap.
#include <xenpp/hv/guest_access.hpp>

#include <fakes/hv_host.hpp>

#include <array>

using namespace xenpp;
using namespace xenpp::hv;
using fakes::hv_host;

namespace {

constexpr std::uint64_t top = ~std::uint64_t{0};

/// A guest in long mode: 4 KiB pages at `base` map to gfns 100, 50, 101 in turn, the third one
/// read-only in the guest's tables; the tables are gfns 1 to 4.
struct paged_guest {
    static constexpr std::uint64_t base = 0xffff'8000'0000'0000;

    paged_guest() : d(h.make_domain()), v(*d.vcpus[0]) {
        for (std::uint64_t const g : {1U, 2U, 3U, 4U, 50U, 100U, 101U}) {
            h.populate(d, gfn(g));
        }
        table(1)[(base >> 39) & 511] = 2 * page_size | 3;
        table(2)[0] = 3 * page_size | 3;
        table(3)[0] = 4 * page_size | 3;
        table(4)[0] = 100 * page_size | 3;
        table(4)[1] = 50 * page_size | 3;
        table(4)[2] = 101 * page_size | 1;
        v.context.cr0 = 0x80010001; // PG, WP, PE
        v.context.cr3 = page_size;
        v.context.cr4 = 0x20; // PAE
        v.context.efer = 0x500;
    }

    std::uint64_t* table(std::uint64_t g) {
        return reinterpret_cast<std::uint64_t*>(get_page(d, gfn(g))->map());
    }

    hv_host h;
    hv_host::domain& d;
    hv_host::vcpu& v;
};

} // namespace

TEST_CASE("copy_from_guest of the control domain stays inside the window") {
    hv_host h;
    auto& v = h.control();
    auto const base = hv_host::window_base;
    auto const end = base + hv_host::window_size;
    std::array<char, 64> buffer{};
    h.put(std::uint64_t{0x1122334455667788}, base + 100);
    CHECK(read_guest<std::uint64_t>(v, base + 100).value() == 0x1122334455667788);
    CHECK(copy_from_guest(v, buffer.data(), end - 64, 64));
    CHECK(copy_from_guest(v, buffer.data(), end - 63, 64).error() == errc::fault);
    CHECK(copy_from_guest(v, buffer.data(), base - 1, 1).error() == errc::fault);
    CHECK(copy_from_guest(v, buffer.data(), end, 1).error() == errc::fault);
    CHECK(copy_from_guest(v, buffer.data(), 0, 1).error() == errc::fault);
    CHECK(copy_from_guest(v, buffer.data(), top, 2).error() == errc::fault);
    CHECK(copy_from_guest(v, buffer.data(), 0, 0)); // nothing of nowhere is fine
    CHECK(copy_to_guest(v, end - 1, buffer.data(), 2).error() == errc::fault);
}

TEST_CASE("read_guest of an element whose address wraps is a fault") {
    hv_host h;
    auto& v = h.control();
    CHECK(read_guest<std::uint64_t>(v, hv_host::window_base, top / 8).error() == errc::fault);
    CHECK(read_guest<std::uint64_t>(v, hv_host::window_base, top).error() == errc::fault);
    CHECK(read_guest<std::uint32_t>(v, top - 3, 1).error() == errc::fault);
    CHECK(read_guest(v, abi::guest_handle<std::uint16_t const>{hv_host::scratch}, 3).has_value());
}

TEST_CASE("copies of a guest without paging use guest-physical addresses") {
    hv_host h;
    auto& d = h.make_domain();
    auto& v = *d.vcpus[0];
    h.populate(d, gfn(7));
    h.populate(d, gfn(8));
    std::uint64_t const value = 0xa1b2c3d4e5f60718;
    auto const at = 8 * page_size - 3;
    REQUIRE(write_guest(v, at, value)); // over the page boundary
    CHECK(read_guest<std::uint64_t>(v, at).value() == value);
    auto const second = get_page(d, gfn(8)).value();
    CHECK(second.map()[0] == std::byte{0xe5}); // the fourth byte
    CHECK(read_guest<std::uint64_t>(v, 9 * page_size - 7).error() == errc::fault);
    CHECK(read_guest<std::uint64_t>(v, 0).error() == errc::fault);
    CHECK(clear_guest(v, at, 8));
    CHECK(read_guest<std::uint64_t>(v, at).value() == 0);
}

TEST_CASE("copies of a guest in long mode walk its own tables") {
    paged_guest g;
    std::array<std::byte, 2 * page_size> data{};
    for (std::size_t i = 0; i != data.size(); ++i) {
        data[i] = static_cast<std::byte>(i * 7);
    }
    REQUIRE(copy_to_guest(g.v, paged_guest::base, data.data(), data.size()));
    std::array<std::byte, 2 * page_size> back{};
    REQUIRE(copy_from_guest(g.v, back.data(), paged_guest::base, back.size()));
    CHECK(back == data);
    CHECK(get_page(g.d, gfn(50))->map()[1] == data[page_size + 1]);

    SECTION("a read-only page can be read and not written") {
        CHECK(read_guest<char>(g.v, paged_guest::base + 2 * page_size));
        CHECK(write_guest<char>(g.v, paged_guest::base + 2 * page_size, 'x').error() ==
              errc::fault);
    }
    SECTION("absent, not canonical and wrapping addresses fault") {
        CHECK(read_guest<char>(g.v, paged_guest::base + 3 * page_size).error() == errc::fault);
        CHECK(read_guest<char>(g.v, 0x0000'9000'0000'0000).error() == errc::fault);
        CHECK(copy_from_guest(g.v, back.data(), top, 2).error() == errc::fault);
    }
    SECTION("a page that the p2m holds read-only faults on a write") {
        auto const f = allocate_domain_pages(g.d, 0).value();
        p2m_add(g.d, gfn(50), f, 0, p2m_rights::read_only).value();
        CHECK(read_guest<char>(g.v, paged_guest::base + page_size));
        CHECK(write_guest<char>(g.v, paged_guest::base + page_size, 'x').error() == errc::fault);
    }
    SECTION("tables that lie nowhere fault") {
        g.v.context.cr3 = 999 * page_size;
        CHECK(read_guest<char>(g.v, paged_guest::base).error() == errc::fault);
    }
}

TEST_CASE("guest_page_mapping keeps the frame while it lives") {
    hv_host h;
    auto& d = h.make_domain();
    auto const f = h.populate(d, gfn(3));
    {
        auto const m = guest_page_mapping<hv_host::platform_type>::create(d, gfn(3)).value();
        p2m_remove(d, gfn(3), 0).value();
        *m.at<std::uint32_t>(16) = 5;
        CHECK(m.frame() == f);
        CHECK(h.hv.frames.info(f).count == 1);
    }
    CHECK(h.hv.frames.info(f).count == 0);
    CHECK(guest_page_mapping<hv_host::platform_type>::create(d, gfn(3)).error() == errc::noent);
    h.kill(d);
    CHECK(h.settle() == h.baseline);
}
