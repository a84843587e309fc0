// SPDX-License-Identifier: Apache-2.0
// VCPUOP_*: starting and stopping vCPUs, timers, and the pages that a vCPU shares with Xen.
#include <xenpp/hv/sched_op.hpp>
#include <xenpp/hv/vcpu_op.hpp>

#include <fakes/fake_machine.hpp>

#include <cstring>
#include <limits>

using namespace xenpp;
using namespace xenpp::fakes;
using abi::vcpu_op;

namespace {

struct vcpu_fixture {
    fake_machine m;
    domain& a = m.add_guest(1);
    vcpu& v0 = *a.vcpus[0];
    vcpu& v1 = *a.vcpus[1];

    vcpu_fixture() { v0.pause = 0; }

    template <class Op>
    long call(vcpu_op cmd, std::uint64_t id, Op const& op) {
        std::memcpy(m.memory(a, page_size), &op, sizeof op);
        return plain(cmd, id, page_size);
    }

    long plain(vcpu_op cmd, std::uint64_t id, std::uint64_t at = 0) {
        return m.call_raw(&hv::do_vcpu_op<fakes::platform>, v0,
                          {static_cast<std::uint64_t>(cmd), id, at});
    }

    static abi::vcpu_hvm_context context64() {
        abi::vcpu_hvm_context c{};
        c.mode = abi::vcpu_hvm_mode_64b;
        c.cpu_regs.x86_64.rip = 0x1234;
        c.cpu_regs.x86_64.rsp = 0x8000;
        c.cpu_regs.x86_64.cr0 = 0x80000001;
        c.cpu_regs.x86_64.cr3 = 0x5000;
        c.cpu_regs.x86_64.cr4 = 0x20;
        c.cpu_regs.x86_64.efer = 0x500;
        return c;
    }

    static abi::vcpu_hvm_context context32() {
        abi::vcpu_hvm_context c{};
        c.mode = abi::vcpu_hvm_mode_32b;
        auto& r = c.cpu_regs.x86_32;
        r.eip = 0x100000;
        r.ebx = 7;
        r.cr0 = 1;
        r.cs_ar = 0xc9a;
        r.ds_ar = r.es_ar = r.ss_ar = 0xc92;
        r.cs_limit = r.ds_limit = r.es_limit = r.ss_limit = 0xffffffff;
        return c;
    }

    long register_info(std::uint64_t id, std::uint64_t frame, std::uint32_t offset) {
        return call(vcpu_op::register_vcpu_info, id,
                    abi::vcpu_register_vcpu_info{frame, offset, 0});
    }

    std::uint32_t references(std::uint64_t g) {
        return m.hv->frames.info(hv::p2m_lookup(a, gfn(g))->frame).count;
    }
};

} // namespace

TEST_CASE_METHOD(vcpu_fixture, "vcpu_op.is_up_answers_for_every_number") {
    CHECK(plain(vcpu_op::is_up, 0) == 1);
    CHECK(plain(vcpu_op::is_up, 1) == 0);
    for (std::uint64_t const id : {2ULL, 127ULL, 128ULL, 8191ULL, ~0ULL}) {
        CHECK(plain(vcpu_op::is_up, id) == to_abi(errc::noent));
    }
}

TEST_CASE_METHOD(vcpu_fixture, "vcpu_op.a_vcpu_starts_with_its_context_and_goes_down_again") {
    CHECK(plain(vcpu_op::up, 1) == to_abi(errc::inval)); // no context yet
    CHECK(call(vcpu_op::initialise, 1, context64()) == 0);
    CHECK(call(vcpu_op::initialise, 1, context64()) == to_abi(errc::exist));
    auto const s = m.cpu.save_state(v1);
    CHECK(s.rip == 0x1234);
    CHECK(s.cr3 == 0x5000);
    CHECK(s.cr0 == 0x80000011);
    CHECK(s.rflags == 2);
    CHECK(s.cs_arbytes == 0xa9b);
    CHECK(plain(vcpu_op::up, 1) == 0);
    CHECK(plain(vcpu_op::is_up, 1) == 1);
    CHECK(v1.queued);
    CHECK(plain(vcpu_op::down, 1) == 0);
    CHECK(plain(vcpu_op::is_up, 1) == 0);
    CHECK_FALSE(v1.queued);
    CHECK_FALSE(a.is_shut_down);
    CHECK(plain(vcpu_op::down, 0) == 0); // the last one
    CHECK(a.is_shut_down);
    CHECK(a.shutdown_code == abi::shutdown_poweroff);
}

TEST_CASE_METHOD(vcpu_fixture, "vcpu_op.contexts_are_checked") {
    auto const bad = [&](auto change) {
        auto c = context64();
        change(c.cpu_regs.x86_64);
        return call(vcpu_op::initialise, 1, c);
    };
    CHECK(bad([](auto& r) { r.cr0 = 1; }) == to_abi(errc::inval));
    CHECK(bad([](auto& r) { r.cr4 = 0; }) == to_abi(errc::inval));
    CHECK(bad([](auto& r) { r.efer = 0x100; }) == to_abi(errc::inval));
    auto const bad32 = [&](auto change) {
        auto c = context32();
        change(c.cpu_regs.x86_32);
        return call(vcpu_op::initialise, 1, c);
    };
    CHECK(bad32([](auto& r) { r.cs_ar = 0xc92; }) == to_abi(errc::inval));  // data
    CHECK(bad32([](auto& r) { r.cs_ar = 0xa9a; }) == to_abi(errc::inval));  // 64-bit
    CHECK(bad32([](auto& r) { r.ss_ar = 0xc90; }) == to_abi(errc::inval));  // not writable
    CHECK(bad32([](auto& r) { r.ss_ar = 0; }) == to_abi(errc::inval));      // absent
    CHECK(bad32([](auto& r) { r.ds_ar = 0xc98; }) == to_abi(errc::inval));  // not readable
    CHECK(bad32([](auto& r) { r.es_ar = 0x1c92; }) == to_abi(errc::inval)); // unused bits
    CHECK(bad32([](auto& r) { r.tr_ar = 0x82; }) == to_abi(errc::inval));   // an LDT
    CHECK(bad32([](auto& r) { r.pad2[1] = 1; }) == to_abi(errc::inval));
    auto c = context32();
    c.mode = 2;
    CHECK(call(vcpu_op::initialise, 1, c) == to_abi(errc::inval));
    c = context32();
    c.pad = 1;
    CHECK(call(vcpu_op::initialise, 1, c) == to_abi(errc::inval));
    CHECK(plain(vcpu_op::initialise, 1, 0x100'0000) == to_abi(errc::fault));
    c = context32();
    c.cpu_regs.x86_32.ds_ar = 0; // data segments may be absent
    CHECK(call(vcpu_op::initialise, 1, c) == 0);
    auto const s = m.cpu.save_state(v1);
    CHECK(s.cs_arbytes == 0xc9b); // accessed
    CHECK(s.ds_arbytes == 0);
    CHECK(s.tr_arbytes == 0x8b);
    CHECK(s.rbx == 7);
}

TEST_CASE_METHOD(vcpu_fixture, "vcpu_op.vcpu_info_moves_once_and_loses_nothing") {
    CHECK(register_info(0, 3, 4096 - 56) == to_abi(errc::nxio)); // would cross the page
    CHECK(register_info(0, 3, 0xffffffff) == to_abi(errc::nxio));
    CHECK(register_info(0, 3, 4) == to_abi(errc::nxio));
    CHECK(register_info(0, 200, 0) == to_abi(errc::inval)); // no RAM
    auto const port = m.must(hv::evtchn_bind_ipi(a, 0));
    m.must(hv::send_port(a, port));
    auto const time_before = v0.info->time.tsc_to_system_mul;
    CHECK(register_info(0, 3, 256) == 0);
    CHECK(references(3) == 2);
    auto& moved = m.at<abi::vcpu_info>(a, 3 * page_size + 256);
    CHECK(v0.info == &moved);
    CHECK(moved.evtchn_upcall_pending == 1);
    CHECK((moved.evtchn_pending_sel & 1) != 0);
    CHECK(moved.time.tsc_to_system_mul == time_before);
    CHECK((moved.time.version & 1) == 0);
    CHECK(register_info(0, 4, 0) == to_abi(errc::inval)); // once and for all

    moved.evtchn_upcall_pending = 0;
    moved.evtchn_pending_sel = 0;
    a.shared_info->evtchn_pending[0] = 0;
    m.must(hv::send_port(a, port));
    CHECK(moved.evtchn_upcall_pending == 1);
    CHECK(moved.evtchn_pending_sel == 1);
}

TEST_CASE_METHOD(vcpu_fixture, "vcpu_op.the_info_of_others_moves_only_while_they_are_down") {
    v1.pause = hv::pause_blocked;
    CHECK(register_info(1, 3, 0) == to_abi(errc::inval));
    v1.pause = hv::pause_down;
    CHECK(register_info(1, 3, 0) == 0);
    CHECK(register_info(2, 3, 64) == to_abi(errc::noent));
}

TEST_CASE_METHOD(vcpu_fixture, "vcpu_op.the_run_state_is_told_and_kept_where_the_guest_wants") {
    abi::vcpu_runstate_info r{};
    CHECK(call(vcpu_op::get_runstate_info, 1, r) == 0);
    r = m.at<abi::vcpu_runstate_info>(a, page_size);
    CHECK(r.state == static_cast<int>(abi::runstate_offline));
    m.cpu.advance(500);
    CHECK(call(vcpu_op::get_runstate_info, 1, r) == 0);
    auto const later = m.at<abi::vcpu_runstate_info>(a, page_size);
    CHECK(later.time[abi::runstate_offline] == r.time[abi::runstate_offline] + 500);
    abi::vcpu_register_runstate_memory_area area{};
    area.addr.p = 3 * page_size + 8;
    CHECK(call(vcpu_op::register_runstate_memory_area, 1, area) == 0);
    CHECK(v1.runstate_area == area.addr.p);
    auto const& copy = m.at<abi::vcpu_runstate_info>(a, 3 * page_size + 8);
    CHECK(copy.time[abi::runstate_offline] == later.time[abi::runstate_offline]);
    CHECK(plain(vcpu_op::get_runstate_info, 1, 0x100'0000) == to_abi(errc::fault));
}

TEST_CASE_METHOD(vcpu_fixture, "vcpu_op.the_one_shot_timer_fires_once") {
    auto const port = m.must(hv::evtchn_bind_virq(a, abi::virq_timer, 0));
    auto const set = [&](std::uint64_t id, std::uint64_t at, std::uint32_t flags = 0) {
        return call(vcpu_op::set_singleshot_timer, id,
                    abi::vcpu_set_singleshot_timer{at, flags, 0});
    };
    auto const fired = [&] {
        hv::run_timers(*m.hv);
        bool const yes = hv::port_is_pending(a, port);
        a.shared_info->evtchn_pending[0] = 0;
        return yes;
    };
    CHECK(set(1, 5) == to_abi(errc::inval)); // somebody else's
    CHECK(plain(vcpu_op::stop_singleshot_timer, 1) == to_abi(errc::inval));
    CHECK(set(0, m.cpu.now_ns() + 100) == 0);
    CHECK_FALSE(fired());
    m.cpu.advance(100);
    CHECK(fired());
    m.cpu.advance(1000);
    CHECK_FALSE(fired());
    CHECK(set(0, m.cpu.now_ns() - 1, abi::vcpu_sshottmr_future) == to_abi(errc::time));
    CHECK_FALSE(fired());
    CHECK(set(0, m.cpu.now_ns() - 1) == 0); // the past fires at once
    CHECK(fired());
    CHECK(set(0, 0) == 0);
    CHECK(fired());
    CHECK(set(0, m.cpu.now_ns() + 100) == 0);
    CHECK(plain(vcpu_op::stop_singleshot_timer, 0) == 0);
    m.cpu.advance(1000);
    CHECK_FALSE(fired());
}

TEST_CASE_METHOD(vcpu_fixture, "vcpu_op.the_periodic_timer_ticks_until_stopped") {
    auto const port = m.must(hv::evtchn_bind_virq(a, abi::virq_timer, 0));
    auto const set = [&](std::uint64_t ns) {
        return call(vcpu_op::set_periodic_timer, 0, abi::vcpu_set_periodic_timer{ns});
    };
    CHECK(set(999'999) == to_abi(errc::inval));
    CHECK(set(std::numeric_limits<std::uint64_t>::max()) == to_abi(errc::inval));
    CHECK(set(1'000'000) == 0);
    for (int i = 0; i < 3; ++i) {
        m.cpu.advance(1'000'000);
        hv::run_timers(*m.hv);
        CHECK(hv::port_is_pending(a, port));
        a.shared_info->evtchn_pending[0] = 0;
    }
    CHECK(plain(vcpu_op::stop_periodic_timer, 0) == 0);
    m.cpu.advance(10'000'000);
    hv::run_timers(*m.hv);
    CHECK_FALSE(hv::port_is_pending(a, port));
}

TEST_CASE_METHOD(vcpu_fixture, "vcpu_op.a_second_copy_of_the_clock_is_kept_until_it_moves") {
    abi::vcpu_register_time_memory_area area{};
    area.addr.p = 3 * page_size + 4096 - 24;
    auto const cmd = vcpu_op::register_vcpu_time_memory_area;
    CHECK(call(cmd, 0, area) == to_abi(errc::inval)); // would cross the page
    area.addr.p = 0x100'0000;
    CHECK(call(cmd, 0, area) == to_abi(errc::fault));
    area.addr.p = 3 * page_size + 64;
    CHECK(call(cmd, 0, area) == 0);
    auto const& copy = m.at<abi::vcpu_time_info>(a, area.addr.p);
    CHECK(copy.tsc_to_system_mul == v0.info->time.tsc_to_system_mul);
    CHECK(references(3) == 2);
    area.addr.p = 4 * page_size;
    CHECK(call(cmd, 0, area) == 0);
    CHECK(references(3) == 1);
    CHECK(references(4) == 2);
    area.addr.p = 0;
    CHECK(call(cmd, 0, area) == 0);
    CHECK(references(4) == 1);
    CHECK(v0.secondary_time == nullptr);
}

TEST_CASE_METHOD(vcpu_fixture, "vcpu_op.send_nmi_wakes_whoever_it_is_for") {
    atomic_fetch_or(v0.pause, std::uint32_t{hv::pause_blocked});
    CHECK(plain(vcpu_op::send_nmi, 0) == 0);
    CHECK(v0.nmi_pending);
    CHECK((v0.pause & hv::pause_blocked) == 0);
    hv::vcpu_block(v0); // does not sleep over one that waits
    CHECK((v0.pause & hv::pause_blocked) == 0);
}

TEST_CASE_METHOD(vcpu_fixture, "vcpu_op.what_is_refused") {
    CHECK(plain(vcpu_op::get_physid, 0) == to_abi(errc::inval));
    CHECK(plain(vcpu_op::send_nmi, 0, 1) == to_abi(errc::inval));
    CHECK(plain(static_cast<vcpu_op>(14), 0) == to_abi(errc::nosys));
}

TEST_CASE_METHOD(vcpu_fixture, "vcpu_op.destroying_the_domain_gives_every_page_back") {
    REQUIRE(register_info(0, 3, 0) == 0);
    abi::vcpu_register_time_memory_area area{};
    area.addr.p = 4 * page_size;
    REQUIRE(call(vcpu_op::register_vcpu_time_memory_area, 0, area) == 0);
    auto const f = hv::p2m_lookup(a, gfn(3))->frame;
    {
        auto const kept = hv::find_domain(*m.hv, domid(1));
        while (!hv::destroy_domain(*kept)) {
        }
    }
    CHECK(m.hv->domains[1] == nullptr);
    CHECK(m.hv->frames.info(f).count == 0);
}
