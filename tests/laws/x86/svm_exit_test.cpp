// SPDX-License-Identifier: Apache-2.0
// Tables of raw SVM exit information and the views they decode to, also run by the compiler.
#include <xenpp/x86/svm_exit.hpp>

#include <array>

using namespace xenpp::x86;
using xenpp::gpa;

namespace {

struct io_row {
    std::uint64_t info;
    io_exit view;
};

constexpr std::array io_rows{
    // in al, 0x42 in 64-bit code
    io_row{0x0042'0211, {0x42, 1, 8, true, false, false, segment_register::es}},
    // out dx, eax with dx = 0xcf8 in 32-bit code
    io_row{0x0cf8'0140, {0xcf8, 4, 4, false, false, false, segment_register::es}},
    // rep outsw from ds in 16-bit code
    io_row{0x03f8'0cac, {0x3f8, 2, 2, false, true, true, segment_register::ds}},
    // insb, 64-bit
    io_row{0xffff'0215, {0xffff, 1, 8, true, true, false, segment_register::es}},
};

struct npf_row {
    std::uint64_t info1;
    std::uint64_t info2;
    npf_exit view;
};

constexpr std::array npf_rows{
    // read of the local APIC page
    npf_row{0x1'0000'0004, 0xfee0'0020, {gpa(0xfee0'0020), false, false, false, false, false}},
    // write to a read-only page
    npf_row{0x1'0000'0007, 0x1234'5678, {gpa(0x1234'5678), true, true, false, false, false}},
    // the walker sets an accessed bit in a page table that is not there
    npf_row{0x2'0000'0006, 0x1000, {gpa(0x1000), false, true, false, false, true}},
    // fetch
    npf_row{0x1'0000'0015, 0x9'9000, {gpa(0x9'9000), true, false, true, false, false}},
    // reserved bit
    npf_row{0x1'0000'000d, 0x9'9000, {gpa(0x9'9000), true, false, false, true, false}},
};

constexpr bool tables_hold() {
    for (auto const& r : io_rows) {
        if (decode_svm_ioio(r.info) != r.view) {
            return false;
        }
    }
    for (auto const& r : npf_rows) {
        if (decode_svm_npf(r.info1, r.info2) != r.view) {
            return false;
        }
    }
    return true;
}

static_assert(tables_hold());

} // namespace

TEST_CASE("svm_exit.io_and_nested_fault_tables") {
    for (auto const& r : io_rows) {
        CHECK(decode_svm_ioio(r.info) == r.view);
    }
    for (auto const& r : npf_rows) {
        CHECK(decode_svm_npf(r.info1, r.info2) == r.view);
    }
}

TEST_CASE("svm_exit.negative_codes_are_known_by_their_low_half") {
    CHECK(decode_svm_exit(0xffff'ffff) == svm_exit::invalid);
    CHECK(decode_svm_exit(0xffff'ffff'ffff'ffff) == svm_exit::invalid);
    CHECK(decode_svm_exit(0xffff'fffe) == svm_exit::busy);
    CHECK(decode_svm_exit(0x7b) == svm_exit::ioio);
    CHECK(decode_svm_exit(0x401) == svm_exit::avic_incomplete_ipi);
}

TEST_CASE("svm_exit.exceptions_are_a_range") {
    CHECK(svm_exception(svm_exit(0x40)) == exception::divide_error);
    CHECK(svm_exception(svm_exit(0x5e)) == exception::security);
    CHECK_FALSE(svm_exception(svm_exit(0x3f)));
    CHECK_FALSE(svm_exception(svm_exit::intr));
}

TEST_CASE("svm_exit.plain_lengths") {
    CHECK(plain_instruction_length(svm_exit::cpuid) == 2);
    CHECK(plain_instruction_length(svm_exit::vmmcall) == 3);
    CHECK(plain_instruction_length(svm_exit::hlt) == 1);
    CHECK_FALSE(plain_instruction_length(svm_exit::ioio)); // its EXITINFO2 is the next address
    CHECK_FALSE(plain_instruction_length(svm_exit::npf));
    CHECK_FALSE(plain_instruction_length(svm_exit::cr0_write));
}
