// SPDX-License-Identifier: Apache-2.0
// What one CPU has of its own: stack, descriptor tables, and the marks its interrupts leave.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/hv/exit_action.hpp>
#include <xenpp/hv/platform.hpp>
#include <xenpp/hv/pv/tlb_flush.hpp>
#include <xenpp/x86/descriptor.hpp>

#include <array>
#include <cstdint>

namespace xenpp::image {

inline constexpr std::size_t stack_size = 65536; // entry.S has the same number
/// The low end of each CPU's stack serves the vectors that may strike when the stack pointer means
/// nothing: just after SYSCALL, or on the way back (IST 1 to 4).
inline constexpr std::size_t extra_stack_size = 4096;
inline constexpr unsigned extra_stacks = 4;

/// Work that an interrupt left for the run loop.
enum work_bit : std::uint32_t {
    work_timer = 1U << 0,
    work_kick = 1U << 1,
    work_doorbell = 1U << 2,
};

struct alignas(64) percpu {
    cpu_id id{};
    std::uint32_t apic_id = 0;
    std::uint32_t work = 0;        ///< work_bit, changed atomically (IPIs may come from anywhere)
    std::uint64_t deadline_ns = 0; ///< what the timer is armed for
    std::uint64_t asid_next = 1;   ///< the next ASID or VPID to give out on this CPU
    std::uint64_t asid_generation = 1;
    std::uint64_t vmcs_pa = 0;        ///< hv/vmx: the VMCS that is current; 0: none
    bool link_is_polled = false;      ///< the control domain need not ring
    bool is_looking = false;          ///< at `work`: no interrupt is needed; atomic
    std::uint64_t link_served_ns = 0; ///< when it last had work or was given some; 0: too long ago
    std::uint64_t link_deadline_ns = 0; ///< the link's work waits: by then it is its turn; 0: none
    void* loaded = nullptr;             ///< the vCPU whose state is in the registers
    void* pv_loaded = nullptr;          ///< the same if it is PV: its addresses can be used here
    bool* resched = nullptr;            ///< the scheduler's wish for this CPU, atomic
    hv::pv::tlb_cpu* tlb = nullptr;     ///< what others know of this CPU's TLB
    std::uint64_t* root_copy = nullptr; ///< a page for pv_load_root_copy
    std::uint64_t host_state_pa = 0;    ///< hv/svm: what VMLOAD of a guest displaced
    std::uint64_t cr4 = 0;              ///< without what a guest chooses
    hv::exit_action pv_action;          ///< how the last stay of a PV vCPU ended
    x86::tss64 tss{};
    std::uint16_t gates_until_look = 0; ///< by ring 3; 0: 65536 more
    bool online = false;
    bool runs_guests = true; ///< false: it serves the control domain alone
};

extern std::array<percpu, hv::max_cpus> cpus;
extern unsigned cpu_count; ///< that run guests: the first of `cpus`
extern unsigned cpu_limit; ///< all that run are below it in `cpus`

/// This CPU's data, found through its stack: the pointer stands in the stack's last word, so that
/// no segment register is needed, and a guest's may stay loaded while the hypervisor works.
[[gnu::always_inline]] inline percpu& this_percpu() noexcept {
    std::uint64_t sp;
    asm("mov %%rsp, %0" : "=r"(sp));
    return **reinterpret_cast<percpu**>((sp | (stack_size - 1)) - 7);
}

/// Puts `p` in the last word of the stack that ends at `top`.
inline void adopt_stack(std::byte* top, percpu& p) noexcept {
    *reinterpret_cast<percpu**>(top - 8) = &p;
}

} // namespace xenpp::image
