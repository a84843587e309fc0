// SPDX-License-Identifier: Apache-2.0
// Hypercall 34, hvm_op: parameters, upcall vectors and questions of guests with hardware
// virtualization.
#pragma once

#include <xenpp/abi/hvm/hvm_op.hpp>
#include <xenpp/abi/hvm/params.hpp>
#include <xenpp/hv/event_channel.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/memory_reservation.hpp>
#include <xenpp/hv/p2m.hpp>

#include <cstdint>

namespace xenpp::hv {

namespace detail {

/// Who may do what with an HVM parameter (Xen: hvm_allow_set_param, hvm_allow_get_param).
enum class param_access : std::uint8_t {
    none,      ///< gone, or never was
    toolstack, ///< the control domain, for others
    readable,  ///< the guest itself may read it
    writable,  ///< the guest itself may write it too
};

constexpr param_access access_to_param(std::uint32_t index) noexcept {
    switch (index) {
    case abi::hvm_param_callback_irq: return param_access::writable;
    case abi::hvm_param_store_pfn:
    case abi::hvm_param_store_evtchn:
    case abi::hvm_param_console_pfn:
    case abi::hvm_param_console_evtchn:
    case abi::hvm_param_altp2m:
    case abi::hvm_param_x87_fip_width: return param_access::readable;
    case abi::hvm_param_pae_enabled:
    case abi::hvm_param_dm_domain:
    case abi::hvm_param_memory_event_cr0:
    case abi::hvm_param_memory_event_cr3:
    case abi::hvm_param_memory_event_cr4:
    case abi::hvm_param_memory_event_int3:
    case abi::hvm_param_nestedhvm:
    case abi::hvm_param_memory_event_single_step:
    case abi::hvm_param_bufioreq_evtchn:
    case abi::hvm_param_memory_event_msr: return param_access::none;
    default: return index < abi::hvm_nr_params ? param_access::toolstack : param_access::none;
    }
}

/// Whether `value` is one that can be honoured.
constexpr bool is_valid_param(std::uint32_t index, std::uint64_t value) noexcept {
    switch (index) {
    case abi::hvm_param_timer_mode: return value <= abi::hvmptm_one_missed_tick_pending;
    case abi::hvm_param_altp2m: return value == abi::altp2m_disabled;
    case abi::hvm_param_viridian: return value == 0;
    case abi::hvm_param_nr_ioreq_server_pages: return value <= 8;
    case abi::hvm_param_acpi_s_state: return value == 0;
    case abi::hvm_param_x87_fip_width: return value == 0 || value == 4 || value == 8;
    case abi::hvm_param_mca_cap: return (value & ~std::uint64_t{abi::hvm_mca_cap_mask}) == 0;
    default: return true;
    }
}

/// The domain that a parameter belongs to, if `v` may touch it. Errors: `srch`, `perm`, `inval`.
template <class P>
expected<domain_ref<P>, errc>
param_target(vcpu<P>& v, abi::hvm_param const& p, param_access own) noexcept {
    auto const access = access_to_param(p.index);
    if (access == param_access::none) {
        return unexpected(errc::inval);
    }
    auto d = find_domain(v, domid(p.domid));
    if (!d) {
        return unexpected(errc::srch);
    }
    if (d->kind != domain_kind::hvm) {
        return unexpected(errc::inval);
    }
    if (!may_target(v, *d) || (d.get() == &v.dom && access < own)) {
        return unexpected(errc::perm);
    }
    return d;
}

template <class P>
hypercall_result hvm_set_param(vcpu<P>& v, std::uint64_t at) noexcept {
    auto const p = XENPP_TRY(read_guest<abi::hvm_param>(v, at));
    auto const d = XENPP_TRY(param_target(v, p, param_access::writable));
    if (!is_valid_param(p.index, p.value)) {
        return unexpected(errc::inval);
    }
    atomic_store(d->hvm_params[p.index], p.value);
    return std::uint64_t{0};
}

template <class P>
hypercall_result hvm_get_param(vcpu<P>& v, std::uint64_t at) noexcept {
    auto p = XENPP_TRY(read_guest<abi::hvm_param>(v, at));
    auto const d = XENPP_TRY(param_target(v, p, param_access::readable));
    p.value = atomic_load(d->hvm_params[p.index]);
    XENPP_TRY(write_guest(v, at, p));
    return std::uint64_t{0};
}

template <class P>
hypercall_result hvm_set_upcall_vector(vcpu<P>& v, std::uint64_t at) noexcept {
    auto const op = XENPP_TRY(read_guest<abi::hvm_evtchn_upcall_vector>(v, at));
    if (v.dom.kind != domain_kind::hvm || op.vector < 0x10) {
        return unexpected(errc::inval);
    }
    auto const n = op.vcpu;
    auto* const target = n < max_vcpus_per_domain ? v.dom.vcpus[n] : nullptr;
    if (target == nullptr) {
        return unexpected(errc::noent);
    }
    atomic_store(target->upcall_vector, op.vector);
    if (event_pending(*target)) {
        vcpu_event_notify(*target); // it came while there was no vector
    }
    return std::uint64_t{0};
}

template <class P>
hypercall_result hvm_get_mem_type(vcpu<P>& v, std::uint64_t at) noexcept {
    auto op = XENPP_TRY(read_guest<abi::hvm_get_mem_type>(v, at));
    auto const d = find_domain(v, domid(op.domid));
    if (!d) {
        return unexpected(errc::srch);
    }
    if (!may_target(v, *d)) {
        return unexpected(errc::perm);
    }
    if (d->kind != domain_kind::hvm) {
        return unexpected(errc::inval);
    }
    auto const there = p2m_lookup(*d, gfn(op.pfn));
    auto const type = !there                    ? abi::hvmmem_mmio_dm
                      : there->attributes.write ? abi::hvmmem_ram_rw
                                                : abi::hvmmem_ram_ro;
    op.mem_type = static_cast<std::uint16_t>(type);
    XENPP_TRY(write_guest(v, at, op));
    return std::uint64_t{0};
}

} // namespace detail

/// The handler: arg[0] the operation, arg[1] its structure. `inval` for pagetable_dying, which
/// means something with shadow paging only; `nosys` for tracing, access control and alternate p2ms.
template <class P>
hypercall_result do_hvm_op(vcpu<P>& v, hypercall_args& args) noexcept {
    auto const at = args.arg[1];
    switch (static_cast<abi::hvm_op>(args.arg[0])) {
    case abi::hvm_op::set_param: return detail::hvm_set_param(v, at);
    case abi::hvm_op::get_param: return detail::hvm_get_param(v, at);
    case abi::hvm_op::set_evtchn_upcall_vector: return detail::hvm_set_upcall_vector(v, at);
    case abi::hvm_op::get_mem_type: return detail::hvm_get_mem_type(v, at);
    case abi::hvm_op::flush_tlbs:
        if (at != 0 || v.dom.kind != domain_kind::hvm) {
            return unexpected(errc::inval);
        }
        p2m_flush(v.dom);
        return std::uint64_t{0};
    case abi::hvm_op::get_time:
        XENPP_TRY(write_guest(v, at, abi::hvm_get_time{v.dom.hv.platform.now_ns()}));
        return std::uint64_t{0};
    case abi::hvm_op::pagetable_dying: return unexpected(errc::inval);
    case abi::hvm_op::xentrace:
    case abi::hvm_op::set_mem_access:
    case abi::hvm_op::get_mem_access:
    case abi::hvm_op::guest_request_vm_event:
    case abi::hvm_op::altp2m: break;
    }
    return unexpected(errc::nosys);
}

} // namespace xenpp::hv
