// SPDX-License-Identifier: Apache-2.0
// How long the hypervisor's PV paths are: TSC ticks of each, printed as "path NAME TICKS". Under
// QEMU's -icount shift=0 a tick is an executed instruction.
#include "../pv_lib/pv_guest.hpp"

#include <xenpp/abi/event_channel.hpp>
#include <xenpp/abi/sched.hpp>
#include <xenpp/abi/vcpu.hpp>
#include <xenpp/abi/version.hpp>

#include <algorithm>
#include <array>

namespace abi = xenpp::abi;
using namespace guest;

namespace {

constexpr unsigned rounds = 32;
constexpr unsigned calls_a_round = 256;

std::uint64_t rdtsc() noexcept {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return std::uint64_t{high} << 32 | low;
}

/// Ticks of one call in the fastest round: others held an interrupt or another CPU's work.
template <class Call>
std::uint64_t fastest(Call call) noexcept {
    auto best = ~std::uint64_t{0};
    for (unsigned round = 0; round != rounds; ++round) {
        auto const before = rdtsc();
        for (unsigned i = 0; i != calls_a_round; ++i) {
            call();
        }
        best = std::min(best, rdtsc() - before);
    }
    return best / calls_a_round;
}

template <class Call>
void path(std::string_view name, Call call) noexcept {
    // The loop's own instructions and the two RDTSCs are not the path's.
    auto const empty = fastest([] { asm volatile(""); });
    auto const ticks = fastest(call);
    print("path ");
    print(name);
    print(" ");
    print(ticks - empty);
    print("\n");
}

/// A page of our window flips between two frames.
void measure_updates() noexcept {
    std::array const frames{mfn_of(new_page()), mfn_of(new_page())};
    auto const slot = entry_address(reinterpret_cast<std::uint64_t>(window()), 1);
    unsigned turn = 0;
    path("update_va_mapping", [&] { update_va(window(), make_entry(frames[++turn % 2], pte_rw)); });
    path("mmu_update", [&] { mmu_update(slot, make_entry(frames[++turn % 2], pte_rw)); });
    std::array<abi::mmu_update, 32> batch{};
    auto const fill = [&] {
        for (auto& u : batch) {
            u = {slot, make_entry(frames[++turn % 2], pte_rw)};
        }
    };
    fill();
    path("mmu_update_of_32", [&] {
        hypercall(abi::hypercall::mmu_update, batch.data(), batch.size(), std::uint64_t{0},
                  abi::domid_self);
    });
}

/// A handler of #BP that only returns.
extern "C" void return_at_once();
asm("return_at_once:\n\t"
    "popq %rcx\n\t"
    "popq %r11\n\t"
    "pushq $0\n\t" // iret_context.flags
    "jmp do_iret");

void measure_traps() noexcept {
    std::array<abi::trap_info, 2> traps{}; // the last one, of address 0, ends the table
    traps[0].vector = 3;
    traps[0].cs = abi::flat_kernel_cs64;
    traps[0].address = reinterpret_cast<std::uint64_t>(return_at_once);
    hypercall(abi::hypercall::set_trap_table, traps.data());
    path("int3_and_iret", [] { asm volatile("int3"); });
    path("forced_cpuid", [] {
        std::uint32_t a = 1;
        std::uint32_t b = 0;
        std::uint32_t c = 0;
        std::uint32_t d = 0;
        // ud2a; "xen"; cpuid (Xen: arch-x86/xen.h, XEN_EMULATE_PREFIX)
        asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2"
                     : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    });
    path("rdmsr_efer", [] {
        std::uint32_t a = 0;
        std::uint32_t d = 0;
        asm volatile("rdmsr" : "=a"(a), "=d"(d) : "c"(0xc0000080));
    });
}

void measure_events() noexcept {
    // A port to ourselves: pending already, or masked, after the first.
    abi::evtchn_bind_ipi ipi{.vcpu = 0, .port = 0};
    hypercall(abi::hypercall::event_channel_op, abi::evtchn_op::bind_ipi, &ipi);
    abi::evtchn_send send{.port = ipi.port};
    path("event_send",
         [&] { hypercall(abi::hypercall::event_channel_op, abi::evtchn_op::send, &send); });
}

} // namespace

void guest::test() noexcept {
    path("xen_version", [] { hypercall(abi::hypercall::xen_version); });
    std::array<std::uint32_t, 2> features{};
    path("get_features", [&] {
        hypercall(abi::hypercall::xen_version, abi::version_op::get_features, features.data());
    });
    path("sched_yield", [] { hypercall(abi::hypercall::sched_op, abi::sched_op::yield); });
    std::array<abi::multicall_entry, 8> calls{};
    for (auto& c : calls) {
        c.op = static_cast<std::uint64_t>(abi::hypercall::xen_version);
    }
    path("multicall_of_8",
         [&] { hypercall(abi::hypercall::multicall, calls.data(), calls.size()); });
    abi::vcpu_set_singleshot_timer timer{
        .timeout_abs_ns = ~std::uint64_t{0} >> 2, .flags = 0, .reserved_ = 0};
    path("set_singleshot_timer", [&] {
        hypercall(abi::hypercall::vcpu_op, abi::vcpu_op::set_singleshot_timer, 0, &timer);
    });
    measure_updates();
    measure_traps();
    measure_events();
    print("paths done\n");
}

void guest::second_test(std::uint64_t) noexcept {}
