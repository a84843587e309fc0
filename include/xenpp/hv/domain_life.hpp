// SPDX-License-Identifier: Apache-2.0
// The life of a domain: created paused, run, paused, shut down, killed, and freed with its last
// reference.
#pragma once

#include <xenpp/abi/domctl.hpp>
#include <xenpp/abi/sched.hpp>
#include <xenpp/base/atomic.hpp>
#include <xenpp/hv/cpupool_change.hpp>
#include <xenpp/hv/cr4_policy.hpp>
#include <xenpp/hv/event_channel_op.hpp>
#include <xenpp/hv/grant_table_op.hpp>
#include <xenpp/hv/guest_time.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/p2m.hpp>
#include <xenpp/hv/print.hpp>
#include <xenpp/hv/pv/pv_teardown.hpp>
#include <xenpp/hv/pv/vcpu_state.hpp>
#include <xenpp/hv/scheduler.hpp>
#include <xenpp/hv/timer_service.hpp>

#include <cstdint>
#include <cstring>

namespace xenpp::hv {

// --- pausing -----------------------------------------------------------------------------------

namespace detail {

/// Makes every vCPU's `pause_domain` say whether the domain as a whole may run.
template <class P>
void apply_domain_pause(domain<P>& d) noexcept {
    bool const stop = d.pause_count != 0 || d.is_shut_down || d.is_dying();
    for (unsigned i = 0; i != d.max_vcpus; ++i) {
        auto* const v = d.vcpus[i];
        if (v == nullptr) {
            continue;
        }
        if (stop) {
            atomic_fetch_or(v->pause, std::uint32_t{pause_domain});
            vcpu_sleep(*v);
        } else {
            atomic_fetch_and(v->pause, ~std::uint32_t{pause_domain});
            vcpu_wake(*v);
        }
    }
}

} // namespace detail

/// Stops the domain's vCPUs, once more; they may still be on their CPUs, see `domain_stopped`.
/// `overflow` after 255 pauses. With the domain's lock held.
template <class P>
expected<void, errc> domain_pause(domain<P>& d) noexcept {
    if (d.pause_count == 255) {
        return unexpected(errc::overflow);
    }
    ++d.pause_count;
    detail::apply_domain_pause(d);
    return {};
}

/// Takes one pause back; the last one lets the vCPUs run. `inval` if it is not paused. With the
/// domain's lock held.
template <class P>
expected<void, errc> domain_unpause(domain<P>& d) noexcept {
    if (d.pause_count == 0) {
        return unexpected(errc::inval);
    }
    --d.pause_count;
    d.was_unpaused = d.was_unpaused || d.pause_count == 0;
    detail::apply_domain_pause(d);
    return {};
}

/// Whether all vCPUs have left their CPUs, their state saved.
template <class P>
bool domain_stopped(domain<P>& d) noexcept {
    for (unsigned i = 0; i != d.max_vcpus; ++i) {
        if (d.vcpus[i] != nullptr && !vcpu_stopped(*d.vcpus[i])) {
            return false;
        }
    }
    return true;
}

/// The domain has ended for reason `code` (abi::shutdown_*): its vCPUs stop and the control domain
/// is told. The second reason does not count. The control domain's own end is the machine's.
template <class P>
void domain_shutdown(domain<P>& d, std::uint32_t code) noexcept {
    if (d.kind == domain_kind::control) {
        d.hv.platform.shutdown_machine(code == abi::shutdown_reboot);
        return;
    }
    {
        lock_guard const hold(d.lock);
        if (d.is_shut_down) {
            return;
        }
        d.shutdown_code = d.latched_code == d.no_code ? code : d.latched_code;
        d.is_shut_down = true;
        detail::apply_domain_pause(d);
    }
    notify_global_virq(d.hv, abi::virq_dom_exc);
}

/// Lets a domain that shut down (to be suspended) go on. With the domain's lock held.
template <class P>
void domain_resume(domain<P>& d) noexcept {
    d.is_shut_down = false;
    d.shutdown_code = 0;
    d.latched_code = d.no_code;
    detail::apply_domain_pause(d);
}

/// Takes `v` down until it is started again. When that was the last one that could run, the domain
/// has powered itself off. Two that go down at once each look after they went, so one sees it.
template <class P>
void vcpu_down(vcpu<P>& v) noexcept {
    constexpr std::uint32_t waits_for_start = pause_down | pause_wait_sipi;
    if ((atomic_fetch_or(v.pause, std::uint32_t{pause_down}) & pause_down) == 0) {
        vcpu_sleep(v);
    }
    for (unsigned i = 0; i != v.dom.max_vcpus; ++i) {
        auto const* const other = atomic_load(v.dom.vcpus[i]);
        if (other != nullptr && (atomic_load(other->pause) & waits_for_start) == 0) {
            return;
        }
    }
    domain_shutdown(v.dom, abi::shutdown_poweroff);
}

// --- vCPUs -------------------------------------------------------------------------------------

/// Makes vCPU `id`, down until it is given a context. Errors: `inval` beyond the domain's
/// `max_vcpus`, `exist`, `nomem`.
template <class P>
expected<vcpu<P>*, errc> vcpu_create(domain<P>& d, vcpu_id id) noexcept {
    auto const n = id.raw();
    if (n >= d.max_vcpus) {
        return unexpected(errc::inval);
    }
    if (d.vcpus[n] != nullptr) {
        return unexpected(errc::exist);
    }
    auto* const v = XENPP_TRY(d.hv.frames.template create<vcpu<P>>(d, id));
    if (n < abi::legacy_max_vcpus && d.shared_info != nullptr) {
        v->info = &d.shared_info->vcpu_info[n];
    }
    if (d.kind != domain_kind::control) {
        v->pause |= pause_domain;
        v->lapic.reset(apic_id_of(n), n == 0);
        auto const made =
            d.kind == domain_kind::pv ? pv::create_state(*v) : d.hv.platform.create_vcpu(*v);
        if (!made) {
            d.hv.frames.destroy(v);
            return unexpected(made.error());
        }
        scheduler_add(*v);
    }
    update_time(*v);
    atomic_store(d.vcpus[n], v);
    return v;
}

namespace detail {

/// Gives back the guest frames that a vCPU holds.
template <class P>
void vcpu_release_frames(vcpu<P>& v) noexcept {
    if (v.info_registered) {
        atomic_store(v.info, nullptr);
        v.info_registered = false;
        put_written_frame(v.dom, v.info_frame);
    }
    if (v.secondary_time != nullptr) {
        v.secondary_time = nullptr;
        put_written_frame(v.dom, v.secondary_time_frame);
    }
    v.runstate_area = 0;
}

template <class P>
void vcpu_free(vcpu<P>& v) noexcept {
    auto& hv = v.dom.hv;
    vcpu_release_frames(v);
    if (v.dom.kind != domain_kind::control) {
        retire_timers(v);
        scheduler_remove(v);
        if (v.dom.kind == domain_kind::pv) {
            pv::destroy_state(v);
        } else {
            hv.platform.destroy_vcpu(v);
        }
    }
    hv.frames.destroy(&v);
}

/// Frees a domain that nobody refers to any more and that is not in the table any more.
template <class P>
void domain_free(domain<P>& d) noexcept {
    auto& hv = d.hv;
    for (auto*& v : d.vcpus) {
        if (v != nullptr) {
            vcpu_free(*v);
            v = nullptr;
        }
    }
    cpupool_leave(d);
    events_free(d);
    grants_free(d);
    if (d.shared_info != nullptr && d.kind != domain_kind::control) {
        d.shared_info = nullptr;
        put_frame(hv, d.shared_info_frame);
    }
    if (d.memory_map != nullptr) {
        hv.frames.destroy(d.memory_map);
    }
    hv.frames.destroy(&d);
    notify_global_virq(hv, abi::virq_dom_exc);
}

} // namespace detail

/// Gives back a reference to a domain; the last one frees it.
template <class P>
void release_domain(domain<P>& d) noexcept {
    auto count = atomic_load(d.references);
    while (count > 1) {
        if (atomic_compare_exchange(d.references, count, count - 1)) {
            return;
        }
    }
    {
        // With the table locked nobody can find it and count up from the last reference.
        lock_guard const hold(d.hv.domains_lock);
        if (atomic_fetch_sub(d.references, 1U) != 1) {
            return;
        }
        d.hv.domains[d.id.raw()] = nullptr;
    }
    detail::domain_free(d);
}

// --- creation ----------------------------------------------------------------------------------

namespace detail {

/// Why a domain with these properties cannot be made, in words; null: it can.
inline char const* why_not(abi::domctl_createdomain const& c, bool has_hvm) noexcept {
    if ((c.flags & ~(abi::domctl_cdf_max | (abi::domctl_cdf_max - 1))) != 0) {
        return "unknown creation flags";
    }
    bool const is_hvm = (c.flags & abi::domctl_cdf_hvm) != 0;
    if (is_hvm && !has_hvm) {
        return "HVM requested but not available: the processor has no hardware virtualization";
    }
    if (!is_hvm && (c.flags & abi::domctl_cdf_hap) != 0) {
        return "hardware-assisted paging is for HVM and PVH domains";
    }
    if (is_hvm && (c.flags & abi::domctl_cdf_hap) == 0) {
        return "hardware-assisted paging is required: shadow paging is not supported";
    }
    if ((c.flags & abi::domctl_cdf_iommu) != 0) {
        return "IOMMU requested but not available";
    }
    if ((c.flags & abi::domctl_cdf_nested_virt) != 0) {
        return "nested virtualization is not supported";
    }
    if ((c.flags & abi::domctl_cdf_vpmu) != 0) {
        return "performance counters are not supported";
    }
    if (c.iommu_opts != 0 || c.vmtrace_size != 0) {
        return "IOMMU options or processor trace requested but not available";
    }
    if (c.max_vcpus == 0 || c.max_vcpus > max_vcpus_per_domain) {
        return "the number of vCPUs must be from 1 to 128";
    }
    if (c.arch.emulation_flags != (is_hvm ? abi::x86_emu_lapic : 0)) {
        return "only a local APIC can be emulated (PVH), nothing for PV";
    }
    if ((c.arch.misc_flags & ~abi::x86_misc_flags_max) != 0) {
        return "unknown architecture flags";
    }
    auto const version = c.grant_opts & abi::domctl_grant_version_mask;
    if ((c.grant_opts & ~abi::domctl_grant_version_mask) != 0 || version == 0 || version > 2) {
        return "the grant table version must be 1 or 2";
    }
    return nullptr;
}

/// Puts `d` into the table at its number.
template <class P>
expected<void, errc> domain_enter(domain<P>& d) noexcept {
    lock_guard const hold(d.hv.domains_lock);
    auto& slot = d.hv.domains[d.id.raw()];
    if (slot != nullptr) {
        return unexpected(errc::exist);
    }
    slot = &d;
    return {};
}

/// What every domain but the control domain needs before it can be found.
template <class P>
expected<void, errc> domain_equip(domain<P>& d, abi::domctl_createdomain const& c) noexcept {
    auto& hv = d.hv;
    d.shared_info_frame = XENPP_TRY(hv.frames.allocate(0, d.id, page_use::shared));
    d.shared_info = reinterpret_cast<abi::shared_info*>(hv.platform.map(d.shared_info_frame));
    if (d.kind == domain_kind::hvm) {
        XENPP_TRY(p2m_create(d));
    } else {
        XENPP_TRY(hv.m2p.prepare(hv.frames, hv.platform));
    }
    XENPP_TRY(events_create(d, c.max_evtchn_port));
    XENPP_TRY(grants_create(d, c.max_grant_frames, c.max_maptrack_frames,
                            c.grant_opts & abi::domctl_grant_version_mask));
    d.cpuid = d.kind == domain_kind::pv ? hv.pv_cpuid : hv.hvm_cpuid;
    make_default(d.cpuid, hv.is_emulated);
    d.cr4_offered = cr4_offered(d.cpuid);
    update_wallclock(d);
    return {};
}

} // namespace detail

/// Makes domain `id`, paused, without vCPUs and memory. The reference it starts with is given back
/// by `destroy_domain`. Errors: `inval` with the reason on the console, `exist`, `nomem`.
template <class P>
expected<domain<P>*, errc>
create_domain(hypervisor<P>& hv, domid id, abi::domctl_createdomain const& c) noexcept {
    if (auto const* const reason = detail::why_not(c, hv.has_hvm)) {
        print(hv, "createdomain: ", reason);
        return unexpected(errc::inval);
    }
    if (id.raw() == 0 || id.raw() >= max_domains) {
        return unexpected(errc::inval);
    }
    auto* const d = XENPP_TRY(hv.frames.template create<domain<P>>(
        hv, id, (c.flags & abi::domctl_cdf_hvm) != 0 ? domain_kind::hvm : domain_kind::pv));
    std::memcpy(d->handle.data(), c.handle, d->handle.size());
    d->create_flags = c.flags;
    d->ssidref = c.ssidref;
    d->created_ns = hv.platform.now_ns();
    d->max_vcpus = c.max_vcpus;
    auto made = cpupool_join(*d, c.cpupool_id);
    if (!made) {
        print(hv, "createdomain: there is no cpupool ", c.cpupool_id);
    }
    if (made) {
        made = detail::domain_equip(*d, c);
    }
    if (made) {
        made = detail::domain_enter(*d);
    }
    if (!made) {
        while (!p2m_teardown(*d)) {
        }
        detail::domain_free(*d);
        return unexpected(made.error());
    }
    return d;
}

/// Makes domain 0 behind the machine link: one vCPU that never runs here, its shared info the
/// frame at `shared_info_offset` in the window, whose frames already belong to domain 0. `nomem`.
template <class P>
expected<domain<P>*, errc> create_control_domain(hypervisor<P>& hv,
                                                 control_window const& window,
                                                 std::uint64_t shared_info_offset) noexcept {
    hv.window = window;
    auto* const d = XENPP_TRY(hv.frames.template create<domain<P>>(hv, dom0, domain_kind::control));
    d->created_ns = hv.platform.now_ns();
    d->pause_count = 0;
    d->max_vcpus = 1;
    d->total_pages = window.size >> page_shift; // its frames hold a reference, see page_ref.hpp
    d->max_pages = d->total_pages;
    d->references = 2;
    d->shared_info_frame = to_mfn(window.machine_base + shared_info_offset);
    d->shared_info = reinterpret_cast<abi::shared_info*>(hv.platform.map(d->shared_info_frame));
    auto equip = [&]() -> expected<void, errc> {
        XENPP_TRY(cpupool_join(*d, 0));
        XENPP_TRY(events_create(*d, ~0U));
        XENPP_TRY(grants_create(*d, -1, -1, 2));
        auto* const v = XENPP_TRY(vcpu_create(*d, vcpu_id(0)));
        v->initialised = true;
        atomic_store(v->pause, std::uint32_t{pause_blocked});
        return detail::domain_enter(*d);
    };
    if (auto const made = equip(); !made) {
        detail::domain_free(*d);
        return unexpected(made.error());
    }
    hv.control = d;
    update_wallclock(*d);
    return d;
}

// --- the end -----------------------------------------------------------------------------------

namespace detail {

/// Gives back a dying domain's memory. `restart`: not all of it yet.
template <class P>
expected<void, errc> release_memory(domain<P>& d) noexcept {
    if (d.kind == domain_kind::pv) {
        for (unsigned i = 0; i != d.max_vcpus; ++i) {
            if (d.vcpus[i] != nullptr) {
                XENPP_TRY(pv::drop_vcpu_memory(*d.vcpus[i]));
            }
        }
    }
    if (!(d.kind == domain_kind::pv ? pv::teardown(d) : p2m_teardown(d))) {
        return unexpected(errc::restart);
    }
    return {};
}

} // namespace detail

/// Kills a domain, in bounded steps: `restart` until it is done. Afterwards it is dead, and gone as
/// soon as nobody refers to it or to a frame of it. `inval` for the control domain, or when it is
/// dead already (Xen: domain_kill). The caller holds a reference and not the domain's lock.
template <class P>
expected<void, errc> destroy_domain(domain<P>& d) noexcept {
    auto& hv = d.hv;
    if (d.kind == domain_kind::control) {
        return unexpected(errc::inval);
    }
    lock_guard<spinlock> hold(d.lock);
    switch (d.dying) {
    case dying_state::alive:
        atomic_store(d.dying, dying_state::dying);
        detail::apply_domain_pause(d);
        break;
    case dying_state::dying: break;
    case dying_state::dead: return unexpected(errc::inval);
    }
    if (!domain_stopped(d)) {
        return unexpected(errc::restart);
    }
    XENPP_TRY(cpupool_move(d, 0)); // its pool need not wait for the last reference to it
    for (auto& watchdog : d.watchdogs) {
        retire_timer(hv, watchdog);
    }
    XENPP_TRY(events_destroy(d));
    XENPP_TRY(grants_destroy(d));
    for (unsigned i = 0; i != d.max_vcpus; ++i) {
        if (d.vcpus[i] != nullptr) {
            retire_timers(*d.vcpus[i]);
            detail::vcpu_release_frames(*d.vcpus[i]);
        }
    }
    XENPP_TRY(detail::release_memory(d));
    {
        lock_guard const pages(d.page_lock);
        if (hv.frames.set_claim(d.outstanding_pages, 0)) {
            d.outstanding_pages = 0;
        }
    }
    atomic_store(d.dying, dying_state::dead);
    notify_global_virq(hv, abi::virq_dom_exc);
    release_domain(d); // the one from its creation; the caller has another
    return {};
}

} // namespace xenpp::hv
