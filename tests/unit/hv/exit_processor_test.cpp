// SPDX-License-Identifier: Apache-2.0
// CPUID, HLT and XSETBV, and how the outcome of an exit takes effect.
#include "exit_fixture.hpp"

#include <xenpp/hv/exit_processor.hpp>

using namespace xenpp;
using namespace xenpp::fakes;
using action = hv::exit_action;
using kind = hv::exit_action::kind;

namespace {

void apply(vcpu& v, action const& a) {
    hv::apply_exit<noting_vendor>(v, a);
}

} // namespace

TEST_CASE("exit_processor.cpuid_answers_as_xen_in_32_bits") {
    exit_fixture f;
    auto& c = f.v.context;
    c.rax = 0xffffffff'40000000;
    CHECK(hv::handle_cpuid(f.v).what == kind::skip);
    CHECK(c.rax == 0x40000005);
    CHECK(c.rbx == 0x566e6558); // "XenV"
    c.rax = 0x40000100;
    CHECK(hv::handle_cpuid(f.v).what == kind::skip);
    CHECK((c.rax | c.rbx | c.rcx | c.rdx) == 0);
    c.rax = 1;
    CHECK(hv::handle_cpuid(f.v).what == kind::skip);
    CHECK((c.rcx >> 31 & 1) == 1); // a hypervisor
    CHECK((c.rcx >> 24 & 1) == 0); // no TSC deadline
}

TEST_CASE("exit_processor.xsetbv_takes_what_cpuid_offers") {
    exit_fixture f;
    auto& c = f.v.context;
    auto const set = [&](std::uint32_t reg, std::uint64_t value) {
        c.rcx = reg;
        c.rax = value & 0xffffffff;
        c.rdx = value >> 32;
        return hv::handle_xsetbv(f.v);
    };
    CHECK(set(0, 3).what == kind::skip);
    CHECK(f.m.cpu.xcr0 == 3);
    CHECK(f.v.xcr0 == 3);
    CHECK(is_fault(set(0, 2)));                      // without x87
    CHECK(is_fault(set(0, 5)));                      // AVX without SSE
    CHECK(is_fault(set(0, std::uint64_t{1} << 62))); // nothing that exists
    CHECK(is_fault(set(1, 3)));
    c.cpl = 3;
    CHECK(is_fault(set(0, 3)));
    CHECK(f.v.xcr0 == 3);
}

TEST_CASE("exit_processor.hlt_with_interrupts_on_waits") {
    exit_fixture f;
    f.v.context.rflags = 0x202;
    f.v.context.rip = 0x100;
    apply(f.v, hv::handle_hlt(f.v));
    CHECK(f.v.context.rip == 0x102);
    CHECK(f.is_paused(f.v, hv::pause_blocked));
    CHECK(hv::needs_resched(*f.m.hv));
    CHECK_FALSE(f.d.is_shut_down);
}

TEST_CASE("exit_processor.hlt_does_not_wait_when_an_interrupt_is_due") {
    exit_fixture f;
    CHECK(f.v.lapic.write(hv::apic_reg::svr, 0x1ff));
    CHECK(f.v.lapic.post(0xf3));
    f.v.context.rflags = 0x202;
    apply(f.v, hv::handle_hlt(f.v));
    CHECK_FALSE(f.is_paused(f.v, hv::pause_blocked));
}

TEST_CASE("exit_processor.hlt_with_interrupts_off_on_all_vcpus_is_a_power_off") {
    exit_fixture f;
    f.start(f.other);
    f.v.context.rflags = 2;
    apply(f.v, hv::handle_hlt(f.v));
    CHECK(f.is_paused(f.v, hv::pause_down));
    CHECK_FALSE(f.d.is_shut_down);
    f.other.context.rflags = 2;
    apply(f.other, hv::handle_hlt(f.other));
    CHECK(f.d.is_shut_down);
    CHECK(f.d.shutdown_code == abi::shutdown_poweroff);
}

TEST_CASE("exit_processor.a_vcpu_that_was_never_started_does_not_keep_a_domain_up") {
    exit_fixture f;
    f.v.context.rflags = 2;
    apply(f.v, hv::handle_hlt(f.v));
    CHECK(f.d.is_shut_down);
}

TEST_CASE("exit_processor.a_vcpu_that_waits_for_a_sipi_does_not_keep_a_domain_up") {
    exit_fixture f;
    f.start(f.other);
    hv::send_ipi(f.v, std::uint64_t{2} << 56 | 0x4500, false); // INIT
    f.v.context.rflags = 2;
    apply(f.v, hv::handle_hlt(f.v));
    CHECK(f.d.is_shut_down);
}

TEST_CASE("exit_apply.an_exception_goes_to_the_vendor") {
    exit_fixture f;
    apply(f.v, action::inject(x86::exception::invalid_opcode));
    REQUIRE(noting_vendor::injected);
    CHECK(noting_vendor::injected->vector == x86::exception::invalid_opcode);
}

TEST_CASE("exit_apply.a_crash_ends_the_domain_and_says_where") {
    exit_fixture f;
    f.v.context.rip = 0xabc;
    apply(f.v, action::crash("a test"));
    CHECK(f.d.shutdown_code == abi::shutdown_crash);
    CHECK(f.m.cpu.console().find("d1v0 crashed: a test") != std::string::npos);
    CHECK(f.m.cpu.console().find("rip 0xabc") != std::string::npos);
    CHECK(hv::choose(*f.m.hv, &f.v) == nullptr);
}

TEST_CASE("exit_apply.an_instruction_of_unknown_length_is_a_crash") {
    exit_fixture f;
    noting_vendor::can_skip = false;
    apply(f.v, action::skip());
    CHECK(f.d.shutdown_code == abi::shutdown_crash);
}

TEST_CASE("exit_apply.a_triple_fault_is_a_reboot") {
    exit_fixture f;
    apply(f.v, action::triple_fault());
    CHECK(f.d.shutdown_code == abi::shutdown_reboot);
}

TEST_CASE("exit_apply.resuming_changes_nothing") {
    exit_fixture f;
    f.v.context.rip = 0x100;
    apply(f.v, action::resume());
    apply(f.v, action::interrupted());
    CHECK(f.v.context.rip == 0x100);
    CHECK(atomic_load(f.v.pause) == 0);
    CHECK_FALSE(hv::needs_resched(*f.m.hv));
}
