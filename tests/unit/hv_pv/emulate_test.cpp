// SPDX-License-Identifier: Apache-2.0
// Instructions of a PV kernel that the hypervisor carries out, and those that it must not.
#include <xenpp/hv/pv/exit.hpp>

#include <fakes/pv_guest.hpp>

#include <vector>

using namespace xenpp;
using fakes::pv_guest;
using hv::exit_action;

namespace {

constexpr unsigned code_page = 7;

struct emulate_fixture {
    emulate_fixture() {
        c.cs = 0xe033;
        c.ss = 0xe02b;
        c.rsp = pv_guest::address(5) + 2048;
        for (unsigned n = 0; n != 32; ++n) {
            s.traps[n] = {static_cast<std::uint8_t>(n), 0, 0x13, 0, trap_base + n};
        }
        hv::pv::table_work w(g.d);
        hv::pv::set_user_root(w, v, hv::pv::kernel_root(v)).value();
    }

    /// Executes `bytes`, which fault with `vector` and `error`; whether it was carried out.
    bool runs(std::vector<std::uint8_t> const& bytes, unsigned vector = 13, unsigned error = 0) {
        std::memcpy(g.table(code_page), bytes.data(), bytes.size());
        c.rip = pv_guest::address(code_page);
        c.vector = vector;
        c.error = error;
        REQUIRE(hv::pv::handle_trap(v, fault_address, 0).what == exit_action::kind::resume);
        bool const done = c.rip == pv_guest::address(code_page) + bytes.size();
        if (!done) {
            raised = static_cast<unsigned>(c.rip - trap_base);
            c.rsp = pv_guest::address(5) + 2048;
        }
        return done;
    }

    static constexpr std::uint64_t trap_base = 0xffffffff81001000;
    fakes::hv_host h;
    pv_guest g{h};
    hv::vcpu<fakes::fake_platform>& v = g.v();
    hv::pv::vcpu_state& s = hv::pv::state_of(v);
    hv::guest_context& c = v.context;
    std::uint64_t fault_address = 0;
    unsigned raised = 0;
};

} // namespace

TEST_CASE("pv_emulate.msrs_hold_bases_and_what_kernels_ask_for") {
    emulate_fixture f;
    f.s.gs_base_user = 0x1122334455;
    f.c.rcx = 0xc0000102;
    CHECK(f.runs({0x0f, 0x32}));
    CHECK(f.c.rax == 0x22334455);
    CHECK(f.c.rdx == 0x11);
    f.c.rcx = 0xc0000101;
    f.c.rax = 0x5000;
    f.c.rdx = 0xffff8880;
    CHECK(f.runs({0x0f, 0x30}));
    CHECK(f.s.gs_base_kernel == 0xffff888000005000);
    f.c.rdx = 0x8000; // not canonical
    CHECK_FALSE(f.runs({0x0f, 0x30}));
    CHECK(f.raised == 13);
    f.c.rcx = 0xc0010055;
    CHECK_FALSE(f.runs({0x0f, 0x32}));
    f.c.rcx = 0x277;
    CHECK(f.runs({0x0f, 0x32}));
    CHECK(f.c.rax == 0x00070406);
    CHECK(f.c.rdx == 0x0501);
    f.c.rcx = 0xc0000080;
    CHECK(f.runs({0x0f, 0x32}));
    CHECK(f.c.rax == 0xd01);
    CHECK(f.runs({0x0f, 0x30})); // the same again
    f.c.rax = 0x101;
    CHECK_FALSE(f.runs({0x0f, 0x30}));
}

TEST_CASE("pv_emulate.control_registers_show_what_a_guest_has") {
    emulate_fixture f;
    CHECK(f.runs({0x0f, 0x20, 0xc3})); // mov rbx, cr0
    CHECK(f.c.rbx == 0x80050033);
    CHECK(f.runs({0x41, 0x0f, 0x20, 0xe0})); // mov r8, cr4
    CHECK(f.c.r8 == 0x660);
    f.c.rax = 0x660 | 1U << 16 | 1U << 18 | 1U << 20; // FSGSBASE, OSXSAVE, SMEP
    CHECK(f.runs({0x0f, 0x22, 0xe0}));
    CHECK((f.c.cr4 & (1U << 20)) == 0);
    f.c.rax = std::uint64_t{1} << 40;
    CHECK_FALSE(f.runs({0x0f, 0x22, 0xe0}));
    f.c.rax = 0x8005003b; // TS
    CHECK(f.runs({0x0f, 0x22, 0xc0}));
    CHECK(f.s.task_switched);
    CHECK(f.runs({0x0f, 0x06})); // clts
    CHECK_FALSE(f.s.task_switched);
    f.c.rax = 0x80040033; // WP off
    CHECK_FALSE(f.runs({0x0f, 0x22, 0xc0}));
    f.v.info->arch.cr2 = 0x1234;
    CHECK(f.runs({0x0f, 0x20, 0xd1})); // mov rcx, cr2
    CHECK(f.c.rcx == 0x1234);
    CHECK_FALSE(f.runs({0x0f, 0x20, 0xc8})); // cr1
    f.c.rax = 0xffff888000001000;
    CHECK(f.runs({0x0f, 0x23, 0xc0})); // mov dr0, rax
    CHECK(f.runs({0x0f, 0x21, 0xc2})); // mov rdx, dr0
    CHECK(f.c.rdx == 0xffff888000001000);
}

TEST_CASE("pv_emulate.ports_have_no_device") {
    emulate_fixture f;
    f.c.rdx = 0x60;
    f.c.rax = 0x1122334455667788;
    CHECK(f.runs({0xec}));
    CHECK(f.c.rax == 0x11223344556677ff);
    CHECK(f.runs({0x66, 0xed}));
    CHECK(f.c.rax == 0x112233445566ffff);
    CHECK(f.runs({0xe5, 0x60}));
    CHECK(f.c.rax == 0xffffffff);
    CHECK(f.runs({0xe4, 0x42}));
    CHECK(f.c.rax == 0xffffff00);
    CHECK(f.runs({0xee}));
    CHECK(f.runs({0xe7, 0x80}));
    f.c.rdi = pv_guest::address(9);
    f.c.rcx = 3;
    CHECK(f.runs({0xf3, 0x6c})); // rep insb
    CHECK(f.c.rcx == 0);
    CHECK(f.c.rdi == pv_guest::address(9) + 3);
    CHECK(f.g.table(9)[0] == 0xffffff);
}

TEST_CASE("pv_emulate.a_process_uses_ports_by_permission") {
    emulate_fixture f;
    auto const as_process = [&] {
        hv::pv::set_mode(f.v, false);
        bool const done = f.runs({0xe4, 0x61});
        bool const is_process = !f.s.in_kernel;
        CHECK(done == is_process); // a fault enters the kernel
        f.s.kernel_sp = pv_guest::address(5) + 2048;
        hv::pv::set_mode(f.v, true);
        return done;
    };
    f.s.kernel_sp = pv_guest::address(5) + 2048;
    CHECK_FALSE(as_process());
    f.s.iopl = 3;
    CHECK(as_process());
    f.s.iopl = 1;
    f.s.io_ports = pv_guest::address(9);
    f.s.io_port_count = 0x62;
    CHECK(as_process());
    f.g.table(9)[1] = std::uint64_t{1} << 33; // port 0x61
    CHECK_FALSE(as_process());
    f.g.table(9)[1] = 0;
    f.s.io_port_count = 0x61;
    CHECK_FALSE(as_process());
}

TEST_CASE("pv_emulate.what_rings_apart_have_is_nothing_here") {
    emulate_fixture f;
    CHECK(f.runs({0xfa})); // cli, sti: events are masked instead
    CHECK(f.runs({0xfb}));
    CHECK(f.runs({0x0f, 0x09}));
    CHECK_FALSE(f.runs({0xf4}));             // hlt
    CHECK_FALSE(f.runs({0x0f, 0x01, 0x18})); // lidt
    hv::pv::set_mode(f.v, false);
    f.s.kernel_sp = pv_guest::address(5) + 2048;
    CHECK_FALSE(f.runs({0xfa}));
    hv::pv::set_mode(f.v, false);
    CHECK_FALSE(f.runs({0x0f, 0x06}));
    f.c.cs = 0xe023; // 32-bit code
    CHECK_FALSE(f.runs({0xfa}));
}

TEST_CASE("pv_emulate.the_forced_prefix_asks_for_cpuid") {
    emulate_fixture f;
    f.c.rax = 0x40000000;
    f.c.rcx = 0;
    CHECK(f.runs({0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2}, 6));
    CHECK(f.c.rbx == 0x566e6558);
    f.c.rax = 1;
    CHECK(f.runs({0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2}, 6));
    CHECK((f.c.rdx & (1U << 9)) == 0);  // no APIC
    CHECK((f.c.rcx & (1U << 31)) != 0); // a hypervisor
    CHECK_FALSE(f.runs({0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0x05}, 6));
    CHECK(f.raised == 6);
}

TEST_CASE("pv_emulate.code_at_the_end_of_what_is_mapped") {
    emulate_fixture f;
    // The last mapped page is the root, which may be read.
    auto const at = pv_guest::address(f.g.page_of_root()) + page_size - 1;
    reinterpret_cast<std::uint8_t*>(f.g.table(f.g.page_of_root()))[page_size - 1] = 0xfa;
    f.c.rip = at;
    f.c.vector = 13;
    f.c.error = 0;
    CHECK(hv::pv::handle_trap(f.v, 0, 0).what == exit_action::kind::resume);
    CHECK(f.c.rip == at + 1);
    reinterpret_cast<std::uint8_t*>(f.g.table(f.g.page_of_root()))[page_size - 1] = 0x0f;
    f.c.rip = at;
    CHECK(hv::pv::handle_trap(f.v, 0, 0).what == exit_action::kind::resume);
    CHECK(f.c.rip == f.trap_base + 13);
}

TEST_CASE("pv_emulate.single_steps_stop_after_an_emulated_instruction") {
    emulate_fixture f;
    f.c.rflags |= 0x100;
    CHECK_FALSE(f.runs({0xfa}));
    CHECK(f.raised == 1);
    CHECK((f.s.dr6 & 0x4000) != 0);
}

TEST_CASE("pv_emulate.stores_to_page_tables_are_carried_out") {
    emulate_fixture f;
    unsigned const l1 = f.g.page_of_l1();
    auto const present_write = 3U;
    f.fault_address = pv_guest::address(l1) + 300 * 8;
    auto& entry = f.g.table(l1)[300];
    f.c.rax = f.g.entry(2, pv_guest::rw);
    CHECK(f.runs({0x48, 0x89, 0x07}, 14, present_write)); // mov [rdi], rax
    CHECK(entry == f.g.entry(2, pv_guest::rw));
    CHECK(f.g.type(2).count() == 2);
    f.c.rbx = 0;
    CHECK(f.runs({0x48, 0x87, 0x1f}, 14, present_write)); // xchg [rdi], rbx
    CHECK(entry == 0);
    CHECK(f.c.rbx == f.g.entry(2, pv_guest::rw));
    CHECK(f.g.type(2).count() == 1);
    f.c.rax = 1;
    f.c.rbx = f.g.entry(3, pv_guest::rw);
    CHECK(f.runs({0xf0, 0x48, 0x0f, 0xb1, 0x1f}, 14, present_write)); // lock cmpxchg [rdi], rbx
    CHECK(entry == 0);
    CHECK(f.c.rax == 0);
    CHECK((f.c.rflags & 0x40) == 0);
    CHECK(f.runs({0xf0, 0x48, 0x0f, 0xb1, 0x1f}, 14, present_write));
    CHECK(entry == f.g.entry(3, pv_guest::rw));
    CHECK((f.c.rflags & 0x40) != 0);
    CHECK(f.runs({0xf0, 0x80, 0x27, 0xfd}, 14, present_write)); // lock andb [rdi], ~2
    CHECK(entry == f.g.entry(3, pv_guest::ro));
    CHECK(f.g.type(3).count() == 1);
    f.c.rax = f.g.entry(l1, pv_guest::rw); // a table, to be written to
    CHECK_FALSE(f.runs({0x48, 0x89, 0x07}, 14, present_write));
    CHECK(f.raised == 14);
    CHECK(f.v.info->arch.cr2 == f.fault_address);
    CHECK(entry == f.g.entry(3, pv_guest::ro));
    // A store to something else that may only be read is the guest's own business.
    CHECK(f.g.protect(11, pv_guest::ro) == 0);
    f.fault_address = pv_guest::address(11);
    f.c.rax = 0;
    CHECK_FALSE(f.runs({0x48, 0x89, 0x07}, 14, present_write));
    CHECK(f.raised == 14);
}
