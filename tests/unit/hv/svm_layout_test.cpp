// SPDX-License-Identifier: Apache-2.0
// The VMCB of a vCPU: what goes in comes out, what VMRUN refuses does not go in, what must exit
// does.
#include "exit_fixture.hpp"

#include <xenpp/hv/svm/exit.hpp>
#include <xenpp/hv/svm/layout.hpp>

#include <cstring>
#include <memory>
#include <set>
#include <string_view>

using namespace xenpp;
using namespace xenpp::fakes;
namespace svm = xenpp::hv::svm;

namespace {

struct svm_fixture : exit_fixture {
    std::unique_ptr<x86::vmcb> block = std::make_unique<x86::vmcb>();
    std::unique_ptr<std::array<std::byte, page_size>> fpu =
        std::make_unique<std::array<std::byte, page_size>>();
    svm::vcpu_state state;

    svm_fixture() {
        state.block = block.get();
        state.fpu = fpu->data();
        v.arch = &state;
        svm::init_block(*block, {0x1000, 0x2000}, 0x3000);
    }

    ~svm_fixture() { v.arch = nullptr; }

    svm_fixture(svm_fixture const&) = delete;
    svm_fixture& operator=(svm_fixture const&) = delete;
};

/// A record in which every field has a value of its own.
abi::hvm_hw_cpu full_record() {
    abi::hvm_hw_cpu s{};
    std::uint64_t next = 0x1001;
    for (auto* const r :
         {&s.rax,       &s.rbx,       &s.rcx,         &s.rdx,          &s.rbp,
          &s.rsi,       &s.rdi,       &s.rsp,         &s.r8,           &s.r9,
          &s.r10,       &s.r11,       &s.r12,         &s.r13,          &s.r14,
          &s.r15,       &s.rip,       &s.cr2,         &s.dr0,          &s.dr1,
          &s.dr2,       &s.dr3,       &s.cs_base,     &s.ds_base,      &s.es_base,
          &s.fs_base,   &s.gs_base,   &s.ss_base,     &s.tr_base,      &s.ldtr_base,
          &s.idtr_base, &s.gdtr_base, &s.sysenter_cs, &s.sysenter_esp, &s.sysenter_eip,
          &s.shadow_gs, &s.msr_lstar, &s.msr_star,    &s.msr_cstar,    &s.msr_syscall_mask}) {
        *r = next++;
    }
    std::uint32_t small = 0x21;
    for (auto* const r :
         {&s.cs_sel, &s.ds_sel, &s.es_sel, &s.fs_sel, &s.gs_sel, &s.ss_sel, &s.tr_sel, &s.ldtr_sel,
          &s.cs_limit, &s.ds_limit, &s.es_limit, &s.fs_limit, &s.gs_limit, &s.ss_limit, &s.tr_limit,
          &s.ldtr_limit, &s.idtr_limit, &s.gdtr_limit}) {
        *r = small++;
    }
    s.rflags = 0x246;
    s.cr0 = 0x80050033;
    s.cr3 = 0x5000;
    s.cr4 = 0x6b0;
    s.dr6 = 0xffff0ff1;
    s.dr7 = 0x403;
    s.cs_arbytes = 0xa9b;
    s.ds_arbytes = s.es_arbytes = s.fs_arbytes = s.gs_arbytes = s.ss_arbytes = 0xc93;
    s.tr_arbytes = 0x8b;
    s.ldtr_arbytes = 0x82;
    s.msr_efer = 0xd01;
    s.msr_tsc_aux = 3;
    for (std::size_t i = 0; i < sizeof s.fpu_regs; ++i) {
        s.fpu_regs[i] = static_cast<std::uint8_t>(i * 7);
    }
    std::uint32_t const mxcsr = 0x1f80;
    std::memcpy(s.fpu_regs + 24, &mxcsr, sizeof mxcsr);
    s.flags = abi::x86_fpu_initialised;
    return s;
}

} // namespace

TEST_CASE("svm_layout.a_record_comes_back_as_it_was_loaded") {
    svm_fixture f;
    auto s = full_record();
    REQUIRE(svm::load(f.v, s));
    auto const back = svm::save(f.v);
    s.tsc = back.tsc; // the machine's
    CHECK(std::memcmp(&s, &back, sizeof s) == 0);
}

TEST_CASE("svm_layout.every_start_up_state_loads") {
    svm_fixture f;
    for (unsigned vector = 0; vector < 256; ++vector) {
        auto const s = hv::startup_state(static_cast<std::uint8_t>(vector));
        REQUIRE(svm::load(f.v, s));
        CHECK(f.block->cs.base == std::uint64_t{vector} << 12);
        CHECK(f.block->cs.selector == vector << 8);
        CHECK(f.v.context.rip == 0);
        CHECK(f.block->cr0.raw() == 0x10);
        CHECK(f.block->efer == x86::efer::svme);
    }
}

TEST_CASE("svm_layout.what_vmrun_or_xrstor_refuses_is_refused") {
    svm_fixture f;
    auto const refused = [&](auto change) {
        auto s = full_record();
        change(s);
        return !svm::load(f.v, s);
    };
    CHECK(refused([](auto& s) { s.cr0 |= std::uint64_t{1} << 32; }));
    CHECK(refused([](auto& s) { s.cr0 |= x86::cr0::nw.raw(); }));   // NW without CD
    CHECK(refused([](auto& s) { s.cr0 &= ~x86::cr0::pe.raw(); }));  // paging without PE
    CHECK(refused([](auto& s) { s.cr4 &= ~x86::cr4::pae.raw(); })); // long mode without PAE
    CHECK(refused([](auto& s) { s.cr4 |= x86::cr4::vmxe.raw(); }));
    CHECK(refused([](auto& s) { s.cr4 |= std::uint64_t{1} << 40; }));
    CHECK(refused([](auto& s) { s.cr3 |= std::uint64_t{1} << 60; }));
    CHECK(refused([](auto& s) { s.msr_efer |= x86::efer::svme.raw(); }));
    CHECK(refused([](auto& s) { s.cs_arbytes |= 0x600; })); // L and D
    CHECK(refused([](auto& s) { s.dr6 |= std::uint64_t{1} << 32; }));
    CHECK(refused([](auto& s) { s.dr7 |= std::uint64_t{1} << 32; }));
    CHECK(refused([](auto& s) { s.fpu_regs[27] = 0x80; })); // MXCSR's reserved bits
    CHECK_FALSE(refused([](auto&) {}));
}

TEST_CASE("svm_layout.a_new_block_keeps_the_guest_in") {
    svm_fixture f;
    x86::vmcb_ref const b(*f.block);
    using x86::intercept;
    for (auto const i :
         {intercept::intr,        intercept::nmi,        intercept::smi,     intercept::init,
          intercept::cpuid,       intercept::hlt,        intercept::invd,    intercept::wbinvd,
          intercept::ioio,        intercept::msr,        intercept::rdpmc,   intercept::rdpru,
          intercept::shutdown,    intercept::vmrun,      intercept::vmmcall, intercept::vmload,
          intercept::vmsave,      intercept::stgi,       intercept::clgi,    intercept::skinit,
          intercept::invlpga,     intercept::monitor,    intercept::mwait,   intercept::xsetbv,
          intercept::task_switch, intercept::ferr_freeze}) {
        CAPTURE(static_cast<unsigned>(i));
        CHECK(b.has_intercept(i));
    }
    CHECK(f.block->intercepts[1] == 0xffffffff); // debug registers
    std::uint32_t const exceptions = 1U << 1 | 1U << 17 | 1U << 18;
    CHECK((f.block->intercepts[2] & exceptions) == exceptions);
    CHECK(f.block->nested_ctl == x86::nested_ctl::np_enable);
    CHECK(f.block->n_cr3 == 0x3000);
    CHECK(f.block->iopm_base_pa == 0x1000);
    CHECK(f.block->msrpm_base_pa == 0x2000);
    CHECK(f.block->v_intr.has(x86::v_intr::intr_masking));
    CHECK(f.block->efer.has(x86::efer::svme));
}

TEST_CASE("svm_exit.events_of_instructions_are_not_repeated") {
    using event = x86::event_injection;
    auto const repeated = [](event const& e) { return svm::event_to_repeat(x86::encode(e)) != 0; };
    CHECK(repeated(event::interrupt(0xf3)));
    CHECK(repeated(event::exception(x86::exception::page_fault, 2)));
    CHECK(repeated({event::kind::nmi, 2, std::nullopt}));
    CHECK_FALSE(repeated({event::kind::software_interrupt, 0x80, std::nullopt}));
    CHECK_FALSE(repeated(event::exception(x86::exception::breakpoint)));
    CHECK_FALSE(repeated(event::exception(x86::exception::overflow)));
    CHECK(svm::event_to_repeat(0) == 0);
    // QEMU's word for a virtual interrupt that it still offers.
    CHECK_FALSE(repeated(event::exception(static_cast<x86::exception>(0xf3))));
}

TEST_CASE("svm_exit.int_exits_once_between_two_interrupts_under_tcg") {
    svm_fixture f;
    f.m.hv->is_emulated = true;
    x86::vmcb_ref const b(*f.block);
    auto const after = [&](x86::svm_exit code) {
        f.block->exit_code = static_cast<std::uint64_t>(code);
        static_cast<void>(svm::handle_exit(f.v));
        return b.has_intercept(x86::intercept::software_int);
    };
    f.code(0x3000, {0xcc});
    CHECK(after(x86::svm_exit::intr));
    CHECK_FALSE(after(x86::svm_exit::software_int));
    CHECK(f.v.context.rip == 0x3000);
    CHECK_FALSE(after(x86::svm_exit::vintr));
    CHECK(after(x86::svm_exit::intr));
    f.m.hv->is_emulated = false;
    CHECK_FALSE(after(x86::svm_exit::software_int));
    CHECK_FALSE(after(x86::svm_exit::intr));
}

TEST_CASE("svm_exit.a_single_step_is_noted_where_the_processor_does_not") {
    svm_fixture f;
    constexpr auto nothing = x86::dr6::reset;
    auto const dr6_after = [&](x86::rflags::value flags, x86::dr6::value noted) {
        f.block->exit_code = 0x41; // #DB
        f.block->rflags = flags;
        f.block->dr6 = noted;
        auto const a = svm::handle_exit(f.v);
        CHECK(a.what == hv::exit_action::kind::inject);
        CHECK(a.vector == x86::exception::debug);
        return f.block->dr6;
    };
    CHECK(dr6_after(x86::rflags::trap, nothing) == (nothing | x86::dr6::bs));
    CHECK(dr6_after({}, nothing) == nothing);
    CHECK(dr6_after(x86::rflags::trap, nothing | x86::dr6::b1) == (nothing | x86::dr6::b1));
    CHECK(dr6_after(x86::rflags::trap, nothing | x86::dr6::bs) == (nothing | x86::dr6::bs));
}

TEST_CASE("svm_exit.every_code_has_its_end") {
    using enum x86::svm_exit;
    using kind = hv::exit_action::kind;
    svm_fixture f;
    f.v.context.long_code = true;
    auto const outcome = [&](x86::svm_exit code) {
        f.block->exit_code = static_cast<std::uint64_t>(code);
        f.v.context.rflags = 0x202;
        return svm::handle_exit(f.v);
    };
    std::set<x86::svm_exit> seen;
    auto const ends = [&](kind what, std::initializer_list<x86::svm_exit> codes) {
        for (auto const code : codes) {
            CAPTURE(static_cast<std::uint64_t>(code));
            CHECK(outcome(code).what == what);
            seen.insert(code);
        }
    };
    ends(kind::interrupted, {intr, nmi, smi, init});
    ends(kind::resume, {vintr, iret, software_int, dr0_read, dr15_read, dr0_write, dr15_write});
    ends(kind::skip, {cpuid, wbinvd, invd, vmmcall, ioio});
    ends(kind::block, {hlt});
    ends(kind::triple_fault, {shutdown});
    ends(kind::crash, {invalid, task_switch, ferr_freeze});
    for (auto const code :
         {vmrun, vmload, vmsave, stgi, clgi, skinit, invlpga, monitor, mwait, rdpru}) {
        auto const a = outcome(code);
        CHECK(a.what == kind::inject);
        CHECK(a.vector == x86::exception::invalid_opcode);
        seen.insert(code);
    }
    CHECK(is_fault(outcome(rdpmc)));
    CHECK(is_fault(outcome(msr))); // number 0
    CHECK(is_fault(outcome(xsetbv)));
    seen.insert({rdpmc, msr, xsetbv, npf}); // the last is unit exit_mmio's
    for (unsigned n = 0; n != 32; ++n) {
        auto const code = static_cast<x86::svm_exit>(0x40 + n);
        bool const is_machine_check = n == x86::vector(x86::exception::machine_check);
        CHECK(outcome(code).what == (is_machine_check ? kind::crash : kind::inject));
        seen.insert(code);
    }
    for (std::uint64_t raw = 0; raw != 0x410; ++raw) {
        auto const code = static_cast<x86::svm_exit>(raw);
        if (seen.count(code) == 0 && !x86::is_between(code, dr0_read, dr15_write)) {
            CAPTURE(raw);
            auto const a = outcome(code);
            REQUIRE(a.what == kind::crash);
            CHECK(std::string_view(a.reason) == "an exit that was not asked for");
        }
    }
}
