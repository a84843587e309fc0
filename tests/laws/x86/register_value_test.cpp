// SPDX-License-Identifier: Apache-2.0
// Laws of the register types: masks are disjoint, fields round-trip, foreign bits are kept.
#include <xenpp/x86/control_register.hpp>
#include <xenpp/x86/exception.hpp>
#include <xenpp/x86/msr.hpp>
#include <xenpp/x86/register_value.hpp>

#include <bit>
#include <initializer_list>
#include <tuple>
#include <type_traits>

using namespace xenpp::x86;

namespace {

template <class Register>
constexpr bool are_disjoint(std::initializer_list<Register> masks) {
    typename Register::rep seen = 0;
    for (Register m : masks) {
        if ((seen & m.raw()) != 0) {
            return false;
        }
        seen |= m.raw();
    }
    return true;
}

static_assert(are_disjoint({cr0::pe, cr0::mp, cr0::em, cr0::ts, cr0::et, cr0::ne, cr0::wp, cr0::am,
                            cr0::nw, cr0::cd, cr0::pg}));
static_assert(std::popcount(cr0::all.raw()) == 11);
static_assert(cr4::all.raw() == 0x1f7'7fff);
static_assert(std::popcount(efer::all.raw()) == 9);
static_assert(rflags::all.raw() == 0x3f'7fd7);
static_assert(are_disjoint({rflags::arithmetic, rflags::reserved_one, rflags::interrupt,
                            rflags::iopl.mask(), rflags::trap, rflags::direction, rflags::resume}));
static_assert(are_disjoint({page_fault_error::present, page_fault_error::write,
                            page_fault_error::user, page_fault_error::reserved,
                            page_fault_error::fetch, page_fault_error::protection_key,
                            page_fault_error::shadow_stack}));
static_assert(are_disjoint({apic_base::bsp, apic_base::extd, apic_base::enable,
                            apic_base::address_mask}));
static_assert(!std::is_convertible_v<cr0::value, cr4::value>);
static_assert(!std::is_convertible_v<std::uint64_t, cr4::value>);

// Values that guests of the reference trace load (CR0 and CR4 of a running kernel, EFER of an AP).
static_assert(cr0::value(0x8005'0033) ==
              (cr0::pg | cr0::am | cr0::wp | cr0::ne | cr0::et | cr0::mp | cr0::pe));
static_assert(cr4::value(0x55'0eb0).has(cr4::smep | cr4::osxsave | cr4::fsgsbase | cr4::pge));
static_assert(!cr4::value(0x55'0e30).has(cr4::pge));
static_assert(efer::value(0xd01) == (efer::sce | efer::lme | efer::lma | efer::nxe));
static_assert(apic_base::value(0xfee0'0d00) ==
              (apic_base::address_default | apic_base::bsp | apic_base::extd | apic_base::enable));

} // namespace

TEMPLATE_TEST_CASE("register_value.operations_touch_only_their_mask",
                   "",
                   cr0::value,
                   cr4::value,
                   efer::value,
                   rflags::value,
                   page_fault_error::value) {
    using rep = typename TestType::rep;
    static_assert(sizeof(TestType) == sizeof(rep) && std::is_trivially_copyable_v<TestType>);
    for (unsigned bit = 0; bit < sizeof(rep) * 8; ++bit) {
        TestType const mask(static_cast<rep>(rep{1} << bit));
        for (rep sample : {rep{0}, static_cast<rep>(~rep{0}), static_cast<rep>(0x5aa5'c33c)}) {
            TestType const v(sample);
            CHECK(v.with(mask).has(mask));
            CHECK_FALSE(v.without(mask).has_any(mask));
            CHECK((v.with(mask) & ~mask) == (v & ~mask));
            CHECK((v.without(mask) & ~mask) == (v & ~mask));
            CHECK(v.merge(mask, v) == v);
        }
    }
}

TEST_CASE("register_field.set_then_get_is_the_value_and_keeps_the_rest") {
    rflags::value const v(0x0020'0ed7);
    for (std::uint64_t iopl = 0; iopl < 4; ++iopl) {
        auto const w = rflags::iopl.set(v, iopl);
        CHECK(rflags::iopl.get(w) == iopl);
        CHECK(w.without(rflags::iopl.mask()) == v.without(rflags::iopl.mask()));
    }
    CHECK(rflags::iopl.set(v, 0xff) == rflags::iopl.set(v, 3));
}

TEST_CASE("xcr0.accepts_what_xsetbv_accepts") {
    using namespace xcr0;
    value const every = x87 | sse | avx | opmask | zmm_hi256 | hi16_zmm | pkru;
    CHECK(is_valid(x87, every));
    CHECK(is_valid(x87 | sse | avx, every));
    CHECK(is_valid(every, every));
    CHECK_FALSE(is_valid(sse, every));                                       // without x87
    CHECK_FALSE(is_valid(x87 | avx, every));                                 // AVX without SSE
    CHECK_FALSE(is_valid(x87 | sse | avx | opmask, every));                  // a part of AVX-512
    CHECK_FALSE(is_valid(x87 | sse | bndregs | bndcsr, every));              // not offered
    CHECK_FALSE(is_valid(x87 | sse | opmask | zmm_hi256 | hi16_zmm, every)); // AVX-512 without AVX
}

TEST_CASE("pat.only_memory_types_are_valid") {
    CHECK(is_valid_pat(pat_reset));
    CHECK(is_valid_pat(0x0005'0100'0704'06));
    for (unsigned i = 0; i < 8; ++i) {
        for (std::uint64_t bad : {2u, 3u, 8u, 0xffu}) {
            CHECK_FALSE(is_valid_pat((pat_reset & ~(std::uint64_t{0xff} << 8 * i)) | bad << 8 * i));
        }
    }
}

TEST_CASE("exception.escalation_follows_the_manuals_table") {
    using enum exception;
    CHECK(escalate(divide_error, general_protection) == escalation::double_fault);
    CHECK(escalate(general_protection, page_fault) == escalation::serial);
    CHECK(escalate(page_fault, general_protection) == escalation::double_fault);
    CHECK(escalate(page_fault, page_fault) == escalation::double_fault);
    CHECK(escalate(page_fault, debug) == escalation::serial);
    CHECK(escalate(debug, page_fault) == escalation::serial);
    CHECK(escalate(double_fault, page_fault) == escalation::shutdown);
    CHECK(escalate(double_fault, stack_fault) == escalation::shutdown);
    CHECK(escalate(double_fault, debug) == escalation::serial);
}

TEST_CASE("exception.every_architectural_vector_has_a_name") {
    unsigned named = 0;
    for (unsigned v = 0; v < exception_vectors; ++v) {
        auto const e = static_cast<exception>(v);
        named += name(e).empty() ? 0u : 1u;
        if (pushes_error_code(e)) {
            CHECK_FALSE(name(e).empty());
        }
    }
    CHECK(named == 24);
}
