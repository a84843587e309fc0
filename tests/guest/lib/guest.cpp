// SPDX-License-Identifier: Apache-2.0
// Hypercalls through the hypercall page, whatever the vendor, and the console's ring.
#include "guest.hpp"

#include <xenpp/abi/arch_x86_cpuid.hpp>
#include <xenpp/abi/event_channel.hpp>
#include <xenpp/abi/hvm/hvm_op.hpp>
#include <xenpp/abi/hvm/params.hpp>
#include <xenpp/abi/io/console.hpp>
#include <xenpp/abi/sched.hpp>
#include <xenpp/base/atomic.hpp>

#include <array>

namespace abi = xenpp::abi;

namespace guest {

namespace {

// One entry of 32 bytes a hypercall (Xen: arch-x86/xen.h); the hypervisor fills it in.
alignas(4096) std::array<std::byte, 4096> hypercall_page;
abi::xencons_interface* console = nullptr;
abi::evtchn_send console_event{};

std::uint64_t hvm_param(std::uint32_t index) noexcept {
    abi::hvm_param p{.domid = xenpp::domid_self.raw(), .pad = 0, .index = index, .value = 0};
    return hypercall(abi::hypercall::hvm_op, abi::hvm_op::get_param, p) == 0 ? p.value : 0;
}

/// Xen's leaves may be moved up by other hypervisors' (Xen: arch-x86/cpuid.h).
std::uint32_t hypervisor_leaf() noexcept {
    for (auto leaf = abi::cpuid_first_leaf; leaf != abi::cpuid_first_leaf + 0x10000;
         leaf += 0x100) {
        auto const r = cpuid(leaf);
        if (r.ebx == abi::cpuid_signature_ebx && r.ecx == abi::cpuid_signature_ecx &&
            r.edx == abi::cpuid_signature_edx) {
            return leaf;
        }
    }
    __builtin_trap();
}

void tell_console() noexcept {
    hypercall(abi::hypercall::event_channel_op, abi::evtchn_op::send, console_event);
}

} // namespace

long hypercall(abi::hypercall number,
               std::uint64_t a1,
               std::uint64_t a2,
               std::uint64_t a3) noexcept {
    auto const entry = &hypercall_page[static_cast<std::size_t>(number) * 32];
    long result = 0;
    asm volatile("call *%[entry]"
                 : "=a"(result), "+D"(a1), "+S"(a2), "+d"(a3)
                 : [entry] "r"(entry)
                 : "rcx", "r8", "r9", "r10", "r11", "memory");
    return result;
}

void start() noexcept {
    auto const page_msr = cpuid(hypervisor_leaf() + 2).ebx;
    wrmsr(page_msr, reinterpret_cast<std::uint64_t>(hypercall_page.data()));
    auto const page = hvm_param(abi::hvm_param_console_pfn) << xenpp::page_shift;
    console = reinterpret_cast<abi::xencons_interface*>(page);
    console_event.port = static_cast<std::uint32_t>(hvm_param(abi::hvm_param_console_evtchn));
}

void print(std::string_view text) noexcept {
    for (char const c : text) {
        auto const at = console->out_prod;
        while (at - xenpp::atomic_load(console->out_cons) == sizeof console->out) {
            tell_console();
            hypercall(abi::hypercall::sched_op, static_cast<std::uint64_t>(abi::sched_op::yield));
        }
        console->out[at % sizeof console->out] = c;
        xenpp::atomic_store(console->out_prod, at + 1);
    }
    tell_console();
}

void print(std::uint64_t number) noexcept {
    std::array<char, 20> digits{};
    auto first = digits.size();
    do {
        digits[--first] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number != 0);
    print(std::string_view(digits.data() + first, digits.size() - first));
}

void power_off() noexcept {
    abi::sched_shutdown how{.reason = abi::shutdown_poweroff};
    hypercall(abi::hypercall::sched_op, abi::sched_op::shutdown, how);
    __builtin_trap();
}

} // namespace guest

/// Where start.S arrives.
extern "C" [[noreturn]] void guest_main() noexcept;

void guest_main() noexcept {
    guest::start();
    guest::test();
    guest::power_off();
}
