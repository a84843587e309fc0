// SPDX-License-Identifier: Apache-2.0
// Interrupts of a vCPU: upcalls, IPIs, the start of other vCPUs, the APIC's timer.
#include "exit_fixture.hpp"

#include <xenpp/hv/interrupt.hpp>

using namespace xenpp;
using namespace xenpp::fakes;

namespace {

constexpr std::uint64_t to_second = std::uint64_t{2} << 32; // its APIC id is 2

struct interrupt_fixture : exit_fixture {
    interrupt_fixture() {
        for (auto* const each : {&v, &other}) {
            CHECK(each->lapic.write(hv::apic_reg::svr, 0x1ff));
            CHECK(each->lapic.set_base(hv::apic_base::address | hv::apic_base::enabled |
                                       hv::apic_base::x2apic));
        }
    }
};

} // namespace

TEST_CASE("interrupt.init_and_sipi_start_a_vcpu") {
    interrupt_fixture f;
    hv::send_ipi(f.v, to_second | 0xc500, true); // INIT to one that never ran
    CHECK(f.other.lapic.raw(hv::apic_reg::svr) == 0x1ff);
    hv::send_ipi(f.v, to_second | 0x8500, true); // its de-assertion
    CHECK(f.is_paused(f.other, hv::pause_down));
    hv::send_ipi(f.v, to_second | 0x699, true);
    CHECK(f.other.startup == (hv::startup_sipi | 0x99));
    CHECK(atomic_load(f.other.pause) == 0);
    CHECK(f.other.initialised);
    CHECK(f.other.queued);
    atomic_store(f.other.startup, 0U);
    hv::send_ipi(f.v, to_second | 0x655, true); // the second SIPI finds it running
    CHECK(f.other.startup == 0);
}

TEST_CASE("interrupt.init_stops_a_running_vcpu_until_a_sipi") {
    interrupt_fixture f;
    f.start(f.other);
    hv::send_ipi(f.v, to_second | 0xc500, true);
    CHECK(f.is_paused(f.other, hv::pause_wait_sipi));
    CHECK_FALSE(f.other.queued);
    hv::send_ipi(f.v, to_second | 0x610, true);
    CHECK(atomic_load(f.other.pause) == 0);
    CHECK(f.other.startup == (hv::startup_sipi | 0x10));
}

TEST_CASE("interrupt.init_and_sipi_wait_for_who_sets_the_vcpu_up") {
    interrupt_fixture f;
    unsigned kicks = 0;
    f.m.hv->platform.on_kick = [&](cpu_id) {
        ++kicks;
        CHECK_FALSE(f.v.dom.lock.try_lock()); // VCPUOP_initialise holds it
    };
    f.start(f.other);
    hv::detail::dequeue(f.v.dom.hv.scheduler, f.other);
    f.other.running = true;
    hv::send_ipi(f.v, to_second | 0xc500, true);
    CHECK(kicks == 1);
    f.other.running = false;
    f.m.hv->platform.run_on(cpu_id(1)); // CPU 0 is told that somebody waits
    hv::send_ipi(f.v, to_second | 0x610, true);
    f.m.hv->platform.run_on(cpu_id(0));
    CHECK(kicks == 2);
    f.m.hv->platform.on_kick = nullptr;
}

TEST_CASE("interrupt.a_sipi_ends_a_poll_and_a_block_too") {
    interrupt_fixture f;
    f.start(f.other);
    atomic_fetch_or(f.other.pause, std::uint32_t{hv::pause_poll | hv::pause_blocked});
    hv::vcpu_sleep(f.other);
    hv::send_ipi(f.v, to_second | 0xc500, true);
    hv::send_ipi(f.v, to_second | 0x610, true);
    CHECK(atomic_load(f.other.pause) == 0);
}

TEST_CASE("interrupt.nobody_resets_itself") {
    interrupt_fixture f;
    hv::send_ipi(f.v, 0xc500, true);
    CHECK(atomic_load(f.v.pause) == 0);
    CHECK(f.v.startup == 0);
}

TEST_CASE("interrupt.shorthands_name_their_targets") {
    interrupt_fixture f;
    hv::send_ipi(f.v, 0xc00f8, true); // all but self
    CHECK(f.other.lapic.deliverable() == 0xf8);
    CHECK(f.v.lapic.deliverable() == -1);
    hv::send_ipi(f.v, 0x40041, true); // self
    CHECK(f.v.lapic.deliverable() == 0x41);
    hv::send_ipi(f.v, 0x80042, true); // all
    CHECK(f.v.lapic.deliverable() == 0x42);
}

TEST_CASE("interrupt.an_ipi_wakes_a_halted_vcpu") {
    interrupt_fixture f;
    f.start(f.other);
    atomic_fetch_or(f.other.pause, std::uint32_t{hv::pause_blocked});
    hv::vcpu_sleep(f.other);
    hv::send_ipi(f.v, to_second | 0x50, true);
    CHECK(atomic_load(f.other.pause) == 0);
    CHECK(f.other.queued);
}

TEST_CASE("interrupt.low_vectors_and_other_modes_have_no_effect") {
    interrupt_fixture f;
    hv::send_ipi(f.v, to_second | 0x05, true);
    for (std::uint64_t const mode : {2U, 3U, 4U, 7U}) {
        hv::send_ipi(f.v, to_second | mode << 8 | 0x50, true);
    }
    CHECK_FALSE(f.other.lapic.has_pending());
}

TEST_CASE("interrupt.the_domain_wide_callback_is_due_while_events_are") {
    interrupt_fixture f;
    f.d.hvm_params[abi::hvm_param_callback_irq] = std::uint64_t{2} << 56 | 0xf3;
    CHECK(hv::next_interrupt(f.v).vector == -1);
    f.v.info->evtchn_upcall_pending = 1;
    CHECK(hv::next_interrupt(f.v).vector == 0xf3);
    CHECK_FALSE(hv::next_interrupt(f.v).from_lapic);
    f.v.upcall_vector = 0xf4; // its own vector takes over, through the APIC
    CHECK(hv::next_interrupt(f.v).vector == -1);
    hv::hvm_assert_evtchn(f.v);
    CHECK(hv::next_interrupt(f.v).vector == 0xf4);
}

TEST_CASE("interrupt.the_apic_timer_fires_and_is_not_faster_than_allowed") {
    interrupt_fixture f;
    auto& l = f.v.lapic;
    CHECK(l.write(hv::apic_reg::timer_divide, 0xb)); // by one
    hv::apply(f.v, l.write(hv::apic_reg::lvt_timer, 0x60 | hv::vlapic::lvt_periodic).value());
    hv::apply(f.v, l.write(hv::apic_reg::timer_initial, 1).value()); // every 10 ns
    unsigned fired = 0;
    for (unsigned i = 0; i < 100; ++i) {
        f.m.cpu.advance(100'000);
        hv::run_timers(*f.m.hv);
        if (l.deliverable() == 0x60) {
            ++fired;
            l.acknowledge(0x60);
            CHECK(l.write(hv::apic_reg::eoi, 0));
        }
    }
    CHECK(fired == 10);
    hv::apply(f.v, l.write(hv::apic_reg::timer_initial, 0).value());
    f.m.cpu.advance(10'000'000);
    hv::run_timers(*f.m.hv);
    CHECK(l.deliverable() == -1);
}
