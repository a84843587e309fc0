// SPDX-License-Identifier: Apache-2.0
// The hypercalls that set up a PV vCPU, and its whole context in and out.
#include <xenpp/hv/domctl.hpp>
#include <xenpp/hv/pv/context.hpp>

#include <fakes/pv_guest.hpp>

#include <memory>
#include <vector>

using namespace xenpp;
using abi::hypercall;
using fakes::pv_guest;

namespace {

struct cpu_fixture {
    std::uint64_t number(abi::callback_op op) { return static_cast<std::uint64_t>(op); }

    long register_callback(std::uint16_t type, std::uint64_t address, std::uint16_t flags = 1) {
        auto const at = g.put(std::vector{abi::callback_register{type, flags, 0, address}});
        return g.call(hypercall::callback_op, {number(abi::callback_op::register_), at});
    }

    /// A context with which vCPU 1 can start.
    std::unique_ptr<abi::vcpu_guest_context> context() {
        auto c = std::make_unique<abi::vcpu_guest_context>();
        c->flags = abi::vgcf_in_kernel;
        c->user_regs.rip = 0xffffffff81000000;
        c->user_regs.rsp = pv_guest::address(5);
        c->user_regs.cs = 0x10;
        c->user_regs.ss = 0x18;
        c->user_regs.ds = 0x2b;
        c->user_regs.rflags = 0x1000;
        c->kernel_sp = pv_guest::address(5);
        c->ctrlreg[3] = to_maddr(g.frames[g.page_of_root()]).raw();
        c->event_callback_eip = 0xffffffff81000100;
        c->trap_ctxt[14].address = 0xffffffff81000200;
        c->debugreg[7] = 0x400;
        c->gs_base_kernel = 0xffff888000001000;
        return c;
    }

    long initialise(abi::vcpu_guest_context const& c) {
        // Two pages, of which the guest sees them in a row.
        auto const* const bytes = reinterpret_cast<std::byte const*>(&c);
        std::memcpy(g.table(8), bytes, page_size);
        std::memcpy(g.table(9), bytes + page_size, sizeof c - page_size);
        return g.call(hypercall::vcpu_op, {static_cast<std::uint64_t>(abi::vcpu_op::initialise), 1,
                                           pv_guest::address(8)});
    }

    fakes::hv_host h;
    pv_guest g{h};
    hv::vcpu<fakes::fake_platform>& v = g.v();
    hv::pv::vcpu_state& s = hv::pv::state_of(v);
    long const inval = to_abi(errc::inval);
    static constexpr std::uint64_t bent = std::uint64_t{1} << 47; ///< not canonical
};

} // namespace

TEST_CASE("pv_cpu.gates_are_set_one_by_one_and_taken_away_together") {
    cpu_fixture f;
    auto at =
        f.g.put(std::vector<abi::trap_info>{{3, 7, 0x10, 0, 0x1000}, {14, 4, 0, 0, 0x2000}, {}});
    CHECK(f.g.call(hypercall::set_trap_table, {at}) == 0);
    CHECK(f.s.traps[3].address == 0x1000);
    CHECK(f.s.traps[3].flags == 7);
    CHECK(f.s.traps[14].cs == 3);
    at = f.g.put(std::vector<abi::trap_info>{{3, 7, 0x10, 0, f.bent}, {}});
    CHECK(f.g.call(hypercall::set_trap_table, {at}) == f.inval);
    CHECK(f.g.call(hypercall::set_trap_table, {0x10}) == to_abi(errc::fault));
    CHECK(f.g.call(hypercall::set_trap_table, {0}) == 0);
    CHECK(f.s.traps[3].address == 0);
}

TEST_CASE("pv_cpu.callbacks_are_registered_by_type") {
    cpu_fixture f;
    CHECK(f.register_callback(abi::callbacktype_event, 0x1000) == 0);
    CHECK(f.s.event.address == 0x1000);
    CHECK(f.register_callback(abi::callbacktype_syscall32, 0x2000, 0) == 0);
    CHECK_FALSE(f.s.syscall32.masks_events);
    CHECK(f.register_callback(abi::callbacktype_syscall, f.bent) == f.inval);
    CHECK(f.register_callback(abi::callbacktype_sysenter, 0x1000) == to_abi(errc::nosys));
    CHECK(f.register_callback(abi::callbacktype_nmi, 0x3000) == 0);
    auto const unregister = [&](std::uint16_t type) {
        auto const at = f.g.put(std::vector{abi::callback_unregister{type, 0}});
        return f.g.call(hypercall::callback_op, {f.number(abi::callback_op::unregister), at});
    };
    CHECK(unregister(abi::callbacktype_nmi) == 0);
    CHECK(f.s.nmi.address == 0);
    CHECK(unregister(abi::callbacktype_event) == f.inval);
    CHECK(unregister(99) == to_abi(errc::nosys));
    CHECK(f.g.call(hypercall::callback_op, {7, 0}) == to_abi(errc::nosys));
}

TEST_CASE("pv_cpu.stack_bases_and_the_fpu_flag") {
    cpu_fixture f;
    CHECK(f.g.call(hypercall::stack_switch, {0x18, 0x1234}) == 0);
    CHECK(f.s.kernel_sp == 0x1234);
    CHECK(f.s.kernel_ss == 0x1b);
    CHECK(f.g.call(hypercall::set_segment_base, {abi::segbase_gs_user, 0x5000}) == 0);
    CHECK(f.s.gs_base_user == 0x5000);
    CHECK(f.g.call(hypercall::set_segment_base, {abi::segbase_gs_kernel, 0x6000}) == 0);
    CHECK(f.s.gs_base_kernel == 0x6000);
    CHECK(f.g.call(hypercall::set_segment_base, {abi::segbase_fs, f.bent}) == f.inval);
    CHECK(f.g.call(hypercall::set_segment_base, {4, 0}) == f.inval);
    CHECK(f.g.call(hypercall::set_segment_base, {abi::segbase_gs_user_sel, 0x28}) == 0);
    CHECK(f.s.gs == 0x2b);
    CHECK(f.g.call(hypercall::fpu_taskswitch, {1}) == 0);
    CHECK(f.s.task_switched);
}

TEST_CASE("pv_cpu.debug_registers_reach_only_the_guest") {
    cpu_fixture f;
    auto const set = [&](std::uint64_t n, std::uint64_t value) {
        return f.g.call(hypercall::set_debugreg, {n, value});
    };
    CHECK(set(0, 0xffff888000001000) == 0);
    CHECK(set(1, 0xffff830000001000) == to_abi(errc::perm));
    CHECK(set(1, 0xffff87fffffffff9) == to_abi(errc::perm));
    CHECK(set(1, f.bent) == to_abi(errc::perm));
    CHECK(set(7, 0x401) == 0);
    CHECK(set(7, 0x2401) == f.inval);  // general detect
    CHECK(set(7, 0x20401) == f.inval); // ports
    CHECK(set(7, 0x40401) == f.inval); // execution of more than a byte
    CHECK(set(7, std::uint64_t{1} << 32) == f.inval);
    CHECK(set(8, 0) == f.inval);
    CHECK(f.g.call(hypercall::get_debugreg, {0}) == static_cast<long>(0xffff888000001000));
    CHECK(f.g.call(hypercall::get_debugreg, {5}) == 0x401);
    CHECK(f.g.call(hypercall::get_debugreg, {9}) == f.inval);
}

TEST_CASE("pv_cpu.another_vcpu_starts_with_a_context") {
    cpu_fixture f;
    CHECK(f.g.call(hypercall::vcpu_op, {1, 1, 0}) == f.inval); // up, without a context
    auto c = f.context();
    REQUIRE(f.initialise(*c) == 0);
    auto& other = f.g.v(1);
    auto const& s = hv::pv::state_of(other);
    CHECK(other.context.rip == 0xffffffff81000000);
    CHECK(other.context.cs == 0x13);
    CHECK(other.context.ss == 0x1b);
    CHECK(other.context.rflags == 0x202);
    CHECK(s.iopl == 1);
    CHECK(s.ds == 0x2b);
    CHECK(s.gs_base_kernel == 0xffff888000001000);
    CHECK(s.traps[14].address == 0xffffffff81000200);
    CHECK(s.event.address == 0xffffffff81000100);
    CHECK(other.info->evtchn_upcall_mask == 1);
    CHECK(f.g.type(f.g.page_of_root()).count() == 2);
    CHECK((other.pause & hv::pause_down) != 0);
    CHECK(f.initialise(*c) == to_abi(errc::exist));
    CHECK(f.g.call(hypercall::vcpu_op, {1, 1, 0}) == 0);
    CHECK((other.pause & hv::pause_down) == 0);
}

TEST_CASE("pv_cpu.a_context_that_cannot_be_is_refused") {
    cpu_fixture f;
    auto const refused = [&](auto change, errc why) {
        auto c = f.context();
        change(*c);
        CHECK(f.initialise(*c) == to_abi(why));
        CHECK_FALSE(f.g.v(1).initialised);
    };
    refused([&](auto& c) { c.user_regs.rip = f.bent; }, errc::inval);
    refused([&](auto& c) { c.trap_ctxt[3].address = f.bent; }, errc::inval);
    refused([&](auto& c) { c.gs_base_user = f.bent; }, errc::inval);
    refused([&](auto& c) { c.ctrlreg[3] = 0; }, errc::inval);
    refused([&](auto& c) { c.ctrlreg[3] = to_maddr(f.g.frames[2]).raw(); }, errc::inval);
    refused([&](auto& c) { c.flags = 0; }, errc::inval); // a process without tables
    refused([&](auto& c) { c.gdt_ents = 8192; }, errc::inval);
    refused(
        [&](auto& c) {
            c.gdt_ents = 16;
            c.gdt_frames[0] = 1;
        },
        errc::inval);
    refused([&](auto& c) { c.debugreg[0] = 0xffff830000000000; }, errc::perm);
}

TEST_CASE("pv_cpu.the_toolstack_sets_and_reads_a_context") {
    cpu_fixture f;
    auto const c = f.context();
    c->user_regs.rax = 42;
    c->flags |= abi::vgcf_online;
    auto const at = fakes::hv_host::window_base + (256U << 10);
    f.h.put(*c, at);
    abi::domctl op{};
    op.interface_version = abi::domctl_interface_version;
    op.domain = f.g.d.id.raw();
    op.u.vcpucontext.vcpu = 1;
    op.u.vcpucontext.ctxt.p = at;
    auto const ctl = [&](abi::domctl_op cmd) {
        op.cmd = static_cast<std::uint32_t>(cmd);
        return f.h.call_with(hv::do_domctl<fakes::fake_platform>, {}, 0, op);
    };
    CHECK(ctl(abi::domctl_op::getvcpucontext) == to_abi(errc::nodata));
    CHECK(ctl(abi::domctl_op::setvcpucontext) == 0);
    CHECK((f.g.v(1).pause & hv::pause_down) == 0);
    CHECK(ctl(abi::domctl_op::getvcpucontext) == 0);
    auto const read = f.h.peek<abi::vcpu_guest_context>(at);
    CHECK(read.user_regs.rax == 42);
    CHECK(read.user_regs.cs == 0x13);
    CHECK(read.user_regs.rflags == 0x1202);
    CHECK(read.ctrlreg[3] == c->ctrlreg[3]);
    CHECK(read.ctrlreg[0] == 0x80050033);
    CHECK(read.flags == (abi::vgcf_i387_valid | abi::vgcf_in_kernel | abi::vgcf_online | 0));
    CHECK(read.event_callback_eip == c->event_callback_eip);
    // An FPU image counts though the vCPU last had the FPU's first state, as XSAVE marks it.
    constexpr unsigned header_at = 512;
    std::uint64_t components = 0;
    auto* const header = hv::pv::state_of(f.g.v(1)).fpu + header_at;
    std::memcpy(header, &components, sizeof components);
    c->flags |= abi::vgcf_i387_valid;
    f.h.put(*c, at);
    CHECK(ctl(abi::domctl_op::setvcpucontext) == 0);
    std::memcpy(&components, header, sizeof components);
    CHECK(components == 3);
    op.u.vcpucontext.vcpu = 9;
    CHECK(ctl(abi::domctl_op::setvcpucontext) == f.inval);
}
