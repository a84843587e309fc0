// SPDX-License-Identifier: Apache-2.0
// Laws of the APIC encodings: register numbers map both ways, commands read back.
#include <xenpp/x86/apic.hpp>

using namespace xenpp::x86;

TEST_CASE("apic_register.msr_and_offset_map_both_ways") {
    for (unsigned o = 0; o < 0x400; o += 16) {
        auto const r = static_cast<apic_register>(o);
        CHECK(is_x2apic(to_msr(r)));
        CHECK(to_apic_register(to_msr(r)) == r);
    }
    CHECK(word(apic_register::irr0, 7) == apic_register(0x270));
}

TEST_CASE("icr.commands_read_back") {
    for (auto mode :
         {delivery_mode::fixed, delivery_mode::nmi, delivery_mode::init, delivery_mode::startup}) {
        for (auto to : {icr_shorthand::none, icr_shorthand::self, icr_shorthand::all,
                        icr_shorthand::all_but_self}) {
            auto const v = icr::make(mode, 0xf3, 0x7f, to);
            CHECK(icr::mode_of(v) == mode);
            CHECK(icr::shorthand_of(v) == to);
            CHECK(icr::vector.get(v) == 0xf3);
            CHECK(icr::x2apic_destination.get(v) == 0x7f);
        }
    }
}

TEST_CASE("apic_timer.every_divisor_is_reachable") {
    unsigned const expected[] = {2, 4, 8, 16, 32, 64, 128, 1};
    std::uint32_t const codes[] = {0, 1, 2, 3, 8, 9, 10, 11};
    for (unsigned i = 0; i < 8; ++i) {
        CHECK(timer_divisor(codes[i]) == expected[i]);
    }
}
