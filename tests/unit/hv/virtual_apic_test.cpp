// SPDX-License-Identifier: Apache-2.0
// Interrupts on their way to the processor and back: none is lost, none comes twice; and which of
// the APIC's registers a guest has without an exit.
#include <xenpp/hv/vmx/msr_bitmap.hpp>
#include <xenpp/hv/vmx/virtual_apic.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

using namespace xenpp::hv;

namespace {

struct fixture {
    vlapic apic;
    alignas(4096) std::array<std::byte, 4096> page{};

    fixture() {
        apic.reset(0, true);
        REQUIRE(apic.write(apic_reg::svr, 0x1ff));
    }

    std::uint32_t reg(unsigned number) const {
        std::uint32_t v = 0;
        std::memcpy(&v, page.data() + std::size_t{16} * number, sizeof v);
        return v;
    }

    std::uint16_t give() { return vmx::give_interrupts(apic, page.data()); }

    void take() { vmx::take_interrupts(apic, page.data()); }

    bool page_is_clear() const {
        return std::ranges::all_of(page, [](std::byte b) { return b == std::byte{0}; });
    }
};

} // namespace

TEST_CASE("virtual_apic.nothing_is_given_of_nothing") {
    fixture f;
    CHECK(f.give() == 0);
    CHECK(f.page_is_clear());
}

TEST_CASE("virtual_apic.every_vector_stands_where_the_manual_says_and_comes_back") {
    for (unsigned v = 16; v != 256; ++v) {
        CAPTURE(v);
        fixture f;
        REQUIRE(f.apic.post(v));
        CHECK(f.give() == v);
        CHECK(f.apic.is_idle());
        CHECK(f.reg(apic_reg::irr + v / 32) == 1U << (v % 32));
        f.take();
        CHECK(f.page_is_clear());
        f.apic.acknowledge(v);
        CHECK(f.give() == v << 8);
        CHECK(f.reg(apic_reg::isr + v / 32) == 1U << (v % 32));
        f.take();
        CHECK(f.apic.read(apic_reg::isr + v / 32).value() == 1U << (v % 32));
        CHECK_FALSE(f.apic.has_pending());
    }
}

TEST_CASE("virtual_apic.the_status_names_the_highest_of_each") {
    fixture f;
    for (unsigned const v : {0x31U, 0x52U, 0xe3U}) {
        f.apic.post(v);
        f.apic.acknowledge(v);
    }
    for (unsigned const v : {0x20U, 0x41U, 0x9fU}) {
        f.apic.post(v);
    }
    CHECK(f.give() == 0xe39f);
}

TEST_CASE("virtual_apic.what_was_requested_meanwhile_is_kept") {
    fixture f;
    f.apic.post(0x41);
    CHECK(f.give() == 0x41);
    f.apic.post(0x41); // once more, and another
    f.apic.post(0x91);
    f.take();
    CHECK(f.apic.deliverable() == 0x91);
    f.apic.acknowledge(0x91);
    REQUIRE(f.apic.write(apic_reg::eoi, 0));
    CHECK(f.apic.deliverable() == 0x41);
    f.apic.acknowledge(0x41);
    CHECK_FALSE(f.apic.has_pending());
}

TEST_CASE("msr_bitmap.only_what_is_the_guests_own_makes_no_exit") {
    std::array<std::byte, 4096> plain{};
    std::array<std::byte, 4096> x2apic{};
    vmx::fill_msr_bitmaps(plain.data(), x2apic.data());
    // As the processor looks it up.
    auto const exits = [](auto const& map, std::uint32_t n, bool is_write) {
        std::size_t const at = (is_write ? 2048U : 0U) + (n >= 0xc0000000 ? 1024U : 0U);
        return (map[at + (n & 0x1fff) / 8] & (std::byte{1} << (n % 8))) != std::byte{0};
    };
    auto const open = [&](auto const& map, bool is_write) {
        std::vector<std::uint32_t> found;
        for (std::uint32_t const first : {0U, 0xc0000000U}) {
            for (std::uint32_t n = first; n != first + 0x2000; ++n) {
                if (!exits(map, n, is_write)) {
                    found.push_back(n);
                }
            }
        }
        return found;
    };
    std::vector<std::uint32_t> const own{0x174,      0x175,      0x176,      0xc0000081,
                                         0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100,
                                         0xc0000101, 0xc0000102};
    CHECK(open(plain, false) == own);
    CHECK(open(plain, true) == own);
    CHECK(open(x2apic, false) == own);
    auto with_apic = own;
    with_apic.insert(with_apic.begin() + 3, {0x808, 0x80b, 0x83f}); // TPR, EOI, self-IPI
    CHECK(open(x2apic, true) == with_apic);
}
