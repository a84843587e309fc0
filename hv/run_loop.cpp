// SPDX-License-Identifier: Apache-2.0
// What every CPU does for ever: pending work, choose a vCPU, enter it, act on its exit.
#include "machine.hpp"
#include "platform/cpu.hpp"
#include "platform/pv_vcpu.hpp"
#include "platform/svm_vcpu.hpp"
#include "platform/virtualization.hpp"
#include "platform/vmx_vcpu.hpp"

#include <xenpp/hv/domain_life.hpp>
#include <xenpp/hv/exit_apply.hpp>
#include <xenpp/hv/guest_time.hpp>
#include <xenpp/hv/pv/tlb_flush.hpp>
#include <xenpp/hv/scheduler.hpp>
#include <xenpp/hv/timer_service.hpp>

namespace xenpp::image {

namespace {

/// The vCPU whose state is in this CPU's registers, or null.
vcpu* loaded(percpu& here) noexcept {
    return static_cast<vcpu*>(here.loaded);
}

/// A SIPI that another vCPU sent, carried out by the vCPU itself.
template <class Vendor>
void carry_out_startup(vcpu& v) noexcept {
    std::uint32_t const what = atomic_exchange(v.startup, 0);
    if ((what & hv::startup_sipi) != 0) {
        v.lapic.forget_interrupts(); // INIT may have come while the vCPU took one
        Vendor::reset_state(v, static_cast<std::uint8_t>(what));
    }
}

/// How long a guest has its CPU at most while the control domain's work waits.
constexpr std::uint64_t guest_turn_ns = 200'000;
/// How long a CPU looks for the control domain's next call before it sleeps: calls come in rows,
/// and to be woken takes several times as long.
constexpr std::uint64_t linger_ns = 100'000;

void poll_link(percpu& here) noexcept {
    here.link_is_polled = true;
    machine().link->set_polling(true);
}

/// From now on the control domain rings. What came before that is work already.
void stop_polling(percpu& here) noexcept {
    if (here.link_is_polled) {
        here.link_is_polled = false;
        machine().link->set_polling(false);
        if (machine().link->has_work()) {
            atomic_fetch_or(here.work, work_doorbell);
        }
    }
}

/// Serves the control domain for a turn.
void serve(percpu& here) noexcept {
    auto& m = machine();
    if (m.link == nullptr) {
        return;
    }
    poll_link(here);
    bool const more = serve_link();
    here.link_served_ns = m.platform.now_ns();
    here.link_deadline_ns = more ? here.link_served_ns + guest_turn_ns : 0;
}

/// Between two looks. TCG leaves its loop for a PAUSE, and takes QEMU's lock on the way back.
void relax(bool is_emulated) noexcept {
    if (!is_emulated) {
        cpu_relax();
    }
}

/// The CPU that runs no guests looks only where it takes no time from those that do: while one of
/// them is idle, and none looks itself.
bool may_look(percpu const& here) noexcept {
    bool may = here.runs_guests || machine().scheduler.has_idle_cpu();
    for (unsigned c = 0; may && !here.runs_guests && c != cpu_count; ++c) {
        may = !atomic_load(cpus[c].is_looking);
    }
    return may;
}

/// Looks for the control domain's next call for a while after the last one, or after it was told of
/// an event that it may answer. True: there is work.
bool linger(percpu& here) noexcept {
    auto& m = machine();
    if (here.link_served_ns == 0 || m.link == nullptr || !may_look(here)) {
        return false;
    }
    poll_link(here);
    atomic_store(here.is_looking, true);
    full_barrier(); // against image_platform::kick
    bool found = false;
    for (unsigned looks = 1; !found; ++looks) {
        if (m.link->has_work()) {
            atomic_fetch_or(here.work, work_doorbell);
        }
        found = atomic_load(here.work) != 0 || hv::needs_resched(m);
        constexpr unsigned looks_a_time = 16; // the clock costs more than a look
        if (!found && looks % looks_a_time == 0 &&
            (m.platform.now_ns() - here.link_served_ns > linger_ns || !may_look(here))) {
            here.link_served_ns = 0;
            break;
        }
        relax(m.is_emulated);
    }
    atomic_store(here.is_looking, false);
    full_barrier();
    return found;
}

template <class Vendor>
hv::exit_action enter(vcpu& v) noexcept {
    return v.dom.kind == hv::domain_kind::pv ? pv_enter(v) : Vendor::enter(v);
}

/// Everything that waits for this CPU to come by. True if it wants to be called again soon.
bool pending_work(percpu& here) noexcept {
    auto& m = machine();
    // Before anything else: what was freed before now can no longer be reached from this CPU.
    hv::pv::pass_epoch(m);
    std::uint32_t const work = atomic_exchange(here.work, 0);
    if ((work & work_timer) != 0) {
        here.deadline_ns = 0; // the one-shot timer has fired
    }
    if ((work & work_doorbell) != 0 || here.link_deadline_ns != 0) {
        serve(here);
    }
    hv::run_timers(m);
    m.platform.set_deadline(hv::next_deadline(m));
    return here.link_deadline_ns != 0;
}

/// Makes `next` the vCPU of this CPU.
template <class Vendor>
void switch_to(percpu& here, vcpu* next) noexcept {
    vcpu* const previous = loaded(here);
    // One that INIT and SIPI overtook before it left its CPU starts anew from memory as well.
    if (next == previous && (next == nullptr || atomic_load(next->startup) == 0)) {
        return;
    }
    if (previous != nullptr) {
        if (previous->dom.kind == hv::domain_kind::pv) {
            pv_switch_out(*previous);
        } else {
            Vendor::switch_out(*previous);
        }
        here.loaded = nullptr;
        if (next != previous) {
            hv::switched_from(*previous);
        }
    }
    if (next != nullptr) {
        if (next->dom.kind == hv::domain_kind::pv) {
            pv_switch_in(*next);
        } else {
            carry_out_startup<Vendor>(*next);
            Vendor::switch_in(*next);
        }
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

/// The loop of a machine with `Vendor`'s virtualization: which one is not asked again.
template <class Vendor>
[[noreturn]] void run_loop_of() noexcept {
    percpu& here = this_percpu();
    auto& m = machine();
    for (;;) {
        bool const busy = pending_work(here);
        vcpu* const next = here.runs_guests ? hv::choose(m, loaded(here)) : nullptr;
        switch_to<Vendor>(here, next);
        m.platform.set_deadline(hv::next_deadline(m));
        if (next == nullptr) {
            if (busy || linger(here)) {
                interrupt_window();
            } else {
                stop_polling(here);
                idle(here);
            }
            continue;
        }
        stop_polling(here);
        // The short way round: as long as nothing else wants this CPU, exits go straight back.
        while (atomic_load(here.work) == 0 && !hv::needs_resched(m)) {
            if (atomic_load(next->startup) != 0) {
                break;
            }
            auto const action = enter<Vendor>(*next);
            hv::pv::pass_epoch(m);
            if (action.what == hv::exit_action::kind::interrupted) {
                interrupt_window(); // the interrupt that ended the stay is taken here
            } else {
                hv::apply_exit<Vendor>(*next, action);
            }
        }
    }
}

} // namespace

void run_loop() noexcept {
    if (virtualization_in_use() == virtualization::vmx) {
        run_loop_of<vmx>();
    }
    run_loop_of<svm>(); // or none: there are PV domains alone then
}

} // namespace xenpp::image
