// SPDX-License-Identifier: Apache-2.0
// A virtual CPU: its registers, where it runs, what it waits for, what it is told.
#pragma once

#include <xenpp/abi/event_channel.hpp>
#include <xenpp/abi/vcpu.hpp>
#include <xenpp/abi/xen.hpp>
#include <xenpp/base/atomic.hpp>
#include <xenpp/hv/exit_reason.hpp>
#include <xenpp/hv/platform.hpp>
#include <xenpp/hv/timer.hpp>
#include <xenpp/hv/vlapic.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv {

template <class P>
struct domain;
template <class P>
class hypervisor;

/// The part of a vCPU's state that the vendor's glue brings up to date at each exit, so that
/// handlers need not know the vendor. rip, rflags and the general registers are written back at
/// each entry; the control registers only through the vendor (they have side effects).
///
/// The first three cache lines are also where a processor that leaves a PV guest puts its
/// registers: from `rip` to `ss` they have the order in which it pushes them, and end on a multiple
/// of 16.
struct alignas(64) guest_context {
    std::uint64_t rax = 0, rbx = 0;
    std::uint64_t rdi = 0, rsi = 0, rdx = 0, r10 = 0, r8 = 0, r9 = 0; ///< as hypercall_args
    std::uint64_t rcx = 0, rbp = 0;
    std::uint64_t host_sp = 0; ///< PV, the platform's: its stack while the guest runs
    std::uint64_t r11 = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;
    std::uint64_t entry = 0;             ///< PV: what may be spared at the next entry, entry_*
    std::uint64_t vector = 0, error = 0; ///< PV: what ended the last stay
    std::uint64_t rip = 0, cs = 0, rflags = 2, rsp = 0, ss = 0;

    std::uint64_t cr0 = 0, cr3 = 0, cr4 = 0, efer = 0;
    std::uint64_t cs_base = 0;
    std::uint8_t cpl = 0;
    bool long_code = false; ///< executes 64-bit code (CS.L with EFER.LMA)
    bool code32 = false;    ///< CS.D

    /// rcx and r11 need not be kept: SYSRET may enter the guest.
    static constexpr std::uint64_t entry_sysret = 1;
    /// rbx, rbp, r12 to r15 are the processor's still, and during a hypercall nowhere else. Whoever
    /// may have changed one of them here, after a trap, clears this.
    static constexpr std::uint64_t entry_kept = 2;

    /// General register `n` in the processor's own numbering (0 rax, 1 rcx, 2 rdx, 3 rbx, 4 rsp,
    /// ...).
    std::uint64_t& reg(unsigned n) noexcept {
        std::uint64_t* const order[16] = {&rax, &rcx, &rdx, &rbx, &rsp, &rbp, &rsi, &rdi,
                                          &r8,  &r9,  &r10, &r11, &r12, &r13, &r14, &r15};
        return *order[n & 15];
    }
};

/// Why a vCPU does not run; it runs when no bit is set (Xen: _VPF_* and pause counts).
enum pause_flag : std::uint32_t {
    pause_down = 1U << 0,      ///< not initialised or taken down: VCPUOP_up or a SIPI is needed
    pause_blocked = 1U << 1,   ///< halted or blocked until an event
    pause_poll = 1U << 2,      ///< in SCHEDOP_poll
    pause_domain = 1U << 3,    ///< the whole domain is paused, dying or shut down
    pause_wait_sipi = 1U << 4, ///< after INIT, until a SIPI
};

inline constexpr unsigned max_virqs = 24;

/// The memory type range registers, kept for the guest to read back; nested paging ignores them.
struct mtrr_state {
    std::uint64_t default_type = 0x806; ///< enabled (E), write-back; no fixed ranges
    std::array<std::uint64_t, 11> fixed{};
    std::array<std::uint64_t, 16> variable{};
};

template <class P>
struct vcpu {
    vcpu(domain<P>& d, vcpu_id n) noexcept : dom(d), id(n) {}

    vcpu(vcpu const&) = delete;
    vcpu& operator=(vcpu const&) = delete;
    ~vcpu() = default;

    domain<P>& dom;
    vcpu_id id;

    guest_context context;
    void* arch = nullptr; ///< the vendor's state, owned by the platform

    // --- scheduling (hv/scheduler.hpp owns these, under its lock, but for `pause`) ---
    std::uint32_t pause = pause_down; ///< pause_flag bits, changed atomically
    cpu_id processor{};               ///< where it runs or ran last
    bool running = false;             ///< on a CPU right now; atomic
    bool queued = false;              ///< in the run queue
    std::uint64_t vruntime = 0;       ///< weighted run time in ns
    std::uint64_t run_since_ns = 0;   ///< when it was last switched to
    bool yielded = false;             ///< gives way at the next choice
    cpu_mask hard_affinity = ~cpu_mask{0};
    cpu_mask soft_affinity = ~cpu_mask{0};
    vcpu* next_in_queue = nullptr;
    abi::vcpu_runstate_info runstate{}; ///< state, since, time per state; ns
    std::uint64_t runstate_area = 0;    ///< guest address of the guest's copy, 0: none

    // --- timers (hv/timer.hpp) ---
    std::uint64_t singleshot_ns = 0; ///< absolute system time, 0: not set
    std::uint64_t periodic_ns = 0;   ///< period, 0: none
    timer singleshot_timer;
    timer periodic_timer;
    timer poll_timer; ///< the time-out of SCHEDOP_poll
    timer lapic_timer;

    // --- what the guest shares ---
    abi::vcpu_info* info = nullptr; ///< in shared_info, or in the registered page
    mfn info_frame{};               ///< the registered page, referenced, when `info_registered`
    bool info_registered = false;
    abi::vcpu_time_info* secondary_time = nullptr; ///< registered second copy of the time
    mfn secondary_time_frame{};
    bool initialised = false; ///< has been given a context

    // --- event channels (hv/event_channel.hpp) ---
    std::array<std::uint32_t, max_virqs> virq_port{};       ///< atomic; the port, 0: not bound
    abi::evtchn_fifo_control_block* fifo_control = nullptr; ///< atomic; null: none given
    std::array<std::uint32_t, abi::evtchn_fifo_max_queues> fifo_tail{};
    std::array<spinlock, abi::evtchn_fifo_max_queues> fifo_lock;
    std::uint8_t upcall_vector = 0; ///< HVMOP_set_evtchn_upcall_vector, 0: none
    std::uint32_t poll_port = 0;    ///< SCHEDOP_poll: the one port waited for, ~0: several

    // --- HVM only ---
    vlapic lapic;
    /// A SIPI that the vCPU has yet to carry out itself: `startup_sipi` and the vector in the low
    /// byte; atomic, 0: none.
    std::uint32_t startup = 0;
    bool nmi_pending = false; ///< atomic
    std::uint64_t xcr0 = 1;
    std::uint64_t pat = 0x0007040600070406;
    std::uint64_t tsc_aux = 0;
    mtrr_state mtrr;
    std::uint64_t exits = 0;                                    ///< stays in the guest that ended
    std::array<std::uint32_t, exit_reason_count> exit_counts{}; ///< by hv::exit_reason
};

inline constexpr std::uint32_t startup_sipi = 0x100;

} // namespace xenpp::hv
