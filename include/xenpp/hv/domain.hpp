// SPDX-License-Identifier: Apache-2.0
// A domain: its identity, limits, vCPUs, memory, event channels, grants and end.
#pragma once

#include <xenpp/abi/domctl.hpp>
#include <xenpp/abi/hvm/params.hpp>
#include <xenpp/abi/xen.hpp>
#include <xenpp/base/atomic.hpp>
#include <xenpp/hv/cpuid_policy.hpp>
#include <xenpp/hv/domain_kind.hpp>
#include <xenpp/hv/event_channel_table.hpp>
#include <xenpp/hv/grant_table.hpp>
#include <xenpp/hv/p2m.hpp>
#include <xenpp/hv/pv/domain_memory.hpp>
#include <xenpp/hv/vcpu.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace xenpp::hv {

inline constexpr unsigned max_vcpus_per_domain = 128;

/// The E820 map that a domain is told: what the toolstack gave, kept as it is. In a page of its
/// own.
struct guest_memory_map {
    static constexpr std::uint32_t entry_size = 20; ///< base, size (8 bytes each), type (4)
    static constexpr std::uint32_t capacity = 200;

    std::uint32_t count = 0;
    std::array<std::byte, capacity * entry_size> entries{};
};

/// Where a domain is in its life (Xen: is_dying).
enum class dying_state : std::uint8_t {
    alive,
    dying,
    dead
};

/// A line of the guest's that has not ended yet.
struct guest_line {
    spinlock lock; ///< several vCPUs may print at once
    std::array<char, 128> text{};
    std::size_t used = 0;
};

/// Created by domctl_createdomain, found by `hypervisor::find`, freed when the last reference goes.
template <class P>
struct domain {
    domain(hypervisor<P>& h, domid n, domain_kind k) noexcept
        : hv(h), id(n), kind(k), guest_memory(h) {}

    domain(domain const&) = delete;
    domain& operator=(domain const&) = delete;
    ~domain() = default;

    /// May act for other domains and for the machine.
    bool is_privileged() const noexcept { return kind == domain_kind::control; }

    bool is_dying() const noexcept { return atomic_load(dying) != dying_state::alive; }

    hypervisor<P>& hv;
    domid id;
    domain_kind kind;
    std::uint32_t references = 1; ///< atomic; see domain_ref
    spinlock lock;                ///< orders control operations on this domain

    // --- identity and limits ---
    std::array<std::uint8_t, 16> handle{}; ///< the uuid
    std::uint32_t create_flags = 0;        ///< domctl_cdf_*
    std::uint32_t ssidref = 0;
    std::uint64_t created_ns = 0;          ///< system time of creation; tells a reused domid
    std::uint32_t cpupool = 0;             ///< the scheduler's, as the next
    bool is_in_pool = false;               ///< counted among the pool's domains
    std::uint32_t weight = 256;            ///< credit2
    std::uint32_t cap = 0;                 ///< percent of one CPU, 0: none
    std::int64_t cap_used_ns = 0;          ///< of this cap period; less than 0: kept of others
    std::uint64_t cap_period_start_ns = 0; ///< system time; the scheduler's
    std::int64_t time_offset_s = 0;
    std::uint32_t tsc_mode = 0;
    std::uint64_t vm_assist = 0;

    // --- vCPUs ---
    unsigned max_vcpus = 0;
    std::array<vcpu<P>*, max_vcpus_per_domain> vcpus{}; ///< null: not created

    // --- memory (hv/memory_op.hpp, hv/p2m.hpp) ---
    p2m<P> guest_memory;           ///< gfn -> mfn, HVM only
    pv::domain_memory pv_memory;   ///< PV only
    spinlock page_lock;            ///< guards the three counts
    std::uint64_t total_pages = 0; ///< frames it owns; while not 0 they hold a domain reference
    std::uint64_t max_pages = 0;
    std::uint64_t outstanding_pages = 0; ///< claimed, not yet populated
    mfn shared_info_frame{};
    abi::shared_info* shared_info = nullptr;
    guest_memory_map* memory_map = nullptr; ///< XENMEM_set_memory_map; null: not given

    // --- facilities ---
    event_channel_table<P> events;
    grant_table<P> grants;
    cpuid_policy cpuid;
    std::uint64_t cr4_offered = 0; ///< what of CR4 goes with `cpuid`
    std::array<std::uint64_t, abi::hvm_nr_params> hvm_params{};

    guest_line console_line; ///< what it prints through the hypervisor (guest_console.hpp)

    // --- pausing and the end ---
    static constexpr std::uint32_t no_code = ~std::uint32_t{0};
    std::uint32_t pause_count = 1; ///< by the control plane; created paused
    bool was_unpaused = false;     ///< creation is over: what it sees of the CPU stays
    bool is_shut_down = false;
    std::uint32_t shutdown_code = 0;        ///< abi shutdown_*, valid when shut down
    std::uint32_t latched_code = no_code;   ///< what a shutdown will report (SCHEDOP_shutdown_code)
    std::array<timer, 2> watchdogs;         ///< armed, or free: no owner (SCHEDOP_watchdog)
    dying_state dying = dying_state::alive; ///< atomic
    std::uint32_t teardown_step = 0;        ///< how far destroydomain has come
};

} // namespace xenpp::hv
