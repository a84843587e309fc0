// SPDX-License-Identifier: Apache-2.0
// SVM on this machine: switching it on, a vCPU's control block, entering and leaving a guest.
#include "platform/svm_vcpu.hpp"

#include "entry/exceptions.hpp"
#include "platform/cpu.hpp"
#include "platform/debug_registers.hpp"
#include "platform/fpu.hpp"

#include <xenpp/hv/svm/caps.hpp>
#include <xenpp/hv/svm/exit.hpp>
#include <xenpp/hv/svm/layout.hpp>

#include <cstddef>
#include <cstring>
#include <utility>

extern "C" void svm_run(xenpp::hv::guest_context* context, std::uint64_t vmcb_pa);

namespace xenpp::image {

using hv::guest_context;

namespace {

hv::svm::capabilities caps;
hv::svm::shared_tables tables;

/// MSRs that VMLOAD and VMSAVE switch: the guest's own, no exit.
constexpr x86::msr passed_through[] = {x86::msr::ia32_fs_base,        x86::msr::ia32_gs_base,
                                       x86::msr::ia32_kernel_gs_base, x86::msr::ia32_star,
                                       x86::msr::ia32_lstar,          x86::msr::ia32_cstar,
                                       x86::msr::ia32_fmask,          x86::msr::ia32_sysenter_cs,
                                       x86::msr::ia32_sysenter_esp,   x86::msr::ia32_sysenter_eip};

/// Two bits an MSR, three ranges of 8192 (APM2 15.11).
void permit_msr(std::byte* map, x86::msr m) noexcept {
    std::uint32_t const n = x86::raw(m);
    std::uint32_t const range = n < 0x2000 ? 0 : n < 0xc0010000 ? 1 : 2;
    std::uint32_t const bit = (range * 0x2000 + (n & 0x1fff)) * 2;
    map[bit / 8] &= ~(std::byte{3} << (bit % 8));
}

/// VM_CR, or 0 where there is none (Bochs).
std::uint64_t read_vm_cr() noexcept {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    asm volatile("1: rdmsr\n2:\n\t"
                 ".pushsection .fixups, \"a\"\n\t.quad 1b, 2b\n\t.popsection"
                 : "+a"(low), "+d"(high)
                 : "c"(x86::raw(x86::msr::amd_vm_cr)));
    return (std::uint64_t{high} << 32) | low;
}

void vm_save(std::uint64_t pa) noexcept {
    asm volatile("vmsave %0" ::"a"(pa) : "memory");
}

void vm_load(std::uint64_t pa) noexcept {
    asm volatile("vmload %0" ::"a"(pa) : "memory");
}

/// Gives the vCPU an ASID whose translations are its own and current.
void choose_asid(hv::svm::vcpu_state& s, x86::vmcb_ref b, percpu& here) noexcept {
    // Taken, not read: a request that comes later must be seen at the next entry, and the exchange
    // orders this look before every translation of the coming stay.
    bool const flush = atomic_exchange(s.flush, false);
    bool const fits = s.asid_cpu == here.id.raw() && s.asid_generation == here.asid_generation;
    if (fits && !flush) {
        b.set<&x86::vmcb::tlb_control>(x86::tlb_control::nothing);
        return;
    }
    if (here.asid_next >= caps.asid_count) {
        here.asid_next = 1;
        ++here.asid_generation;
    }
    // The first ASID of a generation comes with a flush of everything.
    b.set<&x86::vmcb::tlb_control>(here.asid_next == 1 ? x86::tlb_control::all
                                                       : x86::tlb_control::nothing);
    b.set<&x86::vmcb::asid>(static_cast<std::uint32_t>(here.asid_next++));
    s.asid_cpu = here.id.raw();
    s.asid_generation = here.asid_generation;
}

/// Brings the shared view of the guest's registers up to date after a stay.
void read_context(guest_context& c, x86::vmcb const& b) noexcept {
    c.rax = b.rax;
    c.rsp = b.rsp;
    c.rip = b.rip;
    c.rflags = b.rflags.raw();
    c.cr0 = b.cr0.raw();
    c.cr3 = b.cr3;
    c.cr4 = b.cr4.raw();
    c.efer = b.efer.without(x86::efer::svme).raw();
    c.cs_base = b.cs.base;
    c.cpl = b.cpl;
    constexpr std::uint16_t long_bit = 1U << 9, big_bit = 1U << 10;
    c.long_code = b.efer.has(x86::efer::lma) && (b.cs.attrib & long_bit) != 0;
    c.code32 = (b.cs.attrib & big_bit) != 0;
}

/// Whether the guest would take an interrupt at its next instruction.
bool is_open(x86::vmcb const& b, guest_context const& c) noexcept {
    return x86::rflags::value(c.rflags).has(x86::rflags::interrupt) &&
           !b.interrupt_shadow.has(x86::interrupt_shadow::shadow);
}

/// Injects the NMI that is pending, if the guest would take one now. False: it wants a look as soon
/// as the guest is open for interrupts, which is a little late for a guest that has them off.
bool inject_nmi(vcpu& v, x86::vmcb_ref b) noexcept {
    using nmi_state = hv::svm::vcpu_state::nmi_state;
    auto& s = hv::svm::state_of(v);
    if (s.nmi == nmi_state::returning && v.context.rip != s.nmi_iret_rip) {
        s.nmi = nmi_state::none;
    }
    if (s.nmi == nmi_state::handled) {
        return true; // the IRET exits
    }
    if (s.nmi == nmi_state::returning || (b->event_inj >> 31 & 1) != 0 ||
        b->interrupt_shadow.has(x86::interrupt_shadow::shadow)) {
        return false;
    }
    atomic_store(v.nmi_pending, false);
    s.nmi = nmi_state::handled;
    b.set_intercept(x86::intercept::iret, true);
    b.set<&x86::vmcb::event_inj>(x86::encode(x86::event_injection::non_maskable()));
    return true;
}

/// Injects what is due, or asks for an exit as soon as the guest is open for it: a virtual
/// interrupt that exits. Under TCG what is due is offered as a virtual interrupt itself, for the
/// processor to deliver in its time: it keeps an injected interrupt in mind, and may deliver it a
/// second time, whatever the guest does by then. (Bochs loses one that has to wait.)
void deliver_interrupt(vcpu& v, x86::vmcb_ref b) noexcept {
    auto& s = hv::svm::state_of(v);
    if (s.reinject != 0) {
        b.set<&x86::vmcb::event_inj>(s.reinject);
        s.reinject = 0;
    }
    bool const nmi_waits = atomic_load(v.nmi_pending) && !inject_nmi(v, b);
    auto const due = hv::next_interrupt(v);
    bool const is_due = due.vector >= 0;
    bool const is_ready = is_due && (b->event_inj >> 31 & 1) == 0 && is_open(*b, v.context);
    bool const is_injected = is_ready && !machine().is_emulated;
    // A callback the guest may take back until it is open.
    bool const is_offered =
        machine().is_emulated && !nmi_waits && is_due && (is_ready || due.from_lapic);
    bool const is_alarm = nmi_waits || (is_due && !is_injected && !is_offered);
    if (is_injected) {
        if (due.from_lapic) {
            v.lapic.acknowledge(static_cast<unsigned>(due.vector));
        }
        b.set<&x86::vmcb::event_inj>(
            x86::encode(x86::event_injection::interrupt(static_cast<std::uint8_t>(due.vector))));
    }
    s.offered = is_offered ? due : hv::due_interrupt{};
    if (is_alarm != b.has_intercept(x86::intercept::vintr)) {
        b.set_intercept(x86::intercept::vintr, is_alarm);
    }
    auto wanted = b->v_intr.without(x86::v_intr::irq);
    if (is_alarm || is_offered) {
        wanted = x86::v_intr::vector.set(wanted | x86::v_intr::irq | x86::v_intr::ignore_tpr,
                                         is_offered ? static_cast<std::uint64_t>(due.vector) : 0);
    }
    if (!(wanted == b->v_intr)) {
        b.set<&x86::vmcb::v_intr>(wanted);
    }
}

/// Notes whether the guest took what it was offered.
void settle_offer(vcpu& v, x86::vmcb const& b) noexcept {
    auto const offered = std::exchange(hv::svm::state_of(v).offered, {});
    if (offered.vector >= 0 && offered.from_lapic && !b.v_intr.has(x86::v_intr::irq)) {
        v.lapic.acknowledge(static_cast<unsigned>(offered.vector));
    }
}

/// QEMU's emulation withdraws virtual interrupts at the end of a stay without the lock under which
/// its other threads request real ones: a request of that moment is lost, though the APIC still has
/// its interrupt. A write to the task priority makes the APIC request anew.
void renew_lost_interrupt() noexcept {
    if (machine().is_emulated) {
        write_cr8(0);
    }
}

} // namespace

char const* svm_missing() noexcept {
    auto const extended = cpuid(0x80000001);
    bool const has_svm = (extended.c >> 2 & 1) != 0;
    caps = has_svm ? hv::svm::decode(cpuid(0x8000000a)) : hv::svm::capabilities{};
    return hv::svm::missing(extended, has_svm ? read_vm_cr() : 0, caps);
}

expected<void, errc> svm_init(hypervisor& m) noexcept {
    auto const io = XENPP_TRY(m.frames.allocate(2, domid_xen, hv::page_use::hypervisor));
    auto const msr = XENPP_TRY(m.frames.allocate(1, domid_xen, hv::page_use::hypervisor));
    std::memset(m.platform.map(io), 0xff, 4 * page_size);
    std::memset(m.platform.map(msr), 0xff, 2 * page_size);
    for (auto const r : passed_through) {
        permit_msr(m.platform.map(msr), r);
    }
    tables = {to_maddr(io).raw(), to_maddr(msr).raw()};
    return {};
}

void svm_init_cpu(percpu& here, mfn host_save_areas) noexcept {
    write_msr(x86::msr::ia32_efer,
              read_msr(x86::msr::ia32_efer) | (x86::efer::svme | x86::efer::sce).raw());
    write_msr(x86::msr::amd_vm_hsave_pa, to_maddr(host_save_areas).raw());
    here.host_state_pa = to_maddr(host_save_areas + 1).raw();
    vm_save(here.host_state_pa);
    here.asid_next = 1;
    here.asid_generation = 1;
}

void svm::switch_in(vcpu& v) noexcept {
    auto& s = hv::svm::state_of(v);
    load_fpu(s.fpu, v.xcr0);
    v.dom.hv.platform.load_tsc_aux(v.tsc_aux);
    // VMLOAD takes the task register away, and with it the stacks of the vectors that have one; no
    // ring 3 runs until it comes back, so the vectors need none.
    exceptions_use_own_stacks(false);
    vm_load(s.block_pa);
    x86::vmcb_ref const b(*s.block);
    b.set<&x86::vmcb::g_pat>(v.pat); // a loaded context may have changed it
    b.set_all_dirty();
}

void svm::switch_out(vcpu& v) noexcept {
    auto& s = hv::svm::state_of(v);
    vm_save(s.block_pa);
    vm_load(this_percpu().host_state_pa);
    exceptions_use_own_stacks(true);
    if (has_xsave()) {
        v.xcr0 = read_xcr0();
    }
    save_fpu(s.fpu);
    if (s.dr_live) {
        s.dr = read_debug_registers();
        s.dr_live = false;
        x86::vmcb_ref const b(*s.block);
        for (unsigned n = 0; n < 16; ++n) {
            b.set_dr_read_intercept(n, true);
            b.set_dr_write_intercept(n, true);
        }
    }
}

void svm::reset_state(vcpu& v, std::uint8_t sipi_vector) noexcept {
    (void)!hv::svm::load(v, hv::startup_state(sipi_vector)); // a state that always loads
    v.xcr0 = 1;
}

hv::exit_action svm::enter(vcpu& v) noexcept {
    auto& s = hv::svm::state_of(v);
    x86::vmcb_ref const b(*s.block);
    auto& c = v.context;
    choose_asid(s, b, this_percpu());
    auto const tpr = x86::v_intr::tpr.set(b->v_intr, v.lapic.task_priority() >> 4);
    if (!(tpr == b->v_intr)) {
        b.set<&x86::vmcb::v_intr>(tpr);
    }
    deliver_interrupt(v, b);
    b.set<&x86::vmcb::rax>(c.rax);
    b.set<&x86::vmcb::rsp>(c.rsp);
    b.set<&x86::vmcb::rip>(c.rip);
    b.set<&x86::vmcb::rflags>(x86::rflags::value(c.rflags));
    svm_run(&c, s.block_pa);
    renew_lost_interrupt();
    settle_offer(v, *b);
    b.set_all_clean();
    b.set<&x86::vmcb::event_inj>(0);
    read_context(c, *b);
    if (auto const t = static_cast<std::uint32_t>(x86::v_intr::tpr.get(b->v_intr));
        t != v.lapic.task_priority() >> 4) {
        v.lapic.set_task_priority(t << 4);
    }
    // QEMU's emulation lets XSETBV through although it is intercepted: look what the guest has.
    if (has_xsave() && x86::decode_svm_exit(b->exit_code) == x86::svm_exit::cpuid) {
        v.xcr0 = read_xcr0();
    }
    s.reinject = hv::svm::event_to_repeat(b->exit_int_info);
    return hv::svm::handle_exit(v);
}

bool svm::skip(vcpu& v) noexcept {
    return hv::svm::skip_instruction(v, caps.has_next_rip);
}

void svm::inject(vcpu& v, hv::exit_action const& a) noexcept {
    auto& s = hv::svm::state_of(v);
    // An exception during the delivery of another becomes a double fault (APM2 8.2.9).
    auto e = a.vector;
    std::uint32_t code = a.error_code;
    if (auto const first = x86::decode_event(s.reinject);
        first && first->type == x86::event_injection::kind::exception &&
        x86::escalate(static_cast<x86::exception>(first->vector), e) != x86::escalation::serial) {
        e = x86::exception::double_fault;
        code = 0;
    }
    s.reinject = x86::encode(x86::event_injection::exception(e, code));
}

expected<void, errc> svm::create(vcpu& v) noexcept {
    auto& frames = v.dom.hv.frames;
    auto& p = v.dom.hv.platform;
    auto* const s = XENPP_TRY(frames.create<hv::svm::vcpu_state>());
    v.arch = s;
    auto const block = frames.allocate(0, domid_xen, hv::page_use::hypervisor);
    auto const fpu = frames.allocate(fpu_area_order(), domid_xen, hv::page_use::hypervisor);
    if (block) {
        s->block = reinterpret_cast<x86::vmcb*>(p.map(*block));
        s->block_pa = to_maddr(*block).raw();
    }
    if (fpu) {
        s->fpu = p.map(*fpu);
        s->fpu_order = fpu_area_order();
    }
    if (!block || !fpu) {
        destroy(v);
        return unexpected(errc::nomem);
    }
    hv::svm::init_block(*s->block, tables, to_maddr(v.dom.guest_memory.tables->root()).raw());
    return hv::svm::load(v, hv::startup_state(0));
}

void svm::destroy(vcpu& v) noexcept {
    auto* const s = static_cast<hv::svm::vcpu_state*>(v.arch);
    if (s == nullptr) {
        return;
    }
    auto& frames = v.dom.hv.frames;
    if (s->block != nullptr) {
        frames.free_later(frames.frame_of(s->block), 0);
    }
    if (s->fpu != nullptr) {
        frames.free_later(frames.frame_of(s->fpu), s->fpu_order);
    }
    frames.destroy(s);
    v.arch = nullptr;
}

expected<void, errc> svm::load(vcpu& v, abi::hvm_hw_cpu const& state) noexcept {
    return hv::svm::load(v, state);
}

abi::hvm_hw_cpu svm::save(vcpu& v) noexcept {
    return hv::svm::save(v);
}

bool* svm::flush_flag(vcpu& v) noexcept {
    return &hv::svm::state_of(v).flush;
}

void svm::print_exit(vcpu& v) noexcept {
    x86::vmcb const& b = *hv::svm::state_of(v).block;
    hv::print(v.dom.hv, "  exit code ", hv::hex{b.exit_code}, " info ", hv::hex{b.exit_info1}, " ",
              hv::hex{b.exit_info2}, " interrupted ", hv::hex{b.exit_int_info});
}

} // namespace xenpp::image
