// SPDX-License-Identifier: Apache-2.0
// The scheduler on a machine made of memory: fairness, weights, caps, affinity, wake-ups, timers.
#include <xenpp/hv/scheduler.hpp>
#include <xenpp/hv/timer_service.hpp>

#include <fakes/hv_clockwork.hpp>

#include <array>
#include <vector>

using namespace xenpp;
using fakes::hv_host;

namespace {

using machine = fakes::hv_clockwork;

constexpr std::uint64_t second = 1'000'000'000;

} // namespace

TEST_CASE("scheduler.shares_one_cpu_fairly") {
    machine m(1);
    std::vector<hv_host::vcpu*> all;
    for (int i = 0; i < 3; ++i) {
        all.push_back(&m.spinner(m.host.make_domain()));
    }
    m.run_for(3 * second);
    for (auto* v : all) {
        CHECK(m.ran[v] > second * 95 / 100);
        CHECK(m.ran[v] < second * 105 / 100);
    }
}

TEST_CASE("scheduler.weights_divide_the_time") {
    machine m(1);
    auto& light = m.host.make_domain();
    auto& heavy = m.host.make_domain();
    heavy.weight = 512;
    auto& a = m.spinner(light);
    auto& b = m.spinner(heavy);
    m.run_for(6 * second);
    CHECK(m.ran[&a] > 2 * second * 97 / 100);
    CHECK(m.ran[&a] < 2 * second * 103 / 100);
    CHECK(m.ran[&b] > 4 * second * 97 / 100);
}

TEST_CASE("scheduler.a_cap_binds_on_an_idle_machine") {
    machine m(1);
    auto& d = m.host.make_domain();
    d.cap = 25;
    auto& v = m.spinner(d);
    m.run_for(4 * second, 500'000);
    CHECK(m.ran[&v] > second * 95 / 100);
    CHECK(m.ran[&v] < second * 110 / 100);
}

TEST_CASE("scheduler.a_cap_binds_at_once_on_a_domain_that_ran_without") {
    machine m(1);
    auto& d = m.host.make_domain();
    auto& v = m.spinner(d);
    m.run_for(10 * second);
    d.cap = 25;
    m.ran.clear();
    m.run_for(4 * second, 500'000);
    CHECK(m.ran[&v] > second * 95 / 100);
    CHECK(m.ran[&v] < second * 110 / 100);
}

TEST_CASE("scheduler.what_ran_before_a_cap_is_no_debt") {
    machine m(1);
    auto& d = m.host.make_domain();
    auto& v = m.spinner(d);
    m.pass(0);
    m.host.platform.advance(10 * second); // alone, it passes through the scheduler no more
    hv::set_cap(d, 25);
    CHECK(hv::needs_resched(m.host.hv));
    m.run_for(4 * second, 500'000);
    CHECK(m.ran[&v] > second * 95 / 100);
    CHECK(m.ran[&v] < second * 105 / 100);
}

TEST_CASE("scheduler.a_cap_is_reached_where_cpus_wake_late") {
    machine m(1);
    auto& d = m.host.make_domain();
    d.cap = 25;
    auto& v = m.spinner(d);
    m.run_for(second, 500'000);
    m.ran.clear();
    std::uint64_t passed = 0;
    for (unsigned n = 0; n != 1000; ++n) {
        m.run_for(5'000'000, 500'000);
        bool const is_idle = m.on(0) == nullptr;
        std::uint64_t const late = is_idle ? n % 4 * 200'000'000 : 0;
        m.host.platform.advance(late);
        passed += 5'000'000 + late;
    }
    CHECK(m.ran[&v] > passed * 24 / 100);
    CHECK(m.ran[&v] < passed * 26 / 100);
}

TEST_CASE("scheduler.a_domain_that_slept_hoards_nothing_of_its_cap") {
    machine m(1);
    auto& d = m.host.make_domain();
    d.cap = 25;
    auto& v = m.spinner(d);
    m.run_for(1'000'000, 500'000);
    atomic_fetch_or(v.pause, hv::pause_blocked);
    hv::vcpu_sleep(v);
    m.run_for(10 * second);
    m.ran.clear();
    hv::vcpu_unblock(v);
    m.run_for(second, 500'000);
    CHECK(m.ran[&v] > second * 24 / 100);
    CHECK(m.ran[&v] < second * 26 / 100);
}

TEST_CASE("scheduler.uses_every_cpu_and_honours_affinity") {
    machine m(2);
    auto& d = m.host.make_domain(2);
    auto& a = m.spinner(d, 0);
    auto& b = m.spinner(d, 1);
    m.run_for(second);
    CHECK(m.ran[&a] > second * 98 / 100);
    CHECK(m.ran[&b] > second * 98 / 100);
    a.hard_affinity = b.hard_affinity = 1;
    hv::vcpu_affinity_changed(a);
    hv::vcpu_affinity_changed(b);
    m.ran.clear();
    m.run_for(20'000'000);
    m.where.clear();
    m.run_for(second);
    CHECK(m.where[&a] == 1);
    CHECK(m.where[&b] == 1);
    CHECK(m.on(1) == nullptr);
}

TEST_CASE("scheduler.a_waking_vcpu_preempts_and_cannot_hoard") {
    machine m(1);
    auto& busy = m.spinner(m.host.make_domain());
    m.run_for(second);
    auto& sleeper = m.spinner(m.host.make_domain());
    CHECK(hv::needs_resched(m.host.hv));
    m.pass(0);
    CHECK(m.on(0) == &sleeper);
    m.ran.clear();
    m.run_for(second);
    CHECK(m.ran[&busy] > second * 40 / 100); // the sleeper's second of rest is not paid back
}

TEST_CASE("scheduler.a_paused_vcpu_leaves_its_cpu") {
    machine m(2);
    auto& v = m.spinner(m.host.make_domain());
    m.pass(0);
    m.pass(1);
    unsigned const where = m.on(0) == &v ? 0 : 1;
    REQUIRE(m.on(where) == &v);
    m.host.platform.run_on(cpu_id(1 - where));
    auto const kicks = m.host.platform.kicks(cpu_id(where));
    atomic_fetch_or(v.pause, hv::pause_domain);
    hv::vcpu_sleep(v);
    CHECK(m.host.platform.kicks(cpu_id(where)) == kicks + 1);
    CHECK_FALSE(hv::vcpu_stopped(v));
    m.pass(where);
    CHECK(hv::vcpu_stopped(v));
    CHECK(m.on(where) == nullptr);
}

TEST_CASE("scheduler.runstates_add_up_to_the_time_that_passed") {
    machine m(1);
    auto& a = m.spinner(m.host.make_domain());
    auto& b = m.spinner(m.host.make_domain());
    auto const begin = m.host.platform.now_ns();
    auto const sum = [](auto const& r) { return r.time[0] + r.time[1] + r.time[2] + r.time[3]; };
    auto const a0 = sum(hv::vcpu_runstate(a));
    m.run_for(second);
    auto const ra = hv::vcpu_runstate(a);
    auto const rb = hv::vcpu_runstate(b);
    CHECK(sum(ra) - a0 == m.host.platform.now_ns() - begin);
    CHECK(ra.time[abi::runstate_running] + rb.time[abi::runstate_running] > second * 99 / 100);
}

TEST_CASE("timers.fire_in_order_on_the_cpu_that_armed_them") {
    machine m(1);
    static std::vector<int> fired;
    fired.clear();
    std::array<hv::timer, 3> t;
    std::array<int, 3> ids{0, 1, 2};
    auto const now = m.host.platform.now_ns();
    m.host.platform.run_on(cpu_id(0));
    for (unsigned i = 0; i < 3; ++i) {
        t[i].owner = &ids[i];
        t[i].fire = [](void* id) { fired.push_back(*static_cast<int*>(id)); };
    }
    hv::set_timer(m.host.hv, t[0], now + 3000);
    hv::set_timer(m.host.hv, t[1], now + 1000);
    hv::set_timer(m.host.hv, t[2], now + 2000);
    CHECK(m.host.platform.deadline(cpu_id(0)) == now + 1000);
    hv::set_timer(m.host.hv, t[2], 0);
    hv::run_timers(m.host.hv);
    CHECK(fired.empty());
    m.host.platform.advance(5000);
    hv::run_timers(m.host.hv);
    CHECK(fired == std::vector{1, 0});
    CHECK(hv::next_deadline(m.host.hv) == 0);
}
