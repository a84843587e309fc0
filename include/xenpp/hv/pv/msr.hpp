// SPDX-License-Identifier: Apache-2.0
// RDMSR and WRMSR of a PV guest's kernel: its segment bases, and what kernels look at when they
// find out about the processor.
#pragma once

#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/hv/pv/trap_bounce.hpp>
#include <xenpp/x86/msr.hpp>

#include <cstdint>

namespace xenpp::hv::pv {

/// The page attribute table while PV guests run: theirs as Xen's ABI has it (write-back,
/// write-through, uncached minus, uncached, write-combining, write-protected).
inline constexpr std::uint64_t shared_pat = 0x0000'0501'0007'0406;
static_assert(x86::is_valid_pat(shared_pat));

/// The value of `m`; an error means #GP.
template <class P>
expected<std::uint64_t, errc> read_msr(vcpu<P>& v, x86::msr m) noexcept {
    using x86::msr;
    auto& platform = v.dom.hv.platform;
    switch (m) {
    case msr::ia32_kernel_gs_base: return platform.pv_base(v, segment_base::gs_away);
    case msr::ia32_gs_base: return platform.pv_base(v, segment_base::gs);
    case msr::ia32_fs_base: return platform.pv_base(v, segment_base::fs);
    case msr::ia32_efer: return v.context.efer;
    case msr::ia32_pat: return shared_pat;
    case msr::ia32_tsc: return platform.tsc();
    case msr::ia32_bios_sign_id: return std::uint64_t{0x01000065};
    case msr::amd_de_cfg: return std::uint64_t{2}; // LFENCE serialises
    case msr::ia32_mcg_cap:
    case msr::ia32_mcg_status:
    case msr::ia32_misc_enable:
    case msr::ia32_debugctl:
    case msr::amd_syscfg:
    case msr::amd_hwcr:
    case msr::amd_patch_loader:
    case msr::amd_osvw_id_length:
    case msr::amd_osvw_status: return std::uint64_t{0};
    default: break;
    }
    if (m >= msr::amd_perf_evt_sel0 && m <= msr::amd_perf_ctr3) {
        return std::uint64_t{0}; // no performance counters: writes do not stick
    }
    return unexpected(errc::perm);
}

/// Writes `m`; an error means #GP. The registers without effect take what kernels write to them.
template <class P>
expected<void, errc> write_msr(vcpu<P>& v, x86::msr m, std::uint64_t value) noexcept {
    using x86::msr;
    auto& platform = v.dom.hv.platform;
    switch (m) {
    case msr::ia32_fs_base:
    case msr::ia32_gs_base:
    case msr::ia32_kernel_gs_base:
        if (!is_canonical(value)) {
            return unexpected(errc::inval);
        }
        platform.pv_set_base(v,
                             m == msr::ia32_fs_base   ? segment_base::fs
                             : m == msr::ia32_gs_base ? segment_base::gs
                                                      : segment_base::gs_away,
                             value);
        return {};
    case msr::ia32_efer:
        if (value != v.context.efer) {
            return unexpected(errc::inval);
        }
        return {};
    case msr::ia32_pat:
        if (value != shared_pat) {
            return unexpected(errc::inval);
        }
        return {};
    case msr::ia32_tsc:
    case msr::ia32_bios_sign_id:
    case msr::amd_hwcr:
    case msr::amd_de_cfg:
    case msr::amd_patch_loader: return {};
    case msr::ia32_mcg_status:
    case msr::ia32_debugctl:
        if (value != 0) {
            return unexpected(errc::inval);
        }
        return {};
    default: break;
    }
    if (m >= msr::amd_perf_evt_sel0 && m <= msr::amd_perf_ctr3) {
        return {};
    }
    return unexpected(errc::perm);
}

} // namespace xenpp::hv::pv
