// SPDX-License-Identifier: Apache-2.0
// SCHEDOP_*: blocking, polling, shutting down, watchdogs; who may and what wakes whom.
#include <xenpp/hv/sched_op.hpp>
#include <xenpp/hv/timer_service.hpp>

#include <fakes/fake_machine.hpp>

#include <cstring>

using namespace xenpp;
using namespace xenpp::fakes;
using abi::sched_op;

namespace {

struct sched_fixture {
    fake_machine m;
    domain& control = *m.hv->control;
    domain& a = m.add_guest(1);
    vcpu& v = *a.vcpus[0];

    sched_fixture() {
        for (auto* const each : {a.vcpus[0], a.vcpus[1]}) {
            each->pause = 0; // as if VCPUOP_up had been called
        }
    }

    template <class Op>
    long call(vcpu& by, sched_op cmd, Op op) {
        return m.call(&hv::do_sched_op<fakes::platform>, by, static_cast<std::uint64_t>(cmd), op);
    }

    long plain(vcpu& by, sched_op cmd) {
        return m.call_raw(&hv::do_sched_op<fakes::platform>, by,
                          {static_cast<std::uint64_t>(cmd), 0});
    }

    std::uint32_t ipi() { return m.must(hv::evtchn_bind_ipi(a, 1)).raw(); }

    void send(std::uint32_t port) { m.must(hv::send_port(a, evtchn_port(port))); }

    /// A poll whose list of ports lies in page 2.
    long poll(std::initializer_list<std::uint32_t> ports, std::uint64_t timeout = 0) {
        if (ports.size() != 0) {
            std::memcpy(m.memory(a, 2 * page_size), ports.begin(), ports.size() * 4);
        }
        abi::sched_poll op{};
        op.ports.p = 2 * page_size;
        op.nr_ports = static_cast<std::uint32_t>(ports.size());
        op.timeout = timeout;
        return call(v, sched_op::poll, op);
    }

    void mask(std::uint32_t port) { a.shared_info->evtchn_mask[0] |= std::uint64_t{1} << port; }
};

} // namespace

TEST_CASE_METHOD(sched_fixture, "sched_op.block_waits_for_an_event") {
    CHECK(plain(v, sched_op::block) == 0);
    CHECK(v.pause == hv::pause_blocked);
    auto const port = m.must(hv::evtchn_bind_ipi(a, 0));
    m.must(hv::send_port(a, port));
    CHECK(v.pause == 0);
    CHECK(plain(v, sched_op::block) == 0); // the event has not been taken up
    CHECK(v.pause == 0);
    v.info->evtchn_upcall_pending = 0;
    CHECK(plain(v, sched_op::block) == 0);
    CHECK(v.pause == hv::pause_blocked);
}

TEST_CASE_METHOD(sched_fixture, "sched_op.the_control_domain_never_sleeps_here") {
    auto& c = *control.vcpus[0];
    auto const before = c.pause;
    CHECK(plain(c, sched_op::block) == 0);
    CHECK(plain(c, sched_op::yield) == 0);
    abi::sched_poll op{};
    CHECK(call(c, sched_op::poll, op) == 0);
    CHECK(c.pause == before);
}

TEST_CASE_METHOD(sched_fixture, "sched_op.poll_ends_with_one_of_its_ports") {
    auto const p = ipi();
    auto const q = ipi();
    auto const r = ipi();
    for (auto const port : {p, q, r}) {
        mask(port);
    }
    CHECK(poll({p}) == 0);
    CHECK(v.pause == hv::pause_poll);
    send(q);
    CHECK(v.pause == hv::pause_poll);
    send(p);
    CHECK(v.pause == 0);
    CHECK(a.events.pollers[0] == 0);
    CHECK(poll({r, p}) == 0); // p is pending still
    CHECK(v.pause == 0);
    CHECK(a.events.pollers[0] == 0);
    CHECK(poll({r}) == 0);
    CHECK(v.pause == hv::pause_poll);
    send(r);
    CHECK(v.pause == 0);
    auto const s = ipi();
    auto const t = ipi();
    mask(s);
    mask(t);
    CHECK(poll({s, t}) == 0);
    CHECK(v.pause == hv::pause_poll);
    send(t);
    CHECK(v.pause == 0);
}

TEST_CASE_METHOD(sched_fixture, "sched_op.poll_ends_at_its_time") {
    auto const p = ipi();
    CHECK(poll({p}, m.cpu.now_ns() + 1000) == 0);
    hv::run_timers(*m.hv);
    CHECK(v.pause == hv::pause_poll);
    m.cpu.advance(1000);
    hv::run_timers(*m.hv);
    CHECK(v.pause == 0);
    CHECK(a.events.pollers[0] == 0);
    CHECK(poll({}, 1) == 0); // the past, and nothing to wait for: a sleep that ends at once
    hv::run_timers(*m.hv);
    CHECK(v.pause == 0);
}

TEST_CASE_METHOD(sched_fixture, "sched_op.poll_looks_at_what_it_is_given") {
    CHECK(poll({4095}) == to_abi(errc::inval));
    CHECK(poll({0xffffffff}) == to_abi(errc::inval));
    abi::sched_poll op{};
    op.nr_ports = 129;
    CHECK(call(v, sched_op::poll, op) == to_abi(errc::inval));
    op.nr_ports = 1;
    op.ports.p = 0x100'0000;
    CHECK(call(v, sched_op::poll, op) == to_abi(errc::fault));
    CHECK(v.pause == 0);
    CHECK(a.events.pollers[0] == 0);
    v.info->evtchn_upcall_pending = 1;
    op.ports.p = 2 * page_size;
    CHECK(call(v, sched_op::poll, op) == 0); // an upcall waits: no sleep
    CHECK(v.pause == 0);
}

TEST_CASE_METHOD(sched_fixture, "sched_op.shutdown_stops_all_and_tells_the_control_domain") {
    auto const exc = m.must(hv::evtchn_bind_virq(control, abi::virq_dom_exc, 0));
    CHECK(call(v, sched_op::shutdown, abi::sched_shutdown{abi::shutdown_reboot}) == 0);
    CHECK(a.is_shut_down);
    CHECK(a.shutdown_code == abi::shutdown_reboot);
    CHECK(a.vcpus[1]->pause == hv::pause_domain);
    CHECK(hv::port_is_pending(control, exc));
    CHECK(call(v, sched_op::shutdown, abi::sched_shutdown{abi::shutdown_crash}) == 0);
    CHECK(a.shutdown_code == abi::shutdown_reboot); // the first reason counts
}

TEST_CASE_METHOD(sched_fixture, "sched_op.a_latched_code_is_what_the_shutdown_reports") {
    CHECK(call(v, sched_op::shutdown_code, abi::sched_shutdown{abi::shutdown_crash}) == 0);
    CHECK(call(v, sched_op::shutdown_code, abi::sched_shutdown{abi::shutdown_suspend}) == 0);
    CHECK_FALSE(a.is_shut_down);
    CHECK(call(v, sched_op::shutdown, abi::sched_shutdown{abi::shutdown_poweroff}) == 0);
    CHECK(a.shutdown_code == abi::shutdown_crash);
}

TEST_CASE_METHOD(sched_fixture, "sched_op.only_the_control_domain_ends_others") {
    domain& b = m.add_guest(2);
    abi::sched_remote_shutdown op{2, 0, abi::shutdown_crash};
    CHECK(call(v, sched_op::remote_shutdown, op) == to_abi(errc::perm));
    CHECK_FALSE(b.is_shut_down);
    CHECK(call(*control.vcpus[0], sched_op::remote_shutdown, op) == 0);
    CHECK(b.shutdown_code == abi::shutdown_crash);
    op.domain_id = 50;
    CHECK(call(*control.vcpus[0], sched_op::remote_shutdown, op) == to_abi(errc::srch));
    op.domain_id = 0;
    CHECK(call(*control.vcpus[0], sched_op::remote_shutdown, op) == to_abi(errc::perm));
    CHECK_FALSE(m.cpu.is_shut_down);
}

TEST_CASE_METHOD(sched_fixture, "sched_op.a_watchdog_that_is_not_poked_ends_the_domain") {
    auto const watchdog = [&](std::uint32_t id, std::uint32_t seconds) {
        return call(v, sched_op::watchdog, abi::sched_watchdog{id, seconds});
    };
    constexpr std::uint64_t second = 1'000'000'000;
    CHECK(watchdog(0, 0) == 0);
    CHECK(watchdog(1, 5) == to_abi(errc::inval)); // not armed
    CHECK(watchdog(3, 5) == to_abi(errc::inval));
    CHECK(watchdog(0, 10) == 1);
    CHECK(watchdog(0, 20) == 2);
    CHECK(watchdog(0, 20) == to_abi(errc::nospc));
    m.cpu.advance(9 * second);
    CHECK(watchdog(1, 10) == 0);
    m.cpu.advance(9 * second);
    hv::run_timers(*m.hv);
    CHECK_FALSE(a.is_shut_down);
    CHECK(watchdog(1, 0) == 0);
    CHECK(watchdog(1, 0) == to_abi(errc::inval));
    m.cpu.advance(2 * second);
    hv::run_timers(*m.hv);
    CHECK(a.is_shut_down);
    CHECK(a.shutdown_code == abi::shutdown_watchdog);
}

TEST_CASE_METHOD(sched_fixture, "sched_op.a_watchdog_dies_with_its_domain") {
    CHECK(call(v, sched_op::watchdog, abi::sched_watchdog{0, 1}) == 1);
    {
        auto const kept = hv::find_domain(*m.hv, domid(1));
        while (!hv::destroy_domain(*kept)) {
        }
    }
    CHECK(m.hv->domains[1] == nullptr);
    CHECK(hv::next_deadline(*m.hv) == 0);
}

TEST_CASE_METHOD(sched_fixture, "sched_op.what_is_refused") {
    CHECK(plain(v, sched_op::pin_override) == to_abi(errc::perm));
    CHECK(plain(*control.vcpus[0], sched_op::pin_override) == to_abi(errc::perm));
    CHECK(plain(v, static_cast<sched_op>(8)) == to_abi(errc::nosys));
    CHECK(plain(v, sched_op::yield) == 0);
    CHECK(v.yielded);
}
