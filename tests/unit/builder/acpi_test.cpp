// SPDX-License-Identifier: Apache-2.0
// ACPI tables: read back by hand, and judged by Intel's own disassembler and compiler (iasl).
#include "builder/aml.hpp"
#include "fakes/bytes_on_disk.hpp"

#include <xenpp/builder/acpi.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>
#include <string>

using namespace xenpp;
using namespace xenpp::builder;

namespace {

constexpr gpa base{0xfc000000};

unsigned sum(bytes_view b) {
    return std::accumulate(
               b.begin(), b.end(), 0U,
               [](unsigned s, std::byte x) { return s + std::to_integer<unsigned>(x); }) &
           0xff;
}

template <class T>
T at(bytes_view b, std::uint64_t offset) {
    auto const v = load_le<T>(b, offset);
    REQUIRE(v);
    return *v;
}

/// The tables as a kernel finds them from the RSDP, each with its sum checked.
struct found {
    acpi_tables tables;
    bytes_view fadt, madt, dsdt;
    bytes_view facs; // empty if there is none

    bytes_view bytes_at(std::uint64_t address, std::uint64_t size) const {
        auto const s = slice(tables.bytes, address - base.raw(), size);
        REQUIRE(s);
        return *s;
    }

    bytes_view table_at(std::uint64_t address, std::string_view signature) const {
        auto const t = bytes_at(address, at<std::uint32_t>(bytes_at(address, 8), 4));
        CHECK(has_text(t, 0, signature));
        CHECK(sum(t) == 0);
        return t;
    }
};

found find_all(acpi_request const& r) {
    found f{make_acpi_tables(r).value(), {}, {}, {}, {}};
    auto const rsdp = f.bytes_at(f.tables.rsdp.raw(), 36);
    CHECK(has_text(rsdp, 0, "RSD PTR "));
    CHECK(sum(rsdp.first(20)) == 0);
    CHECK(sum(rsdp) == 0);
    CHECK(at<std::uint8_t>(rsdp, 15) == 2);
    auto const xsdt = f.table_at(at<std::uint64_t>(rsdp, 24), "XSDT");
    REQUIRE(xsdt.size() == 36 + 2 * 8);
    f.fadt = f.table_at(at<std::uint64_t>(xsdt, 36), "FACP");
    f.madt = f.table_at(at<std::uint64_t>(xsdt, 44), "APIC");
    f.dsdt = f.table_at(at<std::uint64_t>(f.fadt, 140), "DSDT");
    CHECK(at<std::uint32_t>(f.fadt, 40) == at<std::uint64_t>(f.fadt, 140));
    if (auto const facs = at<std::uint32_t>(f.fadt, 36); facs != 0) {
        CHECK(facs % 64 == 0);
        f.facs = f.bytes_at(facs, 64);
        CHECK(has_text(f.facs, 0, "FACS"));
    }
    return f;
}

std::string read_text(std::filesystem::path const& p) {
    std::ostringstream out;
    out << std::ifstream(p).rdbuf();
    return out.str();
}

/// Runs `iasl ARGUMENTS` in `folder`; the output if it succeeded.
std::string iasl(std::filesystem::path const& folder, std::string const& arguments) {
    INFO("this test needs iasl (Debian package acpica-tools)");
    auto const log = folder / "log";
    auto const command = "cd '" + folder.string() + "' && iasl " + arguments + " >log 2>&1";
    int const status = std::system(command.c_str()); // NOLINT(concurrency-mt-unsafe): one thread
    auto const said = read_text(log);
    CAPTURE(arguments, said);
    CHECK(status == 0);
    return said;
}

/// The ASL of one table, after iasl has read it, and written it back to the same bytes.
std::string through_iasl(bytes_view table) {
    fakes::scratch_folder const folder;
    folder.file("t.aml", table);
    iasl(folder.path(), "-d t.aml");
    auto const source = read_text(folder.path() / "t.dsl");
    auto const said = iasl(folder.path(), "-p again t.dsl");
    CHECK(said.find(" 0 Errors") != std::string::npos);
    return source;
}

std::size_t count(std::string const& text, std::string_view what) {
    std::size_t n = 0;
    for (auto p = text.find(what); p != std::string::npos; p = text.find(what, p + 1)) {
        ++n;
    }
    return n;
}

} // namespace

TEST_CASE("aml.package_lengths_count_themselves") {
    auto const raw = [](std::size_t n) {
        std::string s;
        for (auto const b : aml::package_length(n)) {
            s += static_cast<char>(b);
        }
        return s;
    };
    CHECK(raw(0) == "\x01");
    CHECK(raw(62) == "\x3f");
    CHECK(raw(63) == "\x41\x04");                       // 65 = 0x041
    CHECK(raw(4093) == "\x4f\xff");                     // 4095 = 0xfff
    CHECK(raw(4094) == std::string("\x81\x00\x01", 3)); // 4097 = 0x1001
}

TEST_CASE("aml.integers_take_the_shortest_form") {
    CHECK(aml::integer(0).size() == 1);
    CHECK(aml::integer(1).size() == 1);
    CHECK(aml::integer(2).size() == 2);
    CHECK(aml::integer(0x100).size() == 3);
    CHECK(aml::integer(0x10000).size() == 5);
}

TEST_CASE("acpi.reduced_tables_claim_no_fixed_hardware") {
    auto const f = find_all({.base = base, .vcpus_online = 2, .vcpus = 2});
    CHECK(f.fadt.size() == 276);
    CHECK(f.facs.empty());
    CHECK(at<std::uint32_t>(f.madt, 40) == 0);                 // no PCAT_COMPAT
    CHECK((at<std::uint32_t>(f.fadt, 112) & (1U << 20)) != 0); // HW_REDUCED_ACPI
    CHECK(at<std::uint16_t>(f.fadt, 109) == 0x24);             // no VGA, no CMOS RTC
    for (std::uint64_t o = 46; o < 94; ++o) {                  // SCI to GPE1 length
        CAPTURE(o);
        CHECK(at<std::uint8_t>(f.fadt, o) == 0);
    }
    for (std::uint64_t o = 148; o < 268; ++o) {
        CAPTURE(o);
        CHECK(at<std::uint8_t>(f.fadt, o) == 0);
    }
}

TEST_CASE("acpi.legacy_tables_claim_what_xens_tools_claim") {
    auto const f =
        find_all({.base = base, .vcpus_online = 1, .vcpus = 1, .profile = acpi_profile::legacy});
    CHECK(f.facs.size() == 64);
    CHECK(at<std::uint32_t>(f.madt, 40) == 1);
    CHECK((at<std::uint32_t>(f.fadt, 112) & (1U << 20)) == 0);
    CHECK(at<std::uint16_t>(f.fadt, 46) == 9);
    CHECK(at<std::uint32_t>(f.fadt, 56) == 0xb000);
    CHECK(at<std::uint8_t>(f.fadt, 88) == 4);
    CHECK(at<std::uint32_t>(f.fadt, 64) == 0xb004);
    CHECK(at<std::uint8_t>(f.fadt, 89) == 2);
    CHECK(at<std::uint32_t>(f.fadt, 80) == 0xafe0);
    CHECK(at<std::uint8_t>(f.fadt, 92) == 4);
    CHECK(at<std::uint64_t>(f.fadt, 148 + 4) == 0xb000);
    CHECK(at<std::uint64_t>(f.fadt, 172 + 4) == 0xb004);
    CHECK(at<std::uint64_t>(f.fadt, 220 + 4) == 0xafe0);
}

TEST_CASE("acpi.the_madt_has_one_entry_per_vcpu") {
    auto const f = find_all({.base = base, .vcpus_online = 2, .vcpus = 130});
    CHECK(at<std::uint32_t>(f.madt, 36) == 0xfee00000);
    std::uint64_t o = 44;
    for (std::uint32_t n = 0; n < 130; ++n) {
        CAPTURE(n);
        std::uint32_t const flags = n < 2 ? 1 : 2;
        if (n <= 127) {
            CHECK(at<std::uint8_t>(f.madt, o) == 0);
            CHECK(at<std::uint8_t>(f.madt, o + 1) == 8);
            CHECK(at<std::uint8_t>(f.madt, o + 2) == n);
            CHECK(at<std::uint8_t>(f.madt, o + 3) == 2 * n);
            CHECK(at<std::uint32_t>(f.madt, o + 4) == flags);
            o += 8;
        } else {
            CHECK(at<std::uint8_t>(f.madt, o) == 9);
            CHECK(at<std::uint8_t>(f.madt, o + 1) == 16);
            CHECK(at<std::uint32_t>(f.madt, o + 4) == 2 * n);
            CHECK(at<std::uint32_t>(f.madt, o + 8) == flags);
            CHECK(at<std::uint32_t>(f.madt, o + 12) == n);
            o += 16;
        }
    }
    CHECK(o == f.madt.size());
}

TEST_CASE("acpi.iasl_understands_every_table") {
    auto const vcpus = GENERATE(1U, 3U, 128U, 300U);
    auto const profile = GENERATE(acpi_profile::reduced, acpi_profile::legacy);
    auto const f = find_all(
        {.base = base, .vcpus_online = (vcpus + 1) / 2, .vcpus = vcpus, .profile = profile});
    auto const dsdt = through_iasl(f.dsdt);
    CHECK(count(dsdt, "Device (C") == vcpus);
    CHECK(count(dsdt, "\"ACPI0007\"") == vcpus);
    CHECK(count(dsdt, "Name (_STA, 0x0F)") == (vcpus + 1) / 2);
    CHECK(count(dsdt, "Name (_STA, Zero)") == vcpus / 2);
    auto const fadt = through_iasl(f.fadt);
    CHECK(count(fadt, profile == acpi_profile::reduced ? "Hardware Reduced (V5) : 1"
                                                       : "Hardware Reduced (V5) : 0") == 1);
    auto const madt = through_iasl(f.madt);
    CHECK(count(madt, "Subtable Type : 00") == std::min(vcpus, 128U));
    CHECK(count(madt, "Subtable Type : 09") == (vcpus > 128 ? vcpus - 128 : 0));
}

TEST_CASE("acpi.the_largest_tables_fit_their_room") {
    auto const t = make_acpi_tables({.base = base,
                                     .vcpus_online = 1,
                                     .vcpus = acpi_max_vcpus,
                                     .profile = acpi_profile::legacy});
    REQUIRE(t);
    CHECK(t->bytes.size() < (std::size_t{1} << 20));
}

TEST_CASE("acpi.impossible_requests_are_refused") {
    CHECK_FALSE(make_acpi_tables({.base = base, .vcpus_online = 0, .vcpus = 1}));
    CHECK_FALSE(make_acpi_tables({.base = base, .vcpus_online = 2, .vcpus = 1}));
    CHECK_FALSE(make_acpi_tables({.base = base, .vcpus_online = 1, .vcpus = acpi_max_vcpus + 1}));
    CHECK_FALSE(make_acpi_tables({.base = gpa(0xfc000001), .vcpus_online = 1, .vcpus = 1}));
    CHECK_FALSE(make_acpi_tables({.base = gpa(0x1'0000'0000), .vcpus_online = 1, .vcpus = 1}));
}
