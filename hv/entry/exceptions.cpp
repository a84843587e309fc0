// SPDX-License-Identifier: Apache-2.0
// What the vectors do: an interrupt leaves a mark for the run loop, an exception is our own end.
#include "entry/exceptions.hpp"

#include "machine.hpp"
#include "platform/cpu.hpp"

#include <xenpp/x86/exception.hpp>

#include <array>

extern "C" {
extern std::byte const vector_stubs[]; // NOLINT: 256 stubs of 16 bytes, exceptions.S
void handle_vector(xenpp::image::vector_frame* f);
}

namespace xenpp::image {

namespace {

constexpr x86::selector code_selector{0x08};
constexpr std::uint16_t data_selector = 0x10;
constexpr std::uint16_t tss_selector = 0x20;

alignas(16) std::array<x86::idt_gate, 256> idt;

} // namespace

void exceptions_init() noexcept {
    for (unsigned n = 0; n < idt.size(); ++n) {
        idt[n] = x86::make_gate(x86::system_type::interrupt_gate, code_selector,
                                reinterpret_cast<std::uint64_t>(vector_stubs) + 16 * n);
    }
}

void exceptions_init_cpu(percpu& here) noexcept {
    here.gdt[1] = x86::make_code64(0).raw;
    here.gdt[2] = x86::make_data(0).raw;
    auto const tss =
        x86::make_system(x86::system_type::tss_available,
                         reinterpret_cast<std::uint64_t>(&here.tss), sizeof here.tss - 1);
    here.gdt[4] = tss.low;
    here.gdt[5] = tss.high;
    here.tss.iomap_base = sizeof here.tss;
    load_gdt({sizeof here.gdt - 1, reinterpret_cast<std::uint64_t>(here.gdt.data())});
    asm volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:" ::"i"(code_selector.raw)
                 : "rax", "memory");
    asm volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%ss" ::"r"(data_selector));
    load_tr(tss_selector);
    load_idt({sizeof idt - 1, reinterpret_cast<std::uint64_t>(idt.data())});
}

} // namespace xenpp::image

void handle_vector(xenpp::image::vector_frame* f) {
    using namespace xenpp;
    using namespace xenpp::image;
    percpu& here = this_percpu();
    switch (f->vector) {
    case vector_timer: atomic_fetch_or(here.work, work_timer); break;
    case vector_kick: break; // `work` was set by the sender
    case vector_doorbell:
        doorbell_drain();
        atomic_fetch_or(here.work, work_doorbell);
        break;
    case vector_spurious: return; // no end-of-interrupt for this one
    case 2: return;               // NMI: nobody here asks for one
    default: {
        auto const e = static_cast<x86::exception>(f->vector);
        auto& m = machine();
        hv::print(m, "exception ", name(e), " vector ", f->vector, " error ", hv::hex{f->error},
                  " CPU ", here.id);
        hv::print(m, "  rip ", hv::hex{f->rip}, " rsp ", hv::hex{f->rsp}, " cr2 ",
                  hv::hex{read_cr2()});
        hv::print(m, "  rax ", hv::hex{f->rax}, " rdi ", hv::hex{f->rdi}, " rsi ", hv::hex{f->rsi});
        panic("an exception in the hypervisor");
    }
    }
    lapic_eoi();
}
