// SPDX-License-Identifier: Apache-2.0
// What the vectors do: an interrupt leaves a mark for the run loop; an exception of our own is a
// guest's address that failed us, or our end.
#include "entry/exceptions.hpp"

#include "machine.hpp"
#include "platform/cpu.hpp"
#include "platform/descriptor_area.hpp"
#include "platform/pv_vcpu.hpp"

#include <xenpp/x86/exception.hpp>

#include <array>

extern "C" {
extern std::byte const vector_stubs[]; // NOLINT: 256 stubs, exceptions.S

struct fixup {
    std::uint64_t at, to;
};

extern fixup const fixups_start[]; // NOLINT: link.ld
extern fixup const fixups_end[];   // NOLINT: link.ld
void handle_vector(xenpp::image::vector_frame* f);
}

namespace xenpp::image {

namespace {

using x86::exception;

/// Which vectors have a stack of their own: IST 1 to 4.
constexpr exception own_stack[extra_stacks] = {exception::debug, exception::nmi,
                                               exception::double_fault, exception::machine_check};
constexpr unsigned linux_system_call = 0x80;
constexpr unsigned stub_size = 32; // exceptions.S has the same number

using interrupt_table = std::array<x86::idt_gate, 256>;
alignas(16) interrupt_table idt;
alignas(16) interrupt_table idt_one_stack; ///< the same without IST
std::array<reserved_descriptors, hv::max_cpus> own_descriptors;

x86::idt_gate gate(unsigned n, unsigned ist) noexcept {
    // What a guest's program may raise by an instruction.
    bool const is_open = n == x86::vector(exception::breakpoint) ||
                         n == x86::vector(exception::overflow) || n == linux_system_call;
    return x86::make_gate(x86::system_type::interrupt_gate, code_selector,
                          reinterpret_cast<std::uint64_t>(vector_stubs) + stub_size * n, ist,
                          is_open ? 3 : 0);
}

/// Where to go on after a fault at `rip`; 0: nowhere.
std::uint64_t find_fixup(std::uint64_t rip) noexcept {
    for (auto const* f = fixups_start; f != fixups_end; ++f) {
        if (f->at == rip) {
            return f->to;
        }
    }
    return 0;
}

[[noreturn]] void end_by_exception(vector_frame const& f, percpu const& here) noexcept {
    auto& m = machine();
    hv::print(m, "exception ", name(static_cast<exception>(f.vector)), " vector ", f.vector,
              " error ", hv::hex{f.error}, " CPU ", here.id);
    hv::print(m, "  rip ", hv::hex{f.rip}, " rsp ", hv::hex{f.rsp}, " cr2 ", hv::hex{read_cr2()});
    hv::print(m, "  rax ", hv::hex{f.rax}, " rdi ", hv::hex{f.rdi}, " rsi ", hv::hex{f.rsi});
    panic("an exception in the hypervisor");
}

} // namespace

void exceptions_init() noexcept {
    for (unsigned n = 0; n < idt.size(); ++n) {
        idt_one_stack[n] = idt[n] = gate(n, 0);
    }
    for (unsigned i = 0; i < extra_stacks; ++i) {
        idt[x86::vector(own_stack[i])] = gate(x86::vector(own_stack[i]), i + 1);
    }
}

void exceptions_init_cpu(percpu& here) noexcept {
    auto& d = own_descriptors[here.id.raw()];
    d.at(code_selector) = x86::make_code64(0).raw;
    d.at(data_selector) = x86::make_data(0).raw;
    // What SYSRET loads: the three follow one another.
    d.at({abi::flat_ring3_cs32}) = x86::make_code32(3).raw;
    d.at({abi::flat_ring3_ds32}) = x86::make_data(3).raw;
    d.at({abi::flat_ring3_cs64}) = x86::make_code64(3).raw;
    auto const tss =
        x86::make_system(x86::system_type::tss_available,
                         reinterpret_cast<std::uint64_t>(&here.tss), sizeof here.tss - 1);
    d.at(tss_selector) = tss.low;
    d.at({tss_selector.raw + 8}) = tss.high;
    here.tss.iomap_base = sizeof here.tss;
    std::uint64_t sp;
    asm("mov %%rsp, %0" : "=r"(sp));
    for (unsigned i = 0; i < extra_stacks; ++i) {
        here.tss.ist[i] = (sp & ~(stack_size - 1)) + (i + 1) * extra_stack_size;
    }
    descriptor_area_init(here.id, d);
    load_gdt({0xefff, gdt_address(here.id)});
    asm volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:" ::"i"(code_selector.raw)
                 : "rax", "memory");
    asm volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%ss" ::"r"(data_selector.raw));
    load_tr(tss_selector.raw);
    exceptions_use_own_stacks(true);
}

void exceptions_use_own_stacks(bool on) noexcept {
    load_idt({sizeof idt - 1, reinterpret_cast<std::uint64_t>(on ? &idt : &idt_one_stack)});
}

void take_interrupt(percpu& here, std::uint64_t vector) noexcept {
    switch (vector) {
    case vector_timer: atomic_fetch_or(here.work, work_timer); break;
    case vector_kick: break; // `work` was set by the sender
    case vector_doorbell:
        doorbell_drain();
        atomic_fetch_or(here.work, work_doorbell);
        break;
    case vector_spurious: return; // no end-of-interrupt for this one
    default: panic("an interrupt that nobody asked for");
    }
    lapic_eoi();
}

} // namespace xenpp::image

void handle_vector(xenpp::image::vector_frame* f) {
    using namespace xenpp;
    using namespace xenpp::image;
    percpu& here = this_percpu();
    if (f->vector >= x86::exception_vectors) {
        take_interrupt(here, f->vector);
        return;
    }
    auto const e = static_cast<x86::exception>(f->vector);
    if (e == x86::exception::nmi) { // nobody here asks for one
        if ((f->cs & 3) != 0) {
            pv_take_trap(*f); // the guest's selectors may not load any more, which pv_run can bear
        }
        return;
    }
    if (e == x86::exception::debug) {
        if ((f->cs & 3) != 0) {
            pv_take_trap(*f);
        }
        // MOV SS put it off until ring 0 (SYSCALL, INT3), or a copy met a breakpoint of the
        // guest's: lost to the guest.
        asm volatile("mov %0, %%dr6" ::"r"(x86::dr6::reset.raw()));
        return;
    }
    if (auto const to = e == x86::exception::machine_check ? 0 : find_fixup(f->rip); to != 0) {
        f->rip = to;
        return;
    }
    end_by_exception(*f, here);
}
