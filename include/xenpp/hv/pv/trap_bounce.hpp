// SPDX-License-Identifier: Apache-2.0
// Entering a PV guest's kernel: exceptions, events, system calls and failed returns, each as a
// frame on its stack. The frames are those of Xen's x86-64 PV ABI.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/hv/exit_action.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/pv/vcpu_state.hpp>
#include <xenpp/x86/canonical.hpp>
#include <xenpp/x86/control_register.hpp>
#include <xenpp/x86/exception.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace xenpp::hv::pv {

/// Goes to the guest's kernel or to its process. Nothing where `v` is there already.
template <class P>
void set_mode(vcpu<P>& v, bool to_kernel) noexcept {
    auto& s = state_of(v);
    if (s.in_kernel != to_kernel) {
        s.in_kernel = to_kernel;
        v.context.cpl = to_kernel ? 0 : 3;
        auto& platform = v.dom.hv.platform;
        atomic_store(v.dom.hv.tlb[platform.this_cpu().raw()].copied_for, nullptr);
        platform.pv_swap_mode(v);
    }
}

/// A selector that the guest names, made one that ring 3 can load: whatever is behind it, the
/// processor judges it as ring 3's.
constexpr std::uint16_t ring3_selector(std::uint64_t selector) noexcept {
    return static_cast<std::uint16_t>(selector | 3);
}

/// The same for a data segment, which may be null.
constexpr std::uint16_t ring3_data_selector(std::uint64_t selector) noexcept {
    auto const s = static_cast<std::uint16_t>(selector);
    return (s & ~3) == 0 ? s : ring3_selector(s);
}

/// What is kept of flags that a guest names: no I/O privilege, no virtual 8086 mode, and interrupts
/// always on, because the guest masks events instead.
constexpr std::uint64_t ring3_rflags(std::uint64_t flags) noexcept {
    using namespace x86::rflags;
    constexpr auto kept =
        arithmetic | trap | direction | nested_task | resume | alignment_check | id;
    return (flags & kept.raw()) | interrupt.raw() | reserved_one.raw();
}

using x86::is_canonical;

namespace detail {

/// The flags of an entry: those that trouble a kernel's first instructions are off.
constexpr std::uint64_t entry_rflags(std::uint64_t flags) noexcept {
    using namespace x86::rflags;
    constexpr auto cleared = trap | nested_task | resume | alignment_check;
    return ring3_rflags(flags & ~cleared.raw());
}

/// What a frame says of rip, cs, rflags, rsp and ss. The mask of events stands in for IF, and once
/// more beside cs; code of the guest's kernel looks as if it ran in ring 0.
template <class P>
[[gnu::always_inline]] inline std::array<std::uint64_t, 5>
return_words(vcpu<P> const& v, bool was_in_kernel) noexcept {
    auto const& c = v.context;
    auto const& s = state_of(v);
    auto const* const info = v.info;
    std::uint64_t const mask = info != nullptr ? atomic_load(info->evtchn_upcall_mask) : 0;
    std::uint64_t flags = c.rflags & ~(x86::rflags::interrupt | x86::rflags::iopl.mask()).raw();
    if (mask == 0) {
        flags |= x86::rflags::interrupt.raw();
    }
    if (s.iopl != 0 && (v.dom.vm_assist >> abi::vmasst_type_architectural_iopl & 1) != 0) {
        flags |= std::uint64_t{s.iopl} << 12;
    }
    std::uint64_t const cs = was_in_kernel ? c.cs & 0xfffc : c.cs & 0xffff;
    return {c.rip, cs | mask << 32, flags, c.rsp, c.ss & 0xffff};
}

/// Puts `words` on the kernel's stack, lowest first, and makes the next entry go to `to`. False:
/// the stack cannot be written.
template <std::size_t N, class P>
[[gnu::always_inline]] inline bool
push_and_enter(vcpu<P>& v,
               entry_point const& to,
               bool was_in_kernel,
               std::array<std::uint64_t, N> const& words) noexcept {
    auto& c = v.context;
    auto const top = was_in_kernel ? c.rsp : state_of(v).kernel_sp;
    auto const sp = (top & ~std::uint64_t{15}) - sizeof words;
    if (!write_guest_inline(v, sp, words)) [[unlikely]] {
        return false;
    }
    if (to.masks_events && v.info != nullptr) {
        atomic_store(v.info->evtchn_upcall_mask, std::uint8_t{1});
    }
    c.rip = to.address;
    c.cs = abi::flat_kernel_cs64;
    c.ss = abi::flat_kernel_ss64;
    c.rsp = sp;
    c.rflags = entry_rflags(c.rflags);
    c.entry |= guest_context::entry_sysret;
    return true;
}

/// As `bounce`, from the mode that `v` is in. False: the kernel's stack cannot be written.
template <class P>
[[gnu::always_inline]] inline bool
enter(vcpu<P>& v, entry_point const& to, bool was_in_kernel) noexcept {
    auto const& c = v.context;
    auto const r = return_words(v, was_in_kernel);
    if (!was_in_kernel) {
        set_mode(v, true);
    }
    return push_and_enter(v, to, was_in_kernel,
                          std::array<std::uint64_t, 7>{c.rcx, c.r11, r[0], r[1], r[2], r[3], r[4]});
}

constexpr exit_action entered(bool done) noexcept {
    return done ? exit_action::resume()
                : exit_action::crash("its kernel's stack cannot be written");
}

} // namespace detail

/// Enters the kernel at `to` with the frame of an event or a system call.
template <class P>
exit_action bounce(vcpu<P>& v, entry_point const& to) noexcept {
    return detail::entered(detail::enter(v, to, state_of(v).in_kernel));
}

/// Raises exception or software interrupt `vector`, with an error code if the vector has one. Of
/// #PF the address stands in vcpu_info already, see `raise_page_fault`.
template <class P>
exit_action raise(vcpu<P>& v, unsigned vector, std::uint32_t error = 0) noexcept {
    auto const& gate = state_of(v).traps[vector & 0xff];
    if (gate.address == 0) {
        return exit_action::crash("an exception for which its kernel has no handler");
    }
    entry_point const to{gate.address, (gate.flags & 4) != 0};
    if (!x86::pushes_error_code(static_cast<x86::exception>(vector))) {
        return bounce(v, to);
    }
    bool const was_in_kernel = state_of(v).in_kernel;
    auto const& c = v.context;
    auto const r = detail::return_words(v, was_in_kernel);
    set_mode(v, true);
    return detail::entered(detail::push_and_enter(
        v, to, was_in_kernel,
        std::array<std::uint64_t, 8>{c.rcx, c.r11, error, r[0], r[1], r[2], r[3], r[4]}));
}

template <class P>
exit_action raise(vcpu<P>& v, x86::exception e, std::uint32_t error = 0) noexcept {
    return raise(v, x86::vector(e), error);
}

/// Raises #PF at `address`. The error code's user bit says what the guest's own modes are.
template <class P>
exit_action raise_page_fault(vcpu<P>& v, std::uint64_t address, std::uint32_t error) noexcept {
    constexpr auto user = x86::page_fault_error::user.raw();
    if (v.info != nullptr) {
        v.info->arch.cr2 = address;
    }
    return raise(v, x86::exception::page_fault,
                 state_of(v).in_kernel ? error & ~user : error | user);
}

/// The selectors of the guest as a failsafe frame tells them.
struct data_selectors {
    std::uint16_t ds, es, fs, gs;
};

/// Tells the kernel that its return failed, or that the selectors of the frame could not all be
/// loaded: those that could not are null now.
template <class P>
exit_action bounce_failsafe(vcpu<P>& v, data_selectors const& wanted) noexcept {
    auto const& s = state_of(v);
    if (s.failsafe.address == 0) {
        return exit_action::crash("a return that failed, and no failsafe callback");
    }
    bool const was_in_kernel = s.in_kernel;
    auto const& c = v.context;
    auto const r = detail::return_words(v, was_in_kernel);
    set_mode(v, true);
    return detail::entered(detail::push_and_enter(
        v, s.failsafe, was_in_kernel,
        std::array<std::uint64_t, 11>{c.rcx, c.r11, wanted.ds, wanted.es, wanted.fs, wanted.gs,
                                      r[0], r[1], r[2], r[3], r[4]}));
}

/// Where NMIs enter: at the callback, or else at what stands for their vector in the trap table.
inline entry_point nmi_entry(vcpu_state const& s) noexcept {
    auto const& gate = s.traps[x86::vector(x86::exception::nmi)];
    return s.nmi.address != 0 ? entry_point{s.nmi.address, true}
                              : entry_point{gate.address, (gate.flags & 4) != 0};
}

/// Whether `v` has an NMI (VCPUOP_send_nmi) that it is to be told of now.
template <class P>
bool nmi_is_due(vcpu<P> const& v) noexcept {
    auto const& s = state_of(v);
    return !s.in_nmi && atomic_load(v.nmi_pending) && nmi_entry(s).address != 0;
}

/// Enters the NMI callback if an NMI waits and none is being handled.
template <class P>
exit_action deliver_nmi(vcpu<P>& v) noexcept {
    auto& s = state_of(v);
    if (!nmi_is_due(v) || !atomic_exchange(v.nmi_pending, false)) {
        return exit_action::resume();
    }
    s.in_nmi = true;
    return bounce(v, nmi_entry(s));
}

/// Whether `v` has events that it is to be told of now.
template <class P>
[[gnu::always_inline]] inline bool events_are_due(vcpu<P> const& v) noexcept {
    using two_flags [[gnu::may_alias]] = std::uint16_t;
    static_assert(offsetof(abi::vcpu_info, evtchn_upcall_pending) == 0 &&
                  offsetof(abi::vcpu_info, evtchn_upcall_mask) == 1);
    auto const* const info = v.info;
    if (info == nullptr) [[unlikely]] {
        return false;
    }
    // Pending, not 0, in the low byte, and the mask, 0, in the high one.
    std::uint16_t const both = atomic_load(*reinterpret_cast<two_flags const*>(info));
    return static_cast<std::uint16_t>(both - 1) < 0xff;
}

/// Before an entry: makes it go to the event callback where events are due.
template <class P>
[[gnu::always_inline]] inline exit_action deliver_events(vcpu<P>& v) noexcept {
    if (!events_are_due(v) || state_of(v).event.address == 0) [[likely]] {
        return exit_action::resume();
    }
    return bounce(v, {state_of(v).event.address, true});
}

} // namespace xenpp::hv::pv
