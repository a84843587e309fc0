// SPDX-License-Identifier: Apache-2.0
// The hypercalls by which a PV kernel sets up its processor: gates, callbacks, stack, bases, debug
// registers, FPU, timer.
#pragma once

#include <xenpp/abi/callback.hpp>
#include <xenpp/abi/nmi.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/guest_time.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/pv/trap_bounce.hpp>
#include <xenpp/hv/pv/vcpu_state.hpp>

#include <cstdint>

namespace xenpp::hv::pv {

/// arg[0]: an array of trap_info that ends with an address of 0; null: no gates any more. `inval`
/// for an address that is not canonical.
template <class P>
hypercall_result do_set_trap_table(vcpu<P>& v, hypercall_args& a) noexcept {
    constexpr unsigned most_at_once = 64;
    auto* const traps = state_of(v).traps;
    if (a.arg[0] == 0) {
        std::memset(static_cast<void*>(traps), 0, trap_vectors * sizeof *traps);
        return std::uint64_t{0};
    }
    for (unsigned n = 0; n != most_at_once; ++n, a.arg[0] += sizeof(abi::trap_info)) {
        auto gate = XENPP_TRY(read_guest<abi::trap_info>(v, a.arg[0]));
        if (gate.address == 0) {
            return std::uint64_t{0};
        }
        if (!is_canonical(gate.address)) {
            return unexpected(errc::inval);
        }
        gate.cs = ring3_selector(gate.cs);
        traps[gate.vector] = gate;
    }
    return unexpected(errc::restart);
}

namespace detail {

/// The entry point of a callback type; null for one that is not known here. SYSENTER is not: ring 3
/// gets #GP or #UD for it, and guests are not told of the feature.
inline entry_point* callback_slot(vcpu_state& s, std::uint16_t type) noexcept {
    switch (type) {
    case abi::callbacktype_event: return &s.event;
    case abi::callbacktype_failsafe: return &s.failsafe;
    case abi::callbacktype_syscall: return &s.syscall;
    case abi::callbacktype_syscall32: return &s.syscall32;
    case abi::callbacktype_nmi: return &s.nmi;
    default: return nullptr;
    }
}

} // namespace detail

/// arg[0]: register or unregister, arg[1]: its structure. `nosys` for an unknown type; `inval` for
/// an address that is not canonical, or for taking away what a kernel cannot do without.
template <class P>
hypercall_result do_callback_op(vcpu<P>& v, hypercall_args& a) noexcept {
    switch (static_cast<abi::callback_op>(a.arg[0])) {
    case abi::callback_op::register_: {
        auto const r = XENPP_TRY(read_guest<abi::callback_register>(v, a.arg[1]));
        auto* const slot = detail::callback_slot(state_of(v), r.type);
        if (slot == nullptr) {
            return unexpected(errc::nosys);
        }
        if (!is_canonical(r.address)) {
            return unexpected(errc::inval);
        }
        *slot = {r.address, (r.flags & abi::callbackf_mask_events) != 0};
        return std::uint64_t{0};
    }
    case abi::callback_op::unregister: {
        auto const r = XENPP_TRY(read_guest<abi::callback_unregister>(v, a.arg[1]));
        auto* const slot = detail::callback_slot(state_of(v), r.type);
        if (slot == nullptr) {
            return unexpected(errc::nosys);
        }
        if (r.type != abi::callbacktype_nmi) {
            return unexpected(errc::inval);
        }
        *slot = {};
        return std::uint64_t{0};
    }
    }
    return unexpected(errc::nosys);
}

/// The older form of the NMI callback, for vCPU 0 only.
template <class P>
hypercall_result do_nmi_op(vcpu<P>& v, hypercall_args& a) noexcept {
    if (v.id.raw() != 0) {
        return unexpected(errc::inval);
    }
    switch (static_cast<abi::nmi_op>(a.arg[0])) {
    case abi::nmi_op::register_callback: {
        auto const r = XENPP_TRY(read_guest<abi::xennmi_callback>(v, a.arg[1]));
        if (!is_canonical(r.handler_address)) {
            return unexpected(errc::inval);
        }
        state_of(v).nmi = {r.handler_address, false};
        return std::uint64_t{0};
    }
    case abi::nmi_op::unregister_callback: state_of(v).nmi = {}; return std::uint64_t{0};
    }
    return unexpected(errc::nosys);
}

/// arg[0], arg[1]: ss and sp with which a process's exceptions enter the kernel.
template <class P>
hypercall_result do_stack_switch(vcpu<P>& v, hypercall_args& a) noexcept {
    auto& s = state_of(v);
    s.kernel_ss = ring3_selector(a.arg[0]);
    s.kernel_sp = a.arg[1];
    return std::uint64_t{0};
}

/// arg[0]: which, arg[1]: a base, or the selector of a process's GS. `inval`: not canonical, or no
/// such base.
template <class P>
hypercall_result do_set_segment_base(vcpu<P>& v, hypercall_args& a) noexcept {
    auto& platform = v.dom.hv.platform;
    auto const which = static_cast<std::uint32_t>(a.arg[0]);
    if (which == abi::segbase_gs_user_sel) {
        platform.pv_load_user_gs(v, ring3_data_selector(a.arg[1]));
        return std::uint64_t{0};
    }
    if (which > abi::segbase_gs_kernel || !is_canonical(a.arg[1])) {
        return unexpected(errc::inval);
    }
    platform.pv_set_base(v,
                         which == abi::segbase_fs        ? segment_base::fs
                         : which == abi::segbase_gs_user ? segment_base::gs_away
                                                         : segment_base::gs,
                         a.arg[1]);
    return std::uint64_t{0};
}

/// arg[0]: whether the next use of the FPU is to raise #NM.
template <class P>
hypercall_result do_fpu_taskswitch(vcpu<P>& v, hypercall_args& a) noexcept {
    auto& s = state_of(v);
    bool const wanted = a.arg[0] != 0;
    if (s.task_switched != wanted) {
        s.task_switched = wanted;
        v.dom.hv.platform.pv_load_controls(v);
    }
    return std::uint64_t{0};
}

/// What DR7 may hold: breakpoints on execution, writes or accesses of a length that exists; not on
/// ports, which DR7 means only with CR4.DE, and no trap on access to the registers themselves.
constexpr bool is_valid_dr7(std::uint64_t value) noexcept {
    if (((x86::dr7::value(value) & x86::dr7::reserved_zero).raw() | (value & x86::dr7::gd.raw())) !=
        0) {
        return false;
    }
    for (unsigned n = 0; n != 4; ++n) {
        auto const what = value >> (16 + 4 * n) & 3;
        auto const length = value >> (18 + 4 * n) & 3;
        if (what == 2 || (what == 0 && length != 0)) {
            return false;
        }
    }
    return true;
}

/// Sets debug register `n` (6, 7 and their aliases 4, 5 included). `perm` for an address that is
/// not the guest's; `inval` for flags that cannot be.
inline expected<void, errc>
store_debug_register(vcpu_state& s, unsigned n, std::uint64_t value) noexcept {
    switch (n) {
    case 0:
    case 1:
    case 2:
    case 3:
        if (!hv::detail::is_pv_guest_range(value, 8)) {
            return unexpected(errc::perm);
        }
        s.dr[n] = value;
        break;
    case 4:
    case 6:
        s.dr6 = (value & 0xe00f) | x86::dr6::reset.raw();
        break; // the processor's own is for the hypervisor to look at
    case 5:
    case 7:
        if (!is_valid_dr7(value)) {
            return unexpected(errc::inval);
        }
        s.dr7 = value | x86::dr7::reset.raw();
        break;
    default: return unexpected(errc::inval);
    }
    return {};
}

/// The same for a vCPU that calls.
template <class P>
expected<void, errc> set_debug_register(vcpu<P>& v, unsigned n, std::uint64_t value) noexcept {
    XENPP_TRY(store_debug_register(state_of(v), n, value));
    v.dom.hv.platform.pv_load_debug(v);
    return {};
}

template <class P>
expected<std::uint64_t, errc> debug_register(vcpu<P> const& v, unsigned n) noexcept {
    auto const& s = state_of(v);
    switch (n) {
    case 0:
    case 1:
    case 2:
    case 3: return s.dr[n];
    case 4:
    case 6: return s.dr6;
    case 5:
    case 7: return s.dr7;
    default: return unexpected(errc::inval);
    }
}

/// arg[0]: the register, arg[1]: its value.
template <class P>
hypercall_result do_set_debugreg(vcpu<P>& v, hypercall_args& a) noexcept {
    auto const n = a.arg[0] < 8 ? static_cast<unsigned>(a.arg[0]) : 8;
    XENPP_TRY(set_debug_register(v, n, a.arg[1]));
    return std::uint64_t{0};
}

/// arg[0]: the register.
template <class P>
hypercall_result do_get_debugreg(vcpu<P>& v, hypercall_args& a) noexcept {
    return XENPP_TRY(debug_register(v, a.arg[0] < 8 ? static_cast<unsigned>(a.arg[0]) : 8));
}

/// arg[0]: when VIRQ_TIMER is due, in system time; 0: never.
template <class P>
hypercall_result do_set_timer_op(vcpu<P>& v, hypercall_args& a) noexcept {
    set_singleshot(v, a.arg[0]);
    return std::uint64_t{0};
}

/// Nobody counts events of the processor for guests: `opnotsupp`.
template <class P>
hypercall_result do_xenpmu_op(vcpu<P>& /*v*/, hypercall_args& /*a*/) noexcept {
    return unexpected(errc::opnotsupp);
}

} // namespace xenpp::hv::pv
