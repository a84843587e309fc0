// SPDX-License-Identifier: Apache-2.0
// PV on this machine: entering ring 3, what comes back from it, and a vCPU's part of the processor.
#include "platform/pv_vcpu.hpp"

#include "platform/cpu.hpp"
#include "platform/descriptor_area.hpp"
#include "platform/fpu.hpp"

#include <xenpp/hv/pv/exit.hpp>
#include <xenpp/hv/pv/tlb_flush.hpp>
#include <xenpp/hv/translated_code.hpp>

#include <cstddef>
#include <cstring>

extern "C" {
/// One line of pv_run.S's table: where SYSCALL on a CPU leaves the guest's registers.
struct alignas(64) syscall_slot {
    std::uint64_t scratch;
    std::uint64_t* end; ///< the context's ss
};

extern syscall_slot pv_slots[];              // NOLINT: pv_run.S
extern std::byte const pv_syscall_stubs[];   // NOLINT: 32 bytes a CPU
extern std::byte const pv_syscall32_stubs[]; // NOLINT
extern std::uint64_t boot_pml4[512];         // NOLINT: entry.S

void pv_run(xenpp::hv::guest_context* c, xenpp::image::vcpu* v, xenpp::image::percpu* here);
[[noreturn]] void pv_handle_saved(xenpp::hv::guest_context* c);
bool pv_zero(void* to, std::size_t n);
bool pv_load_ds(std::uint16_t s);
bool pv_load_es(std::uint16_t s);
bool pv_load_fs(std::uint16_t s);
bool pv_load_gs(std::uint16_t s);
void pv_flush_wanted();
bool pv_hypercall(xenpp::image::vcpu* v, xenpp::image::percpu* here);
bool pv_open_gate(xenpp::image::vcpu* v, xenpp::image::percpu* here);
bool pv_trap(xenpp::image::vcpu* v, xenpp::image::percpu* here);
bool pv_iret_failed(xenpp::image::vcpu* v, xenpp::image::percpu* here);
}

namespace xenpp::image {

namespace {

using hv::guest_context;
using hv::pv::segment_base;
using hv::pv::vcpu_state;
using x86::msr;

// context_offsets.inc has the same numbers.
static_assert(offsetof(guest_context, rax) == 0 && offsetof(guest_context, rbx) == 8 &&
              offsetof(guest_context, rdi) == 16 && offsetof(guest_context, rsi) == 24 &&
              offsetof(guest_context, rdx) == 32 && offsetof(guest_context, r10) == 40 &&
              offsetof(guest_context, r8) == 48 && offsetof(guest_context, r9) == 56 &&
              offsetof(guest_context, rcx) == 64 && offsetof(guest_context, rbp) == 72 &&
              offsetof(guest_context, host_sp) == 80 && offsetof(guest_context, r11) == 88 &&
              offsetof(guest_context, r12) == 96 && offsetof(guest_context, r13) == 104 &&
              offsetof(guest_context, r14) == 112 && offsetof(guest_context, r15) == 120 &&
              offsetof(guest_context, entry) == 128 && offsetof(guest_context, vector) == 136 &&
              offsetof(guest_context, error) == 144 && offsetof(guest_context, rip) == 152 &&
              offsetof(guest_context, cs) == 160 && offsetof(guest_context, rflags) == 168 &&
              offsetof(guest_context, rsp) == 176 && offsetof(guest_context, ss) == 184);
/// Where the processor begins to push; it aligns that downwards.
constexpr std::size_t frame_end = offsetof(guest_context, ss) + 8;
static_assert(frame_end % 16 == 0 && alignof(guest_context) % 16 == 0);

static_assert(hv::pv::vector_syscall32 == 257);
static_assert(abi::flat_ring3_cs64 == 0xe033 && abi::flat_ring3_cs32 == 0xe023 &&
              abi::flat_ring3_ss64 == 0xe02b);

static_assert(guest_context::entry_sysret == 1 && guest_context::entry_kept == 2);

constexpr std::size_t stub_size = 32;

std::uint64_t read_dr6() noexcept {
    std::uint64_t v;
    asm volatile("mov %%dr6, %0" : "=r"(v));
    return v;
}

void write_dr6(std::uint64_t v) noexcept {
    asm volatile("mov %0, %%dr6" ::"r"(v));
}

void write_dr7(std::uint64_t v) noexcept {
    asm volatile("mov %0, %%dr7" ::"r"(v));
}

#define XENPP_SEGMENT(name)                                                                        \
    std::uint16_t read_##name() noexcept {                                                         \
        std::uint16_t s;                                                                           \
        asm volatile("mov %%" #name ", %0" : "=r"(s));                                             \
        return s;                                                                                  \
    }
XENPP_SEGMENT(ds)
XENPP_SEGMENT(es)
XENPP_SEGMENT(fs)
XENPP_SEGMENT(gs)
#undef XENPP_SEGMENT

void swap_gs() noexcept {
    asm volatile("swapgs" ::: "memory");
}

msr msr_of(segment_base b) noexcept {
    switch (b) {
    case segment_base::fs: return msr::ia32_fs_base;
    case segment_base::gs: return msr::ia32_gs_base;
    case segment_base::gs_away: break;
    }
    return msr::ia32_kernel_gs_base;
}

void load_tables(percpu& here, vcpu_state const& s) noexcept {
    unsigned const used = s.gdt_pages();
    for (unsigned n = 0; n < hv::pv::guest_gdt_frames; ++n) {
        set_gdt_page(here.id, n, n < used ? s.gdt_frames[n] : mfn(0));
    }
    auto const has_ldt = s.ldt_entries != 0;
    for (unsigned n = 0; has_ldt && n < hv::pv::ldt_frame_limit; ++n) {
        set_ldt_page(here.id, n, s.ldt_frames[n]);
    }
    load_ldt(here.id, s.ldt_entries);
}

void load_controls(percpu const& here, vcpu const& v) noexcept {
    auto const& s = hv::pv::state_of(v);
    auto const cr0 = x86::cr0::value(read_cr0());
    if (cr0.has(x86::cr0::ts) != s.task_switched) {
        write_cr0((s.task_switched ? cr0 | x86::cr0::ts : cr0.without(x86::cr0::ts)).raw());
    }
    // What is the guest's to choose. A kernel that does not know of WRGSBASE keeps no bases for its
    // processes, so these must not have it (Xen: XSA-293).
    constexpr auto chosen = x86::cr4::tsd | x86::cr4::fsgsbase;
    auto const cr4 = here.cr4 | (v.context.cr4 & chosen.raw());
    if (read_cr4() != cr4) {
        write_cr4(cr4);
    }
}

void load_debug(vcpu_state const& s) noexcept {
    if ((s.dr7 & x86::dr7::enable_mask.raw()) != 0) {
        machine().platform.load_debug_registers(s.dr);
        write_dr7(s.dr7);
    } else {
        write_dr7(x86::dr7::reset.raw());
    }
}

/// Whether this CPU has something else to do than to run its guest on.
bool is_wanted_elsewhere(percpu const& here) noexcept {
    return is_set(here.work) || is_set(*here.resched);
}

/// Before ring 3 is entered (again), after a stay that ended with `done`. False: leave it instead.
[[gnu::noinline]] bool prepare_entry_slowly(percpu& here, vcpu& v, hv::exit_action done) noexcept {
    if (done.what == hv::exit_action::kind::resume) {
        done = hv::pv::deliver_events(v);
    }
    if (done.what != hv::exit_action::kind::resume || is_wanted_elsewhere(here)) {
        here.pv_action = done;
        return false;
    }
    hv::pv::enter_guest(machine(), *here.tlb);
    return true;
}

/// The same after a stay that asks for nothing: the quick path makes up no action.
[[gnu::noinline]] bool prepare_entry_slowly(percpu& here, vcpu& v) noexcept {
    return prepare_entry_slowly(here, v, hv::exit_action::resume());
}

/// The same, quick where there is nothing to be done.
[[gnu::always_inline]] inline bool prepare_entry(percpu& here, vcpu& v) noexcept {
    if (hv::pv::events_are_due(v) || is_wanted_elsewhere(here)) [[unlikely]] {
        return prepare_entry_slowly(here, v);
    }
    if (mark_in_guest(*here.tlb)) [[unlikely]] {
        hv::pv::flush_here(machine());
    }
    return true;
}

[[gnu::always_inline]] inline bool
prepare_entry(percpu& here, vcpu& v, hv::exit_action done) noexcept {
    if (done.what != hv::exit_action::kind::resume) [[unlikely]] {
        return prepare_entry_slowly(here, v, done);
    }
    return prepare_entry(here, v);
}

/// What ended a stay, but for hypercalls.
[[gnu::always_inline]] inline bool handle_other(vcpu& v, percpu& here) noexcept {
    auto const& c = v.context;
    auto const reason = hv::pv::reason_of(c.vector);
    ++v.exit_counts[static_cast<unsigned>(reason)];
    if (reason == hv::exit_reason::interrupt) {
        take_interrupt(here, c.vector);
        return prepare_entry(here, v, hv::pv::deliver_nmi(v));
    }
    // Both before anything here can change them.
    std::uint64_t const address =
        c.vector == x86::vector(x86::exception::page_fault) ? read_cr2() : 0;
    std::uint64_t status = 0;
    if (c.vector == x86::vector(x86::exception::debug)) [[unlikely]] {
        status = read_dr6();
        write_dr6(x86::dr6::reset.raw());
    }
    return prepare_entry(here, v, hv::pv::handle_trap(v, address, status));
}

/// Where code is translated, a vCPU may meet a breakpoint that is in no memory, again and again: a
/// look now and then is enough, and more often after one has been found.
[[gnu::noinline]] void look_for_breakpoint(percpu& here, vcpu& v) noexcept {
    constexpr std::uint16_t soon = 256;
    bool const is_stale = machine().is_emulated &&
                          v.context.vector == x86::vector(x86::exception::breakpoint) &&
                          hv::renew_breakpoint(v, v.context.rip - 1);
    here.gates_until_look = is_stale ? soon : 0;
}

} // namespace

void pv_init_cpu(percpu& here) noexcept {
    auto const copy = machine().frames.allocate(0, domid_xen, hv::page_use::hypervisor);
    if (!copy) {
        panic("no memory for page tables");
    }
    here.root_copy = reinterpret_cast<std::uint64_t*>(machine().platform.map(*copy));
    auto const leaf7 = cpuid(7);
    auto cr4 = x86::cr4::value(read_cr4()) | x86::cr4::mce | x86::cr4::de;
    if (x86::has(leaf7, x86::cpuid::smep)) {
        cr4 |= x86::cr4::smep; // nothing of a guest is ever executed in ring 0
    }
    // SMAP stays off: QEMU 7.2 lets an IRET in ring 3 fail for it.
    write_cr4(cr4.raw());
    here.cr4 = cr4.raw();
    write_cr0((x86::cr0::value(read_cr0()) | x86::cr0::am).raw());
    write_msr(msr::ia32_pat, hv::pv::shared_pat);
    auto const n = here.id.raw();
    write_msr(msr::ia32_star, x86::star(abi::flat_ring3_cs32, code_selector.raw));
    write_msr(msr::ia32_lstar, reinterpret_cast<std::uint64_t>(pv_syscall_stubs) + n * stub_size);
    write_msr(msr::ia32_cstar, reinterpret_cast<std::uint64_t>(pv_syscall32_stubs) + n * stub_size);
    using namespace x86::rflags;
    write_msr(msr::ia32_fmask,
              (trap | interrupt | direction | iopl.mask() | nested_task | resume | virtual_8086 |
               alignment_check | virtual_interrupt | virtual_interrupt_pending)
                  .raw());
    write_msr(msr::ia32_sysenter_cs, 0); // SYSENTER faults
    write_msr(msr::ia32_efer, (x86::efer::value(read_msr(msr::ia32_efer)) | x86::efer::sce).raw());
}

void pv_switch_in(vcpu& v) noexcept {
    percpu& here = this_percpu();
    auto& s = hv::pv::state_of(v);
    auto& c = v.context;
    here.tss.rsp[0] = reinterpret_cast<std::uint64_t>(&c) + frame_end;
    pv_slots[here.id.raw()].end = &c.ss;
    load_tables(here, s);
    load_fpu(s.fpu, v.xcr0);
    machine().platform.load_tsc_aux(v.tsc_aux); // RDTSCP reads it in ring 3, asked for or not
    load_controls(here, v);
    load_debug(s);
    here.loaded = &v;
    hv::pv::load_root(v);
    here.pv_loaded = &v;
    bool const all = pv_load_ds(s.ds) & pv_load_es(s.es) & pv_load_fs(s.fs) & pv_load_gs(s.gs);
    write_msr(msr::ia32_fs_base, s.fs_base);
    write_msr(msr::ia32_gs_base, s.in_kernel ? s.gs_base_kernel : s.gs_base_user);
    write_msr(msr::ia32_kernel_gs_base, s.in_kernel ? s.gs_base_user : s.gs_base_kernel);
    here.pv_action = hv::exit_action::resume();
    if (!all) {
        here.pv_action = hv::pv::bounce_failsafe(v, {s.ds, s.es, s.fs, s.gs});
    }
}

void pv_switch_out(vcpu& v) noexcept {
    percpu& here = this_percpu();
    auto& s = hv::pv::state_of(v);
    here.pv_loaded = nullptr;
    s.ds = read_ds();
    s.es = read_es();
    s.fs = read_fs();
    s.gs = read_gs();
    s.fs_base = read_msr(msr::ia32_fs_base);
    auto const near = read_msr(msr::ia32_gs_base);
    auto const away = read_msr(msr::ia32_kernel_gs_base);
    s.gs_base_kernel = s.in_kernel ? near : away;
    s.gs_base_user = s.in_kernel ? away : near;
    // The FPU may be saved only with TS clear.
    write_cr0(x86::cr0::value(read_cr0()).without(x86::cr0::ts).raw());
    if (has_xsave()) {
        v.xcr0 = read_xcr0();
    }
    save_fpu(s.fpu);
    if ((s.dr7 & x86::dr7::enable_mask.raw()) != 0) {
        write_dr7(x86::dr7::reset.raw());
    }
    if (read_cr4() != here.cr4) {
        write_cr4(here.cr4);
    }
    // Selectors of the guest must not be found in registers when its tables are gone.
    static_cast<void>(pv_load_ds(data_selector.raw) & pv_load_es(data_selector.raw) &
                      pv_load_fs(0) & pv_load_gs(0));
    load_ldt(here.id, 0);
    write_cr3(image_physical(boot_pml4));
    hv::pv::leave_space(machine());
}

hv::exit_action pv_enter(vcpu& v) noexcept {
    percpu& here = this_percpu();
    auto pending = here.pv_action; // of a switch that failed in part
    here.pv_action = hv::exit_action::resume();
    if (pending.what == hv::exit_action::kind::resume) {
        pending = hv::pv::deliver_nmi(v);
    }
    if (prepare_entry(here, v, pending)) {
        pv_run(&v.context, &v, &here);
    }
    auto const done = here.pv_action;
    here.pv_action = hv::exit_action::resume();
    return done;
}

void pv_take_trap(vector_frame const& f) noexcept {
    auto& c = static_cast<vcpu*>(this_percpu().loaded)->context;
    c.rax = f.rax, c.rbx = f.rbx, c.rcx = f.rcx, c.rdx = f.rdx;
    c.rsi = f.rsi, c.rdi = f.rdi, c.rbp = f.rbp, c.rsp = f.rsp;
    c.r8 = f.r8, c.r9 = f.r9, c.r10 = f.r10, c.r11 = f.r11;
    c.r12 = f.r12, c.r13 = f.r13, c.r14 = f.r14, c.r15 = f.r15;
    c.rip = f.rip, c.cs = f.cs, c.rflags = f.rflags, c.ss = f.ss;
    c.vector = f.vector, c.error = f.error, c.entry = 0;
    pv_handle_saved(&c);
}

// --- the platform's PV part ----------------------------------------------------------------------

bool image_platform::pv_clear(hv::pv::tlb_cpu& here, std::uint64_t to, std::size_t n) noexcept {
    pv_translations const used(here);
    return pv_zero(reinterpret_cast<void*>(to), n);
}

void image_platform::pv_load_root(vcpu& v) noexcept {
    write_cr3(hv::pv::root_in_use(v));
}

void image_platform::pv_load_root_copy(vcpu& v) noexcept {
    auto* const copy = this_percpu().root_copy;
    std::memcpy(copy, direct_map(v.context.cr3), page_size);
    write_cr3(direct_physical(copy));
}

void image_platform::pv_write_root_copy(unsigned slot, std::uint64_t entry) noexcept {
    atomic_store(this_percpu().root_copy[slot], entry);
}

void image_platform::pv_swap_mode(vcpu& v) noexcept {
    swap_gs();
    write_cr3(hv::pv::root_in_use(v));
}

void image_platform::pv_load_tables(vcpu& v) noexcept {
    load_tables(this_percpu(), hv::pv::state_of(v));
}

void image_platform::pv_load_controls(vcpu& v) noexcept {
    if (has_xsave() && read_xcr0() != v.xcr0) {
        write_xcr0(v.xcr0);
    }
    load_controls(this_percpu(), v);
}

void image_platform::pv_load_debug(vcpu& v) noexcept {
    load_debug(hv::pv::state_of(v));
}

std::uint64_t image_platform::pv_base(vcpu& /*v*/, segment_base b) noexcept {
    return read_msr(msr_of(b));
}

void image_platform::pv_set_base(vcpu& /*v*/, segment_base b, std::uint64_t value) noexcept {
    write_msr(msr_of(b), value);
}

void image_platform::pv_load_user_gs(vcpu& /*v*/, std::uint16_t selector) noexcept {
    swap_gs();
    static_cast<void>(pv_load_gs(selector));
    swap_gs();
}

void image_platform::flush_local_tlb() noexcept {
    write_cr3(read_cr3());
}

void image_platform::flush_local_page(std::uint64_t address) noexcept {
    asm volatile("invlpg (%0)" ::"r"(address) : "memory");
}

} // namespace xenpp::image

void pv_flush_wanted() {
    xenpp::hv::pv::flush_here(xenpp::image::machine());
}

/// Handles what ended a stay in ring 3 by SYSCALL. True: enter it again.
bool pv_hypercall(xenpp::image::vcpu* v, xenpp::image::percpu* here) {
    using namespace xenpp;
    using namespace xenpp::image;
    if (v->context.cpl != 0) [[unlikely]] {
        v->context.vector = hv::pv::vector_syscall;
        return pv_trap(v, here);
    }
    hv::pv::leave_guest(*here->tlb);
    ++v->exit_counts[static_cast<unsigned>(hv::exit_reason::hypercall)];
    hv::pv::handle_pv_hypercall(*v);
    return prepare_entry(*here, *v);
}

/// The same by an instruction for which ring 3 has a gate.
bool pv_open_gate(xenpp::image::vcpu* v, xenpp::image::percpu* here) {
    using namespace xenpp;
    using namespace xenpp::image;
    hv::pv::leave_guest(*here->tlb);
    ++v->exit_counts[static_cast<unsigned>(hv::exit_reason::exception)];
    if (--here->gates_until_look == 0) [[unlikely]] {
        look_for_breakpoint(*here, *v);
    }
    if (hv::pv::enter_by_open_gate(*v)) [[likely]] {
        return prepare_entry(*here, *v);
    }
    return prepare_entry(*here, *v, hv::pv::refuse_open_gate(*v));
}

/// The same for all else.
bool pv_trap(xenpp::image::vcpu* v, xenpp::image::percpu* here) {
    using namespace xenpp;
    using namespace xenpp::image;
    hv::pv::leave_guest(*here->tlb);
    return handle_other(*v, *here);
}

/// IRETQ found something in the guest's frame that it cannot return to.
bool pv_iret_failed(xenpp::image::vcpu* v, xenpp::image::percpu* here) {
    using namespace xenpp;
    using namespace xenpp::image;
    hv::pv::leave_guest(*here->tlb);
    return prepare_entry(*here, *v,
                         hv::pv::bounce_failsafe(*v, {read_ds(), read_es(), read_fs(), read_gs()}));
}
