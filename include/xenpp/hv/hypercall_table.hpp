// SPDX-License-Identifier: Apache-2.0
// The hypercalls: one row each, from which dispatch, names and permissions follow.
#pragma once

#include <xenpp/hv/console_io.hpp>
#include <xenpp/hv/domctl.hpp>
#include <xenpp/hv/event_channel_op.hpp>
#include <xenpp/hv/exit_action.hpp>
#include <xenpp/hv/grant_table_op.hpp>
#include <xenpp/hv/hvm_op.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/link_op.hpp>
#include <xenpp/hv/memory_op.hpp>
#include <xenpp/hv/physdev_op.hpp>
#include <xenpp/hv/platform_op.hpp>
#include <xenpp/hv/pv/cpu_op.hpp>
#include <xenpp/hv/pv/descriptor_page.hpp>
#include <xenpp/hv/pv/iret.hpp>
#include <xenpp/hv/pv/mmu_update.hpp>
#include <xenpp/hv/pv/mmuext_op.hpp>
#include <xenpp/hv/pv/update_va_mapping.hpp>
#include <xenpp/hv/sched_op.hpp>
#include <xenpp/hv/sysctl.hpp>
#include <xenpp/hv/vcpu_op.hpp>
#include <xenpp/hv/vm_assist.hpp>
#include <xenpp/hv/xen_version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace xenpp::hv {

template <class P>
hypercall_result do_multicall(vcpu<P>& v, hypercall_args& a) noexcept;

/// Who may make a hypercall: a set of kinds of domains.
enum class caller : std::uint8_t {
    control = 1U << static_cast<unsigned>(domain_kind::control),
    pv = 1U << static_cast<unsigned>(domain_kind::pv),
    hvm = 1U << static_cast<unsigned>(domain_kind::hvm),
    guests = pv | hvm,
    pv_or_control = pv | control, ///< who has page tables, and who builds them
    anyone = guests | control,
};

constexpr bool includes(caller who, domain_kind k) noexcept {
    return (static_cast<unsigned>(who) >> static_cast<unsigned>(k) & 1) != 0;
}

template <class P>
struct hypercall_row {
    abi::hypercall number;
    std::string_view name; ///< as in Xen's public header, for traces and documentation
    hypercall_result (*handler)(vcpu<P>&, hypercall_args&) noexcept;
    caller who;
};

// clang-format off
template <class P>
inline constexpr std::array hypercall_rows{
    hypercall_row<P>{abi::hypercall::mmu_update,       "mmu_update",       pv::do_mmu_update<P>,       caller::pv_or_control},
    hypercall_row<P>{abi::hypercall::set_gdt,          "set_gdt",          pv::do_set_gdt<P>,          caller::pv},
    hypercall_row<P>{abi::hypercall::update_descriptor, "update_descriptor", pv::do_update_descriptor<P>, caller::pv},
    hypercall_row<P>{abi::hypercall::update_va_mapping, "update_va_mapping", pv::do_update_va_mapping<P>, caller::pv},
    hypercall_row<P>{abi::hypercall::update_va_mapping_otherdomain, "update_va_mapping_otherdomain", pv::do_update_va_mapping_otherdomain<P>, caller::pv},
    hypercall_row<P>{abi::hypercall::mmuext_op,        "mmuext_op",        pv::do_mmuext_op<P>,        caller::pv_or_control},
    hypercall_row<P>{abi::hypercall::set_trap_table,   "set_trap_table",   pv::do_set_trap_table<P>,   caller::pv},
    hypercall_row<P>{abi::hypercall::stack_switch,     "stack_switch",     pv::do_stack_switch<P>,     caller::pv},
    hypercall_row<P>{abi::hypercall::fpu_taskswitch,   "fpu_taskswitch",   pv::do_fpu_taskswitch<P>,   caller::pv},
    hypercall_row<P>{abi::hypercall::set_debugreg,     "set_debugreg",     pv::do_set_debugreg<P>,     caller::pv},
    hypercall_row<P>{abi::hypercall::get_debugreg,     "get_debugreg",     pv::do_get_debugreg<P>,     caller::pv},
    hypercall_row<P>{abi::hypercall::set_timer_op,     "set_timer_op",     pv::do_set_timer_op<P>,     caller::pv},
    hypercall_row<P>{abi::hypercall::iret,             "iret",             pv::do_iret<P>,             caller::pv},
    hypercall_row<P>{abi::hypercall::set_segment_base, "set_segment_base", pv::do_set_segment_base<P>, caller::pv},
    hypercall_row<P>{abi::hypercall::nmi_op,           "nmi_op",           pv::do_nmi_op<P>,           caller::pv},
    hypercall_row<P>{abi::hypercall::callback_op,      "callback_op",      pv::do_callback_op<P>,      caller::pv},
    hypercall_row<P>{abi::hypercall::xenpmu_op,        "xenpmu_op",        pv::do_xenpmu_op<P>,        caller::pv},
    hypercall_row<P>{abi::hypercall::memory_op,        "memory_op",        do_memory_op<P>,        caller::anyone},
    hypercall_row<P>{abi::hypercall::multicall,        "multicall",        do_multicall<P>,        caller::anyone},
    hypercall_row<P>{abi::hypercall::xen_version,      "xen_version",      do_xen_version<P>,      caller::anyone},
    hypercall_row<P>{abi::hypercall::console_io,       "console_io",       do_console_io<P>,       caller::anyone},
    hypercall_row<P>{abi::hypercall::grant_table_op,   "grant_table_op",   do_grant_table_op<P>,   caller::anyone},
    hypercall_row<P>{abi::hypercall::vm_assist,        "vm_assist",        do_vm_assist<P>,        caller::guests},
    hypercall_row<P>{abi::hypercall::vcpu_op,          "vcpu_op",          do_vcpu_op<P>,          caller::anyone},
    hypercall_row<P>{abi::hypercall::sched_op,         "sched_op",         do_sched_op<P>,         caller::anyone},
    hypercall_row<P>{abi::hypercall::event_channel_op, "event_channel_op", do_event_channel_op<P>, caller::anyone},
    hypercall_row<P>{abi::hypercall::physdev_op,       "physdev_op",       do_physdev_op<P>,       caller::anyone},
    hypercall_row<P>{abi::hypercall::hvm_op,           "hvm_op",           do_hvm_op<P>,           caller::anyone},
    hypercall_row<P>{abi::hypercall::platform_op,      "platform_op",      do_platform_op<P>,      caller::control},
    hypercall_row<P>{abi::hypercall::sysctl,           "sysctl",           do_sysctl<P>,           caller::control},
    hypercall_row<P>{abi::hypercall::domctl,           "domctl",           do_domctl<P>,           caller::control},
    hypercall_row<P>{abi::hypercall::arch_7,           "link_op",          do_link_op<P>,          caller::control},
};

// clang-format on

namespace detail {

template <class P>
hypercall_result do_unknown(vcpu<P>& /*v*/, hypercall_args& /*a*/) noexcept {
    return unexpected(errc::nosys);
}

template <class P>
hypercall_result do_forbidden(vcpu<P>& /*v*/, hypercall_args& /*a*/) noexcept {
    return unexpected(errc::perm);
}

inline constexpr unsigned hypercall_numbers = 64;

/// The rows as one kind of domain finds them, by number; made by the compiler.
template <domain_kind K, class P>
inline constexpr auto handlers_of = [] {
    std::array<hypercall_result (*)(vcpu<P>&, hypercall_args&) noexcept, hypercall_numbers> t{};
    for (auto& handler : t) {
        handler = do_unknown<P>;
    }
    for (auto const& row : hypercall_rows<P>) {
        auto& handler = t[static_cast<unsigned>(row.number)];
        if (includes(row.who, K)) {
            handler = row.handler;
        } else if (row.who == caller::control || K == domain_kind::control) {
            handler = do_forbidden<P>; // what the other kind of guest has does not exist
        }
    }
    return t;
}();

} // namespace detail

/// Carries out hypercall `number` for a domain of kind `K`. `nosys` for a number without a row, or
/// one that this kind of guest has not; `perm` for the control domain's.
template <domain_kind K, class P>
[[gnu::always_inline]] inline hypercall_result
dispatch_hypercall_of(vcpu<P>& v, std::uint64_t number, hypercall_args& a) noexcept {
    if (number >= detail::hypercall_numbers) [[unlikely]] {
        return unexpected(errc::nosys);
    }
    return detail::handlers_of<K, P>[number](v, a);
}

/// The same for whatever kind `v` is.
template <class P>
hypercall_result dispatch_hypercall(vcpu<P>& v, unsigned number, hypercall_args& a) noexcept {
    switch (v.dom.kind) {
    case domain_kind::control: return dispatch_hypercall_of<domain_kind::control>(v, number, a);
    case domain_kind::pv: return dispatch_hypercall_of<domain_kind::pv>(v, number, a);
    case domain_kind::hvm: return dispatch_hypercall_of<domain_kind::hvm>(v, number, a);
    }
    return unexpected(errc::nosys);
}

namespace detail {

template <domain_kind K, class P>
hypercall_result do_multicall_of(vcpu<P>& v, hypercall_args& a) noexcept {
    constexpr unsigned most_at_once = 64;
    auto& platform = v.dom.hv.platform;
    // 0.5 ms: each entry may be a batch of its own.
    auto const end = platform.tsc() + platform.tsc_khz() / 2;
    for (unsigned done = 0; a.arg[1] != 0; ++done) {
        if (done == most_at_once || (done != 0 && platform.tsc() > end)) {
            return unexpected(errc::restart);
        }
        abi::multicall_entry entry;
        XENPP_TRY(read_guest_inline(v, entry, a.arg[0]));
        // No nesting, and no return to elsewhere before the rest is done.
        bool const may_be_inside =
            entry.op != static_cast<std::uint64_t>(abi::hypercall::multicall) &&
            entry.op != static_cast<std::uint64_t>(abi::hypercall::iret);
        hypercall_result const r = may_be_inside
                                       ? dispatch_hypercall_of<K>(v, entry.op, args_of(entry))
                                       : hypercall_result(unexpected(errc::inval));
        if (r.is_restart()) [[unlikely]] {
            XENPP_TRY(write_guest(v, a.arg[0], entry));
            return r;
        }
        XENPP_TRY(
            write_guest_inline(v, a.arg[0] + offsetof(abi::multicall_entry, result), r.raw()));
        a.arg[0] += sizeof entry;
        --a.arg[1];
    }
    return std::uint64_t{0};
}

} // namespace detail

/// arg[0]: a guest array of multicall_entry, arg[1]: how many. Continues where it was interrupted.
template <class P>
hypercall_result do_multicall(vcpu<P>& v, hypercall_args& a) noexcept {
    switch (v.dom.kind) {
    case domain_kind::control: return detail::do_multicall_of<domain_kind::control>(v, a);
    case domain_kind::pv: return detail::do_multicall_of<domain_kind::pv>(v, a);
    case domain_kind::hvm: return detail::do_multicall_of<domain_kind::hvm>(v, a);
    }
    return unexpected(errc::nosys);
}

/// A hypercall of an HVM vCPU in 64-bit kernel mode: number in rax, arguments as `args_of`. On
/// `restart` the guest executes the instruction again with the new arguments.
template <class P>
exit_action handle_hypercall(vcpu<P>& v) noexcept {
    auto& c = v.context;
    if (c.cpl != 0) {
        c.rax = static_cast<std::uint64_t>(to_abi(errc::perm));
        return exit_action::skip();
    }
    if (!c.long_code) {
        c.rax = static_cast<std::uint32_t>(to_abi(errc::nosys)); // 32-bit guests: not supported
        return exit_action::skip();
    }
    auto const r = dispatch_hypercall_of<domain_kind::hvm>(v, c.rax, args_of(c));
    if (r.is_restart()) [[unlikely]] {
        return exit_action::resume();
    }
    c.rax = r.raw();
    return exit_action::skip();
}

} // namespace xenpp::hv
