// SPDX-License-Identifier: Apache-2.0
// The root object: the machine, its frames, its domains, its scheduler, its console ring.
#pragma once

#include <xenpp/hv/console_ring.hpp>
#include <xenpp/hv/domain.hpp>
#include <xenpp/hv/frame_allocator.hpp>
#include <xenpp/hv/pv/m2p.hpp>
#include <xenpp/hv/pv/tlb_flush.hpp>
#include <xenpp/hv/scheduler.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv {

inline constexpr unsigned max_domains = 4096;

/// The control domain's memory window: the only memory in which its hypercall arguments may lie.
struct control_window {
    std::uint64_t virtual_base = 0; ///< where every control process maps it
    maddr machine_base{};
    std::uint64_t size = 0; ///< bytes
};

template <class P>
class link_service;

/// Everything the hypervisor knows. One object a machine; in `sim` there may be many in a process.
template <class P>
class hypervisor {
public:
    explicit hypervisor(P& p) noexcept
        : platform(p), frames(p, epoch, cpu_epoch), scheduler(*this) {}

    hypervisor(hypervisor const&) = delete;
    hypervisor& operator=(hypervisor const&) = delete;
    ~hypervisor() = default;

    P& platform;
    frame_allocator<P> frames;
    scheduler_state<P> scheduler;
    console_ring console;
    control_window window;
    link_service<P>* link = nullptr; ///< the machine link, where there is one
    /// Not 0 there: the control domain is looking at its events anyway; null: nobody says.
    std::uint32_t const* events_polled = nullptr;
    std::array<char, 1024> command_line{};
    bool is_emulated = false;   ///< TCG carries out the instructions; set at boot
    bool has_hvm = true;        ///< the processors run HVM and PVH guests; set at boot
    bool has_quiet_eoi = false; ///< a guest's EOI does not end its stay; set at boot
    bool guest_console = false; ///< guest_loglvl=all: guests may print through the hypervisor
    cpuid_policy host_cpuid;    ///< what the processors say
    cpuid_policy hvm_cpuid;     ///< the most that an HVM or PVH guest may be given
    cpuid_policy pv_cpuid;      ///< likewise a PV guest; all three set at boot
    std::uint64_t wall_clock_base_ns = 0; ///< UTC ns at system time 0 (settime64)

    // --- PV (hv/pv) ---
    std::array<pv::tlb_cpu, max_cpus> tlb{};
    pv::m2p_table<P> m2p; ///< made when the first PV domain is
    /// What slots 257 to 271 of every L4 hold: the hypervisor's own mappings; set at boot.
    std::array<pv::table_entry, pv::own_slots> own_slots{};

    /// How much one turn of a PV memory operation may do: page-table entries looked at, less than a
    /// millisecond's worth.
    int pv_turn = 16384;

    // --- domains ---
    spinlock domains_lock; ///< guards the table, not the domains
    std::array<domain<P>*, max_domains> domains{};
    domain<P>* control = nullptr; ///< domain 0
    std::uint16_t last_domid = 0; ///< given to the newest domain

    // --- epochs: a frame freed in epoch e may be reused when every CPU has passed e ---
    std::uint64_t epoch = 1;                         ///< atomic
    std::array<std::uint64_t, max_cpus> cpu_epoch{}; ///< atomic; ~0 for a CPU that is idle
};

/// A counted reference to a domain: it stays allocated (if dead) while one is held.
template <class P>
class domain_ref {
public:
    domain_ref() noexcept = default;

    /// Takes over a reference that was counted already.
    explicit domain_ref(domain<P>* counted) noexcept : d_(counted) {}

    domain_ref(domain_ref&& o) noexcept : d_(o.d_) { o.d_ = nullptr; }

    domain_ref& operator=(domain_ref&& o) noexcept {
        auto* const t = d_;
        d_ = o.d_;
        o.d_ = t;
        return *this;
    }

    domain_ref(domain_ref const&) = delete;
    domain_ref& operator=(domain_ref const&) = delete;

    ~domain_ref() {
        if (d_ != nullptr) {
            release_domain(*d_);
        }
    }

    domain<P>* operator->() const noexcept { return d_; }

    domain<P>& operator*() const noexcept { return *d_; }

    domain<P>* get() const noexcept { return d_; }

    explicit operator bool() const noexcept { return d_ != nullptr; }

private:
    domain<P>* d_ = nullptr;
};

/// The domain with number `id`, alive or dying; `domid_self` is the caller's own.
template <class P>
domain_ref<P> find_domain(hypervisor<P>& hv, domid id) noexcept {
    lock_guard const hold(hv.domains_lock);
    if (id.raw() >= max_domains || hv.domains[id.raw()] == nullptr) {
        return {};
    }
    auto* const d = hv.domains[id.raw()];
    atomic_fetch_add(d->references, 1);
    return domain_ref<P>(d);
}

/// As `find_domain`, where `domid_self` means the domain of `v`.
template <class P>
domain_ref<P> find_domain(vcpu<P>& v, domid id) noexcept {
    return find_domain(v.dom.hv, id == domid_self ? v.dom.id : id);
}

} // namespace xenpp::hv
