// SPDX-License-Identifier: Apache-2.0
// Entering a PV guest's kernel and leaving it: the frames, the masks, the modes.
#include <xenpp/hv/pv/exit.hpp>

#include <fakes/pv_guest.hpp>

#include <cstring>
#include <vector>

using namespace xenpp;
using abi::hypercall;
using fakes::pv_guest;
using hv::exit_action;
using x86::exception;

namespace {

constexpr std::uint64_t flag_if = 0x200;
constexpr unsigned stack_page = 5;
constexpr unsigned user_stack_page = 6;

struct entry_fixture {
    entry_fixture() {
        s.kernel_sp = pv_guest::address(stack_page) + 4000; // not aligned: entries align it
        c.rsp = pv_guest::address(user_stack_page) + 2000;
        c.rip = 0x401000;
        c.cs = 0x33;
        c.ss = 0x2b;
        c.rflags = 0x202;
        c.rcx = 0x1111;
        c.r11 = 0x2222;
        for (unsigned n = 0; n != 32; ++n) {
            s.traps[n] = {static_cast<std::uint8_t>(n), 0, 0x13, 0, trap_base + n};
        }
        s.event = {0xffffffff81000000, true};
        s.failsafe = {0xffffffff81000100, true};
        s.syscall = {0xffffffff81000200, true};
        // What a process has: here the kernel's own tables.
        hv::pv::table_work w(g.d);
        hv::pv::set_user_root(w, v, hv::pv::kernel_root(v)).value();
    }

    /// The `n` words at the guest's stack pointer.
    std::vector<std::uint64_t> stack(unsigned n) {
        std::vector<std::uint64_t> words(n);
        REQUIRE(hv::copy_from_guest(v, words.data(), c.rsp, n * 8));
        return words;
    }

    void put_stack(std::vector<std::uint64_t> const& words) {
        REQUIRE(hv::copy_to_guest(v, c.rsp, words.data(), words.size() * 8));
    }

    /// SYSCALL of the kernel, whose number and arguments stand in the registers.
    void syscall() {
        c.entry = hv::guest_context::entry_sysret | hv::guest_context::entry_kept;
        hv::pv::handle_pv_hypercall(v);
    }

    bool is_entered_at(std::uint64_t address) const {
        return c.rip == address && c.cs == 0xe033 && c.ss == 0xe02b && s.in_kernel && c.cpl == 0 &&
               c.rsp % 16 == 8 * (frame_words % 2) &&
               (c.entry & hv::guest_context::entry_sysret) != 0;
    }

    std::uint8_t& mask() { return v.info->evtchn_upcall_mask; }

    static constexpr std::uint64_t trap_base = 0xffffffff81001000;
    fakes::hv_host h;
    pv_guest g{h};
    hv::vcpu<fakes::fake_platform>& v = g.v();
    hv::pv::vcpu_state& s = hv::pv::state_of(v);
    hv::guest_context& c = v.context;
    unsigned frame_words = 0;
};

constexpr auto resume = exit_action::kind::resume;
constexpr auto crash = exit_action::kind::crash;

} // namespace

TEST_CASE("pv_entry.an_exception_of_the_kernel_goes_on_its_own_stack") {
    entry_fixture f;
    f.frame_words = 7;
    CHECK(hv::pv::raise(f.v, exception::divide_error).what == resume);
    CHECK(f.is_entered_at(f.trap_base));
    auto const w = f.stack(7);
    CHECK(w == std::vector<std::uint64_t>{0x1111, 0x2222, 0x401000, 0x30, 0x202,
                                          pv_guest::address(user_stack_page) + 2000, 0x2b});
}

TEST_CASE("pv_entry.an_exception_of_a_process_goes_on_the_kernels_stack") {
    entry_fixture f;
    hv::pv::set_mode(f.v, false);
    CHECK(f.c.cpl == 3);
    f.mask() = 0;
    f.s.traps[14].flags = 4; // masks events
    f.frame_words = 8;
    CHECK(hv::pv::raise_page_fault(f.v, 0x7000, 0x2).what == resume);
    CHECK(f.is_entered_at(f.trap_base + 14));
    auto const w = f.stack(8);
    CHECK(w == std::vector<std::uint64_t>{0x1111, 0x2222, 0x6, 0x401000, 0x33, 0x202,
                                          pv_guest::address(user_stack_page) + 2000, 0x2b});
    CHECK(f.v.info->arch.cr2 == 0x7000);
    CHECK(f.mask() == 1);
}

TEST_CASE("pv_entry.the_mask_of_events_stands_for_the_interrupt_flag") {
    entry_fixture f;
    f.mask() = 1;
    f.c.rflags = 0x40f47 | flag_if; // AC, NT is 0x4000: set below
    f.c.rflags |= 0x4000 | 0x10000;
    REQUIRE(hv::pv::raise(f.v, exception::general_protection, 0x18).what == resume);
    auto const w = f.stack(8);
    CHECK(w[2] == 0x18);
    CHECK(w[4] == (0x30 | std::uint64_t{1} << 32));
    CHECK((w[5] & flag_if) == 0);
    CHECK((w[5] & 0x40100) == 0x40100); // the frame keeps what it was
    // The handler starts without TF, NT, RF, AC, and always with interrupts.
    CHECK((f.c.rflags & 0x54100) == 0);
    CHECK((f.c.rflags & flag_if) != 0);
    CHECK(f.mask() == 1);
}

TEST_CASE("pv_entry.a_kernel_page_fault_is_not_a_users") {
    entry_fixture f;
    REQUIRE(hv::pv::raise_page_fault(f.v, 0x7000, 0x7).what == resume);
    CHECK(f.stack(3)[2] == 3);
}

TEST_CASE("pv_entry.without_a_gate_or_a_stack_the_domain_ends") {
    entry_fixture f;
    f.s.traps[6].address = 0;
    CHECK(hv::pv::raise(f.v, exception::invalid_opcode).what == crash);
    f.c.rsp = 0xffff'8300'0000'1000; // the hypervisor's
    CHECK(hv::pv::raise(f.v, exception::divide_error).what == crash);
    f.c.rsp = 0x8000'0000'0040; // runs out of the lower half
    CHECK(hv::pv::raise(f.v, exception::divide_error).what == crash);
    f.c.rsp = pv_guest::address(f.g.page_of_root()) + 800; // may only be read
    CHECK(hv::pv::raise(f.v, exception::divide_error).what == crash);
    CHECK(hv::pv::state_of(f.v).in_kernel);
}

TEST_CASE("pv_entry.events_come_when_they_are_pending_and_not_masked") {
    entry_fixture f;
    f.v.info->evtchn_upcall_pending = 1;
    f.mask() = 1;
    CHECK(hv::pv::deliver_events(f.v).what == resume);
    CHECK(f.c.rip == 0x401000);
    f.mask() = 0;
    f.frame_words = 7;
    CHECK(hv::pv::deliver_events(f.v).what == resume);
    CHECK(f.is_entered_at(f.s.event.address));
    CHECK(f.mask() == 1);
    auto const before = f.c.rsp;
    CHECK(hv::pv::deliver_events(f.v).what == resume); // masked now
    CHECK(f.c.rsp == before);
}

TEST_CASE("pv_entry.a_system_call_of_a_process_enters_its_kernel") {
    entry_fixture f;
    hv::pv::set_mode(f.v, false);
    f.c.vector = hv::pv::vector_syscall;
    f.frame_words = 7;
    CHECK(hv::pv::handle_trap(f.v, 0, 0).what == resume);
    CHECK(f.is_entered_at(f.s.syscall.address));
    CHECK(f.stack(2) == std::vector<std::uint64_t>{0x401000, 0x202}); // rcx, r11
    hv::pv::set_mode(f.v, false);
    f.c.vector = hv::pv::vector_syscall32; // not registered: #UD at the instruction
    f.c.rip = 0x401000;
    CHECK(hv::pv::handle_trap(f.v, 0, 0).what == resume);
    CHECK(f.c.rip == f.trap_base + 6);
    CHECK(f.stack(3)[2] == 0x400ffe);
}

TEST_CASE("pv_entry.a_failed_return_is_told_with_the_selectors") {
    entry_fixture f;
    hv::pv::set_mode(f.v, false);
    f.frame_words = 11;
    CHECK(hv::pv::bounce_failsafe(f.v, {0x2b, 0x2b, 0x63, 0x6b}).what == resume);
    CHECK(f.is_entered_at(f.s.failsafe.address));
    auto const w = f.stack(11);
    CHECK(std::vector(w.begin() + 2, w.begin() + 8) ==
          std::vector<std::uint64_t>{0x2b, 0x2b, 0x63, 0x6b, 0x401000, 0x33});
    f.s.failsafe = {};
    CHECK(hv::pv::bounce_failsafe(f.v, {}).what == crash);
}

TEST_CASE("pv_entry.software_interrupts_obey_the_guests_gates") {
    entry_fixture f;
    hv::pv::set_mode(f.v, false);
    f.s.traps[0x80] = {0x80, 3, 0x13, 0, 0xffffffff81009000};
    f.c.vector = 0x80;
    CHECK(hv::pv::handle_trap(f.v, 0, 0).what == resume);
    CHECK(f.c.rip == 0xffffffff81009000);
    hv::pv::set_mode(f.v, false);
    f.c.rip = 0x401002;
    f.s.traps[0x80].flags = 0; // the kernel's only
    CHECK(hv::pv::handle_trap(f.v, 0, 0).what == resume);
    CHECK(f.c.rip == f.trap_base + 13);
    auto const w = f.stack(4);
    CHECK(w[2] == 0x80 * 8 + 2);
    CHECK(w[3] == 0x401000);
}

TEST_CASE("pv_entry.debug_exceptions_tell_dr6") {
    entry_fixture f;
    f.c.vector = 1;
    CHECK(hv::pv::handle_trap(f.v, 0, 0xffff4ff1).what == resume);
    CHECK(f.g.call(hypercall::get_debugreg, {6}) == 0xffff4ff1);
    f.c.vector = 28; // no such exception can come from it
    CHECK(hv::pv::handle_trap(f.v, 0, 0).what == crash);
}

TEST_CASE("pv_entry.iret_returns_to_process_and_kernel") {
    entry_fixture f;
    f.mask() = 1;
    // rax, r11, rcx, flags, rip, cs, rflags, rsp, ss
    f.put_stack({77, 1, 2, 0, 0x400000, 0x33, 0x3246 | 0x20000, 0x7ffc0000, 0x2b});
    CHECK(f.g.call(hypercall::iret, {}) == 77);
    CHECK_FALSE(f.s.in_kernel);
    CHECK(f.c.cpl == 3);
    CHECK(f.c.rip == 0x400000);
    CHECK(f.c.cs == 0x33);
    CHECK(f.c.rflags == 0x246); // no I/O privilege, no virtual 8086 mode
    CHECK(f.c.rsp == 0x7ffc0000);
    CHECK(f.c.r11 == 1);
    CHECK(f.c.rcx == 2);
    CHECK((f.c.entry & hv::guest_context::entry_sysret) == 0);
    CHECK(f.mask() == 0);

    hv::pv::set_mode(f.v, true);
    f.c.rsp = pv_guest::address(stack_page);
    f.put_stack({1, 0, 0, abi::vgcf_in_syscall, 0x500000, 0xe030, 0x46, 0x1000, 0x18});
    CHECK(f.g.call(hypercall::iret, {}) == 1);
    CHECK(f.s.in_kernel); // ring 0 in its frame means the kernel
    CHECK(f.c.cs == 0xe033);
    CHECK(f.c.ss == 0x1b);
    CHECK((f.c.rflags & flag_if) != 0);
    CHECK(f.mask() == 1);
    CHECK((f.c.entry & hv::guest_context::entry_sysret) == 0); // its stack segment is not SYSRET's
}

TEST_CASE("pv_entry.iret_leaves_any_word_in_rax") {
    hv::hypercall_result const again = unexpected(errc::restart);
    for (std::uint64_t const word : {again.raw(), static_cast<std::uint64_t>(to_abi(errc::restart)),
                                     static_cast<std::uint64_t>(to_abi(errc::inval))}) {
        entry_fixture f;
        f.put_stack({word, 1, 2, 0, 0x400000, 0x33, 0x246, 0x7ffc0000, 0x2b});
        f.c.rax = static_cast<std::uint64_t>(hypercall::iret);
        f.syscall();
        CHECK(f.c.rip == 0x400000);
        CHECK(f.c.rax == word);
    }
}

TEST_CASE("pv_entry.an_nmi_comes_once_at_a_time") {
    entry_fixture f;
    f.s.traps[2].address = 0;
    CHECK(f.g.call(hypercall::vcpu_op, {static_cast<std::uint64_t>(abi::vcpu_op::send_nmi), 0}) ==
          0);
    CHECK(hv::pv::deliver_nmi(f.v).what == resume);
    CHECK(f.c.rip == 0x401000); // no callback yet
    f.s.nmi = {0xffffffff81000300, false};
    CHECK(hv::pv::deliver_nmi(f.v).what == resume);
    CHECK(f.c.rip == 0xffffffff81000300);
    CHECK(f.mask() == 1);
    f.v.nmi_pending = true;
    f.c.rip = 0x500000;
    CHECK(hv::pv::deliver_nmi(f.v).what == resume);
    CHECK(f.c.rip == 0x500000);
    f.put_stack({0, 0, 0, 0, 0x400000, 0xe030, 0x202, f.c.rsp, 0xe028});
    CHECK(f.g.call(hypercall::iret, {}) == 0);
    CHECK(hv::pv::deliver_nmi(f.v).what == resume);
    CHECK(f.c.rip == 0xffffffff81000300);
}

TEST_CASE("pv_entry.an_nmi_enters_by_the_trap_table_where_there_is_no_callback") {
    entry_fixture f;
    f.s.traps[2] = {
        .vector = 2, .flags = 4, .cs = 0xe033, .reserved_ = 0, .address = 0xffffffff81000400};
    f.v.nmi_pending = true;
    CHECK(hv::pv::nmi_is_due(f.v));
    CHECK(hv::pv::deliver_nmi(f.v).what == resume);
    CHECK(f.c.rip == 0xffffffff81000400);
    CHECK(f.mask() == 1);
}

TEST_CASE("pv_entry.iret_ends_a_domain_that_cannot_return") {
    entry_fixture f;
    f.c.rsp = 0x1000;
    CHECK(f.g.call(hypercall::iret, {}) == 0);
    CHECK(f.g.d.is_shut_down);
    CHECK(f.g.d.shutdown_code == abi::shutdown_crash);

    entry_fixture k;
    {
        hv::pv::table_work w(k.g.d);
        hv::pv::set_user_root(w, k.v, mfn()).value();
    }
    k.put_stack({0, 0, 0, 0, 0x400000, 0x33, 0x202, 0, 0x2b});
    CHECK(k.g.call(hypercall::iret, {}) == 0);
    CHECK(k.g.d.is_shut_down);
    CHECK(k.s.in_kernel);
}

TEST_CASE("pv_entry.a_multicall_neither_nests_nor_returns_elsewhere") {
    entry_fixture f;
    std::vector<abi::multicall_entry> calls(4);
    calls[0].op = static_cast<std::uint64_t>(hypercall::xen_version);
    calls[1].op = static_cast<std::uint64_t>(hypercall::multicall);
    calls[2].op = std::uint64_t{1} << 32 | static_cast<std::uint64_t>(hypercall::multicall);
    calls[3].op = static_cast<std::uint64_t>(hypercall::iret);
    auto const at = f.g.put(calls);
    CHECK(f.g.call(hypercall::multicall, {at, calls.size()}) == 0);
    std::memcpy(calls.data(), f.g.table(pv_guest::arguments), calls.size() * sizeof calls[0]);
    CHECK(calls[0].result == 0x40011);
    CHECK(calls[1].result == static_cast<std::uint64_t>(to_abi(errc::inval)));
    CHECK(calls[2].result == static_cast<std::uint64_t>(to_abi(errc::nosys)));
    CHECK(calls[3].result == static_cast<std::uint64_t>(to_abi(errc::inval)));
    CHECK(f.c.rip == 0x401000);
}

TEST_CASE("pv_entry.a_restarted_hypercall_is_executed_again") {
    entry_fixture f;
    // More gates than one turn takes.
    std::vector<abi::trap_info> gates(65, {3, 3, 0x10, 0, 0xffffffff81000000});
    gates.back() = {};
    f.c.rax = static_cast<std::uint64_t>(hypercall::set_trap_table);
    f.c.rdi = f.g.put(gates);
    auto const first = f.c.rdi;
    f.syscall();
    CHECK(f.c.rip == 0x400ffe);
    CHECK(f.c.rdi == first + 64 * sizeof(abi::trap_info));
    f.syscall();
    CHECK(f.c.rip == 0x400ffe);
    CHECK(f.c.rax == 0);
    CHECK(f.s.traps[3].cs == 0x13);
}

TEST_CASE("pv_entry.an_nmi_of_the_machine_is_nothing_to_the_guest") {
    entry_fixture f;
    f.c.vector = x86::vector(exception::nmi);
    auto const rip = f.c.rip;
    CHECK(hv::pv::handle_trap(f.v, 0, 0).what == resume);
    CHECK(f.c.rip == rip);
}

TEST_CASE("pv_entry.an_nmi_is_not_slept_through") {
    entry_fixture f;
    auto const send = [&] {
        return f.g.call(hypercall::vcpu_op,
                        {static_cast<std::uint64_t>(abi::vcpu_op::send_nmi), 0});
    };
    f.s.nmi = {0xffffffff81000300, false};
    f.v.running = true;
    auto& cpu = f.g.d.hv.scheduler.on(f.v.processor);
    cpu.resched = false;
    CHECK(send() == 0);
    CHECK(cpu.resched); // to itself: nothing else would end its stay
    // One that came just before the vCPU goes to sleep.
    hv::vcpu_block(f.v);
    CHECK((f.v.pause & hv::pause_blocked) == 0);
    // One that waits for the first to be done.
    CHECK(hv::pv::deliver_nmi(f.v).what == resume);
    CHECK(f.s.in_nmi);
    CHECK(send() == 0);
    cpu.resched = false;
    f.c.rsp = pv_guest::address(stack_page);
    f.put_stack({0, 0, 0, 0, 0x401000, 0x33, 0x202, pv_guest::address(stack_page), 0x2b});
    f.g.call(hypercall::iret, {});
    CHECK_FALSE(f.s.in_nmi);
    CHECK(cpu.resched);
}
