// SPDX-License-Identifier: Apache-2.0
// What every CPU does for ever: pending work, choose a vCPU, enter it, act on its exit.
#include "machine.hpp"
#include "platform/cpu.hpp"
#include "platform/svm_vcpu.hpp"

#include <xenpp/hv/domain_life.hpp>
#include <xenpp/hv/exit_apply.hpp>
#include <xenpp/hv/guest_time.hpp>
#include <xenpp/hv/scheduler.hpp>

namespace xenpp::image {

namespace {

/// The vCPU whose state is in this CPU's registers, or null.
vcpu* loaded(percpu& here) noexcept {
    return static_cast<vcpu*>(here.loaded);
}

/// A SIPI that another vCPU sent, carried out by the vCPU itself.
void carry_out_startup(vcpu& v) noexcept {
    std::uint32_t const what = atomic_exchange(v.startup, 0);
    if ((what & hv::startup_sipi) != 0) {
        svm_reset_state(v, static_cast<std::uint8_t>(what));
    }
}

/// What SVM does of an exit's outcome.
struct vendor {
    static bool skip(vcpu& v) noexcept { return svm_skip(v); }

    static void inject(vcpu& v, hv::exit_action const& a) noexcept { svm_inject(v, a); }
};

/// Everything that waits for this CPU to come by. True if it wants to be called again soon.
bool pending_work(percpu& here) noexcept {
    auto& m = machine();
    // Before anything else: what was freed before now can no longer be reached from this CPU.
    atomic_store(m.cpu_epoch[here.id.raw()], atomic_load(m.epoch));
    std::uint32_t const work = atomic_exchange(here.work, 0);
    if ((work & work_timer) != 0) {
        here.deadline_ns = 0; // the one-shot timer has fired
    }
    bool more = false;
    if ((work & work_doorbell) != 0 && serve_link()) {
        atomic_fetch_or(here.work, work_doorbell);
        more = true;
    }
    hv::run_timers(m);
    m.platform.set_deadline(hv::next_deadline(m));
    return more;
}

/// Makes `next` the vCPU of this CPU.
void switch_to(percpu& here, vcpu* next) noexcept {
    vcpu* const previous = loaded(here);
    // One that INIT and SIPI overtook before it left its CPU starts anew from memory as well.
    if (next == previous && (next == nullptr || atomic_load(next->startup) == 0)) {
        return;
    }
    if (previous != nullptr) {
        svm_switch_out(*previous);
        here.loaded = nullptr;
        if (next != previous) {
            hv::switched_from(*previous);
        }
    }
    if (next != nullptr) {
        carry_out_startup(*next);
        svm_switch_in(*next);
        here.loaded = next;
        hv::publish_runstate(*next);
    }
}

void idle(percpu& here) noexcept {
    auto& m = machine();
    if (m.frames.scrub_some()) {
        interrupt_window();
        return;
    }
    atomic_store(m.cpu_epoch[here.id.raw()], ~std::uint64_t{0}); // an idle CPU reaches nothing
    full_barrier();
    if (atomic_load(here.work) == 0 && !hv::needs_resched(m)) {
        halt_until_interrupt();
    }
}

} // namespace

void run_loop() noexcept {
    percpu& here = this_percpu();
    auto& m = machine();
    for (;;) {
        bool const busy = pending_work(here);
        vcpu* const next = hv::choose(m, loaded(here));
        switch_to(here, next);
        m.platform.set_deadline(hv::next_deadline(m));
        if (next == nullptr) {
            if (busy) {
                interrupt_window();
            } else {
                idle(here);
            }
            continue;
        }
        // The short way round: as long as nothing else wants this CPU, exits go straight back.
        while (atomic_load(here.work) == 0 && !hv::needs_resched(m)) {
            if (atomic_load(next->startup) != 0) {
                break;
            }
            auto const action = svm_enter(*next);
            atomic_store(m.cpu_epoch[here.id.raw()], atomic_load(m.epoch));
            if (action.what == hv::exit_action::kind::interrupted) {
                interrupt_window(); // the interrupt that ended the stay is taken here
            } else {
                hv::apply_exit<vendor>(*next, action);
            }
        }
    }
}

} // namespace xenpp::image
