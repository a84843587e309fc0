// SPDX-License-Identifier: Apache-2.0
// What every CPU does for ever: pending work, choose a vCPU, enter it, act on its exit.
#include "machine.hpp"
#include "platform/cpu.hpp"
#include "platform/svm_vcpu.hpp"

#include <xenpp/hv/domain_life.hpp>
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

/// The vCPU waits for an event, unless one is due already.
void block(vcpu& v) noexcept {
    atomic_fetch_or(v.pause, hv::pause_blocked);
    if (hv::next_interrupt(v).vector >= 0) {
        atomic_fetch_and(v.pause, ~std::uint32_t{hv::pause_blocked});
        return;
    }
    hv::vcpu_sleep(v);
}

/// The vCPU is halted for good. When all are, the domain has powered itself off.
void halt(vcpu& v) noexcept {
    atomic_fetch_or(v.pause, hv::pause_down);
    hv::vcpu_sleep(v);
    for (unsigned i = 0; i < v.dom.max_vcpus; ++i) {
        vcpu const* const other = v.dom.vcpus[i];
        if (other != nullptr && (atomic_load(other->pause) & hv::pause_down) == 0) {
            return;
        }
    }
    hv::domain_shutdown(v.dom, abi::shutdown_poweroff);
}

void crash(vcpu& v, char const* why) noexcept {
    auto const& c = v.context;
    auto& m = machine();
    hv::print(m, "d", v.dom.id, "v", v.id, " crashed: ", std::string_view(why));
    hv::print(m, "  rip ", hv::hex{c.rip}, " rsp ", hv::hex{c.rsp}, " rflags ", hv::hex{c.rflags});
    hv::print(m, "  rax ", hv::hex{c.rax}, " rcx ", hv::hex{c.rcx}, " rdx ", hv::hex{c.rdx});
    hv::print(m, "  cr0 ", hv::hex{c.cr0}, " cr3 ", hv::hex{c.cr3}, " cr4 ", hv::hex{c.cr4});
    hv::domain_shutdown(v.dom, abi::shutdown_crash);
}

/// The one place where an exit's outcome takes effect.
void act(vcpu& v, hv::exit_action const& a) noexcept {
    using kind = hv::exit_action::kind;
    switch (a.what) {
    case kind::resume:
    case kind::interrupted: return;
    case kind::skip:
    case kind::block:
    case kind::halted:
        if (!svm_skip(v)) {
            crash(v, "an instruction of unknown length");
            return;
        }
        if (a.what == kind::block) {
            block(v);
        } else if (a.what == kind::halted) {
            halt(v);
        }
        return;
    case kind::inject: svm_inject(v, a); return;
    case kind::triple_fault:
        hv::print(machine(), "d", v.dom.id, "v", v.id, " triple fault: the domain reboots");
        hv::domain_shutdown(v.dom, abi::shutdown_reboot);
        return;
    case kind::crash: crash(v, a.reason); return;
    }
}

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
    if (next == previous) {
        return;
    }
    if (previous != nullptr) {
        svm_switch_out(*previous);
        here.loaded = nullptr;
        hv::switched_from(*previous);
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
            if (!busy) {
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
                act(*next, action);
            }
        }
    }
}

} // namespace xenpp::image
