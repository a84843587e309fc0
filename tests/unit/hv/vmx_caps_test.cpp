// SPDX-License-Identifier: Apache-2.0
// What the hypervisor wants of VMX against what real models allow (their MSRs as Bochs has them).
#include <xenpp/hv/vmx/caps.hpp>

#include <map>
#include <string_view>

using namespace xenpp;
namespace vmx = xenpp::hv::vmx;
using x86::msr;

namespace {

using msrs = std::map<msr, std::uint64_t>;

/// A Skylake-X.
msrs skylake() {
    return {
        {msr::ia32_vmx_basic, 0xd8'1000'0000'002b},
        {msr::ia32_vmx_true_pinbased_ctls, 0x7f'0000'0016},
        {msr::ia32_vmx_true_procbased_ctls, 0xf7f9'fffe'0400'6172},
        {msr::ia32_vmx_procbased_ctls2, 0x0217'7fff'0000'0000},
        {msr::ia32_vmx_true_exit_ctls, 0x7f'ffff'0003'6dfb},
        {msr::ia32_vmx_true_entry_ctls, 0xffff'0000'11fb},
        {msr::ia32_vmx_misc, 0x6004'01e0},
        {msr::ia32_vmx_cr0_fixed0, 0x8000'0021},
        {msr::ia32_vmx_cr0_fixed1, 0xffff'ffff},
        {msr::ia32_vmx_cr4_fixed0, 0x2000},
        {msr::ia32_vmx_cr4_fixed1, 0x37'27ff},
        {msr::ia32_vmx_ept_vpid_cap, 0xf01'0633'4141},
    };
}

/// Asking for an MSR that is not there fails the test, as it would fault.
vmx::capabilities decode(msrs const& m) {
    return vmx::decode([&](msr n) {
        INFO("MSR " << std::hex << x86::raw(n));
        REQUIRE(m.count(n) == 1);
        return m.at(n);
    });
}

constexpr std::uint32_t control(vmx::capabilities const& c, vmx::field f) {
    return c.controls[static_cast<unsigned>(f)];
}

} // namespace

TEST_CASE("vmx_caps.what_must_be_set_is_and_what_may_not_is_not") {
    auto const c = decode(skylake());
    CHECK(c.lacks == nullptr);
    CHECK(c.revision == 0x2b);
    CHECK(c.has_vpid());
    CHECK(c.notes_use());
    CHECK((control(c, vmx::field::pin) & 0x16) == 0x16);
    CHECK((control(c, vmx::field::primary) & 0x0400'6172) == 0x0400'6172);
    for (auto const& r : vmx::rows) {
        INFO(r.what);
        if (r.how == vmx::wish::needed) {
            CHECK(c.has(r.in, r.bit));
        } else if (r.how == vmx::wish::off || r.how == vmx::wish::by_need) {
            CHECK_FALSE(c.has(r.in, r.bit));
        }
    }
}

TEST_CASE("vmx_caps.every_need_that_is_not_met_has_a_sentence") {
    struct {
        vmx::field in;
        msr number;
    } const where[] = {{vmx::field::pin, msr::ia32_vmx_true_pinbased_ctls},
                       {vmx::field::primary, msr::ia32_vmx_true_procbased_ctls},
                       {vmx::field::secondary, msr::ia32_vmx_procbased_ctls2},
                       {vmx::field::exit, msr::ia32_vmx_true_exit_ctls},
                       {vmx::field::entry, msr::ia32_vmx_true_entry_ctls}};

    for (auto const& r : vmx::rows) {
        auto m = skylake();
        auto& value = m[where[static_cast<unsigned>(r.in)].number];
        if (r.how == vmx::wish::off) {
            value |= r.bit; // must be one
        } else {
            value &= ~(std::uint64_t{r.bit} << 32); // must be zero
        }
        auto const c = decode(m);
        INFO(r.what);
        if (r.how == vmx::wish::used) {
            CHECK(c.lacks == nullptr);
            CHECK_FALSE(c.has(r.in, r.bit));
        } else {
            CHECK(c.lacks == r.what);
        }
    }
}

TEST_CASE("vmx_caps.interrupts_are_delivered_with_both_controls_or_not_at_all") {
    CHECK(decode(skylake()).delivers_interrupts());
    for (auto const missing : {x86::secondary::x2apic, x86::secondary::interrupt_delivery}) {
        auto m = skylake();
        m[msr::ia32_vmx_procbased_ctls2] &= ~(std::uint64_t{missing.raw()} << 32);
        auto const c = decode(m);
        CHECK(c.lacks == nullptr);
        CHECK_FALSE(c.delivers_interrupts());
        CHECK((control(c, vmx::field::secondary) & vmx::apic_virtualization.raw()) == 0);
    }
}

TEST_CASE("vmx_caps.without_unrestricted_guest_it_says_so") {
    auto m = skylake(); // a Lynnfield
    m[msr::ia32_vmx_procbased_ctls2] = std::uint64_t{0x7f} << 32;
    CHECK(std::string_view(decode(m).lacks) == "unrestricted guest (guests in real mode)");
}

TEST_CASE("vmx_caps.without_secondary_controls_their_msrs_are_not_asked_for") {
    auto m = skylake();
    m[msr::ia32_vmx_true_procbased_ctls] &= ~(std::uint64_t{1} << 63);
    m.erase(msr::ia32_vmx_procbased_ctls2);
    m.erase(msr::ia32_vmx_ept_vpid_cap);
    CHECK(std::string_view(decode(m).lacks) == "secondary controls");
}

TEST_CASE("vmx_caps.the_first_processors_have_no_true_controls") {
    auto m = skylake();
    m[msr::ia32_vmx_basic] &= ~(std::uint64_t{1} << 55);
    for (auto const& f : vmx::capability_msrs) {
        if (f.true_controls != f.plain) {
            m[f.plain] = m.at(f.true_controls);
            m.erase(f.true_controls);
        }
    }
    CHECK(decode(m).lacks == nullptr);
}

TEST_CASE("vmx_caps.the_firmware_may_have_switched_it_off") {
    x86::cpuid_leaf leaf{};
    CHECK(std::string_view(vmx::switched_off(leaf, 5)) == "the processor has no VMX");
    leaf.c = 1U << 5;
    CHECK(vmx::switched_off(leaf, 5) == nullptr);
    CHECK(vmx::switched_off(leaf, 0) == nullptr); // not locked: it is ours to set
    CHECK(vmx::switched_off(leaf, 1) != nullptr);
}
