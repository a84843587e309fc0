// SPDX-License-Identifier: Apache-2.0
// What a guest sees of time, its timers, and their end with their owner.
#include "exit_fixture.hpp"

#include <xenpp/hv/guest_time.hpp>

using namespace xenpp;
using namespace xenpp::fakes;

namespace {

struct time_fixture : exit_fixture {
    evtchn_port timer = m.must(hv::evtchn_bind_virq(d, abi::virq_timer, 0));

    /// How often the timer interrupt came in `steps` steps of `step_ns`.
    unsigned ticks(unsigned steps, std::uint64_t step_ns) {
        unsigned n = 0;
        for (unsigned i = 0; i < steps; ++i) {
            m.cpu.advance(step_ns);
            hv::run_timers(*m.hv);
            auto& word = d.shared_info->evtchn_pending[timer.raw() / 64];
            n += atomic_test_and_clear_bit(word, timer.raw() % 64) ? 1U : 0U;
        }
        return n;
    }
};

} // namespace

TEST_CASE("guest_time.the_clock_page_is_consistent_and_gives_the_machine_s_time") {
    time_fixture f;
    hv::update_time(f.v);
    auto const& t = f.v.info->time;
    CHECK((t.version & 1) == 0);
    CHECK(t.version != 0);
    hv::tsc_scale const scale{t.tsc_to_system_mul, t.tsc_shift};
    auto const ns = t.system_time + hv::scale_ticks(f.m.cpu.tsc() - t.tsc_timestamp, scale);
    CHECK(ns == f.m.cpu.now_ns());
    CHECK(t.flags == abi::pvclock_tsc_stable_bit);
}

TEST_CASE("guest_time.the_wall_clock_has_the_domain_s_offset") {
    time_fixture f;
    f.m.hv->wall_clock_base_ns = 5'000'000'007;
    f.d.time_offset_s = -2;
    hv::update_wallclock(f.d);
    CHECK(f.d.shared_info->wc_sec == 3);
    CHECK(f.d.shared_info->wc_nsec == 7);
    CHECK(f.d.shared_info->wc_sec_hi == 0);
    CHECK((f.d.shared_info->wc_version & 1) == 0);
}

TEST_CASE("guest_time.a_single_shot_fires_once") {
    time_fixture f;
    hv::set_singleshot(f.v, f.m.cpu.now_ns() + 2'000'000);
    CHECK(f.ticks(1, 1'000'000) == 0);
    CHECK(f.ticks(10, 1'000'000) == 1);
    hv::set_singleshot(f.v, 1); // long past
    CHECK(f.ticks(3, 1) == 1);
}

TEST_CASE("guest_time.a_periodic_timer_ticks_until_it_is_stopped") {
    time_fixture f;
    hv::set_periodic(f.v, 2'000'000);
    CHECK(f.ticks(20, 1'000'000) == 10);
    hv::set_periodic(f.v, 0);
    CHECK(f.ticks(20, 1'000'000) == 0);
}

TEST_CASE("guest_time.a_timer_that_is_stopped_while_it_fires_does_not_run_away") {
    time_fixture f;
    hv::set_periodic(f.v, 2'000'000);
    f.m.cpu.advance(2'000'000);
    atomic_store(f.v.periodic_ns, std::uint64_t{0}); // another CPU stops it just now
    hv::run_timers(*f.m.hv);
    CHECK(hv::next_deadline(*f.m.hv) == 0);
}

TEST_CASE("guest_time.a_retired_timer_cannot_arm_itself_again") {
    time_fixture f;
    hv::set_periodic(f.v, 2'000'000);
    hv::retire_timers(f.v);
    CHECK(hv::next_deadline(*f.m.hv) == 0);
    f.v.periodic_timer.fire(&f.v); // it was firing on another CPU meanwhile
    CHECK(hv::next_deadline(*f.m.hv) == 0);
}

TEST_CASE("guest_time.the_runstate_is_published_across_pages_and_nowhere_else") {
    time_fixture f;
    f.v.runstate_area = 3 * page_size - 16;
    hv::publish_runstate(f.v);
    CHECK(f.m.at<std::uint32_t>(f.d, 3 * page_size - 16) == abi::runstate_running);
    f.v.runstate_area = 0x40000000; // no memory: skipped
    hv::publish_runstate(f.v);
    f.v.runstate_area = ~std::uint64_t{0} - 8; // would wrap
    hv::publish_runstate(f.v);
}
