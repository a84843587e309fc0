// SPDX-License-Identifier: Apache-2.0
// Domains that the hypervisor builds itself: their words, their kernel, their tables, their end.
#include <xenpp/hv/first_console.hpp>
#include <xenpp/hv/first_domain.hpp>

#include <fakes/fake_platform.hpp>
#include <fakes/hv_host.hpp>

#include <cstring>
#include <string>
#include <vector>

using namespace xenpp;
using namespace xenpp::fakes;

namespace {

template <class T>
void put(std::vector<std::byte>& to, std::size_t at, T const& v) {
    if (to.size() < at + sizeof v) {
        to.resize(at + sizeof v);
    }
    std::memcpy(to.data() + at, &v, sizeof v);
}

/// A kernel of one part at 1 MiB, with the PVH note.
std::vector<std::byte> kernel() {
    std::vector<std::byte> f;
    hv::detail::elf_header h{};
    h.ident = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    h.machine = 62;
    h.program_headers = 64;
    h.program_header_size = 56;
    h.program_header_count = 2;
    put(f, 0, h);
    put(f, 64, hv::detail::elf_program_header{1, 7, 256, 0, 0x100000, 16, 0x2000, 0});
    put(f, 120, hv::detail::elf_program_header{4, 4, 272, 0, 0, 20, 20, 0});
    put(f, 256, std::array<char, 16>{'c', 'o', 'd', 'e'});
    put(f, 272, std::array<std::uint32_t, 3>{4, 4, 18});
    put(f, 284, std::array<char, 4>{'X', 'e', 'n', 0});
    put(f, 288, std::uint32_t{0x100010});
    return f;
}

hv::first_domain words(std::string_view text) {
    auto const d = hv::parse_first_domain(text);
    REQUIRE(d.has_value());
    return *d;
}

} // namespace

TEST_CASE("first_domain.words_are_read") {
    auto const d = words("web,kernel:2,ramdisk:3,memory:64,vcpus:4");
    CHECK(d.name == "web");
    CHECK((d.kernel == 2 && d.ramdisk == 3 && d.memory_mib == 64 && d.vcpus == 4));
    auto const e = words("x");
    CHECK((e.kernel == 0 && e.ramdisk == hv::first_domain::no_module && e.vcpus == 1));
}

TEST_CASE("first_domain.words_that_mean_nothing_get_a_sentence") {
    for (auto const* const bad :
         {"", ",memory:1", "a,memory", "a,memory:", "a,memory:x", "a,memory:99999999999999999999",
          "a,memory:0", "a,memory:4000", "a,vcpus:0", "a,vcpus:129", "a,colour:1"}) {
        INFO(bad);
        CHECK_FALSE(hv::parse_first_domain(bad).has_value());
    }
}

TEST_CASE("first_domain.a_kernel_is_read_whole_or_not_at_all") {
    auto const whole = kernel();
    auto const k = hv::read_kernel(whole);
    REQUIRE(k.has_value());
    CHECK(k->entry == 0x100010);
    CHECK(k->part_count == 1);
    CHECK(k->end == 0x102000);
    for (std::size_t n = 0; n != whole.size(); ++n) {
        INFO(n);
        CHECK_FALSE(hv::read_kernel(std::span(whole).first(n)).has_value());
    }
}

TEST_CASE("first_domain.is_built_and_can_be_destroyed") {
    hv_host h;
    auto const before = h.hv.frames.free_pages();
    auto const file = kernel();
    std::vector<std::byte> const ramdisk(5000, std::byte{7});
    auto const made = hv::build_first_domain(h.hv, domid(9), words("a,memory:4,vcpus:2"),
                                             {file, ramdisk, "console=hvc0"});
    REQUIRE(made.has_value());
    auto& d = **made;
    CHECK(d.total_pages == 4 * 256 + 3);
    auto const byte_at = [&](std::uint64_t at) {
        return hv::get_page(d, to_gfn(gpa(at)), false)->map()[at & (page_size - 1)];
    };
    CHECK(byte_at(0x100000) == std::byte{'c'});
    CHECK(byte_at(0x104000 + 4999) == std::byte{7});
    CHECK(byte_at(0x104000 + 5000) == std::byte{0});
    auto const state = h.platform.save_state(*d.vcpus[0]);
    CHECK(state.rip == 0x100010);
    CHECK(byte_at(state.rbx) == std::byte{abi::hvm_start_magic_value & 0xff});
    CHECK((d.vcpus[1]->pause & hv::pause_down) != 0);
    h.kill(d);
    while (h.hv.frames.scrub_some()) {
    }
    CHECK(h.hv.frames.free_pages() == before);
}

TEST_CASE("first_domain.what_does_not_fit_leaves_nothing_behind") {
    hv_host h;
    auto const before = h.hv.frames.free_pages();
    auto const file = kernel();
    auto const made = hv::build_first_domain(h.hv, domid(9), words("a,memory:1"), {file, {}, "x"});
    REQUIRE_FALSE(made.has_value());
    CHECK(std::string_view(made.error()) == "its memory is too small for kernel and ramdisk");
    while (h.hv.frames.scrub_some()) {
    }
    CHECK(h.hv.frames.free_pages() == before);
    CHECK_FALSE(hv::find_domain(h.hv, domid(9)));
}

TEST_CASE("first_tables.acpi_sums_are_zero") {
    std::vector<std::byte> room(8192);
    hv::table_writer w(room, 0xfc000000);
    auto const rsdp = hv::write_acpi_tables(w, 128) - 0xfc000000;
    REQUIRE_FALSE(w.overflowed());
    auto const sum = [&](std::size_t from, std::size_t n) {
        unsigned s = 0;
        for (std::size_t i = 0; i != n; ++i) {
            s += std::to_integer<unsigned>(room[from + i]);
        }
        return s & 0xff;
    };
    CHECK(sum(rsdp, 20) == 0);
    CHECK(sum(rsdp, 36) == 0);
    std::uint64_t xsdt = 0;
    std::memcpy(&xsdt, room.data() + rsdp + 24, 8);
    std::uint32_t length = 0;
    std::memcpy(&length, room.data() + (xsdt - 0xfc000000) + 4, 4);
    CHECK(length == 36 + 16);
    CHECK(sum(xsdt - 0xfc000000, length) == 0);
    for (unsigned i = 0; i != 2; ++i) {
        std::uint64_t t = 0;
        std::memcpy(&t, room.data() + (xsdt - 0xfc000000) + 36 + 8 * i, 8);
        std::memcpy(&length, room.data() + (t - 0xfc000000) + 4, 4);
        CHECK(sum(t - 0xfc000000, length) == 0);
        CHECK((i != 0 || length == 276)); // FADT, ACPI 6.3
    }
    hv::table_writer small{std::span(room).first(100), 0};
    hv::write_acpi_tables(small, 1);
    CHECK(small.overflowed());
}
