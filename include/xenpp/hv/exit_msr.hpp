// SPDX-License-Identifier: Apache-2.0
// RDMSR and WRMSR of an HVM vCPU: the registers a guest of Linux's age uses; the rest faults.
#pragma once

#include <xenpp/hv/exit_action.hpp>
#include <xenpp/hv/hypercall_page.hpp>
#include <xenpp/hv/interrupt.hpp>
#include <xenpp/x86/control_register.hpp>
#include <xenpp/x86/msr.hpp>

#include <cstdint>

namespace xenpp::hv {

/// The registers whose value lives in the vendor's control block.
template <class V, class P>
concept VendorMsrs = requires(vcpu<P>& v, std::uint64_t x) {
    {V::set_efer(v, x)}; // EFER as the guest wrote it, checked
    {V::set_pat(v, x)};
};

namespace detail {

inline constexpr std::uint64_t mtrr_capability = 0x508; // 8 variable ranges, fixed, WC

template <class P>
std::uint64_t* mtrr_slot(vcpu<P>& v, x86::msr m) noexcept {
    auto const n = x86::raw(m);
    if (x86::is_variable_mtrr(m)) {
        return &v.mtrr.variable[n - x86::raw(x86::msr::ia32_mtrr_physbase0)];
    }
    if (x86::is_fixed_mtrr(m)) {
        unsigned const i = n == 0x250 ? 0 : n <= 0x259 ? n - 0x258 + 1 : n - 0x268 + 3;
        return &v.mtrr.fixed[i];
    }
    return nullptr;
}

/// The register exists where an instruction reads it.
template <class P>
bool has_tsc_aux(vcpu<P> const& v) noexcept {
    return v.dom.cpuid.has(x86::cpuid::rdtscp) || v.dom.cpuid.has(x86::cpuid::rdpid);
}

/// EFER: only what CPUID offers, and LME may not change while paging is on (APM2 3.1.7).
template <class P>
bool efer_is_valid(vcpu<P> const& v, std::uint64_t value) noexcept {
    using namespace x86;
    auto const offered = efer::sce | efer::lme | efer::lma | efer::nxe | efer::ffxsr;
    efer::value const now(v.context.efer);
    efer::value const wanted(value);
    bool const lme_changes = now.has(efer::lme) != wanted.has(efer::lme);
    return !wanted.has_any(~offered) && !(lme_changes && cr0::value(v.context.cr0).has(cr0::pg));
}

} // namespace detail

/// The value of `m`, or nothing for #GP.
template <class P>
expected<std::uint64_t, errc> read_msr(vcpu<P>& v, x86::msr m) noexcept {
    using x86::msr;
    if (x86::is_x2apic(m)) {
        if (!v.lapic.is_x2apic()) {
            return unexpected(errc::perm);
        }
        return v.lapic.read(x86::raw(m) - 0x800);
    }
    if (auto const* const slot = detail::mtrr_slot(v, m)) {
        return *slot;
    }
    switch (m) {
    case msr::ia32_tsc: return v.dom.hv.platform.tsc();
    case msr::ia32_apic_base: return v.lapic.base();
    case msr::ia32_bios_sign_id: return std::uint64_t{0x01000065};
    case msr::ia32_mtrrcap: return detail::mtrr_capability;
    case msr::ia32_mtrr_def_type: return v.mtrr.default_type;
    case msr::ia32_pat: return v.pat;
    case msr::ia32_efer: return v.context.efer & ~x86::efer::svme.raw();
    case msr::ia32_tsc_aux:
        if (!detail::has_tsc_aux(v)) {
            return unexpected(errc::perm);
        }
        return v.tsc_aux;
    case msr::ia32_mcg_cap:
    case msr::ia32_mcg_status:
    case msr::ia32_xss:
    case msr::ia32_misc_enable:
    case msr::ia32_debugctl:
    case msr::amd_syscfg:
    case msr::amd_hwcr:
    case msr::amd_int_pending:
    case msr::amd_patch_loader:
    case msr::amd_nb_cfg:
    case msr::amd_osvw_id_length:
    case msr::amd_osvw_status: return std::uint64_t{0};
    case msr::amd_de_cfg: return std::uint64_t{2}; // LFENCE serialises
    case msr::amd_vm_cr: return x86::vm_cr::svmdis.raw() | x86::vm_cr::lock.raw();
    default: break;
    }
    if (m >= msr::amd_perf_evt_sel0 && m <= msr::amd_perf_ctr3) {
        return std::uint64_t{0}; // no performance counters: writes do not stick
    }
    return unexpected(errc::perm);
}

/// Writes `m`; an error means #GP. `V` is the vendor whose control block holds EFER and PAT.
template <class V, class P>
expected<void, errc> write_msr(vcpu<P>& v, x86::msr m, std::uint64_t value) noexcept {
    using x86::msr;
    if (x86::is_x2apic(m)) {
        if (!v.lapic.is_x2apic()) {
            return unexpected(errc::perm);
        }
        apply(v, XENPP_TRY(v.lapic.write(x86::raw(m) - 0x800, value)));
        return {};
    }
    if (auto* const slot = detail::mtrr_slot(v, m)) {
        *slot = value;
        return {};
    }
    switch (m) {
    case msr::ia32_tsc: return {}; // the TSC is the host's: time comes from the pvclock page
    case msr::ia32_apic_base: return v.lapic.set_base(value);
    case msr::ia32_bios_sign_id: return {};
    case msr::ia32_mtrr_def_type:
        if ((value & ~std::uint64_t{0xcff}) != 0) {
            return unexpected(errc::inval);
        }
        v.mtrr.default_type = value;
        return {};
    case msr::ia32_pat:
        if (!x86::is_valid_pat(value)) {
            return unexpected(errc::inval);
        }
        v.pat = value;
        V::set_pat(v, value);
        return {};
    case msr::ia32_efer:
        if (!detail::efer_is_valid(v, value)) {
            return unexpected(errc::inval);
        }
        V::set_efer(v, value);
        return {};
    case msr::ia32_tsc_aux:
        if ((value >> 32) != 0 || !detail::has_tsc_aux(v)) {
            return unexpected(errc::inval);
        }
        v.tsc_aux = value;
        v.dom.hv.platform.load_tsc_aux(value);
        return {};
    case msr::ia32_xss:
    case msr::ia32_mcg_status:
    case msr::ia32_debugctl:
    case msr::amd_hwcr:
        if (value != 0) {
            return unexpected(errc::inval);
        }
        return {};
    case msr::amd_de_cfg:
    case msr::amd_patch_loader: return {};
    case msr::xen_hypercall_page: return write_hypercall_page<V>(v, value);
    default: break;
    }
    if (m >= msr::amd_perf_evt_sel0 && m <= msr::amd_perf_ctr3) {
        return {};
    }
    return unexpected(errc::perm);
}

/// RDMSR or WRMSR as the guest's registers hold it.
template <class V, class P>
exit_action handle_msr(vcpu<P>& v, bool is_write) noexcept {
    auto& c = v.context;
    auto const m = static_cast<x86::msr>(static_cast<std::uint32_t>(c.rcx));
    if (is_write) {
        std::uint64_t const value = (c.rdx << 32) | (c.rax & 0xffffffff);
        return write_msr<V>(v, m, value)
                   ? exit_action::skip()
                   : exit_action::inject(x86::exception::general_protection, 0);
    }
    auto const value = read_msr(v, m);
    if (!value) {
        return exit_action::inject(x86::exception::general_protection, 0);
    }
    c.rax = *value & 0xffffffff;
    c.rdx = *value >> 32;
    return exit_action::skip();
}

} // namespace xenpp::hv
