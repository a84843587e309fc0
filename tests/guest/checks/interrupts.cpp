// SPDX-License-Identifier: Apache-2.0
// Interrupts and when they come, HLT, NMIs, hypercalls, event-channel upcalls.
#include "../lib/guest.hpp"
#include "checks.hpp"
#include "traps.hpp"

#include <xenpp/abi/event_channel.hpp>
#include <xenpp/abi/hvm/hvm_op.hpp>
#include <xenpp/abi/hvm/params.hpp>
#include <xenpp/abi/memory.hpp>
#include <xenpp/abi/vcpu.hpp>
#include <xenpp/abi/version.hpp>
#include <xenpp/base/atomic.hpp>

#include <array>
#include <cstddef>

namespace checks {

namespace {

namespace abi = xenpp::abi;
using guest::hypercall;
using guest::rdmsr;
using guest::wrmsr;

constexpr std::uint8_t low = 0x41, high = 0x91, timer = 0xa1, upcall = 0xb1, callback = 0xc1;

void enable_x2apic() noexcept {
    wrmsr(0x1b, rdmsr(0x1b) | 0xc00);
    wrmsr(0x80f, 0x1ff);
}

void send_to_self(std::uint8_t vector) noexcept {
    wrmsr(0x830, 1U << 18 | 1U << 14 | vector);
}

void send_nmi_to_self() noexcept {
    wrmsr(0x830, rdmsr(0x802) << 32 | 1U << 14 | 4U << 8);
}

std::uint32_t count(unsigned vector) noexcept {
    return xenpp::atomic_load(interrupts[vector]);
}

void open() noexcept {
    asm volatile("sti; nop; nop; cli" : : : "memory");
}

void sleep() noexcept {
    asm volatile("sti; hlt; cli" : : : "memory");
}

alignas(4096) std::array<std::byte, 4096> shared_page;

abi::shared_info& shared() noexcept {
    return *reinterpret_cast<abi::shared_info*>(shared_page.data());
}

/// What an upcall's handler does first: the next event makes another upcall.
void take_events() noexcept {
    shared().vcpu_info[0].evtchn_upcall_pending = 0;
    shared().vcpu_info[0].evtchn_pending_sel = 0;
}

/// The domain-wide upcall: HVM_PARAM_CALLBACK_IRQ by vector, or none for 0.
bool set_callback(std::uint8_t vector) noexcept {
    abi::hvm_param via{};
    via.domid = xenpp::domid_self.raw();
    via.index = abi::hvm_param_callback_irq;
    via.value = vector == 0 ? 0 : std::uint64_t{2} << 56 | vector;
    return hypercall(abi::hypercall::hvm_op, abi::hvm_op::set_param, via) == 0;
}

bool set_own_vector(std::uint8_t vector) noexcept {
    abi::hvm_evtchn_upcall_vector own{};
    own.vector = vector;
    return hypercall(abi::hypercall::hvm_op, abi::hvm_op::set_evtchn_upcall_vector, own) == 0;
}

/// Puts shared_info where `shared_page` was, and opens a port that sends to this vCPU.
std::uint32_t open_port() noexcept {
    abi::add_to_physmap where{};
    where.domid = xenpp::domid_self.raw();
    where.space = abi::xenmapspace_shared_info;
    where.gpfn = reinterpret_cast<std::uint64_t>(shared_page.data()) >> 12;
    if (hypercall(abi::hypercall::memory_op, abi::mem_op::add_to_physmap, where) != 0) {
        return 0;
    }
    abi::evtchn_bind_ipi bind{};
    return hypercall(abi::hypercall::event_channel_op, abi::evtchn_op::bind_ipi, bind) == 0
               ? bind.port
               : 0;
}

constexpr check list[] = {
    {"apic.x2apic_mode",
     [] {
         enable_x2apic();
         return rdmsr(0x802) == 0 && (rdmsr(0x803) & 0xff) >= 0x10;
     }},
    {"interrupt.waits_until_it_may_come",
     [] {
         auto const before = count(low);
         send_to_self(low);
         (void)guest::cpuid(0);
         bool const waited = count(low) == before;
         open();
         return waited && count(low) == before + 1;
     }},
    {"interrupt.comes_at_once_where_it_may",
     [] {
         auto const before = count(low);
         asm volatile("sti; nop" : : : "memory");
         send_to_self(low);
         asm volatile("nop; nop; cli" : : : "memory");
         return count(low) == before + 1;
     }},
    {"interrupt.the_higher_comes_first",
     [] {
         send_to_self(low);
         send_to_self(high);
         auto const from = sequence_length;
         open();
         open();
         return sequence_length == from + 2 && sequence[from % sequence.size()] == high &&
                sequence[(from + 1) % sequence.size()] == low;
     }},
    {"interrupt.waits_where_the_apic_shows_it",
     [] {
         auto const waits = [] { return (rdmsr(0x820 + low / 32) >> (low % 32) & 1) != 0; };
         auto const before = count(low);
         wrmsr(0x83f, low); // the self-IPI register
         bool const shown = waits();
         open();
         return shown && !waits() && count(low) == before + 1;
     }},
    {"interrupt.in_service_holds_back_lower_ones",
     [] {
         // `high` stays in service until its end is told here.
         auto const before = count(low);
         leave_in_service = high;
         send_to_self(high);
         open();
         send_to_self(low);
         (void)guest::cpuid(0);
         open();
         bool const waited = count(low) == before;
         bool const shown = (rdmsr(0x810 + high / 32) >> (high % 32) & 1) != 0;
         leave_in_service = 0;
         wrmsr(0x80b, 0);
         open();
         return waited && shown && count(low) == before + 1;
     }},
    {"interrupt.obeys_the_task_priority",
     [] {
         auto const before = count(low);
         asm volatile("mov %0, %%cr8" : : "r"(8ULL) : "memory");
         send_to_self(low);
         open();
         bool const waited = count(low) == before;
         asm volatile("mov %0, %%cr8" : : "r"(0ULL) : "memory");
         (void)guest::cpuid(0);
         open();
         return waited && count(low) == before + 1;
     }},
    {"nmi.comes_with_interrupts_off",
     [] {
         // Where the processor cannot say when (SVM here), it comes when interrupts open.
         auto const before = count(2);
         send_nmi_to_self();
         (void)guest::cpuid(0);
         open();
         return count(2) == before + 1;
     }},
    {"nmi.comes_again",
     [] {
         auto const before = count(2);
         send_nmi_to_self();
         open();
         open();
         return count(2) == before + 1;
     }},
    {"hlt.ends_by_a_waiting_interrupt",
     [] {
         auto const before = count(low);
         send_to_self(low);
         sleep();
         return count(low) == before + 1;
     }},
    {"hlt.ends_by_the_apic_timer",
     [] {
         auto const before = count(timer);
         wrmsr(0x83e, 0xb);
         wrmsr(0x832, timer);
         wrmsr(0x838, 100000);
         while (count(timer) == before) {
             sleep();
         }
         wrmsr(0x832, 1U << 16);
         return count(timer) == before + 1;
     }},
    {"hypercall.answers_as_xen_4_17",
     [] {
         return hypercall(abi::hypercall::xen_version,
                          static_cast<std::uint64_t>(abi::version_op::version)) == 0x40011;
     }},
    {"hypercall.one_that_is_not_there_says_so",
     [] { return hypercall(static_cast<abi::hypercall>(60)) == -38; }},
    {"hypercall.follows_a_pointer",
     [] {
         std::array<char, 16> text{};
         auto const result = hypercall(abi::hypercall::xen_version,
                                       static_cast<std::uint64_t>(abi::version_op::extraversion),
                                       reinterpret_cast<std::uint64_t>(text.data()));
         return result == 0 && text[0] != '\0';
     }},
    {"hypercall.refuses_a_pointer_to_nothing",
     [] {
         return hypercall(abi::hypercall::xen_version,
                          static_cast<std::uint64_t>(abi::version_op::extraversion),
                          0x7000'0000'0000) == -14;
     }},
    {"event.comes_by_the_domains_vector_which_needs_no_end",
     [] {
         auto const port = open_port();
         bool good = port != 0 && set_callback(callback);
         leave_in_service = callback;
         taken_by_interrupt = &shared().vcpu_info[0].evtchn_upcall_pending;
         for (int n = 0; good && n != 2; ++n) {
             auto const before = count(callback);
             abi::evtchn_send send{port};
             good = hypercall(abi::hypercall::event_channel_op, abi::evtchn_op::send, send) == 0 &&
                    count(callback) == before;
             open();
             good = good && count(callback) == before + 1 &&
                    (shared().evtchn_pending[port / 64] >> (port % 64) & 1) != 0;
             shared().evtchn_pending[port / 64] = 0;
             take_events();
         }
         leave_in_service = 0;
         taken_by_interrupt = nullptr;
         return good && set_callback(0);
     }},
    {"event.comes_as_an_upcall",
     [] {
         auto const port = set_own_vector(upcall) ? open_port() : 0;
         auto const before = count(upcall);
         abi::evtchn_send send{port};
         auto const sent = hypercall(abi::hypercall::event_channel_op, abi::evtchn_op::send, send);
         open();
         bool const came = count(upcall) == before + 1;
         bool const pending = (shared().evtchn_pending[port / 64] >> (port % 64) & 1) != 0;
         take_events();
         return port != 0 && sent == 0 && came && pending;
     }},
    {"event.the_singleshot_timer_wakes",
     [] {
         abi::evtchn_bind_virq bind{};
         bind.virq = abi::virq_timer;
         if (hypercall(abi::hypercall::event_channel_op, abi::evtchn_op::bind_virq, bind) != 0) {
             return false;
         }
         auto const before = count(upcall);
         abi::vcpu_set_singleshot_timer when{};
         when.timeout_abs_ns = 1; // long past
         auto const set = hypercall(abi::hypercall::vcpu_op,
                                    static_cast<std::uint64_t>(abi::vcpu_op::set_singleshot_timer),
                                    0, reinterpret_cast<std::uint64_t>(&when));
         while (set == 0 && count(upcall) == before) {
             sleep();
         }
         return set == 0 && (shared().evtchn_pending[bind.port / 64] >> (bind.port % 64) & 1) != 0;
     }},
};

} // namespace

std::span<check const> interrupts_and_calls() noexcept {
    return list;
}

} // namespace checks
