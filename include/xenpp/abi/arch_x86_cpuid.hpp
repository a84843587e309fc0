// SPDX-License-Identifier: Apache-2.0
// The hypervisor's CPUID leaves and the bits of a feature set; public headers arch-x86/cpuid.h and
// cpufeatureset.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// The first leaf of the hypervisor, where no other hypervisor's comes first (then in steps of
/// 0x100).
inline constexpr std::uint32_t cpuid_first_leaf = 0x40000000;

/// First leaf: "XenVMMXenVMM".
inline constexpr std::uint32_t cpuid_signature_ebx = 0x566e6558;
inline constexpr std::uint32_t cpuid_signature_ecx = 0x65584d4d;
inline constexpr std::uint32_t cpuid_signature_edx = 0x4d4d566e;

/// Third leaf, ecx: a PV guest may use `mmu_pt_update_preserve_ad`.
inline constexpr std::uint32_t cpuid_feat1_mmu_pt_update_preserve_ad_bit = 0;
inline constexpr std::uint32_t cpuid_feat1_mmu_pt_update_preserve_ad = 1u << 0;

/// Fifth leaf, eax: what an HVM guest is given.
inline constexpr std::uint32_t hvm_cpuid_apic_access_virt = 1u;
inline constexpr std::uint32_t hvm_cpuid_x2apic_virt = 1u << 1;
inline constexpr std::uint32_t hvm_cpuid_iommu_mappings = 1u << 2;
inline constexpr std::uint32_t hvm_cpuid_vcpu_id_present = 1u << 3;
inline constexpr std::uint32_t hvm_cpuid_domid_present = 1u << 4;
inline constexpr std::uint32_t hvm_cpuid_ext_dest_id = 1u << 5;
inline constexpr std::uint32_t hvm_cpuid_upcall_vector = 1u << 6;

/// Sixth leaf, ebx: the width of machine addresses that a PV guest may see.
inline constexpr std::uint32_t cpuid_machine_address_width_mask = 0xff;

/// The highest leaf, as an offset from the first.
inline constexpr std::uint32_t cpuid_max_num_leaves = 5;

/// A feature set has 32 features a word. Word 0: leaf 1, edx.
inline constexpr std::uint32_t x86_feature_fpu = 0 * 32 + 0;
inline constexpr std::uint32_t x86_feature_vme = 0 * 32 + 1;
inline constexpr std::uint32_t x86_feature_de = 0 * 32 + 2;
inline constexpr std::uint32_t x86_feature_pse = 0 * 32 + 3;
inline constexpr std::uint32_t x86_feature_tsc = 0 * 32 + 4;
inline constexpr std::uint32_t x86_feature_msr = 0 * 32 + 5;
inline constexpr std::uint32_t x86_feature_pae = 0 * 32 + 6;
inline constexpr std::uint32_t x86_feature_mce = 0 * 32 + 7;
inline constexpr std::uint32_t x86_feature_cx8 = 0 * 32 + 8;
inline constexpr std::uint32_t x86_feature_apic = 0 * 32 + 9;
inline constexpr std::uint32_t x86_feature_sep = 0 * 32 + 11;
inline constexpr std::uint32_t x86_feature_mtrr = 0 * 32 + 12;
inline constexpr std::uint32_t x86_feature_pge = 0 * 32 + 13;
inline constexpr std::uint32_t x86_feature_mca = 0 * 32 + 14;
inline constexpr std::uint32_t x86_feature_cmov = 0 * 32 + 15;
inline constexpr std::uint32_t x86_feature_pat = 0 * 32 + 16;
inline constexpr std::uint32_t x86_feature_pse36 = 0 * 32 + 17;
inline constexpr std::uint32_t x86_feature_clflush = 0 * 32 + 19;
inline constexpr std::uint32_t x86_feature_ds = 0 * 32 + 21;
inline constexpr std::uint32_t x86_feature_acpi = 0 * 32 + 22;
inline constexpr std::uint32_t x86_feature_mmx = 0 * 32 + 23;
inline constexpr std::uint32_t x86_feature_fxsr = 0 * 32 + 24;
inline constexpr std::uint32_t x86_feature_sse = 0 * 32 + 25;
inline constexpr std::uint32_t x86_feature_sse2 = 0 * 32 + 26;
inline constexpr std::uint32_t x86_feature_ss = 0 * 32 + 27;
inline constexpr std::uint32_t x86_feature_htt = 0 * 32 + 28;
inline constexpr std::uint32_t x86_feature_tm1 = 0 * 32 + 29;
inline constexpr std::uint32_t x86_feature_pbe = 0 * 32 + 31;

/// Word 1: leaf 1, ecx.
inline constexpr std::uint32_t x86_feature_sse3 = 1 * 32 + 0;
inline constexpr std::uint32_t x86_feature_pclmulqdq = 1 * 32 + 1;
inline constexpr std::uint32_t x86_feature_dtes64 = 1 * 32 + 2;
inline constexpr std::uint32_t x86_feature_monitor = 1 * 32 + 3;
inline constexpr std::uint32_t x86_feature_dscpl = 1 * 32 + 4;
inline constexpr std::uint32_t x86_feature_vmx = 1 * 32 + 5;
inline constexpr std::uint32_t x86_feature_smx = 1 * 32 + 6;
inline constexpr std::uint32_t x86_feature_eist = 1 * 32 + 7;
inline constexpr std::uint32_t x86_feature_tm2 = 1 * 32 + 8;
inline constexpr std::uint32_t x86_feature_ssse3 = 1 * 32 + 9;
inline constexpr std::uint32_t x86_feature_fma = 1 * 32 + 12;
inline constexpr std::uint32_t x86_feature_cx16 = 1 * 32 + 13;
inline constexpr std::uint32_t x86_feature_xtpr = 1 * 32 + 14;
inline constexpr std::uint32_t x86_feature_pdcm = 1 * 32 + 15;
inline constexpr std::uint32_t x86_feature_pcid = 1 * 32 + 17;
inline constexpr std::uint32_t x86_feature_dca = 1 * 32 + 18;
inline constexpr std::uint32_t x86_feature_sse4_1 = 1 * 32 + 19;
inline constexpr std::uint32_t x86_feature_sse4_2 = 1 * 32 + 20;
inline constexpr std::uint32_t x86_feature_x2apic = 1 * 32 + 21;
inline constexpr std::uint32_t x86_feature_movbe = 1 * 32 + 22;
inline constexpr std::uint32_t x86_feature_popcnt = 1 * 32 + 23;
inline constexpr std::uint32_t x86_feature_tsc_deadline = 1 * 32 + 24;
inline constexpr std::uint32_t x86_feature_aesni = 1 * 32 + 25;
inline constexpr std::uint32_t x86_feature_xsave = 1 * 32 + 26;
inline constexpr std::uint32_t x86_feature_osxsave = 1 * 32 + 27;
inline constexpr std::uint32_t x86_feature_avx = 1 * 32 + 28;
inline constexpr std::uint32_t x86_feature_f16c = 1 * 32 + 29;
inline constexpr std::uint32_t x86_feature_rdrand = 1 * 32 + 30;
inline constexpr std::uint32_t x86_feature_hypervisor = 1 * 32 + 31;

/// Word 2: leaf 0x80000001, edx.
inline constexpr std::uint32_t x86_feature_syscall = 2 * 32 + 11;
inline constexpr std::uint32_t x86_feature_nx = 2 * 32 + 20;
inline constexpr std::uint32_t x86_feature_mmxext = 2 * 32 + 22;
inline constexpr std::uint32_t x86_feature_ffxsr = 2 * 32 + 25;
inline constexpr std::uint32_t x86_feature_page1gb = 2 * 32 + 26;
inline constexpr std::uint32_t x86_feature_rdtscp = 2 * 32 + 27;
inline constexpr std::uint32_t x86_feature_lm = 2 * 32 + 29;
inline constexpr std::uint32_t x86_feature_3dnowext = 2 * 32 + 30;
inline constexpr std::uint32_t x86_feature_3dnow = 2 * 32 + 31;

/// Word 3: leaf 0x80000001, ecx.
inline constexpr std::uint32_t x86_feature_lahf_lm = 3 * 32 + 0;
inline constexpr std::uint32_t x86_feature_cmp_legacy = 3 * 32 + 1;
inline constexpr std::uint32_t x86_feature_svm = 3 * 32 + 2;
inline constexpr std::uint32_t x86_feature_extapic = 3 * 32 + 3;
inline constexpr std::uint32_t x86_feature_cr8_legacy = 3 * 32 + 4;
inline constexpr std::uint32_t x86_feature_abm = 3 * 32 + 5;
inline constexpr std::uint32_t x86_feature_sse4a = 3 * 32 + 6;
inline constexpr std::uint32_t x86_feature_misalignsse = 3 * 32 + 7;
inline constexpr std::uint32_t x86_feature_3dnowprefetch = 3 * 32 + 8;
inline constexpr std::uint32_t x86_feature_osvw = 3 * 32 + 9;
inline constexpr std::uint32_t x86_feature_ibs = 3 * 32 + 10;
inline constexpr std::uint32_t x86_feature_xop = 3 * 32 + 11;
inline constexpr std::uint32_t x86_feature_skinit = 3 * 32 + 12;
inline constexpr std::uint32_t x86_feature_wdt = 3 * 32 + 13;
inline constexpr std::uint32_t x86_feature_lwp = 3 * 32 + 15;
inline constexpr std::uint32_t x86_feature_fma4 = 3 * 32 + 16;
inline constexpr std::uint32_t x86_feature_nodeid_msr = 3 * 32 + 19;
inline constexpr std::uint32_t x86_feature_tbm = 3 * 32 + 21;
inline constexpr std::uint32_t x86_feature_topoext = 3 * 32 + 22;
inline constexpr std::uint32_t x86_feature_dbext = 3 * 32 + 26;
inline constexpr std::uint32_t x86_feature_monitorx = 3 * 32 + 29;

/// Word 4: leaf 0xd sub-leaf 1, eax.
inline constexpr std::uint32_t x86_feature_xsaveopt = 4 * 32 + 0;
inline constexpr std::uint32_t x86_feature_xsavec = 4 * 32 + 1;
inline constexpr std::uint32_t x86_feature_xgetbv1 = 4 * 32 + 2;
inline constexpr std::uint32_t x86_feature_xsaves = 4 * 32 + 3;

/// Word 5: leaf 7, ebx.
inline constexpr std::uint32_t x86_feature_fsgsbase = 5 * 32 + 0;
inline constexpr std::uint32_t x86_feature_tsc_adjust = 5 * 32 + 1;
inline constexpr std::uint32_t x86_feature_sgx = 5 * 32 + 2;
inline constexpr std::uint32_t x86_feature_bmi1 = 5 * 32 + 3;
inline constexpr std::uint32_t x86_feature_hle = 5 * 32 + 4;
inline constexpr std::uint32_t x86_feature_avx2 = 5 * 32 + 5;
inline constexpr std::uint32_t x86_feature_fdp_excp_only = 5 * 32 + 6;
inline constexpr std::uint32_t x86_feature_smep = 5 * 32 + 7;
inline constexpr std::uint32_t x86_feature_bmi2 = 5 * 32 + 8;
inline constexpr std::uint32_t x86_feature_erms = 5 * 32 + 9;
inline constexpr std::uint32_t x86_feature_invpcid = 5 * 32 + 10;
inline constexpr std::uint32_t x86_feature_rtm = 5 * 32 + 11;
inline constexpr std::uint32_t x86_feature_pqm = 5 * 32 + 12;
inline constexpr std::uint32_t x86_feature_no_fpu_sel = 5 * 32 + 13;
inline constexpr std::uint32_t x86_feature_mpx = 5 * 32 + 14;
inline constexpr std::uint32_t x86_feature_pqe = 5 * 32 + 15;
inline constexpr std::uint32_t x86_feature_avx512f = 5 * 32 + 16;
inline constexpr std::uint32_t x86_feature_avx512dq = 5 * 32 + 17;
inline constexpr std::uint32_t x86_feature_rdseed = 5 * 32 + 18;
inline constexpr std::uint32_t x86_feature_adx = 5 * 32 + 19;
inline constexpr std::uint32_t x86_feature_smap = 5 * 32 + 20;
inline constexpr std::uint32_t x86_feature_avx512_ifma = 5 * 32 + 21;
inline constexpr std::uint32_t x86_feature_clflushopt = 5 * 32 + 23;
inline constexpr std::uint32_t x86_feature_clwb = 5 * 32 + 24;
inline constexpr std::uint32_t x86_feature_proc_trace = 5 * 32 + 25;
inline constexpr std::uint32_t x86_feature_avx512pf = 5 * 32 + 26;
inline constexpr std::uint32_t x86_feature_avx512er = 5 * 32 + 27;
inline constexpr std::uint32_t x86_feature_avx512cd = 5 * 32 + 28;
inline constexpr std::uint32_t x86_feature_sha = 5 * 32 + 29;
inline constexpr std::uint32_t x86_feature_avx512bw = 5 * 32 + 30;
inline constexpr std::uint32_t x86_feature_avx512vl = 5 * 32 + 31;

/// Word 6: leaf 7, ecx.
inline constexpr std::uint32_t x86_feature_prefetchwt1 = 6 * 32 + 0;
inline constexpr std::uint32_t x86_feature_avx512_vbmi = 6 * 32 + 1;
inline constexpr std::uint32_t x86_feature_umip = 6 * 32 + 2;
inline constexpr std::uint32_t x86_feature_pku = 6 * 32 + 3;
inline constexpr std::uint32_t x86_feature_ospke = 6 * 32 + 4;
inline constexpr std::uint32_t x86_feature_avx512_vbmi2 = 6 * 32 + 6;
inline constexpr std::uint32_t x86_feature_cet_ss = 6 * 32 + 7;
inline constexpr std::uint32_t x86_feature_gfni = 6 * 32 + 8;
inline constexpr std::uint32_t x86_feature_vaes = 6 * 32 + 9;
inline constexpr std::uint32_t x86_feature_vpclmulqdq = 6 * 32 + 10;
inline constexpr std::uint32_t x86_feature_avx512_vnni = 6 * 32 + 11;
inline constexpr std::uint32_t x86_feature_avx512_bitalg = 6 * 32 + 12;
inline constexpr std::uint32_t x86_feature_avx512_vpopcntdq = 6 * 32 + 14;
inline constexpr std::uint32_t x86_feature_rdpid = 6 * 32 + 22;
inline constexpr std::uint32_t x86_feature_cldemote = 6 * 32 + 25;
inline constexpr std::uint32_t x86_feature_movdiri = 6 * 32 + 27;
inline constexpr std::uint32_t x86_feature_movdir64b = 6 * 32 + 28;
inline constexpr std::uint32_t x86_feature_enqcmd = 6 * 32 + 29;

/// Word 7: leaf 0x80000007, edx.
inline constexpr std::uint32_t x86_feature_hw_pstate = 7 * 32 + 7;
inline constexpr std::uint32_t x86_feature_itsc = 7 * 32 + 8;
inline constexpr std::uint32_t x86_feature_cpb = 7 * 32 + 9;
inline constexpr std::uint32_t x86_feature_efro = 7 * 32 + 10;

/// Word 8: leaf 0x80000008, ebx.
inline constexpr std::uint32_t x86_feature_clzero = 8 * 32 + 0;
inline constexpr std::uint32_t x86_feature_rstr_fp_err_ptrs = 8 * 32 + 2;
inline constexpr std::uint32_t x86_feature_wbnoinvd = 8 * 32 + 9;
inline constexpr std::uint32_t x86_feature_ibpb = 8 * 32 + 12;
inline constexpr std::uint32_t x86_feature_ibrs = 8 * 32 + 14;
inline constexpr std::uint32_t x86_feature_amd_stibp = 8 * 32 + 15;
inline constexpr std::uint32_t x86_feature_ibrs_always = 8 * 32 + 16;
inline constexpr std::uint32_t x86_feature_stibp_always = 8 * 32 + 17;
inline constexpr std::uint32_t x86_feature_ibrs_fast = 8 * 32 + 18;
inline constexpr std::uint32_t x86_feature_ibrs_same_mode = 8 * 32 + 19;
inline constexpr std::uint32_t x86_feature_no_lmsl = 8 * 32 + 20;
inline constexpr std::uint32_t x86_feature_amd_ppin = 8 * 32 + 23;
inline constexpr std::uint32_t x86_feature_amd_ssbd = 8 * 32 + 24;
inline constexpr std::uint32_t x86_feature_virt_ssbd = 8 * 32 + 25;
inline constexpr std::uint32_t x86_feature_ssb_no = 8 * 32 + 26;
inline constexpr std::uint32_t x86_feature_psfd = 8 * 32 + 28;
inline constexpr std::uint32_t x86_feature_btc_no = 8 * 32 + 29;
inline constexpr std::uint32_t x86_feature_ibpb_ret = 8 * 32 + 30;

/// Word 9: leaf 7, edx.
inline constexpr std::uint32_t x86_feature_avx512_4vnniw = 9 * 32 + 2;
inline constexpr std::uint32_t x86_feature_avx512_4fmaps = 9 * 32 + 3;
inline constexpr std::uint32_t x86_feature_fsrm = 9 * 32 + 4;
inline constexpr std::uint32_t x86_feature_avx512_vp2intersect = 9 * 32 + 8;
inline constexpr std::uint32_t x86_feature_srbds_ctrl = 9 * 32 + 9;
inline constexpr std::uint32_t x86_feature_md_clear = 9 * 32 + 10;
inline constexpr std::uint32_t x86_feature_rtm_always_abort = 9 * 32 + 11;
inline constexpr std::uint32_t x86_feature_tsx_force_abort = 9 * 32 + 13;
inline constexpr std::uint32_t x86_feature_serialize = 9 * 32 + 14;
inline constexpr std::uint32_t x86_feature_hybrid = 9 * 32 + 15;
inline constexpr std::uint32_t x86_feature_tsxldtrk = 9 * 32 + 16;
inline constexpr std::uint32_t x86_feature_cet_ibt = 9 * 32 + 20;
inline constexpr std::uint32_t x86_feature_avx512_fp16 = 9 * 32 + 23;
inline constexpr std::uint32_t x86_feature_ibrsb = 9 * 32 + 26;
inline constexpr std::uint32_t x86_feature_stibp = 9 * 32 + 27;
inline constexpr std::uint32_t x86_feature_l1d_flush = 9 * 32 + 28;
inline constexpr std::uint32_t x86_feature_arch_caps = 9 * 32 + 29;
inline constexpr std::uint32_t x86_feature_core_caps = 9 * 32 + 30;
inline constexpr std::uint32_t x86_feature_ssbd = 9 * 32 + 31;

/// Word 10: leaf 7 sub-leaf 1, eax.
inline constexpr std::uint32_t x86_feature_avx_vnni = 10 * 32 + 4;
inline constexpr std::uint32_t x86_feature_avx512_bf16 = 10 * 32 + 5;
inline constexpr std::uint32_t x86_feature_fzrm = 10 * 32 + 10;
inline constexpr std::uint32_t x86_feature_fsrs = 10 * 32 + 11;
inline constexpr std::uint32_t x86_feature_fsrcs = 10 * 32 + 12;

/// Word 11: leaf 0x80000021, eax.
inline constexpr std::uint32_t x86_feature_lfence_dispatch = 11 * 32 + 2;
inline constexpr std::uint32_t x86_feature_verw_clear = 11 * 32 + 5;
inline constexpr std::uint32_t x86_feature_nscb = 11 * 32 + 6;
inline constexpr std::uint32_t x86_feature_auto_ibrs = 11 * 32 + 8;
inline constexpr std::uint32_t x86_feature_sbpb = 11 * 32 + 27;
inline constexpr std::uint32_t x86_feature_ibpb_brtype = 11 * 32 + 28;
inline constexpr std::uint32_t x86_feature_srso_no = 11 * 32 + 29;
inline constexpr std::uint32_t x86_feature_srso_us_no = 11 * 32 + 30;
inline constexpr std::uint32_t x86_feature_srso_msr_fix = 11 * 32 + 31;

/// Word 12: leaf 7 sub-leaf 1, ebx.
inline constexpr std::uint32_t x86_feature_intel_ppin = 12 * 32 + 0;

/// Word 13: leaf 7 sub-leaf 2, edx.
inline constexpr std::uint32_t x86_feature_intel_psfd = 13 * 32 + 0;
inline constexpr std::uint32_t x86_feature_ipred_ctrl = 13 * 32 + 1;
inline constexpr std::uint32_t x86_feature_rrsba_ctrl = 13 * 32 + 2;
inline constexpr std::uint32_t x86_feature_bhi_ctrl = 13 * 32 + 4;
inline constexpr std::uint32_t x86_feature_mcdt_no = 13 * 32 + 5;

/// Word 15: leaf 7 sub-leaf 1, edx.
inline constexpr std::uint32_t x86_feature_cet_sss = 15 * 32 + 18;

/// Word 16: MSR 0x10a, low half.
inline constexpr std::uint32_t x86_feature_rdcl_no = 16 * 32 + 0;
inline constexpr std::uint32_t x86_feature_eibrs = 16 * 32 + 1;
inline constexpr std::uint32_t x86_feature_rsba = 16 * 32 + 2;
inline constexpr std::uint32_t x86_feature_skip_l1dfl = 16 * 32 + 3;
inline constexpr std::uint32_t x86_feature_intel_ssb_no = 16 * 32 + 4;
inline constexpr std::uint32_t x86_feature_mds_no = 16 * 32 + 5;
inline constexpr std::uint32_t x86_feature_if_pschange_mc_no = 16 * 32 + 6;
inline constexpr std::uint32_t x86_feature_tsx_ctrl = 16 * 32 + 7;
inline constexpr std::uint32_t x86_feature_taa_no = 16 * 32 + 8;
inline constexpr std::uint32_t x86_feature_mcu_ctrl = 16 * 32 + 9;
inline constexpr std::uint32_t x86_feature_misc_pkg_ctrl = 16 * 32 + 10;
inline constexpr std::uint32_t x86_feature_energy_filtering = 16 * 32 + 11;
inline constexpr std::uint32_t x86_feature_doitm = 16 * 32 + 12;
inline constexpr std::uint32_t x86_feature_sbdr_ssdp_no = 16 * 32 + 13;
inline constexpr std::uint32_t x86_feature_fbsdp_no = 16 * 32 + 14;
inline constexpr std::uint32_t x86_feature_psdp_no = 16 * 32 + 15;
inline constexpr std::uint32_t x86_feature_fb_clear = 16 * 32 + 17;
inline constexpr std::uint32_t x86_feature_fb_clear_ctrl = 16 * 32 + 18;
inline constexpr std::uint32_t x86_feature_rrsba = 16 * 32 + 19;
inline constexpr std::uint32_t x86_feature_bhi_no = 16 * 32 + 20;
inline constexpr std::uint32_t x86_feature_xapic_status = 16 * 32 + 21;
inline constexpr std::uint32_t x86_feature_ovrclk_status = 16 * 32 + 23;
inline constexpr std::uint32_t x86_feature_pbrsb_no = 16 * 32 + 24;
inline constexpr std::uint32_t x86_feature_gds_ctrl = 16 * 32 + 25;
inline constexpr std::uint32_t x86_feature_gds_no = 16 * 32 + 26;
inline constexpr std::uint32_t x86_feature_rfds_no = 16 * 32 + 27;
inline constexpr std::uint32_t x86_feature_rfds_clear = 16 * 32 + 28;

/// Word 17: MSR 0x10a, high half.
inline constexpr std::uint32_t x86_feature_its_no = 17 * 32 + 30;

/// Word 18: leaf 0x80000021, ecx.
inline constexpr std::uint32_t x86_feature_tsa_sq_no = 18 * 32 + 1;
inline constexpr std::uint32_t x86_feature_tsa_l1_no = 18 * 32 + 2;

} // namespace xenpp::abi
