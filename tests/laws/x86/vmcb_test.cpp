// SPDX-License-Identifier: Apache-2.0
// Laws of the VMCB: a set field is read back and takes exactly its clean bit; events round-trip.
#include <xenpp/x86/vmcb.hpp>

#include <memory>

using namespace xenpp::x86;

namespace {

template <auto Member>
bool sets_only(vmcb_clean::value expected) {
    auto const page = std::make_unique<vmcb>();
    vmcb_ref const v(*page);
    v.set_all_clean();
    vmcb_member_t<Member> changed = (*page).*Member;
    // Every settable field is at least a byte; changing the first byte makes it differ.
    reinterpret_cast<unsigned char&>(changed) = 0xa5;
    v.set<Member>(changed);
    return (*v).*Member == changed && v->clean == (vmcb_clean::all & ~expected);
}

static_assert(!VmcbWritable<&vmcb::exit_code>);
static_assert(!VmcbWritable<&vmcb::nrip>);
static_assert(!VmcbWritable<&vmcb::clean>);
static_assert(!VmcbWritable<&vmcb::reserved_018>);
static_assert(VmcbWritable<&vmcb::rip>);

constexpr bool intercepts_switch_one_bit() {
    vmcb page{};
    vmcb_ref const v(page);
    v.set_all_clean();
    v.set_intercept(intercept::cpuid, true);
    v.set_intercept(intercept::vmrun, true);
    v.set_dr_read_intercept(7, true);
    v.set_exception_intercept(exception::page_fault, true);
    bool const set =
        page.intercepts == std::array<std::uint32_t, 6>{0, 1u << 7, 1u << 14, 1u << 18, 1u, 0};
    v.set_intercept(intercept::cpuid, false);
    return set && !v.has_intercept(intercept::cpuid) && v.has_intercept(intercept::vmrun) &&
           page.clean == (vmcb_clean::all & ~vmcb_clean::intercepts);
}

static_assert(intercepts_switch_one_bit());

} // namespace

TEST_CASE("vmcb_ref.setting_a_field_clears_its_clean_bit_and_no_other") {
    CHECK(sets_only<&vmcb::tsc_offset>(vmcb_clean::intercepts));
    CHECK(sets_only<&vmcb::msrpm_base_pa>(vmcb_clean::iopm));
    CHECK(sets_only<&vmcb::asid>(vmcb_clean::asid));
    CHECK(sets_only<&vmcb::v_intr>(vmcb_clean::tpr));
    CHECK(sets_only<&vmcb::n_cr3>(vmcb_clean::np));
    CHECK(sets_only<&vmcb::g_pat>(vmcb_clean::np));
    CHECK(sets_only<&vmcb::cr0>(vmcb_clean::crx));
    CHECK(sets_only<&vmcb::cr3>(vmcb_clean::crx));
    CHECK(sets_only<&vmcb::efer>(vmcb_clean::crx));
    CHECK(sets_only<&vmcb::dr7>(vmcb_clean::drx));
    CHECK(sets_only<&vmcb::idtr>(vmcb_clean::dt));
    CHECK(sets_only<&vmcb::ss>(vmcb_clean::seg));
    CHECK(sets_only<&vmcb::cpl>(vmcb_clean::seg));
    CHECK(sets_only<&vmcb::cr2>(vmcb_clean::cr2));
    CHECK(sets_only<&vmcb::dbg_ctl>(vmcb_clean::lbr));
    CHECK(sets_only<&vmcb::rip>(vmcb_clean::none));
    CHECK(sets_only<&vmcb::rflags>(vmcb_clean::none));
    CHECK(sets_only<&vmcb::event_inj>(vmcb_clean::none));
}

TEST_CASE("event_injection.decode_of_encode_is_the_event") {
    using kind = event_injection::kind;
    for (kind k : {kind::interrupt, kind::nmi, kind::exception, kind::software_interrupt}) {
        for (unsigned vector = 0; vector < 256; ++vector) {
            for (auto code : {std::optional<std::uint32_t>{}, std::optional<std::uint32_t>{0},
                              std::optional<std::uint32_t>{0xdead'beef}}) {
                event_injection const e{k, static_cast<std::uint8_t>(vector), code};
                CHECK(decode_event(encode(e)) == e);
            }
        }
    }
}

TEST_CASE("event_injection.an_invalid_or_reserved_word_is_no_event") {
    CHECK_FALSE(decode_event(0));
    CHECK_FALSE(decode_event(0x0000'0b0d));
    for (std::uint64_t type : {1u, 5u, 6u, 7u}) {
        CHECK_FALSE(decode_event(0x8000'0000 | type << 8));
    }
}
