// SPDX-License-Identifier: Apache-2.0
// VMX on this machine: switching it on, a vCPU's VMCS, entering and leaving a guest.
#include "platform/vmx_vcpu.hpp"

#include "platform/cpu.hpp"
#include "platform/debug_registers.hpp"
#include "platform/descriptor_area.hpp"
#include "platform/fpu.hpp"
#include "platform/vmx_instructions.hpp"

#include <xenpp/hv/vmx/caps.hpp>
#include <xenpp/hv/vmx/exit.hpp>
#include <xenpp/hv/vmx/layout.hpp>
#include <xenpp/hv/vmx/msr_bitmap.hpp>
#include <xenpp/hv/vmx/virtual_apic.hpp>
#include <xenpp/mm/second_level.hpp>

#include <cstddef>
#include <cstring>

extern "C" {
bool vmx_run(xenpp::hv::guest_context* context, bool launched);
extern std::byte const vmx_exit[]; // NOLINT: vmx_run.S
}

namespace xenpp::image {

namespace {

namespace vmcs = x86::vmcs;
using state = hv::vmx::vcpu_state<vmx_processor>;
using block = x86::vmcs_ref<vmx_processor>;

hv::vmx::capabilities caps;
hv::vmx::shared_tables tables;

state& state_of(vcpu& v) noexcept {
    return hv::vmx::state_of<vmx_processor>(v);
}

block block_of(vcpu& v) noexcept {
    return hv::vmx::vmcs_of<vmx_processor>(v);
}

/// A stay ends after a millisecond at the latest, whatever interrupts do. (Bochs 2.7 does not end
/// one by an interrupt while the guest has them off.)
std::uint32_t preemption_ticks() noexcept {
    auto const ticks = clock_khz() >> caps.preemption_timer_shift;
    return ticks == 0 ? 1 : ticks;
}

/// A VMCS that is current only as long as this lives; the one before is current again then.
class current_for_now {
public:
    explicit current_for_now(state& s) noexcept : s_(s), before_(this_percpu().vmcs_pa) {
        if (s_.region_pa != before_) {
            vmptrld(s_.region_pa);
        }
    }

    current_for_now(current_for_now const&) = delete;
    current_for_now& operator=(current_for_now const&) = delete;

    ~current_for_now() {
        if (s_.region_pa != before_) {
            vmclear(s_.region_pa);
            s_.launched = false;
            if (before_ != 0) {
                vmptrld(before_);
            }
        }
    }

private:
    state& s_;
    std::uint64_t before_;
};

/// Gives the vCPU a VPID whose translations are its own, and drops those by old tables.
void choose_tag(state& s, block b, percpu& here) noexcept {
    // Taken, not read: a request that comes later must be seen at the next entry.
    bool flush = atomic_exchange(s.flush, false);
    if (s.tag_cpu != here.id.raw() || s.tag_generation != here.asid_generation) {
        flush = true; // what this CPU knows of these tables may be old
        if (caps.has_vpid()) {
            constexpr std::uint64_t vpids = 1U << 16;
            if (here.asid_next >= vpids) {
                here.asid_next = 1;
                ++here.asid_generation;
                invvpid_all();
            }
            b.write(vmcs::vpid, static_cast<std::uint16_t>(here.asid_next++));
        }
        s.tag_cpu = here.id.raw();
        s.tag_generation = here.asid_generation;
    }
    if (flush) {
        invept_single(b.read(vmcs::ept_pointer));
    }
}

/// Brings the shared view of the guest's registers up to date after a stay.
void read_context(hv::guest_context& c, block b) noexcept {
    c.rsp = b.read(vmcs::guest_rsp);
    c.rip = b.read(vmcs::guest_rip);
    c.rflags = b.read(vmcs::guest_rflags);
    c.cr0 = hv::vmx::guest_view_of_cr0(b);
    c.cr3 = b.read(vmcs::guest_cr3);
    c.cr4 = hv::vmx::guest_view_of_cr4(b);
    c.efer = b.read(vmcs::guest_ia32_efer);
    c.cs_base = b.read(vmcs::guest_cs_base);
    auto const cs = b.read(vmcs::guest_cs_access);
    c.cpl = static_cast<std::uint8_t>(b.read(vmcs::guest_ss_access) >> 5 & 3);
    c.long_code = (cs >> 13 & 1) != 0 && x86::efer::value(c.efer).has(x86::efer::lma);
    c.code32 = (cs >> 14 & 1) != 0;
}

/// Delivers an event at the next entry.
void deliver(block b, x86::interruption::value event, std::uint32_t error_code) noexcept {
    using namespace x86::interruption;
    if (event.has(has_error_code)) {
        // In real mode there are no error codes (SDM3 26.2.1.3).
        if (x86::cr0::value(b.read(vmcs::guest_cr0)).has(x86::cr0::pe)) {
            b.write(vmcs::entry_exception_error_code, error_code);
        } else {
            event = event.without(has_error_code);
        }
    }
    b.write(vmcs::entry_interruption_info, event.raw());
}

/// Injects what is due, or asks for an exit as soon as the guest is open for it.
void inject_due(vcpu& v, state& s, block b) noexcept {
    using namespace x86::interruption;
    using shadow = x86::interruptibility::value;
    namespace in = x86::interruptibility;
    bool busy = s.reinject.has(valid);
    auto controls = x86::primary::value(s.primary).without(x86::primary::interrupt_window |
                                                           x86::primary::nmi_window);
    if (busy) {
        if (type.get(s.reinject) == nmi) { // its delivery blocked NMIs, and is to begin again
            b.write(vmcs::guest_interruptibility,
                    shadow(b.read(vmcs::guest_interruptibility)).without(in::by_nmi).raw());
        }
        deliver(b, s.reinject, s.reinject_error);
        s.reinject = {};
    }
    // The processor delivers what waits in its APIC; who requests more from now on ends the stay.
    auto const due = s.apic_is_virtual ? hv::next_callback(v) : hv::next_interrupt(v);
    bool const has_nmi = atomic_load(v.nmi_pending);
    if (has_nmi || due.vector >= 0) {
        shadow const blocked(b.read(vmcs::guest_interruptibility));
        if (has_nmi) {
            if (busy || blocked.has_any(in::by_nmi | in::by_sti | in::by_mov_ss)) {
                controls |= x86::primary::nmi_window;
            } else {
                atomic_store(v.nmi_pending, false);
                deliver(b, type.set(vector.set(valid, 2), nmi), 0);
                busy = true;
            }
        }
        bool const is_open = x86::rflags::value(v.context.rflags).has(x86::rflags::interrupt) &&
                             !blocked.has_any(in::by_sti | in::by_mov_ss);
        if (due.vector >= 0 && !busy && is_open) {
            if (due.from_lapic) {
                v.lapic.acknowledge(static_cast<unsigned>(due.vector));
            }
            deliver(b, vector.set(valid, static_cast<std::uint32_t>(due.vector)), 0);
        } else if (due.vector >= 0) {
            controls |= x86::primary::interrupt_window;
        }
    }
    if (controls.raw() != s.primary) {
        s.primary = controls.raw();
        b.write(vmcs::primary_controls, s.primary);
    }
}

/// Gives the interrupts of a guest with an x2APIC to the processor, where it delivers them by
/// itself.
void give_interrupts(vcpu& v, state& s, block b) noexcept {
    bool const wanted =
        caps.delivers_interrupts() && v.lapic.is_x2apic() && v.lapic.software_enabled();
    if (wanted != s.apic_is_virtual) {
        hv::vmx::switch_apic(s, tables, wanted);
    }
    if (!wanted) {
        return;
    }
    if (auto const status = hv::vmx::give_interrupts(v.lapic, s.virtual_apic);
        status != s.interrupt_status) {
        s.interrupt_status = status;
        b.write(vmcs::guest_interrupt_status, status);
    }
}

/// What a VM exit loads, as this CPU has it now.
void write_host_state(block b, percpu& here) noexcept {
    using x86::msr;
    b.write(vmcs::host_cr0, read_cr0());
    b.write(vmcs::host_cr3, read_cr3());
    b.write(vmcs::host_cr4, read_cr4());
    b.write(vmcs::host_cs_selector, code_selector.raw);
    b.write(vmcs::host_ss_selector, data_selector.raw);
    b.write(vmcs::host_ds_selector, 0);
    b.write(vmcs::host_es_selector, 0);
    b.write(vmcs::host_fs_selector, 0);
    b.write(vmcs::host_gs_selector, 0);
    b.write(vmcs::host_tr_selector, tss_selector.raw);
    b.write(vmcs::host_fs_base, 0);
    b.write(vmcs::host_gs_base, 0);
    b.write(vmcs::host_tr_base, reinterpret_cast<std::uint64_t>(&here.tss));
    b.write(vmcs::host_gdtr_base, gdt_address(here.id));
    x86::table_pointer idt{};
    asm volatile("sidt %0" : "=m"(idt));
    b.write(vmcs::host_idtr_base, idt.base);
    b.write(vmcs::host_sysenter_cs, static_cast<std::uint32_t>(read_msr(msr::ia32_sysenter_cs)));
    b.write(vmcs::host_sysenter_esp, read_msr(msr::ia32_sysenter_esp));
    b.write(vmcs::host_sysenter_eip, read_msr(msr::ia32_sysenter_eip));
    b.write(vmcs::host_ia32_pat, read_msr(msr::ia32_pat));
    b.write(vmcs::host_ia32_efer, read_msr(msr::ia32_efer));
    b.write(vmcs::host_rip, reinterpret_cast<std::uint64_t>(vmx_exit));
}

/// The MSRs that neither entry nor exit changes: what SYSCALL does, and GS's other base.
struct system_call_msrs {
    std::uint64_t star, lstar, cstar, fmask, kernel_gs_base;

    static system_call_msrs read() noexcept {
        using x86::msr;
        return {read_msr(msr::ia32_star), read_msr(msr::ia32_lstar), read_msr(msr::ia32_cstar),
                read_msr(msr::ia32_fmask), read_msr(msr::ia32_kernel_gs_base)};
    }

    void load() const noexcept {
        using x86::msr;
        write_msr(msr::ia32_star, star);
        write_msr(msr::ia32_lstar, lstar);
        write_msr(msr::ia32_cstar, cstar);
        write_msr(msr::ia32_fmask, fmask);
        write_msr(msr::ia32_kernel_gs_base, kernel_gs_base);
    }
};

std::array<system_call_msrs, hv::max_cpus> own_msrs;

} // namespace

char const* vmx_missing() noexcept {
    auto const leaf1 = cpuid(1);
    bool const has_vmx = (leaf1.c >> 5 & 1) != 0;
    auto const control = has_vmx ? read_msr(x86::msr::ia32_feature_control) : 0;
    if (char const* const why = hv::vmx::switched_off(leaf1, control)) {
        return why;
    }
    caps = hv::vmx::decode([](x86::msr m) { return read_msr(m); });
    return caps.lacks;
}

expected<void, errc> vmx_init(hypervisor& m) noexcept {
    auto const io = XENPP_TRY(m.frames.allocate(1, domid_xen, hv::page_use::hypervisor));
    auto const msr = XENPP_TRY(m.frames.allocate(1, domid_xen, hv::page_use::hypervisor));
    std::memset(m.platform.map(io), 0xff, 2 * page_size);
    hv::vmx::fill_msr_bitmaps(m.platform.map(msr), m.platform.map(msr) + page_size);
    auto const io_pa = to_maddr(io).raw();
    auto const msr_pa = to_maddr(msr).raw();
    tables = {io_pa, io_pa + page_size, msr_pa, msr_pa + page_size};
    return {};
}

void vmx_init_cpu(percpu& here, mfn vmxon_region) noexcept {
    using fc = x86::feature_control::value;
    fc const control(read_msr(x86::msr::ia32_feature_control));
    if (!control.has(x86::feature_control::lock)) {
        write_msr(
            x86::msr::ia32_feature_control,
            (control | x86::feature_control::vmx_outside_smx | x86::feature_control::lock).raw());
    }
    write_cr0((read_cr0() | caps.cr0_must) & caps.cr0_may);
    here.cr4 = (here.cr4 | caps.cr4_must | x86::cr4::vmxe.raw()) & caps.cr4_may;
    write_cr4(here.cr4);
    std::memcpy(machine().platform.map(vmxon_region), &caps.revision, sizeof caps.revision);
    vmxon(to_maddr(vmxon_region).raw());
    write_msr(x86::msr::ia32_efer, read_msr(x86::msr::ia32_efer) | x86::efer::sce.raw());
    own_msrs[here.id.raw()] = system_call_msrs::read();
    here.asid_next = 1;
    here.asid_generation = 1;
}

bool vmx_delivers_interrupts() noexcept {
    return caps.delivers_interrupts();
}

mm::second_level vmx_second_level() noexcept {
    return mm::second_level::of<mm::ept>(caps.notes_use(), caps.ept.has(x86::ept_vpid::pages_1g));
}

void vmx::switch_in(vcpu& v) noexcept {
    auto& s = state_of(v);
    auto& here = this_percpu();
    vmptrld(s.region_pa);
    here.vmcs_pa = s.region_pa;
    s.launched = false;
    load_fpu(s.fpu, v.xcr0);
    v.dom.hv.platform.load_tsc_aux(v.tsc_aux);
    own_msrs[here.id.raw()] = system_call_msrs::read();
    system_call_msrs{s.star, s.lstar, s.cstar, s.fmask, s.kernel_gs_base}.load();
    write_cr2(s.cr2);
    auto const b = block_of(v);
    b.write(vmcs::guest_ia32_pat, v.pat); // a loaded context may have changed it
    write_host_state(b, here);
}

void vmx::switch_out(vcpu& v) noexcept {
    auto& s = state_of(v);
    auto& here = this_percpu();
    s.cr2 = read_cr2();
    auto const m = system_call_msrs::read();
    s.star = m.star, s.lstar = m.lstar, s.cstar = m.cstar, s.fmask = m.fmask;
    s.kernel_gs_base = m.kernel_gs_base;
    own_msrs[here.id.raw()].load();
    if (has_xsave()) {
        v.xcr0 = read_xcr0();
    }
    save_fpu(s.fpu);
    if (s.dr_live) {
        s.dr = read_debug_registers();
        s.dr6 = read_dr6();
        s.dr_live = false;
        s.primary |= x86::primary::mov_dr.raw();
        block_of(v).write(vmcs::primary_controls, s.primary);
    }
    vmclear(s.region_pa);
    here.vmcs_pa = 0;
}

void vmx::reset_state(vcpu& v, std::uint8_t sipi_vector) noexcept {
    (void)!load(v, hv::startup_state(sipi_vector)); // a state that always loads
    v.xcr0 = 1;
}

hv::exit_action vmx::enter(vcpu& v) noexcept {
    auto& s = state_of(v);
    auto const b = block_of(v);
    auto& c = v.context;
    constexpr unsigned tpr = 0x80; // in the virtual-APIC page
    choose_tag(s, b, this_percpu());
    s.virtual_apic[tpr] = static_cast<std::byte>(v.lapic.task_priority());
    give_interrupts(v, s, b);
    inject_due(v, s, b);
    b.write(vmcs::guest_rsp, c.rsp);
    b.write(vmcs::guest_rip, c.rip);
    b.write(vmcs::guest_rflags, c.rflags);
    if (vmx_run(&c, s.launched)) {
        return hv::exit_action::crash("VM entry is not possible");
    }
    s.launched = true;
    read_context(c, b);
    if (s.apic_is_virtual) {
        s.interrupt_status = b.read(vmcs::guest_interrupt_status);
        if (s.interrupt_status != 0) {
            hv::vmx::take_interrupts(v.lapic, s.virtual_apic);
        }
    }
    if (auto const t = std::to_integer<std::uint32_t>(s.virtual_apic[tpr]);
        t != v.lapic.task_priority()) {
        v.lapic.set_task_priority(t);
    }
    s.reinject = hv::vmx::event_to_repeat(b.read(vmcs::idt_vectoring_info));
    if (s.reinject.has(x86::interruption::has_error_code)) {
        s.reinject_error = b.read(vmcs::idt_vectoring_error_code);
    }
    return hv::vmx::handle_exit<vmx_processor>(v);
}

bool vmx::skip(vcpu& v) noexcept {
    hv::vmx::skip_instruction<vmx_processor>(v);
    return true;
}

void vmx::inject(vcpu& v, hv::exit_action const& a) noexcept {
    using namespace x86::interruption;
    auto& s = state_of(v);
    // An exception during the delivery of another becomes a double fault (SDM3 6.15).
    auto e = a.vector;
    std::uint32_t code = a.error_code;
    if (s.reinject.has(valid) && type.get(s.reinject) == hardware_exception &&
        x86::escalate(static_cast<x86::exception>(x86::interruption::vector.get(s.reinject)), e) !=
            x86::escalation::serial) {
        e = x86::exception::double_fault;
        code = 0;
    }
    s.reinject = type.set(x86::interruption::vector.set(valid, x86::vector(e)), hardware_exception);
    if (x86::pushes_error_code(e)) {
        s.reinject |= has_error_code;
        s.reinject_error = code;
    }
}

expected<void, errc> vmx::create(vcpu& v) noexcept {
    auto& frames = v.dom.hv.frames;
    auto& p = v.dom.hv.platform;
    auto* const s = XENPP_TRY(frames.create<state>());
    v.arch = s;
    auto const region = frames.allocate(0, domid_xen, hv::page_use::hypervisor);
    auto const apic = frames.allocate(0, domid_xen, hv::page_use::hypervisor);
    auto const fpu = frames.allocate(fpu_area_order(), domid_xen, hv::page_use::hypervisor);
    if (region) {
        s->region = p.map(*region);
        s->region_pa = to_maddr(*region).raw();
    }
    if (apic) {
        s->virtual_apic = p.map(*apic);
        s->virtual_apic_pa = to_maddr(*apic).raw();
        std::memset(s->virtual_apic, 0, page_size);
    }
    if (fpu) {
        s->fpu = p.map(*fpu);
        s->fpu_order = fpu_area_order();
    }
    if (!region || !apic || !fpu) {
        destroy(v);
        return unexpected(errc::nomem);
    }
    std::memcpy(s->region, &caps.revision, sizeof caps.revision);
    vmclear(s->region_pa);
    current_for_now const hold(*s);
    hv::vmx::init_block(*s, caps,
                        {.tables = tables,
                         .ept_pointer = x86::ept_pointer(
                             to_maddr(v.dom.guest_memory.tables->root()).raw(), caps.notes_use()),
                         .cr4_offered = v.dom.cr4_offered,
                         .preemption_ticks = preemption_ticks()});
    return hv::vmx::load<vmx_processor>(v, hv::startup_state(0));
}

void vmx::destroy(vcpu& v) noexcept {
    auto* const s = static_cast<state*>(v.arch);
    if (s == nullptr) {
        return;
    }
    auto& frames = v.dom.hv.frames;
    for (auto* const page : {s->region, s->virtual_apic}) {
        if (page != nullptr) {
            frames.free_later(frames.frame_of(page), 0);
        }
    }
    if (s->fpu != nullptr) {
        frames.free_later(frames.frame_of(s->fpu), s->fpu_order);
    }
    frames.destroy(s);
    v.arch = nullptr;
}

expected<void, errc> vmx::load(vcpu& v, abi::hvm_hw_cpu const& record) noexcept {
    auto& s = state_of(v);
    current_for_now const hold(s);
    // CPUID may have been changed since the vCPU was made.
    block_of(v).write(vmcs::cr4_mask, ~v.dom.cr4_offered);
    return hv::vmx::load<vmx_processor>(v, record);
}

abi::hvm_hw_cpu vmx::save(vcpu& v) noexcept {
    current_for_now const hold(state_of(v));
    return hv::vmx::save<vmx_processor>(v);
}

bool* vmx::flush_flag(vcpu& v) noexcept {
    return &state_of(v).flush;
}

void vmx::print_exit(vcpu& v) noexcept {
    current_for_now const hold(state_of(v));
    auto const b = block_of(v);
    hv::print(v.dom.hv, "  exit reason ", b.read(vmcs::exit_reason), " qualification ",
              hv::hex{b.read(vmcs::exit_qualification)}, " instruction error ",
              b.read(vmcs::instruction_error), " guest-physical address ",
              hv::hex{b.read(vmcs::guest_physical_address)});
}

} // namespace xenpp::image
