// SPDX-License-Identifier: Apache-2.0
// How long the hypervisor's paths are: TSC ticks of each, printed as "path NAME TICKS". Under
// QEMU's -icount shift=0 a tick is an executed instruction.
#include "../lib/guest.hpp"

#include <xenpp/abi/event_channel.hpp>
#include <xenpp/abi/sched.hpp>

#include <algorithm>

namespace abi = xenpp::abi;

namespace {

constexpr unsigned rounds = 32;
constexpr unsigned calls_a_round = 256;
constexpr std::uint32_t msr_efer = 0xc0000080;

/// Ticks of one call in the fastest round: others held an interrupt or another CPU's work.
template <class Call>
std::uint64_t fastest(Call call) noexcept {
    auto best = ~std::uint64_t{0};
    for (unsigned round = 0; round != rounds; ++round) {
        auto const before = guest::rdtsc();
        for (unsigned i = 0; i != calls_a_round; ++i) {
            call();
        }
        best = std::min(best, guest::rdtsc() - before);
    }
    return best / calls_a_round;
}

template <class Call>
void path(std::string_view name, Call call) noexcept {
    // The loop's own instructions and the two RDTSCs are not the path's.
    auto const empty = fastest([] { asm volatile(""); });
    auto const ticks = fastest(call);
    guest::print("path ");
    guest::print(name);
    guest::print(" ");
    guest::print(ticks - empty);
    guest::print("\n");
}

} // namespace

void guest::test() noexcept {
    path("xen_version", [] { hypercall(abi::hypercall::xen_version); });
    path("cpuid", [] { cpuid(1); });
    path("rdmsr_efer", [] { rdmsr(msr_efer); });
    path("port_in", [] { in8(0x80); });
    path("port_out", [] { out8(0x80, 0); });
    // The end of no interrupt, which ends a stay where the processor has no APIC for guests.
    wrmsr(0x1b, rdmsr(0x1b) | 0xc00);
    wrmsr(0x80f, 0x1ff);
    path("apic_eoi", [] { wrmsr(0x80b, 0); });
    // A hole in guest-physical memory, where nested paging ends the stay.
    auto const* const hole = reinterpret_cast<std::uint32_t volatile*>(0xd0000000);
    path("nested_fault", [hole] { static_cast<void>(*hole); });
    path("sched_yield", [] {
        hypercall(abi::hypercall::sched_op, static_cast<std::uint64_t>(abi::sched_op::yield));
    });
    // A port to ourselves: pending already, or masked for want of an upcall, after the first.
    abi::evtchn_bind_ipi ipi{.vcpu = 0, .port = 0};
    hypercall(abi::hypercall::event_channel_op, abi::evtchn_op::bind_ipi, ipi);
    abi::evtchn_send send{.port = ipi.port};
    path("event_send",
         [&] { hypercall(abi::hypercall::event_channel_op, abi::evtchn_op::send, send); });
    print("paths done\n");
}
