// SPDX-License-Identifier: Apache-2.0
// The plan of a PVH domain: what lies where, what does not fit and why.
#include "builder/little_endian.hpp"
#include "fakes/bytes_on_disk.hpp"
#include "fakes/elf_maker.hpp"

#include <xenpp/abi/hvm/params.hpp>
#include <xenpp/builder/pvh_layout.hpp>

using namespace xenpp;
using namespace xenpp::builder;
using namespace xenpp::fakes;

namespace {

/// A kernel like Debian's: from 16 MiB up, bss at its end.
kernel_image make_kernel(std::uint64_t start = 0x1000000, std::uint64_t size = 0x2e00000) {
    elf_maker m;
    m.segments = {{start, bytes_of("text"), 0x1000},
                  {start + 0x1000, bytes_of("data"), size - 0x1000}};
    m.segments[1].content.resize(0x3001);
    m.notes[0].contents = bytes_of_number(start + 0x50);
    return parse_kernel(mapped(m.build())).value();
}

std::string why_not(pvh_request const& r) {
    auto const p = plan_pvh(r);
    REQUIRE_FALSE(p);
    CHECK(p.error().operation == "plan domain");
    return p.error().detail;
}

placement const& the(pvh_plan const& p, std::string_view what) {
    auto const it = std::find_if(p.placements.begin(), p.placements.end(),
                                 [&](auto const& x) { return x.what == what; });
    REQUIRE(it != p.placements.end());
    return *it;
}

bool is_populated(pvh_plan const& p, placement const& x) {
    auto const holds = [&](gfn_range r) {
        return to_gpa(r.start) <= x.at && x.end() <= to_gpa(r.end());
    };
    return std::any_of(p.ram.begin(), p.ram.end(), holds) ||
           std::any_of(p.firmware.begin(), p.firmware.end(), holds);
}

/// What holds for every plan.
void check_laws(pvh_plan const& p) {
    for (auto const& x : p.placements) {
        CAPTURE(x.what, x.at.raw());
        CHECK(is_populated(p, x));
        CHECK(x.content.size() <= x.size);
        for (auto const& y : p.placements) {
            CHECK((&x == &y || x.end() <= y.at || y.end() <= x.at));
        }
    }
    std::uint64_t ram = 0;
    for (std::size_t i = 0; i < p.memory_map.size(); ++i) {
        auto const& e = p.memory_map[i];
        CHECK((i == 0 || p.memory_map[i - 1].start + p.memory_map[i - 1].size <= e.start));
        ram += e.kind == memory_kind::ram ? e.size : 0;
    }
    CHECK(ram == p.ram_pages() << page_shift);
}

} // namespace

TEST_CASE("pvh_layout.a_256_mib_domain_lies_as_xens_tools_lay_it") {
    auto const kernel = make_kernel();
    auto const ramdisk = bytes_of(std::string(0x1e4a10, 'r'));
    auto const p = plan_pvh({.kernel = &kernel,
                             .ramdisk = ramdisk,
                             .command_line = "console=hvc0",
                             .memory_mib = 256,
                             .vcpus = 2,
                             .max_vcpus = 2})
                       .value();
    check_laws(p);
    CHECK(p.ram == std::vector<gfn_range>{{gfn(0), 0x10000}});
    CHECK(p.firmware == std::vector<gfn_range>{{gfn(0xfc000), 1}, {gfn(0xfeff8), 8}});
    CHECK(p.total_pages() == 0x10000 + 9);
    CHECK(p.memory_map ==
          std::vector<memory_map_entry>{{gpa(0), 0x10000000, memory_kind::ram},
                                        {gpa(0xfc000000), 0x1000, memory_kind::acpi},
                                        {gpa(0xfeff8000), 0x8000, memory_kind::reserved}});
    CHECK(p.start_info == gpa(0x3e00000));
    CHECK(the(p, "ramdisk").at == gpa(0x3e01000));
    CHECK(the(p, "ramdisk").content.data() == ramdisk.data());
    CHECK(p.boot.rip == 0x1000050);
    CHECK(p.boot.rbx == 0x3e00000);
    CHECK(p.rsdp == gpa(0xfc000000));
    CHECK(has_text(the(p, "ACPI tables").content, 0, "RSD PTR "));
    CHECK(the(p, "identity page table").at == gpa(0xfeffe000));
    CHECK(load_le<std::uint32_t>(the(p, "identity page table").content, 0) == 0xe7U);
    CHECK(load_le<std::uint32_t>(the(p, "identity page table").content, 4092) == 0xffc000e7U);
}

TEST_CASE("pvh_layout.start_info_says_what_the_plan_says") {
    auto const kernel = make_kernel();
    auto const ramdisk = bytes_of("ramdisk");
    auto const p = plan_pvh({.kernel = &kernel,
                             .ramdisk = ramdisk,
                             .command_line = "root=/dev/xvda1 ro",
                             .memory_mib = 128})
                       .value();
    auto const block = the(p, "start_info");
    bytes_view const b = block.content;
    auto const offset = [&](std::uint64_t address) { return address - block.at.raw(); };
    auto const u32 = [&](std::uint64_t at) { return load_le<std::uint32_t>(b, at).value(); };
    auto const u64 = [&](std::uint64_t at) { return load_le<std::uint64_t>(b, at).value(); };
    CHECK(u32(0) == 0x336ec578);
    CHECK(u32(4) == 1);
    CHECK(u32(8) == 0);
    CHECK(u32(12) == 1);
    auto const module = offset(u64(16));
    CHECK(u64(module) == the(p, "ramdisk").at.raw());
    CHECK(u64(module + 8) == ramdisk.size());
    CHECK(u64(module + 16) == 0);
    CHECK(has_text(b, offset(u64(24)), {"root=/dev/xvda1 ro", 19}));
    CHECK(u64(32) == p.rsdp.raw());
    auto const map = offset(u64(40));
    REQUIRE(u32(48) == p.memory_map.size());
    for (std::size_t i = 0; i < p.memory_map.size(); ++i) {
        CHECK(u64(map + 24 * i) == p.memory_map[i].start.raw());
        CHECK(u64(map + 24 * i + 8) == p.memory_map[i].size);
        CHECK(u32(map + 24 * i + 16) == static_cast<std::uint32_t>(p.memory_map[i].kind));
        CHECK(u32(map + 24 * i + 20) == 0);
    }
}

TEST_CASE("pvh_layout.without_a_ramdisk_there_is_no_module") {
    auto const kernel = make_kernel();
    auto const p = plan_pvh({.kernel = &kernel, .memory_mib = 64}).value();
    check_laws(p);
    bytes_view const b = the(p, "start_info").content;
    CHECK(load_le<std::uint32_t>(b, 12) == 0U);
    CHECK(load_le<std::uint64_t>(b, 16) == std::uint64_t{0});
    CHECK(p.placements.size() == 5);
}

TEST_CASE("pvh_layout.memory_beyond_the_hole_goes_on_at_4_gib") {
    auto const kernel = make_kernel();
    for (std::uint64_t const mib : {std::uint64_t{3839}, std::uint64_t{3840}, std::uint64_t{3841},
                                    std::uint64_t{65536}, pvh::max_memory_mib}) {
        CAPTURE(mib);
        auto const p = plan_pvh({.kernel = &kernel, .memory_mib = mib}).value();
        check_laws(p);
        CHECK(p.ram_pages() == mib << 8);
        CHECK(p.ram[0].count == std::min<std::uint64_t>(mib, 3840) << 8);
        REQUIRE(p.ram.size() == (mib > 3840 ? 2 : 1));
        if (mib > 3840) {
            CHECK(p.ram[1] == gfn_range{gfn(0x100000), (mib - 3840) << 8});
        }
    }
}

TEST_CASE("pvh_layout.zeros_at_a_segments_end_are_not_written") {
    auto const kernel = make_kernel();
    auto const p = plan_pvh({.kernel = &kernel, .memory_mib = 128}).value();
    REQUIRE(p.placements[1].what == "kernel");
    CHECK(p.placements[1].size == 0x2dff000);
    CHECK(p.placements[1].content.size() == 8); // "data" and the rest of its word
    CHECK(has_text(p.placements[1].content, 0, "data"));
    CHECK(p.placements[0].content.size() == 4);
}

TEST_CASE("pvh_layout.a_domain_that_is_too_small_is_told_what_it_needs") {
    auto const kernel = make_kernel();
    byte_vector const ramdisk(std::size_t{2} << 20);
    CHECK(why_not({.kernel = &kernel, .ramdisk = ramdisk, .memory_mib = 32}) ==
          "memory=32 MiB is too small for the kernel (it ends at 62 MiB) and the ramdisk (2 MiB): "
          "at least 65 MiB are needed");
    CHECK(why_not({.kernel = &kernel, .memory_mib = 62}) ==
          "memory=62 MiB is too small for the kernel (it ends at 62 MiB): at least 63 MiB are "
          "needed");
    CHECK(plan_pvh({.kernel = &kernel, .memory_mib = 63}));
    CHECK(plan_pvh({.kernel = &kernel, .ramdisk = ramdisk, .memory_mib = 65}));
}

TEST_CASE("pvh_layout.what_cannot_lie_below_the_hole_is_refused") {
    std::string const room = " must lie below 3840 MiB, and that is not enough room";
    auto const big = make_kernel(0x1000000, 0xf0000000);
    CHECK(why_not({.kernel = &big, .memory_mib = 8192}) ==
          "the kernel (it ends at 3856 MiB)" + room);
    auto const brim = make_kernel(0x1000000, 0xef000000);
    CHECK(why_not({.kernel = &brim, .memory_mib = 8192}) ==
          "the kernel (it ends at 3840 MiB)" + room);
    auto const kernel = make_kernel();
    // Never read: only its size counts here.
    byte_vector const one(1);
    std::span<std::byte const> const huge(one.data(), ~std::size_t{0} >> 1);
    CHECK(why_not({.kernel = &kernel, .ramdisk = huge, .memory_mib = 8192}) ==
          "the kernel (it ends at 62 MiB) and the ramdisk (8796093022208 MiB)" + room);
    auto const wrapping = make_kernel(0x1000000, ~std::uint64_t{0} - 0x1000000);
    CHECK_FALSE(plan_pvh({.kernel = &wrapping, .memory_mib = 8192}));
}

TEST_CASE("pvh_layout.impossible_requests_are_refused_in_words") {
    auto const kernel = make_kernel();
    pvh_request const good{.kernel = &kernel, .memory_mib = 128};
    auto r = good;
    r.vcpus = 0;
    CHECK(why_not(r) == "vcpus=0 and maxvcpus=1 do not go together: 1 <= vcpus <= maxvcpus <= 128");
    r = good;
    r.vcpus = 2;
    CHECK(why_not(r) == "vcpus=2 and maxvcpus=1 do not go together: 1 <= vcpus <= maxvcpus <= 128");
    r = good;
    r.max_vcpus = 129;
    CHECK(why_not(r) ==
          "vcpus=1 and maxvcpus=129 do not go together: 1 <= vcpus <= maxvcpus <= 128");
    r = good;
    r.memory_mib = 0;
    CHECK(why_not(r) == "memory=0 MiB is not possible: 1 to 67108864 MiB are");
    r.memory_mib = ~std::uint64_t{0};
    CHECK(why_not(r) == "memory=18446744073709551615 MiB is not possible: 1 to 67108864 MiB are");
    r = good;
    std::string const line(4096, 'x');
    r.command_line = line;
    CHECK(why_not(r) == "the command line has 4096 characters; at most 4095 are possible");
    r.command_line = std::string_view("a\0b", 3);
    CHECK(why_not(r) == "the command line holds a zero character");
    r.command_line = std::string_view(line).substr(1);
    auto const p = plan_pvh(r).value();
    check_laws(p);
    CHECK(the(p, "start_info").size == 0x2000);
}

TEST_CASE("pvh_layout.a_kernel_without_pvh_entry_is_refused") {
    elf_maker m;
    m.notes.clear();
    auto const kernel = parse_kernel(mapped(m.build())).value();
    auto const p = plan_pvh({.kernel = &kernel, .memory_mib = 128});
    REQUIRE_FALSE(p);
    CHECK(p.error().detail ==
          "the kernel has no PVH entry (ELF note PHYS32_ENTRY); for Linux enable CONFIG_PVH");
}

TEST_CASE("pvh_layout.a_moved_plan_still_refers_to_its_bytes") {
    auto const kernel = make_kernel();
    auto a = plan_pvh({.kernel = &kernel, .memory_mib = 128}).value();
    auto const b = std::move(a);
    CHECK(the(b, "start_info").content.data() == b.start_info_bytes.data());
    CHECK(the(b, "ACPI tables").content.data() == b.acpi_bytes.data());
}

TEST_CASE("pvh_layout.parameters_are_those_of_xens_tools") {
    auto const p = pvh_params(evtchn_port(1), evtchn_port(2));
    std::vector<hvm_param> const want = {
        {10, 1},       {1, 0xfeffc},  {6, 0xfeffb},     {5, 0xfeffd}, {17, 0xfefff}, {27, 0xfeff8},
        {28, 0xfeff9}, {29, 0xfeffa}, {12, 0xfeffe000}, {18, 2},      {2, 1}};
    CHECK(std::vector<hvm_param>(p.begin(), p.end()) == want);
}
