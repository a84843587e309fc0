// SPDX-License-Identifier: Apache-2.0
// The local APIC's registers: priorities, end of interrupt, modes, destinations.
#include <xenpp/hv/vlapic.hpp>

using namespace xenpp;
using hv::vlapic;
namespace apic_reg = xenpp::hv::apic_reg;
namespace apic_base = xenpp::hv::apic_base;

namespace {

vlapic enabled(std::uint32_t id = 0) {
    vlapic a;
    a.reset(id, id == 0);
    CHECK(a.write(apic_reg::svr, 0x1ff));
    return a;
}

vlapic x2apic(std::uint32_t id) {
    vlapic a = enabled(id);
    CHECK(a.set_base(apic_base::address | apic_base::enabled | apic_base::x2apic));
    return a;
}

} // namespace

TEST_CASE("vlapic.delivers_the_highest_vector_first") {
    auto a = enabled();
    a.post(0x31);
    a.post(0xf3);
    CHECK(a.deliverable() == 0xf3);
    a.acknowledge(0xf3);
    CHECK(a.deliverable() == -1); // 0x31 is below the one in service
    CHECK(a.write(apic_reg::eoi, 0));
    CHECK(a.deliverable() == 0x31);
}

TEST_CASE("vlapic.honours_the_task_priority_and_the_software_enable") {
    auto a = enabled();
    a.post(0x45);
    CHECK(a.write(apic_reg::tpr, 0x40));
    CHECK(a.deliverable() == -1);
    CHECK(a.write(apic_reg::tpr, 0x30));
    CHECK(a.deliverable() == 0x45);
    CHECK(a.write(apic_reg::svr, 0xff));
    CHECK(a.deliverable() == -1);
    CHECK(a.raw(apic_reg::lvt_timer) == vlapic::lvt_masked);
}

TEST_CASE("vlapic.drops_vectors_that_no_apic_accepts") {
    auto a = enabled();
    CHECK_FALSE(a.post(15));
    CHECK(a.set_base(apic_base::address));
    CHECK_FALSE(a.post(0x40));
}

TEST_CASE("vlapic.mode_changes_follow_the_manual") {
    auto a = enabled();
    CHECK_FALSE(a.set_base(apic_base::address | apic_base::x2apic)); // x2APIC without enable
    CHECK_FALSE(a.set_base(0x12345000 | apic_base::enabled));        // the page does not move
    CHECK(a.set_base(apic_base::address | apic_base::enabled | apic_base::x2apic));
    CHECK_FALSE(a.set_base(apic_base::address | apic_base::enabled)); // not straight back
    CHECK(a.set_base(apic_base::address));
    CHECK_FALSE(a.set_base(apic_base::address | apic_base::enabled | apic_base::x2apic));
    CHECK(a.set_base(apic_base::address | apic_base::enabled));
}

TEST_CASE("vlapic.x2apic_refuses_what_it_does_not_have") {
    auto a = x2apic(2);
    CHECK_FALSE(a.read(apic_reg::dfr));
    CHECK_FALSE(a.read(apic_reg::icr_high));
    CHECK_FALSE(a.write(apic_reg::id, 7));
    CHECK_FALSE(a.write(apic_reg::esr, 1));
    CHECK_FALSE(a.write(apic_reg::tpr, std::uint64_t{1} << 32));
    CHECK(*a.read(apic_reg::id) == 2);
    CHECK(*a.read(apic_reg::ldr) == 4); // cluster 0, bit 2
}

TEST_CASE("vlapic.interrupt_command_keeps_its_destination") {
    auto a = x2apic(0);
    auto const e = a.write(apic_reg::icr, (std::uint64_t{2} << 32) | 0x4500);
    REQUIRE(e);
    CHECK(e->what == hv::vlapic_effect::kind::ipi);
    CHECK(e->icr == ((std::uint64_t{2} << 32) | 0x4500));
    auto b = enabled();
    CHECK(b.write(apic_reg::icr_high, 2U << 24));
    auto const f = b.write(apic_reg::icr, 0x4699);
    REQUIRE(f);
    CHECK(f->icr >> 56 == 2);
}

TEST_CASE("vlapic.matches_destinations") {
    CHECK(x2apic(2).matches(2, false, true));
    CHECK_FALSE(x2apic(2).matches(0, false, true));
    CHECK(x2apic(2).matches(0xffffffff, false, true));
    CHECK(x2apic(2).matches(4, true, true));
    CHECK_FALSE(x2apic(2).matches(1, true, true));
    auto flat = enabled(1);
    CHECK(flat.write(apic_reg::ldr, 0x02000000));
    CHECK(flat.matches(0x03, true, false));
    CHECK_FALSE(flat.matches(0x04, true, false));
}

TEST_CASE("vlapic.timer_divides_as_the_manual_encodes_it") {
    auto a = enabled();

    struct {
        std::uint32_t code;
        unsigned shift;
    } const rows[] = {{0b0000, 1}, {0b0001, 2}, {0b0010, 3}, {0b0011, 4},
                      {0b1000, 5}, {0b1001, 6}, {0b1010, 7}, {0b1011, 0}};

    for (auto const& r : rows) {
        CHECK(a.write(apic_reg::timer_divide, r.code));
        CHECK(a.timer_divide_shift() == r.shift);
    }
}
