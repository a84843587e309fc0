// SPDX-License-Identifier: Apache-2.0
// Domctls of a domain's life and identity: create, destroy, pause, vCPUs, handle, clock.
#pragma once

#include <xenpp/hv/domain_info.hpp>
#include <xenpp/hv/domain_life.hpp>
#include <xenpp/hv/domctl_call.hpp>
#include <xenpp/hv/guest_time.hpp>
#include <xenpp/hv/interrupt.hpp>

#include <cstdint>
#include <cstring>

namespace xenpp::hv {

namespace detail {

/// The next free number after the one given last; nothing when all are taken.
template <class P>
std::optional<domid> next_domid(hypervisor<P>& hv) noexcept {
    lock_guard const hold(hv.domains_lock);
    for (unsigned n = 1; n != max_domains; ++n) {
        auto const id = static_cast<std::uint16_t>((hv.last_domid + n) % max_domains);
        if (id != 0 && hv.domains[id] == nullptr) {
            hv.last_domid = id;
            return domid(id);
        }
    }
    return std::nullopt;
}

} // namespace detail

/// createdomain: `domain` is the wanted number, 0 or a reserved one for any; comes back as given.
template <class P>
expected<domid, errc> domctl_create(hypervisor<P>& hv, abi::domctl const& op) noexcept {
    auto const wanted = domid(op.domain);
    bool const any = wanted == dom0 || wanted >= domid_first_reserved;
    for (unsigned attempt = 0;; ++attempt) {
        auto const id = any ? detail::next_domid(hv) : wanted;
        if (!id) {
            return unexpected(errc::nomem);
        }
        auto const made = create_domain(hv, *id, op.u.createdomain);
        if (made) {
            return *id;
        }
        // Somebody else may have taken the number in between.
        if (!any || made.error() != errc::exist || attempt == 8) {
            return unexpected(made.error());
        }
    }
}

template <class P>
domctl_result domctl_destroydomain(domctl_call<P> const& c) noexcept {
    XENPP_TRY(destroy_domain(c.dom));
    return domctl_answer::none;
}

template <class P>
domctl_result domctl_pausedomain(domctl_call<P> const& c) noexcept {
    if (c.is_self()) {
        return unexpected(errc::inval);
    }
    lock_guard const hold(c.dom.lock);
    XENPP_TRY(domain_pause(c.dom));
    return domctl_answer::none;
}

template <class P>
domctl_result domctl_unpausedomain(domctl_call<P> const& c) noexcept {
    lock_guard const hold(c.dom.lock);
    XENPP_TRY(domain_unpause(c.dom));
    return domctl_answer::none;
}

template <class P>
domctl_result domctl_resumedomain(domctl_call<P> const& c) noexcept {
    if (c.is_self()) {
        return unexpected(errc::inval);
    }
    lock_guard const hold(c.dom.lock);
    domain_resume(c.dom);
    return domctl_answer::none;
}

/// Makes the vCPUs, as many as were announced at creation, a few at a time.
template <class P>
domctl_result domctl_max_vcpus(domctl_call<P> const& c) noexcept {
    constexpr unsigned batch = 8;
    auto& d = c.dom;
    if (c.is_self() || c.op.u.max_vcpus.max != d.max_vcpus) {
        return unexpected(errc::inval);
    }
    lock_guard const hold(d.lock);
    if (d.is_dying()) {
        return unexpected(errc::inval);
    }
    unsigned made = 0;
    for (std::uint32_t n = 0; n != d.max_vcpus; ++n) {
        if (d.vcpus[n] != nullptr) {
            continue;
        }
        if (made++ == batch) {
            return unexpected(errc::restart);
        }
        XENPP_TRY(vcpu_create(d, vcpu_id(n)));
    }
    return domctl_answer::none;
}

template <class P>
domctl_result domctl_setdomainhandle(domctl_call<P> const& c) noexcept {
    lock_guard const hold(c.dom.lock);
    std::memcpy(c.dom.handle.data(), c.op.u.setdomainhandle.handle, c.dom.handle.size());
    return domctl_answer::none;
}

template <class P>
domctl_result domctl_settimeoffset(domctl_call<P> const& c) noexcept {
    lock_guard const hold(c.dom.lock);
    c.dom.time_offset_s = c.op.u.settimeoffset.time_offset_seconds;
    update_wallclock(c.dom);
    return domctl_answer::none;
}

/// Buttons: there is no ACPI hardware behind them in PVH, so pressing one has no effect, as in Xen.
/// An NMI makes a guest say where it is. `nosys` for reset and INIT from outside.
template <class P>
domctl_result domctl_sendtrigger(domctl_call<P> const& c) noexcept {
    auto const& t = c.op.u.sendtrigger;
    auto* const v = XENPP_TRY(c.find_vcpu(t.vcpu));
    if (t.trigger == abi::domctl_sendtrigger_nmi && c.dom.kind != domain_kind::control) {
        post_nmi(*v);
        return domctl_answer::none;
    }
    if (t.trigger != abi::domctl_sendtrigger_power && t.trigger != abi::domctl_sendtrigger_sleep) {
        return unexpected(errc::nosys);
    }
    return domctl_answer::none;
}

} // namespace xenpp::hv
