// SPDX-License-Identifier: Apache-2.0
// Laws of descriptors and CPUID features: what is built is read back.
#include <xenpp/x86/cpuid.hpp>
#include <xenpp/x86/descriptor.hpp>

#include <bit>

using namespace xenpp::x86;

TEST_CASE("segment_descriptor.fields_read_back") {
    for (std::uint32_t base : {0u, 0x1234'5678u, 0xffff'ffffu, 0x00ff'0000u}) {
        for (std::uint32_t limit : {0u, 0x67u, 0xfffffu, 0x8'0001u}) {
            for (unsigned bits : {0u, 0xc9bu, 0xfffu, 0x08bu}) {
                auto const attributes = static_cast<std::uint16_t>(bits);
                auto const d = make_segment(base, limit, attributes);
                CHECK(d.base() == base);
                CHECK(d.raw_limit() == limit);
                CHECK(d.attributes() == attributes);
            }
        }
    }
}

TEST_CASE("segment_descriptor.granularity_scales_the_limit") {
    CHECK(make_segment(0, 0, segment_attribute::granularity).limit() == 0xfff);
    CHECK(make_segment(0, 0xffff, 0).limit() == 0xffff);
    CHECK(make_data(0).limit() == 0xffff'ffff);
}

TEST_CASE("idt_gate.fields_read_back") {
    for (std::uint64_t offset : {0ull, 0xffff'8300'dead'beefull, 0x0123'4567'89ab'cdefull}) {
        for (unsigned ist = 0; ist < 8; ++ist) {
            for (unsigned dpl = 0; dpl < 4; ++dpl) {
                auto const g =
                    make_gate(system_type::trap_gate, gdt_selector(3, 0), offset, ist, dpl);
                CHECK(g.offset() == offset);
                CHECK(g.ist() == ist);
                CHECK(g.dpl() == dpl);
                CHECK(g.selector() == gdt_selector(3, 0));
                CHECK(g.is_present());
            }
        }
    }
}

TEST_CASE("selector.parts") {
    selector const s{0xe033};
    CHECK(s.index() == 0x1c06);
    CHECK(s.rpl() == 3);
    CHECK_FALSE(s.is_ldt());
    CHECK(selector{3}.is_null());
    CHECK_FALSE(selector{4}.is_null());
}

TEST_CASE("cpuid_feature.set_and_has_agree") {
    cpuid_leaf l{};
    for (auto f : {cpuid::svm_np, cpuid::x2apic, cpuid::smep, cpuid::xsaveopt, cpuid::hypervisor}) {
        l = {};
        set(l, f, true);
        CHECK(has(l, f));
        CHECK(std::popcount(l.a) + std::popcount(l.b) + std::popcount(l.c) + std::popcount(l.d) ==
              1);
        set(l, f, false);
        CHECK(l == cpuid_leaf{});
    }
    // Leaf 1 ecx and 0x80000008 eax of the reference guest's processor.
    cpuid_leaf const features{0, 0, 0xf6f8'3203, 0};
    CHECK(has(features, cpuid::hypervisor));
    CHECK(has(features, cpuid::x2apic));
    CHECK_FALSE(has(features, cpuid::tsc_deadline));
    CHECK(cpuid::physical_bits({0x3028, 0, 0, 0}) == 40);
    CHECK(cpuid::linear_bits({0x3028, 0, 0, 0}) == 48);
}
