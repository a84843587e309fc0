// SPDX-License-Identifier: Apache-2.0
// Laws of the VMCS types: width and writability follow the encoding; exit views decode.
#include <xenpp/x86/vmcs.hpp>
#include <xenpp/x86/vmx_exit.hpp>

#include <map>

using namespace xenpp::x86;
using xenpp::gpa;

namespace {

struct fake_vmcs {
    std::map<std::uint32_t, std::uint64_t> fields;

    std::uint64_t vmread(std::uint32_t encoding) { return fields[encoding]; }

    void vmwrite(std::uint32_t encoding, std::uint64_t v) { fields[encoding] = v; }
};

template <class F>
using width = typename std::remove_cvref_t<F>::value_type;

static_assert(std::is_same_v<width<decltype(vmcs::guest_cs_selector)>, std::uint16_t>);
static_assert(std::is_same_v<width<decltype(vmcs::exit_reason)>, std::uint32_t>);
static_assert(std::is_same_v<width<decltype(vmcs::ept_pointer)>, std::uint64_t>);
static_assert(std::is_same_v<width<decltype(vmcs::guest_rip)>, std::uint64_t>);
static_assert(!WritableVmcsField<decltype(vmcs::exit_reason)>);
static_assert(!WritableVmcsField<decltype(vmcs::exit_qualification)>);
static_assert(!WritableVmcsField<decltype(vmcs::guest_physical_address)>);
static_assert(WritableVmcsField<decltype(vmcs::guest_rip)>);

template <class Field, class Value>
concept CanWrite = requires(vmcs_ref<fake_vmcs> v, Field f, Value x) {
    v.write(f, x);
};

static_assert(CanWrite<std::remove_const_t<decltype(vmcs::guest_rip)>, std::uint64_t>);
static_assert(!CanWrite<std::remove_const_t<decltype(vmcs::exit_reason)>, std::uint32_t>);
// A field where a value is meant, and a number where a field is meant.
static_assert(!CanWrite<std::remove_const_t<decltype(vmcs::guest_rip)>,
                        std::remove_const_t<decltype(vmcs::host_rip)>>);
static_assert(!CanWrite<std::uint32_t, std::uint64_t>);

} // namespace

TEST_CASE("vmcs_ref.reads_back_what_was_written_at_the_fields_encoding") {
    fake_vmcs cpu;
    vmcs_ref const v(cpu);
    v.write(vmcs::guest_rip, 0xffff'8000'1234'5678);
    CHECK(cpu.fields.at(0x681e) == 0xffff'8000'1234'5678);
    CHECK(v.read(vmcs::guest_rip) == 0xffff'8000'1234'5678);
    cpu.fields[0x4402] = 0x8000'0021;
    CHECK(decode_vmx_exit(v.read(vmcs::exit_reason)) == vmx_exit::entry_invalid_state);
    CHECK((v.read(vmcs::exit_reason) & vmx_entry_failed) != 0);
}

TEST_CASE("vmcs.segment_attributes_convert_both_ways") {
    for (unsigned a = 0; a < 0x1000; ++a) {
        auto const attributes = static_cast<std::uint16_t>(a);
        CHECK(vmcs::attributes_of(vmcs::access_of(attributes)) == attributes);
        CHECK((vmcs::access_of(attributes) & 0x0f00) == 0);
    }
}

TEST_CASE("vmx_exit.qualifications_decode") {
    // in al, 0x42
    CHECK(decode_vmx_io(0x0042'0048, 0) ==
          io_exit{0x42, 1, 2, true, false, false, segment_register::es});
    // rep outsd from fs, 64-bit addresses
    CHECK(decode_vmx_io(0x0cf8'0033, 4u << 15 | 2u << 7) ==
          io_exit{0xcf8, 4, 8, false, true, true, segment_register::fs});
    // read of an absent page; write to a read-only one; a guest table that is not there
    CHECK(decode_vmx_ept(0x181, 0xfee0'0020) ==
          npf_exit{gpa(0xfee0'0020), false, false, false, false, false});
    CHECK(decode_vmx_ept(0x18a, 0x1000) == npf_exit{gpa(0x1000), true, true, false, false, false});
    CHECK(decode_vmx_ept(0x081, 0x2000) == npf_exit{gpa(0x2000), false, false, false, false, true});
    // mov cr4, r9; mov rax, cr3; clts
    CHECK(decode_vmx_cr(0x904) == register_access_exit{4, true, 9});
    CHECK(decode_vmx_cr(0x013) == register_access_exit{3, false, 0});
    CHECK_FALSE(decode_vmx_cr(0x020));
}
