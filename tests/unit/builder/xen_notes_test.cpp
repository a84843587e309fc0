// SPDX-License-Identifier: Apache-2.0
// Xen's ELF notes: every type, both number sizes, foreign owners, damage.
#include "fakes/elf_maker.hpp"

#include <xenpp/builder/xen_notes.hpp>

using namespace xenpp;
using namespace xenpp::builder;
using namespace xenpp::fakes;

namespace {

result<xen_notes> collect(std::vector<made_note> notes) {
    elf_maker m;
    m.notes = std::move(notes);
    xen_notes out;
    XENPP_TRY(collect_xen_notes(m.note_bytes(), out));
    return out;
}

byte_vector u64(std::uint64_t v) {
    return bytes_of_number(v);
}

byte_vector u32(std::uint32_t v) {
    return bytes_of_number(v);
}

} // namespace

TEST_CASE("xen_notes.a_pv_kernels_notes_are_all_taken") {
    auto pair = u64(1);
    pair.resize(16, std::byte{0});
    pair[8] = std::byte{1};
    auto const n = collect({{1, u64(0xffffffff8304e1c0), "Xen"},
                            {2, u64(0xffffffff81001000), "Xen"},
                            {3, u64(0xffffffff80000000), "Xen"},
                            {4, u64(0), "Xen"},
                            {5, bytes_of("xen-3.0"), "Xen"},
                            {6, bytes_of("linux"), "Xen"},
                            {7, bytes_of("2.6"), "Xen"},
                            {8, bytes_of("generic"), "Xen"},
                            {9, bytes_of("yes"), "Xen"},
                            {10, bytes_of("!writable_page_tables|pae_pgdir_above_4gb"), "Xen"},
                            {11, bytes_of("yes"), "Xen"},
                            {12, u64(0xffff800000000000), "Xen"},
                            {13, pair, "Xen"},
                            {14, u32(1), "Xen"},
                            {15, u64(0x8000000000), "Xen"},
                            {16, u32(1), "Xen"},
                            {17, u32(0x8801), "Xen"},
                            {18, u32(0x1000850), "Xen"}})
                       .value();
    xen_notes want;
    want.entry = 0xffffffff8304e1c0;
    want.hypercall_page = 0xffffffff81001000;
    want.virt_base = 0xffffffff80000000;
    want.paddr_offset = 0;
    want.xen_version = "xen-3.0";
    want.guest_os = "linux";
    want.guest_version = "2.6";
    want.loader = "generic";
    want.pae_mode = "yes";
    want.features = "!writable_page_tables|pae_pgdir_above_4gb";
    want.bsd_symtab = true;
    want.hv_start_low = 0xffff800000000000;
    want.l1_mfn_valid = l1_valid_pattern{1, 1};
    want.suspend_cancel = true;
    want.init_p2m = 0x8000000000;
    want.mod_start_pfn = true;
    want.supported_features = 0x8801;
    want.phys32_entry = 0x1000850;
    want.count = 18;
    CHECK(n == want);
}

TEST_CASE("xen_notes.other_owners_and_unknown_types_are_passed_over") {
    auto const n =
        collect({{18, u64(1), "GNU"}, {99, bytes_of("new"), "Xen"}, {18, u64(2), "Xen"}}).value();
    CHECK(n.phys32_entry == 2U);
    CHECK(n.count == 2);
}

TEST_CASE("xen_notes.a_number_of_an_odd_size_is_an_error") {
    auto const n = collect({{18, bytes_of("abc"), "Xen"}});
    REQUIRE_FALSE(n);
    CHECK(n.error().detail == "Xen ELF note 18 holds 3 bytes, not a number of 4 or 8");
}

TEST_CASE("xen_notes.a_note_longer_than_its_segment_is_an_error") {
    for (std::size_t const field : {std::size_t{0}, std::size_t{4}}) {
        elf_maker m;
        auto bytes = m.note_bytes();
        poke(bytes, field, std::uint32_t{0xffffffff});
        xen_notes out;
        auto const r = collect_xen_notes(bytes, out);
        REQUIRE_FALSE(r);
        CHECK(r.error().detail == "an ELF note is longer than the segment that holds it");
    }
}

TEST_CASE("xen_notes.the_last_notes_padding_may_be_missing") {
    elf_maker m;
    m.notes = {{6, bytes_of("linux"), "Xen"}};
    auto bytes = m.note_bytes();
    bytes.resize(bytes.size() - 3);
    xen_notes out;
    CHECK(collect_xen_notes(bytes, out));
    CHECK(out.guest_os == "linux");
}
