// SPDX-License-Identifier: Apache-2.0
// RDMSR and WRMSR: what Debian's kernel asks for and gets, and what faults.
#include "exit_fixture.hpp"

#include <xenpp/hv/exit_msr.hpp>

using namespace xenpp;
using namespace xenpp::fakes;
using kind = hv::exit_action::kind;

namespace {

struct msr_fixture : exit_fixture {
    std::optional<std::uint64_t> read(std::uint32_t n) {
        v.context.rcx = n;
        auto const a = hv::handle_msr<noting_vendor>(v, false);
        if (a.what != kind::skip) {
            CHECK(is_fault(a));
            return std::nullopt;
        }
        return v.context.rdx << 32 | v.context.rax;
    }

    bool write(std::uint32_t n, std::uint64_t value) {
        v.context.rcx = n;
        v.context.rax = 0xabcd'0000'0000'0000 | (value & 0xffffffff); // the upper half is ignored
        v.context.rdx = value >> 32;
        auto const a = hv::handle_msr<noting_vendor>(v, true);
        CHECK((a.what == kind::skip || is_fault(a)));
        return a.what == kind::skip;
    }
};

} // namespace

TEST_CASE("exit_msr.reads_are_what_the_stock_kernel_expects") {
    struct row {
        std::uint32_t number;
        std::uint64_t value;
    };

    msr_fixture f;
    for (auto const& r :
         {row{0xfe, 0x508}, row{0x2ff, 0x806}, row{0x1b, 0xfee00900}, row{0x277, 0x7040600070406},
          row{0xc0010010, 0}, row{0xc0010015, 0}, row{0xc0011029, 2}, row{0xc0010055, 0},
          row{0xc0010000, 0}, row{0xc0010001, 0}, row{0xc0010002, 0}, row{0xc0010003, 0},
          row{0xc0010007, 0}}) {
        CAPTURE(r.number);
        CHECK(f.read(r.number) == r.value);
    }
    for (std::uint32_t n = 0x200; n < 0x210; ++n) {
        CHECK(f.read(n) == 0);
    }
    for (std::uint32_t const n :
         {0x250U, 0x258U, 0x259U, 0x268U, 0x269U, 0x26aU, 0x26bU, 0x26cU, 0x26dU, 0x26eU, 0x26fU}) {
        CHECK(f.read(n) == 0);
    }
    CHECK(f.read(0x8b).has_value());
    CHECK((f.other.lapic.base() == 0xfee00800 && f.v.lapic.base() == 0xfee00900));
}

TEST_CASE("exit_msr.writes_are_taken_or_fault_as_on_xen") {
    msr_fixture f;
    CHECK(f.write(0x2ff, 0));
    CHECK(f.write(0x2ff, 0x806));
    CHECK_FALSE(f.write(0x2ff, 0x1000));
    CHECK_FALSE(f.write(0xc0010015, 0x40));
    CHECK(f.write(0xc0010007, 0xffff));
    CHECK(f.read(0xc0010007) == 0); // does not stick
    CHECK(f.write(0x200, 0x12345006));
    CHECK(f.read(0x200) == 0x12345006);
}

TEST_CASE("exit_msr.unknown_registers_fault") {
    msr_fixture f;
    for (std::uint32_t const n : {0x3aU, 0x48U, 0x49U, 0xe7U, 0xe8U, 0x345U, 0x6e0U, 0x4b564d00U,
                                  0xc0000105U, 0xffffffffU}) {
        CAPTURE(n);
        CHECK(f.read(n) == std::nullopt);
        CHECK_FALSE(f.write(n, 0));
    }
}

TEST_CASE("exit_msr.efer_takes_what_cpuid_offers_and_no_more") {
    msr_fixture f;
    CHECK(f.write(0xc0000080, 0x100));
    CHECK(f.v.context.efer == 0x100);
    CHECK(f.write(0xc0000080, 0x901));
    CHECK_FALSE(f.write(0xc0000080, 0x1000)); // SVME
    f.v.context.cr0 = 0x80000001;
    CHECK_FALSE(f.write(0xc0000080, 0x801)); // LME may not change while paging is on
    CHECK(f.write(0xc0000080, 0xd01));
}

TEST_CASE("exit_msr.pat_and_tsc_aux_reach_the_processor_when_valid") {
    msr_fixture f;
    CHECK(f.write(0x277, 0x0407050600070106));
    CHECK(noting_vendor::pat == 0x0407050600070106);
    CHECK_FALSE(f.write(0x277, 0x02)); // a reserved type
    auto const extended = f.d.cpuid.get(x86::cpuid::leaf_ext_features);
    auto with = extended;
    x86::set(with, x86::cpuid::rdtscp, true);
    f.d.cpuid.set(x86::cpuid::leaf_ext_features, hv::cpuid_policy::no_subleaf, with).value();
    CHECK(f.write(0xc0000103, 7));
    CHECK(f.m.cpu.tsc_aux == 7);
    CHECK(f.read(0xc0000103) == 7);
    CHECK_FALSE(f.write(0xc0000103, std::uint64_t{1} << 32));
    auto without = extended;
    x86::set(without, x86::cpuid::rdtscp, false);
    f.d.cpuid.set(x86::cpuid::leaf_ext_features, hv::cpuid_policy::no_subleaf, without).value();
    auto leaf7 = f.d.cpuid.get(x86::cpuid::leaf_features7, 0);
    x86::set(leaf7, x86::cpuid::rdpid, false);
    f.d.cpuid.set(x86::cpuid::leaf_features7, 0, leaf7).value();
    CHECK_FALSE(f.write(0xc0000103, 7)); // a processor without it would fault in our hands
    CHECK(f.read(0xc0000103) == std::nullopt);
}

TEST_CASE("exit_msr.x2apic_registers_exist_in_x2apic_mode_alone") {
    msr_fixture f;
    CHECK(f.read(0x802) == std::nullopt);
    CHECK(f.write(0x1b, 0xfee00d00));
    CHECK(f.read(0x802) == 0);
    CHECK(f.read(0x803) == hv::vlapic::version_word);
    CHECK(f.write(0x80f, 0x1ff));
    CHECK(f.write(0x808, 0x10));
    CHECK(f.read(0x808) == 0x10);
    CHECK(f.read(0x80d).has_value());
    for (std::uint32_t n = 0x810; n < 0x818; ++n) {
        CHECK(f.read(n) == 0);        // in service
        CHECK(f.read(n + 0x10) == 0); // requested
    }
    CHECK(f.write(0x828, 0));
    CHECK_FALSE(f.write(0x828, 1));
    CHECK_FALSE(f.write(0x1b, 0x12345d00)); // the page does not move
    CHECK_FALSE(f.read(0x83f).has_value());
}

TEST_CASE("exit_msr.the_hypercall_page_lands_in_own_memory_alone") {
    msr_fixture f;
    CHECK(f.write(0x40000000, 0x5000));
    CHECK(f.m.at<std::uint32_t>(f.d, 0x5000 + 32 * 24) == 0x000018b8); // mov $24, %eax
    CHECK_FALSE(f.write(0x40000000, 0x5001));
    CHECK_FALSE(f.write(0x40000000, 0x7fff0000));
    CHECK_FALSE(f.write(0x40000000, ~std::uint64_t{0xfff}));
    auto& granter = f.m.add_guest(2);
    auto const frame = f.m.must(hv::get_page(granter, gfn(4))).release(); // as a grant would map it
    f.m.must(hv::p2m_add(f.d, gfn(32), frame, 0));
    CHECK_FALSE(f.write(0x40000000, 32 * page_size));
}
