// SPDX-License-Identifier: Apache-2.0
// HYPERVISOR_vcpu_op: starting and stopping vCPUs, their timers, and what they share with Xen.
#pragma once

#include <xenpp/abi/vcpu.hpp>
#include <xenpp/hv/domain_life.hpp>
#include <xenpp/hv/event_channel.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/guest_time.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/own_page.hpp>
#include <xenpp/hv/pv/context.hpp>
#include <xenpp/hv/scheduler.hpp>
#include <xenpp/hv/vcpu_context.hpp>

#include <cstdint>
#include <limits>

namespace xenpp::hv {

/// Moves the vcpu_info of `v` to `offset` in its domain's frame `frame`, once and for all. What it
/// holds goes along, and everything counts as pending, so that no event is lost on the way. `by` is
/// who asks. Errors: `nxio` misaligned or crossing the page; `inval` moved before, no RAM of the
/// domain's own, or another vCPU's that is not down.
template <class P>
expected<void, errc>
register_vcpu_info(vcpu<P>& by, vcpu<P>& v, gfn frame, std::uint32_t offset) noexcept {
    if (offset > page_size - sizeof(abi::vcpu_info) || offset % alignof(abi::vcpu_info) != 0) {
        return unexpected(errc::nxio);
    }
    auto page = own_page(v.dom, frame);
    lock_guard const hold(v.dom.lock);
    bool const may_move = &by == &v || (atomic_load(v.pause) & pause_down) != 0;
    if (v.info_registered || !may_move || !page || v.dom.is_dying()) {
        return unexpected(errc::inval);
    }
    auto* const to = reinterpret_cast<abi::vcpu_info*>(page.map() + offset);
    if (v.info != nullptr) {
        *to = *v.info;
    } else {
        *to = {}; // vCPUs from 32 up have none until here
    }
    v.info_frame = page.release();
    v.info_registered = true;
    atomic_store(v.info, to);
    // A sender may still have written to the old place: let the guest look at all words.
    atomic_store(to->evtchn_pending_sel, std::numeric_limits<std::uint64_t>::max());
    atomic_store(to->evtchn_upcall_pending, 1);
    update_time(v);
    vcpu_event_notify(v);
    return {};
}

namespace detail {

template <class P>
hypercall_result do_initialise(vcpu<P>& by, vcpu<P>& v, std::uint64_t at) noexcept {
    if (v.info == nullptr) {
        return unexpected(errc::inval);
    }
    if (v.dom.kind == domain_kind::pv) {
        return pv::do_initialise(by, v, at);
    }
    auto const context = XENPP_TRY(read_guest<abi::vcpu_hvm_context>(by, at));
    auto const state = XENPP_TRY(start_state(context));
    lock_guard const hold(v.dom.lock);
    if (v.initialised) {
        return unexpected(errc::exist);
    }
    if (!vcpu_stopped(v)) {
        return unexpected(errc::restart); // another's INIT has not reached it yet
    }
    XENPP_TRY(v.dom.hv.platform.load_state(v, state));
    v.initialised = true;
    return 0;
}

template <class P>
hypercall_result do_up(vcpu<P>& v) noexcept {
    lock_guard const hold(v.dom.lock);
    if (!v.initialised) {
        return unexpected(errc::inval);
    }
    if ((atomic_fetch_and(v.pause, ~std::uint32_t{pause_down}) & pause_down) != 0) {
        vcpu_wake(v);
    }
    return 0;
}

/// Takes a vCPU down. The last one to go means the end of the domain (as in Xen: poweroff).
template <class P>
hypercall_result do_down(vcpu<P>& v) noexcept {
    vcpu_down(v);
    return 0;
}

/// Remembers where the guest wants its run state, by an address of `by`, and writes it once.
template <class P>
hypercall_result do_runstate_area(vcpu<P>& by, vcpu<P>& v, std::uint64_t at) noexcept {
    auto const op = XENPP_TRY(read_guest<abi::vcpu_register_runstate_memory_area>(by, at));
    v.runstate_area = op.addr.p;
    if (op.addr.p != 0) {
        // The area may not be mapped yet: the next update finds it, or not.
        static_cast<void>(write_guest(by, op.addr.p, vcpu_runstate(v)));
    }
    return 0;
}

/// Keeps a second copy of the clock where the guest wants it; 0 ends that. Errors: `fault` not
/// memory of the domain; `inval` the structure would cross a page, or is misaligned.
template <class P>
hypercall_result do_time_area(vcpu<P>& by, vcpu<P>& v, std::uint64_t at) noexcept {
    auto const op = XENPP_TRY(read_guest<abi::vcpu_register_time_memory_area>(by, at));
    page_ref<P> page;
    std::uint64_t offset = 0;
    if (op.addr.p != 0) {
        auto const where = XENPP_TRY(guest_linear_to_gpa(by, op.addr.p, true));
        offset = where.raw() % page_size;
        if (offset > page_size - sizeof(abi::vcpu_time_info) ||
            offset % alignof(abi::vcpu_time_info) != 0) {
            return unexpected(errc::inval);
        }
        page = own_page(v.dom, to_gfn(where));
        if (!page) {
            return unexpected(errc::fault);
        }
    }
    page_ref<P> old; // given back after the lock
    lock_guard const hold(v.dom.lock);
    if (v.secondary_time != nullptr) {
        old = page_ref<P>(v.dom.hv, v.secondary_time_frame, v.dom.kind == domain_kind::pv);
    }
    auto* const to = page ? reinterpret_cast<abi::vcpu_time_info*>(page.map() + offset) : nullptr;
    if (page) {
        v.secondary_time_frame = page.release();
    }
    atomic_store(v.secondary_time, to);
    update_time(v);
    return 0;
}

template <class P>
hypercall_result do_periodic(vcpu<P>& by, vcpu<P>& v, std::uint64_t at) noexcept {
    constexpr std::uint64_t shortest_ns = 1'000'000;
    constexpr std::uint64_t longest_ns = std::uint64_t{1} << 62;
    auto const op = XENPP_TRY(read_guest<abi::vcpu_set_periodic_timer>(by, at));
    if (op.period_ns < shortest_ns || op.period_ns > longest_ns) {
        return unexpected(errc::inval);
    }
    set_periodic(v, op.period_ns);
    return 0;
}

/// Arms the one-shot timer; a time in the past fires at once, or is refused if so asked (`time`).
template <class P>
hypercall_result do_singleshot(vcpu<P>& v, std::uint64_t at) noexcept {
    abi::vcpu_set_singleshot_timer op;
    XENPP_TRY(read_guest_inline(v, op, at));
    bool const has_passed = op.timeout_abs_ns < v.dom.hv.platform.now_ns();
    if ((op.flags & abi::vcpu_sshottmr_future) != 0 && has_passed) {
        return unexpected(errc::time);
    }
    set_singleshot(v, op.timeout_abs_ns == 0 ? 1 : op.timeout_abs_ns); // 0 would stop it
    return 0;
}

template <class P>
hypercall_result do_send_nmi(vcpu<P>& v, std::uint64_t at) noexcept {
    if (at != 0) {
        return unexpected(errc::inval);
    }
    if (v.dom.kind == domain_kind::control) {
        return unexpected(errc::nosys);
    }
    post_nmi(v);
    return 0;
}

} // namespace detail

/// arg[0]: VCPUOP_*, arg[1]: the vCPU of the caller's domain, arg[2]: the address of the command's
/// structure. Errors: `noent` no such vCPU; `fault`; `inval` one-shot timers of others; as the
/// functions above; `nosys` for an unknown command. No vCPU is pinned by
/// right, so none has a physical id (`inval`).
template <class P>
hypercall_result do_vcpu_op(vcpu<P>& by, hypercall_args& args) noexcept {
    std::uint64_t const id = args.arg[1];
    std::uint64_t const at = args.arg[2];
    if (id >= max_vcpus_per_domain || by.dom.vcpus[id] == nullptr) {
        return unexpected(errc::noent);
    }
    auto& v = *by.dom.vcpus[id];
    switch (static_cast<abi::vcpu_op>(args.arg[0])) {
    case abi::vcpu_op::initialise: return detail::do_initialise(by, v, at);
    case abi::vcpu_op::up: return detail::do_up(v);
    case abi::vcpu_op::down: return detail::do_down(v);
    case abi::vcpu_op::is_up: return (atomic_load(v.pause) & pause_down) == 0 ? 1U : 0U;
    case abi::vcpu_op::get_runstate_info:
        XENPP_TRY(write_guest(by, at, vcpu_runstate(v)));
        return 0;
    case abi::vcpu_op::register_runstate_memory_area: return detail::do_runstate_area(by, v, at);
    case abi::vcpu_op::set_periodic_timer: return detail::do_periodic(by, v, at);
    case abi::vcpu_op::stop_periodic_timer: set_periodic(v, 0); return 0;
    case abi::vcpu_op::set_singleshot_timer:
        return &v == &by ? detail::do_singleshot(v, at) : unexpected(errc::inval);
    case abi::vcpu_op::stop_singleshot_timer:
        if (&v != &by) {
            return unexpected(errc::inval);
        }
        set_singleshot(v, 0);
        return 0;
    case abi::vcpu_op::register_vcpu_info: {
        auto const op = XENPP_TRY(read_guest<abi::vcpu_register_vcpu_info>(by, at));
        XENPP_TRY(register_vcpu_info(by, v, gfn(op.mfn), op.offset));
        return 0;
    }
    case abi::vcpu_op::get_physid: return unexpected(errc::inval);
    case abi::vcpu_op::register_vcpu_time_memory_area: return detail::do_time_area(by, v, at);
    case abi::vcpu_op::send_nmi: return detail::do_send_nmi(v, at);
    }
    return unexpected(errc::nosys);
}

} // namespace xenpp::hv
