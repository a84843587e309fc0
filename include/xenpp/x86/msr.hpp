// SPDX-License-Identifier: Apache-2.0
// Model-specific registers: numbers, and the bits of those that the hypervisor interprets (APM2
// app. A; SDM4).
#pragma once

#include <xenpp/x86/register_value.hpp>

#include <cstdint>

namespace xenpp::x86 {

/// MSR numbers. `ia32_` marks architectural ones, `amd_` those of AMD (the APM's own name follows
/// where it differs); a guest may pass any number, so a switch over a guest's value needs a
/// default.
// clang-format off
enum class msr : std::uint32_t {
    ia32_tsc                    = 0x0000'0010,
    ia32_platform_id            = 0x0000'0017,
    ia32_apic_base              = 0x0000'001b,
    ia32_feature_control        = 0x0000'003a,
    ia32_tsc_adjust             = 0x0000'003b,
    ia32_spec_ctrl              = 0x0000'0048,
    ia32_pred_cmd               = 0x0000'0049,
    ia32_bios_sign_id           = 0x0000'008b, // APM: PATCH_LEVEL
    intel_platform_info         = 0x0000'00ce,
    ia32_mperf                  = 0x0000'00e7,
    ia32_aperf                  = 0x0000'00e8,
    ia32_mtrrcap                = 0x0000'00fe,
    ia32_arch_capabilities      = 0x0000'010a,
    ia32_flush_cmd              = 0x0000'010b,
    intel_misc_features_enables = 0x0000'0140,
    ia32_sysenter_cs            = 0x0000'0174,
    ia32_sysenter_esp           = 0x0000'0175,
    ia32_sysenter_eip           = 0x0000'0176,
    ia32_mcg_cap                = 0x0000'0179,
    ia32_mcg_status             = 0x0000'017a,
    ia32_mcg_ctl                = 0x0000'017b,
    ia32_perf_status            = 0x0000'0198,
    ia32_misc_enable            = 0x0000'01a0,
    ia32_debugctl               = 0x0000'01d9,
    lbr_from_ip                 = 0x0000'01db,
    lbr_to_ip                   = 0x0000'01dc,
    last_exception_from_ip      = 0x0000'01dd,
    last_exception_to_ip        = 0x0000'01de,
    ia32_mtrr_physbase0         = 0x0000'0200, // base and mask alternate, eight pairs
    ia32_mtrr_physmask0         = 0x0000'0201,
    ia32_mtrr_physmask7         = 0x0000'020f,
    ia32_mtrr_fix64k_00000      = 0x0000'0250,
    ia32_mtrr_fix16k_80000      = 0x0000'0258,
    ia32_mtrr_fix16k_a0000      = 0x0000'0259,
    ia32_mtrr_fix4k_c0000       = 0x0000'0268, // eight, one for each 32 KiB up to 1 MiB
    ia32_mtrr_fix4k_f8000       = 0x0000'026f,
    ia32_pat                    = 0x0000'0277,
    ia32_mtrr_def_type          = 0x0000'02ff,
    ia32_perf_capabilities      = 0x0000'0345,
    ia32_mc0_ctl                = 0x0000'0400,
    ia32_vmx_basic              = 0x0000'0480,
    ia32_vmx_pinbased_ctls      = 0x0000'0481,
    ia32_vmx_procbased_ctls     = 0x0000'0482,
    ia32_vmx_exit_ctls          = 0x0000'0483,
    ia32_vmx_entry_ctls         = 0x0000'0484,
    ia32_vmx_misc               = 0x0000'0485,
    ia32_vmx_cr0_fixed0         = 0x0000'0486,
    ia32_vmx_cr0_fixed1         = 0x0000'0487,
    ia32_vmx_cr4_fixed0         = 0x0000'0488,
    ia32_vmx_cr4_fixed1         = 0x0000'0489,
    ia32_vmx_vmcs_enum          = 0x0000'048a,
    ia32_vmx_procbased_ctls2    = 0x0000'048b,
    ia32_vmx_ept_vpid_cap       = 0x0000'048c,
    ia32_vmx_true_pinbased_ctls = 0x0000'048d,
    ia32_vmx_true_procbased_ctls= 0x0000'048e,
    ia32_vmx_true_exit_ctls     = 0x0000'048f,
    ia32_vmx_true_entry_ctls    = 0x0000'0490,
    ia32_vmx_vmfunc             = 0x0000'0491,
    ia32_tsc_deadline           = 0x0000'06e0,
    ia32_x2apic_first           = 0x0000'0800,
    ia32_x2apic_last            = 0x0000'08ff,
    ia32_xss                    = 0x0000'0da0,
    xen_hypercall_page          = 0x4000'0000, // a guest writes where it wants its hypercall page
    kvm_first                   = 0x4b56'4d00,
    kvm_last                    = 0x4b56'4dff,
    ia32_efer                   = 0xc000'0080,
    ia32_star                   = 0xc000'0081,
    ia32_lstar                  = 0xc000'0082,
    ia32_cstar                  = 0xc000'0083,
    ia32_fmask                  = 0xc000'0084, // APM: SFMASK
    ia32_fs_base                = 0xc000'0100,
    ia32_gs_base                = 0xc000'0101,
    ia32_kernel_gs_base         = 0xc000'0102,
    ia32_tsc_aux                = 0xc000'0103,
    amd_tsc_ratio               = 0xc000'0104,
    amd_perf_evt_sel0           = 0xc001'0000, // four selectors, then four counters
    amd_perf_evt_sel3           = 0xc001'0003,
    amd_perf_ctr0               = 0xc001'0004,
    amd_perf_ctr3               = 0xc001'0007,
    amd_syscfg                  = 0xc001'0010,
    amd_hwcr                    = 0xc001'0015,
    amd_iorr_base0              = 0xc001'0016,
    amd_top_mem                 = 0xc001'001a,
    amd_top_mem2                = 0xc001'001d,
    amd_nb_cfg                  = 0xc001'001f,
    amd_patch_loader            = 0xc001'0020,
    amd_int_pending             = 0xc001'0055, // BKDG: Interrupt Pending and CMP-Halt
    amd_pstate_current_limit    = 0xc001'0061,
    amd_pstate_control          = 0xc001'0062,
    amd_pstate_status           = 0xc001'0063,
    amd_pstate0                 = 0xc001'0064,
    amd_vm_cr                   = 0xc001'0114,
    amd_ignne                   = 0xc001'0115,
    amd_smm_ctl                 = 0xc001'0116,
    amd_vm_hsave_pa             = 0xc001'0117,
    amd_svm_key                 = 0xc001'0118,
    amd_virt_spec_ctrl          = 0xc001'011f,
    amd_osvw_id_length          = 0xc001'0140,
    amd_osvw_status             = 0xc001'0141,
    amd_cpuid_7_features        = 0xc001'1002,
    amd_cpuid_features          = 0xc001'1004,
    amd_cpuid_ext_features      = 0xc001'1005,
    amd_ls_cfg                  = 0xc001'1020,
    amd_ic_cfg                  = 0xc001'1021,
    amd_de_cfg                  = 0xc001'1029,
};

// clang-format on

constexpr std::uint32_t raw(msr m) noexcept {
    return static_cast<std::uint32_t>(m);
}

/// Whether `m` is one of the x2APIC registers; their layout is in apic.hpp.
constexpr bool is_x2apic(msr m) noexcept {
    return m >= msr::ia32_x2apic_first && m <= msr::ia32_x2apic_last;
}

/// One of the sixteen variable-range MTRR registers.
constexpr bool is_variable_mtrr(msr m) noexcept {
    return m >= msr::ia32_mtrr_physbase0 && m <= msr::ia32_mtrr_physmask7;
}

/// One of the eleven fixed-range MTRRs.
constexpr bool is_fixed_mtrr(msr m) noexcept {
    return m == msr::ia32_mtrr_fix64k_00000 || m == msr::ia32_mtrr_fix16k_80000 ||
           m == msr::ia32_mtrr_fix16k_a0000 ||
           (m >= msr::ia32_mtrr_fix4k_c0000 && m <= msr::ia32_mtrr_fix4k_f8000);
}

// clang-format off
namespace efer {
using value = register_value<struct tag>;
inline constexpr value sce{1u << 0};      ///< SYSCALL
inline constexpr value lme{1u << 8};      ///< long mode wanted
inline constexpr value lma{1u << 10};     ///< long mode active
inline constexpr value nxe{1u << 11};     ///< no-execute pages
inline constexpr value svme{1u << 12};    ///< SVM instructions; VMRUN fails unless set in the VMCB too
inline constexpr value lmsle{1u << 13};
inline constexpr value ffxsr{1u << 14};
inline constexpr value tce{1u << 15};
inline constexpr value autoibrs{1u << 21};
inline constexpr value all = sce | lme | lma | nxe | svme | lmsle | ffxsr | tce | autoibrs;
} // namespace efer

namespace apic_base {
using value = register_value<struct tag>;
inline constexpr value bsp{1u << 8};
inline constexpr value extd{1u << 10};    ///< x2APIC
inline constexpr value enable{1u << 11};
inline constexpr value address_mask{0x000f'ffff'ffff'f000};
inline constexpr value address_default{0xfee0'0000};
} // namespace apic_base

namespace vm_cr {
using value = register_value<struct tag>;
inline constexpr value dpd{1u << 0};
inline constexpr value r_init{1u << 1};   ///< INIT becomes #SX
inline constexpr value dis_a20m{1u << 2};
inline constexpr value lock{1u << 3};
inline constexpr value svmdis{1u << 4};   ///< EFER.SVME cannot be set
} // namespace vm_cr

namespace syscfg {
using value = register_value<struct tag>;
inline constexpr value mtrr_fix_dram_en{1u << 18};
inline constexpr value mtrr_fix_dram_mod_en{1u << 19};
inline constexpr value mtrr_var_dram_en{1u << 20};
inline constexpr value mtrr_tom2_en{1u << 21};
inline constexpr value tom2_force_wb{1u << 22};
inline constexpr value mem_encryption_en{1u << 23};
} // namespace syscfg

namespace hwcr {
using value = register_value<struct tag>;
inline constexpr value smm_lock{1u << 0};
inline constexpr value tlb_cache_dis{1u << 3};
inline constexpr value ffdis{1u << 6};
inline constexpr value wrap32_dis{1u << 17};
inline constexpr value tsc_freq_sel{1u << 24};
inline constexpr value cpuid_user_dis{1ull << 35};
} // namespace hwcr

namespace spec_ctrl {
using value = register_value<struct tag>;
inline constexpr value ibrs{1u << 0};
inline constexpr value stibp{1u << 1};
inline constexpr value ssbd{1u << 2};
} // namespace spec_ctrl

namespace debugctl {
using value = register_value<struct tag>;
inline constexpr value lbr{1u << 0};
inline constexpr value btf{1u << 1};
} // namespace debugctl

namespace feature_control {
using value = register_value<struct tag>;
inline constexpr value lock{1u << 0};
inline constexpr value vmx_in_smx{1u << 1};
inline constexpr value vmx_outside_smx{1u << 2};
} // namespace feature_control

namespace mtrr {
/// IA32_MTRRCAP, IA32_MTRR_DEF_TYPE and the PHYSMASK registers.
using capability = register_value<struct capability_tag>;
inline constexpr register_field<capability> variable_count{0, 8};
inline constexpr capability has_fixed{1u << 8};
inline constexpr capability has_write_combining{1u << 10};
using default_type = register_value<struct default_type_tag>;
inline constexpr register_field<default_type> type{0, 8};
inline constexpr default_type fixed_enable{1u << 10};
inline constexpr default_type enable{1u << 11};
inline constexpr std::uint64_t physmask_valid = 1u << 11;
} // namespace mtrr
// clang-format on

/// Memory types as MTRRs and PAT encode them (APM2 7.4, 7.8).
enum class memory_type : std::uint8_t {
    uncacheable = 0,
    write_combining = 1,
    write_through = 4,
    write_protect = 5,
    write_back = 6,
    uncached_minus = 7, ///< PAT only
};

/// Whether a byte of a PAT value is a memory type; WRMSR faults on the others.
constexpr bool is_valid_pat_entry(std::uint8_t type) noexcept {
    return type <= 7 && type != 2 && type != 3;
}

constexpr bool is_valid_pat(std::uint64_t pat) noexcept {
    for (unsigned i = 0; i < 8; ++i) {
        if (!is_valid_pat_entry(static_cast<std::uint8_t>(pat >> (8 * i)))) {
            return false;
        }
    }
    return true;
}

inline constexpr std::uint64_t pat_reset = 0x0007'0406'0007'0406;
static_assert(is_valid_pat(pat_reset));

/// IA32_STAR: the selectors that SYSCALL and SYSRET load (APM2 6.1.1).
constexpr std::uint64_t
star(std::uint16_t sysret_base, std::uint16_t syscall_cs, std::uint32_t legacy_eip = 0) noexcept {
    return std::uint64_t{sysret_base} << 48 | std::uint64_t{syscall_cs} << 32 | legacy_eip;
}

} // namespace xenpp::x86
