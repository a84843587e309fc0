// SPDX-License-Identifier: Apache-2.0
// The one seam under the hypervisor's policy: what it needs of a machine, real or simulated.
#pragma once

#include <xenpp/abi/hvm/save.hpp>
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/mm/second_level.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace xenpp::hv {

template <class P>
struct vcpu;

namespace pv {

/// The segment bases of a PV vCPU, in the words of hypercall set_segment_base.
enum class segment_base : std::uint8_t {
    fs,
    gs,      ///< of the mode the vCPU is in
    gs_away, ///< of the other mode: what SWAPGS would bring
};

} // namespace pv

/// A set of physical CPUs. 64 is the most this hypervisor drives (Xen: NR_CPUS).
using cpu_mask = std::uint64_t;
inline constexpr unsigned max_cpus = 64;

/// What a machine offers to the hypervisor's policy. Every member may be called with the
/// hypervisor's locks held, never blocks, and never calls back into the policy.
template <class P>
concept Platform =
    requires(P& p, mfn f, cpu_id c, std::string_view text, vcpu<P>& v, abi::hvm_hw_cpu state) {
    // Memory: every frame of the machine, addressable (the direct map: frames that follow one
    // another do so there too).
    { p.map(f) } -> std::same_as<std::byte*>;
    // Time: nanoseconds since the hypervisor started, monotonic, the same on every CPU; what
    // guests read as system time. The TSC that goes with it, and its rate.
    { p.now_ns() } -> std::same_as<std::uint64_t>;
    { p.tsc() } -> std::same_as<std::uint64_t>;
    { p.tsc_base() } -> std::same_as<std::uint64_t>; // the TSC at system time 0
    { p.tsc_khz() } -> std::same_as<std::uint32_t>;
    // CPUs: how many run guests (they are 0 .. count-1), what the numbers of all are below (one may
    // serve the control domain alone), and which one this is.
    { p.cpu_count() } -> std::same_as<unsigned>;
    { p.cpu_limit() } -> std::same_as<unsigned>;
    { p.this_cpu() } -> std::same_as<cpu_id>;
    // Makes CPU `c` leave its guest or its idle loop and pass through its run loop soon.
    {p.kick(c)};
    // Arms this CPU's timer for the system time given (0: none); passes through the run loop.
    {p.set_deadline(std::uint64_t{})};
    // Tells the control domain that an event is pending for it (its upcall).
    {p.notify_control()};
    // The control domain was given something to do, rung or not: its next call may come soon.
    {p.await_control()};
    // The serial console, unbuffered.
    {p.console_write(text)};
    // A random number good enough for salts, not for keys.
    { p.random() } -> std::same_as<std::uint64_t>;
    // The format of the tables that nested paging walks.
    { p.second_level() } -> std::same_as<mm::second_level>;
    // Processor state of a vCPU that is not running: the vendor's control block.
    { p.create_vcpu(v) } -> std::same_as<expected<void, errc>>;
    {p.destroy_vcpu(v)};
    { p.load_state(v, state) } -> std::same_as<expected<void, errc>>;
    { p.save_state(v) } -> std::same_as<abi::hvm_hw_cpu>;
    // The vCPU's second-level tables changed for the worse: no translation cached before
    // this call may be used by the time every CPU has passed through its run loop.
    {p.flush_guest_tlb(v)};
    // What the processor holds of a PV vCPU, which calls from this CPU. Its own copies in pv's
    // vcpu_state and in `context` have changed already.
    {p.pv_load_root(v)};      // CR3: the root of the mode it is in
    {p.pv_load_root_copy(v)}; // ... or a copy of its kernel's root as it is now, the CPU's own,
    {p.pv_write_root_copy(unsigned{} /* slot */, std::uint64_t{})}; // which this changes
    {p.pv_swap_mode(v)};     // it went to user mode or back: the other root and GS base
    {p.pv_load_tables(v)};   // GDT frames, LDT
    {p.pv_load_controls(v)}; // CR0.TS, CR4, XCR0
    {p.pv_load_debug(v)};    // DR0-3, DR7
    { p.pv_base(v, pv::segment_base{}) } -> std::same_as<std::uint64_t>;
    {p.pv_set_base(v, pv::segment_base{}, std::uint64_t{})}; // a canonical address
    {p.pv_load_user_gs(v, std::uint16_t{})}; // a selector for user mode; one that faults: null
    // Drops all translations of PV guests on this CPU, as pv_load_root does too; or the one of a
    // guest address in the address space that is loaded. See pv/tlb_flush.hpp.
    {p.flush_local_tlb()};
    {p.flush_local_page(std::uint64_t{})};
    // Stops or restarts the machine; does not return on a real one.
    {p.shutdown_machine(bool{} /* reboot */)};
};

} // namespace xenpp::hv
