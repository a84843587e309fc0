// SPDX-License-Identifier: Apache-2.0
// The VMCS of a vCPU: what goes in comes out, exits find their handlers, events are repeated.
#include "exit_fixture.hpp"

#include <xenpp/hv/vmx/exit.hpp>
#include <xenpp/hv/vmx/layout.hpp>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string_view>

using namespace xenpp;
using namespace xenpp::fakes;
namespace vmx = xenpp::hv::vmx;
namespace vmcs = xenpp::x86::vmcs;

namespace {

struct fake_vmcs {
    std::map<std::uint32_t, std::uint64_t> fields;

    std::uint64_t vmread(std::uint32_t encoding) { return fields[encoding]; }

    void vmwrite(std::uint32_t encoding, std::uint64_t v) { fields[encoding] = v; }
};

struct vmx_fixture : exit_fixture {
    std::unique_ptr<std::array<std::byte, page_size>> fpu =
        std::make_unique<std::array<std::byte, page_size>>();
    vmx::vcpu_state<fake_vmcs> state;
    x86::vmcs_ref<fake_vmcs> b{state.cpu};

    vmx_fixture() {
        state.fpu = fpu->data();
        v.arch = &state;
        vmx::capabilities caps;
        vmx::init_block(state, caps,
                        {.tables = {0x1000, 0x2000, 0x3000},
                         .ept_pointer = 0x401e,
                         .cr4_offered = d.cr4_offered,
                         .preemption_ticks = 1});
    }

    ~vmx_fixture() { v.arch = nullptr; }

    vmx_fixture(vmx_fixture const&) = delete;
    vmx_fixture& operator=(vmx_fixture const&) = delete;

    /// The exit that the processor would report.
    hv::exit_action exit(x86::vmx_exit reason, std::uint64_t qualification = 0) {
        state.cpu.fields[vmcs::exit_reason.encoding] = static_cast<std::uint64_t>(reason);
        state.cpu.fields[vmcs::exit_qualification.encoding] = qualification;
        return vmx::handle_exit<fake_vmcs>(v);
    }
};

abi::hvm_hw_cpu long_mode_record() {
    abi::hvm_hw_cpu s{};
    s.rip = 0xffffffff81000000, s.rsp = 0x8000, s.rax = 7, s.r15 = 8;
    s.rflags = 0x246;
    s.cr0 = 0x80050011; // without NE
    s.cr2 = 0x1234, s.cr3 = 0x5000, s.cr4 = 0x20;
    s.dr0 = 1, s.dr3 = 4, s.dr6 = 0xffff0ff1, s.dr7 = 0x401;
    s.cs_sel = 8, s.cs_limit = 0xffffffff, s.cs_arbytes = 0xa9b;
    s.ss_sel = 16, s.ss_limit = 0xffffffff, s.ss_arbytes = 0xc93;
    s.ds_arbytes = s.es_arbytes = 0xc93;
    s.fs_base = 0x7000, s.gs_base = 0x9000;
    s.tr_arbytes = 0x8b, s.tr_limit = 0x67;
    s.gdtr_base = 0x100, s.gdtr_limit = 0x7f, s.idtr_base = 0x200, s.idtr_limit = 0xfff;
    s.msr_efer = 0xd01;
    s.msr_star = 11, s.msr_lstar = 12, s.msr_cstar = 13, s.msr_syscall_mask = 14;
    s.shadow_gs = 15, s.sysenter_cs = 16, s.sysenter_esp = 17, s.sysenter_eip = 18;
    return s;
}

} // namespace

TEST_CASE("vmx_layout.the_processor_has_the_apic_only_while_the_guests_is_an_x2apic") {
    vmx_fixture f;
    vmx::shared_tables const tables{0x1000, 0x2000, 0x3000, 0x4000};
    auto const secondary = f.b.read(vmcs::secondary_controls);
    CHECK((secondary & vmx::apic_virtualization.raw()) == 0);
    CHECK(f.b.read(vmcs::msr_bitmap) == 0x3000);
    vmx::switch_apic(f.state, tables, true);
    CHECK(f.state.apic_is_virtual);
    CHECK(f.b.read(vmcs::secondary_controls) == (secondary | vmx::apic_virtualization.raw()));
    CHECK(f.b.read(vmcs::msr_bitmap) == 0x4000);
    vmx::switch_apic(f.state, tables, false);
    CHECK_FALSE(f.state.apic_is_virtual);
    CHECK(f.b.read(vmcs::secondary_controls) == secondary);
    CHECK(f.b.read(vmcs::msr_bitmap) == 0x3000);
}

TEST_CASE("vmx_layout.what_goes_in_comes_out") {
    vmx_fixture f;
    auto s = long_mode_record();
    REQUIRE(vmx::load<fake_vmcs>(f.v, s));
    auto out = vmx::save<fake_vmcs>(f.v);
    out.tsc = 0;
    CHECK(out.msr_tsc_aux == 0);
    std::memcpy(s.fpu_regs, out.fpu_regs, sizeof s.fpu_regs);
    CHECK(std::memcmp(&s, &out, sizeof s) == 0);
}

TEST_CASE("vmx_layout.the_processors_cr0_has_what_vmx_wants") {
    vmx_fixture f;
    REQUIRE(vmx::load<fake_vmcs>(f.v, hv::startup_state(0x9a)));
    x86::cr0::value const real(f.b.read(vmcs::guest_cr0));
    CHECK(real.has(x86::cr0::ne));
    CHECK_FALSE(real.has_any(x86::cr0::pe | x86::cr0::pg));
    CHECK_FALSE(x86::cr0::value(vmx::guest_view_of_cr0(f.b)).has(x86::cr0::ne));
    CHECK((f.b.read(vmcs::guest_cr4) & x86::cr4::vmxe.raw()) != 0);
    CHECK(f.b.read(vmcs::guest_cs_selector) == 0x9a00);
    CHECK(f.b.read(vmcs::guest_cs_base) == 0x9a000);
    CHECK((f.b.read(vmcs::entry_controls) & x86::vm_entry::ia32e_guest.raw()) == 0);
    REQUIRE(vmx::load<fake_vmcs>(f.v, long_mode_record()));
    CHECK((f.b.read(vmcs::entry_controls) & x86::vm_entry::ia32e_guest.raw()) != 0);
}

TEST_CASE("vmx_layout.an_absent_segment_is_unusable") {
    vmx_fixture f;
    REQUIRE(vmx::load<fake_vmcs>(f.v, long_mode_record()));
    CHECK(f.b.read(vmcs::guest_fs_access) == vmcs::access_unusable);
    CHECK(f.b.read(vmcs::guest_cs_access) == 0xa09b);
}

TEST_CASE("vmx_layout.what_cannot_be_is_refused") {
    vmx_fixture f;
    auto s = long_mode_record();
    s.cr4 |= x86::cr4::vmxe.raw();
    CHECK(vmx::load<fake_vmcs>(f.v, s).error() == errc::inval);
    s = long_mode_record();
    s.cr0 |= x86::cr0::nw.raw();
    CHECK(vmx::load<fake_vmcs>(f.v, s).error() == errc::inval);
    // What WRMSR would not take when the vCPU is to run.
    for (auto const address :
         {&abi::hvm_hw_cpu::msr_lstar, &abi::hvm_hw_cpu::msr_cstar, &abi::hvm_hw_cpu::shadow_gs}) {
        s = long_mode_record();
        s.*address = std::uint64_t{1} << 47;
        CHECK(vmx::load<fake_vmcs>(f.v, s).error() == errc::inval);
    }
    s = long_mode_record();
    s.msr_syscall_mask = std::uint64_t{1} << 32;
    CHECK(vmx::load<fake_vmcs>(f.v, s).error() == errc::inval);
}

TEST_CASE("vmx_exit.paging_turned_on_makes_a_64_bit_guest") {
    vmx_fixture f;
    REQUIRE(vmx::load<fake_vmcs>(f.v, hv::startup_state(0)));
    auto& c = f.v.context;
    c.cr0 = 0x11, c.cr4 = 0x20, c.efer = 0x100, c.rax = 0x80010011;
    CHECK(f.exit(x86::vmx_exit::cr_access, 0).what == hv::exit_action::kind::skip);
    CHECK(f.b.read(vmcs::guest_ia32_efer) == 0x500);
    CHECK((f.b.read(vmcs::entry_controls) & x86::vm_entry::ia32e_guest.raw()) != 0);
    CHECK(f.b.read(vmcs::guest_cr0) == 0x80010031);
    CHECK(f.b.read(vmcs::cr0_shadow) == 0x80010011);
}

TEST_CASE("vmx_exit.a_cr0_that_cannot_be_faults") {
    vmx_fixture f;
    auto& c = f.v.context;
    c.cr0 = 0x11, c.cr4 = 0, c.efer = 0x100;
    for (std::uint64_t const bad : {0x80000000ULL,    // paging without protection
                                    0x80000011ULL,    // long mode without PAE
                                    0x20000011ULL}) { // NW without CD
        c.rax = bad;
        auto const a = f.exit(x86::vmx_exit::cr_access, 0);
        CHECK(a.what == hv::exit_action::kind::inject);
        CHECK(a.vector == x86::exception::general_protection);
    }
}

TEST_CASE("vmx_exit.cr4_exits_only_by_what_is_not_offered") {
    vmx_fixture f;
    CHECK((f.b.read(vmcs::cr4_mask) & f.d.cr4_offered) == 0);
    CHECK((f.b.read(vmcs::cr4_mask) & x86::cr4::vmxe.raw()) != 0);
    auto const a = f.exit(x86::vmx_exit::cr_access, 4);
    CHECK(a.what == hv::exit_action::kind::inject);
}

TEST_CASE("vmx_exit.debug_registers_are_given_at_the_first_use") {
    vmx_fixture f;
    f.state.dr = {1, 2, 3, 4};
    f.state.dr6 = 0xffff0ff2;
    CHECK((f.b.read(vmcs::primary_controls) & x86::primary::mov_dr.raw()) != 0);
    CHECK(f.exit(x86::vmx_exit::dr_access, 0).what == hv::exit_action::kind::resume);
    CHECK((f.b.read(vmcs::primary_controls) & x86::primary::mov_dr.raw()) == 0);
    CHECK(f.d.hv.platform.debug_addresses == f.state.dr);
    CHECK(f.d.hv.platform.debug_status == 0xffff0ff2);
}

TEST_CASE("vmx_exit.a_debug_exception_is_noted_in_dr6") {
    vmx_fixture f;
    f.state.dr6 = 0xffff0ff1;
    f.state.cpu.fields[vmcs::exit_interruption_info.encoding] = 0x80000301;
    auto const a = f.exit(x86::vmx_exit::exception_or_nmi, 0x4004); // a step, and breakpoint 2
    CHECK(a.what == hv::exit_action::kind::inject);
    CHECK(a.vector == x86::exception::debug);
    CHECK(f.state.dr6 == 0xffff4ff4);
}

TEST_CASE("vmx_exit.instructions_of_vmx_are_undefined") {
    vmx_fixture f;
    for (auto const reason :
         {x86::vmx_exit::vmxon, x86::vmx_exit::vmlaunch, x86::vmx_exit::vmread,
          x86::vmx_exit::invept, x86::vmx_exit::monitor, x86::vmx_exit::mwait}) {
        auto const a = f.exit(reason);
        CHECK(a.what == hv::exit_action::kind::inject);
        CHECK(a.vector == x86::exception::invalid_opcode);
    }
}

TEST_CASE("vmx_exit.every_reason_has_its_end") {
    using enum x86::vmx_exit;
    using kind = hv::exit_action::kind;
    vmx_fixture f;
    f.v.context.long_code = true;
    f.v.context.rflags = 0x202;
    std::set<x86::vmx_exit> seen;
    auto const ends = [&](kind what, std::initializer_list<x86::vmx_exit> reasons) {
        for (auto const reason : reasons) {
            CAPTURE(static_cast<unsigned>(reason));
            CHECK(f.exit(reason).what == what);
            seen.insert(reason);
        }
    };
    f.state.cpu.fields[vmcs::exit_interruption_info.encoding] = 0x80000202; // an NMI
    ends(kind::interrupted, {exception_or_nmi, external_interrupt, preemption_timer,
                             x86::vmx_exit::init, other_smi, io_smi});
    f.state.cpu.fields[vmcs::exit_interruption_info.encoding] = 0x80000b11; // #AC, a code
    f.state.cpu.fields[vmcs::exit_interruption_error_code.encoding] = 0;
    auto const reflected = f.exit(exception_or_nmi);
    CHECK(reflected.what == kind::inject);
    CHECK(reflected.vector == x86::exception::alignment_check);
    CHECK(reflected.has_error_code);
    f.state.cpu.fields[vmcs::exit_interruption_info.encoding] = 0x80000312; // a machine check
    ends(kind::crash, {exception_or_nmi, entry_machine_check, entry_invalid_state,
                       entry_msr_loading, task_switch, ept_misconfiguration});
    ends(kind::resume, {interrupt_window, nmi_window, tpr_below_threshold, dr_access});
    ends(kind::skip, {cpuid, vmcall, io_instruction, wbinvd, invd});
    ends(kind::block, {hlt});
    ends(kind::triple_fault, {triple_fault});
    for (auto const reason :
         {getsec, vmclear, vmlaunch, vmptrld, vmptrst, vmread, vmresume, vmwrite, vmxoff, vmxon,
          invept, invvpid, vmfunc, encls, monitor, mwait}) {
        auto const a = f.exit(reason);
        CHECK(a.what == kind::inject);
        CHECK(a.vector == x86::exception::invalid_opcode);
        seen.insert(reason);
    }
    for (auto const reason : {rdpmc, rdmsr, wrmsr, xsetbv}) { // MSR 0, XCR0 0
        CHECK(is_fault(f.exit(reason)));
        seen.insert(reason);
    }
    seen.insert({cr_access, ept_violation}); // above, and unit exit_mmio
    for (unsigned n = 0; n != 128; ++n) {
        auto const reason = static_cast<x86::vmx_exit>(n);
        if (seen.count(reason) == 0) {
            CAPTURE(n);
            auto const a = f.exit(reason);
            REQUIRE(a.what == kind::crash);
            CHECK(std::string_view(a.reason) == "an exit that was not asked for");
        }
    }
}

TEST_CASE("vmx_exit.an_instruction_is_stepped_over_with_its_shadow") {
    vmx_fixture f;
    f.v.context.rip = 0x1000;
    f.v.context.rflags = 0x10002;
    f.state.cpu.fields[vmcs::exit_instruction_length.encoding] = 3;
    f.b.write(vmcs::guest_interruptibility, 9);
    vmx::skip_instruction<fake_vmcs>(f.v);
    CHECK(f.v.context.rip == 0x1003);
    CHECK(f.v.context.rflags == 2);
    CHECK(f.b.read(vmcs::guest_interruptibility) == 8); // NMIs stay blocked
}

TEST_CASE("vmx_exit.events_are_repeated_unless_the_instruction_is") {
    CHECK(vmx::event_to_repeat(0x80000041).raw() == 0x80000041); // an interrupt
    CHECK(vmx::event_to_repeat(0x80000b0e).raw() == 0x80000b0e); // a page fault
    CHECK(vmx::event_to_repeat(0x80001202).raw() == 0x80000202); // an NMI; bit 12 means nothing
    CHECK(vmx::event_to_repeat(0x80000480).raw() == 0);          // INT 0x80
    CHECK(vmx::event_to_repeat(0x80000603).raw() == 0);          // INT3
    CHECK(vmx::event_to_repeat(0x00000041).raw() == 0);
}
