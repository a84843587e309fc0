// SPDX-License-Identifier: Apache-2.0
// Tests of CPU pools: their making and end, CPUs and domains that move, the null scheduler.
#include <xenpp/hv/domctl.hpp>
#include <xenpp/hv/sysctl.hpp>
#include <xenpp/hv/timer_service.hpp>

#include <fakes/hv_clockwork.hpp>

#include <array>

using namespace xenpp;
using namespace xenpp::hv;
using fakes::fake_platform;
using fakes::hv_host;

namespace {

constexpr auto buffer = hv_host::window_base + (1U << 20);
constexpr std::uint64_t second = 1'000'000'000;
constexpr auto any = abi::sysctl_cpupool_par_any;

struct bench : fakes::hv_clockwork {
    using hv_clockwork::hv_clockwork;

    long sysctl(abi::sysctl_op cmd) {
        op.cmd = static_cast<std::uint32_t>(cmd);
        op.interface_version = abi::sysctl_interface_version;
        return host.call_with(do_sysctl<fake_platform>, {}, 0, op);
    }

    long pool(std::uint32_t cmd, std::uint32_t id, std::uint32_t cpu = 0, unsigned domain = 0) {
        op = abi::sysctl{};
        op.u.cpupool_op = {cmd, id, abi::scheduler_credit2, domain, cpu, 0, {{buffer}, 8, 0}};
        return sysctl(abi::sysctl_op::cpupool_op);
    }

    long create(std::uint32_t scheduler) {
        op = abi::sysctl{};
        op.u.cpupool_op = {abi::sysctl_cpupool_op_create, any, scheduler, 0, 0, 0, {}};
        return sysctl(abi::sysctl_op::cpupool_op);
    }

    /// The CPUs that the last `info` or `freeinfo` told.
    unsigned cpus() { return host.peek<std::uint8_t>(buffer); }

    /// A second pool, which gets the CPUs of `mask` from pool 0.
    std::uint32_t split(std::uint32_t scheduler, unsigned mask) {
        REQUIRE(create(scheduler) == 0);
        auto const id = op.u.cpupool_op.cpupool_id;
        for (unsigned c = 0; c != 8; ++c) {
            if ((mask >> c & 1) != 0) {
                REQUIRE(pool(abi::sysctl_cpupool_op_rmcpu, 0, c) == 0);
                REQUIRE(pool(abi::sysctl_cpupool_op_addcpu, id, c) == 0);
            }
        }
        return id;
    }

    long move(hv_host::domain const& d, std::uint32_t id) {
        return pool(abi::sysctl_cpupool_op_movedomain, id, 0, d.id.raw());
    }

    abi::sysctl op{};
};

} // namespace

TEST_CASE("cpupool: one from the start, with all CPUs and domains") {
    bench h(2);
    h.host.make_domain();
    CHECK(h.sysctl(abi::sysctl_op::sched_id) == 0);
    CHECK(h.op.u.sched_id.sched_id == abi::scheduler_credit2);
    CHECK(h.pool(abi::sysctl_cpupool_op_info, 0) == 0);
    CHECK(h.op.u.cpupool_op.n_dom == 2);
    CHECK(h.cpus() == 3);
    CHECK(h.pool(abi::sysctl_cpupool_op_info, 1) == to_abi(errc::noent));
    CHECK(h.pool(abi::sysctl_cpupool_op_freeinfo, 0) == 0);
    CHECK(h.cpus() == 0);
    CHECK(h.pool(abi::sysctl_cpupool_op_movedomain, 0) == 0);
    CHECK(h.pool(abi::sysctl_cpupool_op_destroy, 0) == to_abi(errc::busy));
    CHECK(h.pool(77, 0) == to_abi(errc::nosys));
}

TEST_CASE("cpupool: made, given CPUs, emptied and ended") {
    bench h(4);
    CHECK(h.create(abi::scheduler_rtds) == to_abi(errc::noent));
    auto const id = h.split(abi::scheduler_null, 0b1100);
    CHECK(id == 1);
    CHECK(h.pool(abi::sysctl_cpupool_op_info, 1) == 0);
    CHECK(h.op.u.cpupool_op.sched_id == abi::scheduler_null);
    CHECK(h.cpus() == 0b1100);
    CHECK(h.pool(abi::sysctl_cpupool_op_info, 0) == 0);
    CHECK(h.cpus() == 0b0011);
    CHECK(h.pool(abi::sysctl_cpupool_op_addcpu, 1, 0) == to_abi(errc::busy)); // pool 0's
    CHECK(h.pool(abi::sysctl_cpupool_op_addcpu, 1, 4) == to_abi(errc::inval));
    CHECK(h.pool(abi::sysctl_cpupool_op_addcpu, 1, any) == to_abi(errc::busy)); // none is free
    CHECK(h.pool(abi::sysctl_cpupool_op_addcpu, 9, 0) == to_abi(errc::noent));
    CHECK(h.pool(abi::sysctl_cpupool_op_rmcpu, 1, 0) == to_abi(errc::inval));
    CHECK(h.pool(abi::sysctl_cpupool_op_destroy, 1) == to_abi(errc::busy));
    CHECK(h.pool(abi::sysctl_cpupool_op_rmcpu, 1, any) == 0);
    CHECK(h.pool(abi::sysctl_cpupool_op_freeinfo, 0) == 0);
    CHECK(h.cpus() == 0b1000);
    CHECK(h.pool(abi::sysctl_cpupool_op_rmcpu, 1, 2) == 0);
    CHECK(h.pool(abi::sysctl_cpupool_op_destroy, 1) == 0);
    CHECK(h.pool(abi::sysctl_cpupool_op_destroy, 1) == to_abi(errc::noent));
    CHECK(h.pool(abi::sysctl_cpupool_op_addcpu, 0, any) == 0);
    CHECK(h.pool(abi::sysctl_cpupool_op_addcpu, 0, any) == 0);
    CHECK(h.pool(abi::sysctl_cpupool_op_info, 0) == 0);
    CHECK(h.cpus() == 0b1111);
    CHECK(h.pool(abi::sysctl_cpupool_op_rmcpu, 0, 3) == 0);
    CHECK(h.pool(abi::sysctl_cpupool_op_rmcpu, 0, 2) == 0);
    CHECK(h.pool(abi::sysctl_cpupool_op_rmcpu, 0, 1) == 0);
    CHECK(h.pool(abi::sysctl_cpupool_op_rmcpu, 0, 0) == to_abi(errc::busy)); // domain 0's last
}

TEST_CASE("cpupool: there are 64 and no more") {
    bench h(1);
    for (unsigned n = 1; n != max_cpupools; ++n) {
        REQUIRE(h.create(abi::scheduler_credit2) == 0);
    }
    CHECK(h.create(abi::scheduler_credit2) == to_abi(errc::nospc));
    CHECK(h.pool(abi::sysctl_cpupool_op_create, 5) == to_abi(errc::exist));
    CHECK(h.pool(abi::sysctl_cpupool_op_create, 64) == to_abi(errc::inval));
}

TEST_CASE("cpupool: a domain runs on the CPUs of its pool alone, and moves") {
    bench h(4);
    auto const id = h.split(abi::scheduler_credit2, 0b1000);
    auto& d = h.host.make_domain(2);
    auto& a = h.spinner(d, 0);
    auto& b = h.spinner(d, 1);
    h.run_for(second / 10);
    CHECK(((h.where[&a] | h.where[&b]) & 0b1000) == 0);
    CHECK(h.move(d, 9) == to_abi(errc::noent));
    CHECK(h.move(d, id) == 0);
    CHECK(d.cpupool == id);
    h.run_for(second / 100);
    h.where.clear();
    h.ran.clear();
    h.run_for(second);
    CHECK(h.where[&a] == 0b1000); // both share the one CPU
    CHECK(h.where[&b] == 0b1000);
    CHECK(h.ran[&a] > second * 45 / 100);
    CHECK(h.ran[&b] > second * 45 / 100);
    CHECK(h.pool(abi::sysctl_cpupool_op_rmcpu, id, 3) == to_abi(errc::busy)); // its last
    CHECK(h.move(d, 0) == 0);
    h.run_for(second / 100);
    h.where.clear();
    h.run_for(second / 10);
    CHECK(((h.where[&a] | h.where[&b]) & 0b1000) == 0);
    CHECK(h.pool(abi::sysctl_cpupool_op_rmcpu, id, 3) == 0);
}

TEST_CASE("cpupool: a domain that moves owes nothing for what it ran elsewhere") {
    bench h(2);
    auto const id = h.split(abi::scheduler_credit2, 0b10);
    auto& crowd = h.host.make_domain(3); // advances slowly
    auto& alone = h.host.make_domain();  // advances three times as fast
    for (unsigned n = 0; n != 3; ++n) {
        h.spinner(crowd, n);
    }
    REQUIRE(h.move(alone, id) == 0);
    auto& v = h.spinner(alone);
    h.run_for(3 * second);
    REQUIRE(h.move(alone, 0) == 0);
    h.run_for(second / 100);
    h.ran.clear();
    h.run_for(second);
    CHECK(h.ran[&v] > second * 22 / 100);
    CHECK(h.ran[&v] < second * 28 / 100);
}

TEST_CASE("cpupool: affinity without a CPU of the pool counts for nothing") {
    bench h(2);
    auto const id = h.split(abi::scheduler_credit2, 0b10);
    auto& d = h.host.make_domain();
    d.vcpus[0]->hard_affinity = 0b01;
    auto& v = h.spinner(d);
    REQUIRE(h.move(d, id) == 0);
    h.run_for(second / 100);
    CHECK(h.on(1) == &v);
}

TEST_CASE("cpupool: null gives each vCPU a CPU of its own, others wait") {
    bench h(3);
    auto const id = h.split(abi::scheduler_null, 0b110);
    auto& d = h.host.make_domain(3);
    REQUIRE(h.move(d, id) == 0);
    d.cap = 10; // means nothing here
    std::array<hv_host::vcpu*, 3> v{};
    for (unsigned n = 0; n != 3; ++n) {
        v[n] = &h.spinner(d, n);
    }
    h.run_for(second / 100);
    h.ran.clear();
    h.run_for(second);
    CHECK(h.ran[v[0]] == second);
    CHECK(h.ran[v[1]] == second);
    CHECK(h.ran[v[2]] == 0);
    CHECK(next_deadline(h.host.hv) == 0); // no time slice
    atomic_fetch_or(v[0]->pause, std::uint32_t{pause_down});
    vcpu_sleep(*v[0]); // goes off line: its CPU is free for the one that waits
    h.run_for(second / 100);
    h.ran.clear();
    h.run_for(second);
    CHECK(h.ran[v[2]] == second);
    CHECK(h.ran[v[0]] == 0);
}

TEST_CASE("cpupool: a domain is made in a pool, and leaves it when it is killed") {
    bench h(2);
    auto const id = h.split(abi::scheduler_credit2, 0b10);
    auto c = hv_host::create_args();
    c.cpupool_id = 7;
    CHECK(create_domain(h.host.hv, domid(5), c).error() == errc::inval);
    c.cpupool_id = id;
    auto const d = create_domain(h.host.hv, domid(5), c);
    REQUIRE(d);
    CHECK(h.pool(abi::sysctl_cpupool_op_info, id) == 0);
    CHECK(h.op.u.cpupool_op.n_dom == 1);
    h.host.kill(**d);
    CHECK(h.pool(abi::sysctl_cpupool_op_info, id) == 0);
    CHECK(h.op.u.cpupool_op.n_dom == 0);
    CHECK(h.pool(abi::sysctl_cpupool_op_rmcpu, id, 1) == 0);
    CHECK(h.pool(abi::sysctl_cpupool_op_destroy, id) == 0);
}

TEST_CASE("scheduler_op: a pool's rate limit") {
    bench h(2);
    auto limit = [&](std::uint32_t cmd, std::uint32_t us, std::uint32_t id = 0) {
        h.op = abi::sysctl{};
        auto& q = h.op.u.scheduler_op;
        q = {id, abi::scheduler_credit2, cmd, 0, {}};
        q.u.sched_credit2.ratelimit_us = us;
        return h.sysctl(abi::sysctl_op::scheduler_op);
    };
    CHECK(limit(abi::sysctl_schedop_getinfo, 0) == 0);
    CHECK(h.op.u.scheduler_op.u.sched_credit2.ratelimit_us == 500);
    CHECK(limit(abi::sysctl_schedop_putinfo, 2000) == 0);
    CHECK(limit(abi::sysctl_schedop_getinfo, 0) == 0);
    CHECK(h.op.u.scheduler_op.u.sched_credit2.ratelimit_us == 2000);
    CHECK(limit(abi::sysctl_schedop_putinfo, 99) == to_abi(errc::inval));
    CHECK(limit(abi::sysctl_schedop_putinfo, 500'001) == to_abi(errc::inval));
    CHECK(limit(abi::sysctl_schedop_putinfo, 0) == 0);
    CHECK(limit(abi::sysctl_schedop_getinfo, 0, 1) == to_abi(errc::srch));
    auto const id = h.split(abi::scheduler_null, 0b10);
    CHECK(limit(abi::sysctl_schedop_getinfo, 0, id) == to_abi(errc::inval));
}
