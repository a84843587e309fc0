// SPDX-License-Identifier: Apache-2.0
// CPUID: leaf numbers and features as (leaf, register, bit) constants (APM3 app. E; SDM2 CPUID).
#pragma once

#include <cstdint>

namespace xenpp::x86 {

/// What one execution of CPUID leaves in eax, ebx, ecx, edx.
struct cpuid_leaf {
    std::uint32_t a = 0;
    std::uint32_t b = 0;
    std::uint32_t c = 0;
    std::uint32_t d = 0;

    friend constexpr bool operator==(cpuid_leaf const&, cpuid_leaf const&) noexcept = default;
};

enum class cpuid_register : std::uint8_t {
    eax,
    ebx,
    ecx,
    edx,
};

/// One feature bit. `subleaf` counts only for leaves that have subleaves.
struct cpuid_feature {
    std::uint32_t leaf;
    std::uint32_t subleaf;
    cpuid_register reg;
    std::uint8_t bit;

    friend constexpr bool operator==(cpuid_feature const&, cpuid_feature const&) noexcept = default;
};

/// The register of `l` that `r` names.
constexpr std::uint32_t& get(cpuid_leaf& l, cpuid_register r) noexcept {
    switch (r) {
    case cpuid_register::eax: return l.a;
    case cpuid_register::ebx: return l.b;
    case cpuid_register::ecx: return l.c;
    case cpuid_register::edx: break;
    }
    return l.d;
}

/// Whether `l`, which must be the answer to `f.leaf` and `f.subleaf`, has the feature.
constexpr bool has(cpuid_leaf l, cpuid_feature f) noexcept {
    return (get(l, f.reg) >> f.bit & 1u) != 0;
}

constexpr void set(cpuid_leaf& l, cpuid_feature f, bool on) noexcept {
    std::uint32_t const mask = std::uint32_t{1} << f.bit;
    std::uint32_t& r = get(l, f.reg);
    r = on ? r | mask : r & ~mask;
}

namespace cpuid {

// clang-format off
inline constexpr std::uint32_t leaf_vendor          = 0x0000'0000; ///< a: highest leaf; b, d, c: vendor string
inline constexpr std::uint32_t leaf_features        = 0x0000'0001; ///< b[31:24]: initial APIC id
inline constexpr std::uint32_t leaf_caches          = 0x0000'0004;
inline constexpr std::uint32_t leaf_monitor         = 0x0000'0005;
inline constexpr std::uint32_t leaf_power           = 0x0000'0006;
inline constexpr std::uint32_t leaf_features7       = 0x0000'0007;
inline constexpr std::uint32_t leaf_pmu             = 0x0000'000a;
inline constexpr std::uint32_t leaf_topology        = 0x0000'000b; ///< d: x2APIC id
inline constexpr std::uint32_t leaf_xstate          = 0x0000'000d; ///< .0: d:a XCR0 bits, b size for XCR0, c size for all
inline constexpr std::uint32_t leaf_tsc             = 0x0000'0015;
inline constexpr std::uint32_t leaf_frequency       = 0x0000'0016;
inline constexpr std::uint32_t leaf_hypervisor      = 0x4000'0000; ///< first of a hypervisor's own
inline constexpr std::uint32_t leaf_hypervisor_last = 0x4000'ff00;
inline constexpr std::uint32_t leaf_ext_max         = 0x8000'0000;
inline constexpr std::uint32_t leaf_ext_features    = 0x8000'0001;
inline constexpr std::uint32_t leaf_brand0          = 0x8000'0002; ///< three leaves of 16 bytes
inline constexpr std::uint32_t leaf_l1              = 0x8000'0005;
inline constexpr std::uint32_t leaf_l2              = 0x8000'0006;
inline constexpr std::uint32_t leaf_ext_power       = 0x8000'0007;
inline constexpr std::uint32_t leaf_addresses       = 0x8000'0008; ///< a[7:0]: physical bits, a[15:8]: linear bits
inline constexpr std::uint32_t leaf_svm             = 0x8000'000a; ///< a[7:0]: revision, b: number of ASIDs
inline constexpr std::uint32_t leaf_tlb_1g          = 0x8000'0019;
inline constexpr std::uint32_t leaf_perf_hints      = 0x8000'001a;
inline constexpr std::uint32_t leaf_cache_topology  = 0x8000'001d;
inline constexpr std::uint32_t leaf_amd_topology    = 0x8000'001e;
inline constexpr std::uint32_t leaf_encryption      = 0x8000'001f;
inline constexpr std::uint32_t leaf_ext_features2   = 0x8000'0021;

using enum cpuid_register;
inline constexpr cpuid_feature sse3           {leaf_features, 0, ecx, 0};
inline constexpr cpuid_feature pclmulqdq      {leaf_features, 0, ecx, 1};
inline constexpr cpuid_feature monitor        {leaf_features, 0, ecx, 3};
inline constexpr cpuid_feature vmx            {leaf_features, 0, ecx, 5};
inline constexpr cpuid_feature ssse3          {leaf_features, 0, ecx, 9};
inline constexpr cpuid_feature fma            {leaf_features, 0, ecx, 12};
inline constexpr cpuid_feature cmpxchg16b     {leaf_features, 0, ecx, 13};
inline constexpr cpuid_feature pdcm           {leaf_features, 0, ecx, 15};
inline constexpr cpuid_feature pcid           {leaf_features, 0, ecx, 17};
inline constexpr cpuid_feature sse4_1         {leaf_features, 0, ecx, 19};
inline constexpr cpuid_feature sse4_2         {leaf_features, 0, ecx, 20};
inline constexpr cpuid_feature x2apic         {leaf_features, 0, ecx, 21};
inline constexpr cpuid_feature movbe          {leaf_features, 0, ecx, 22};
inline constexpr cpuid_feature popcnt         {leaf_features, 0, ecx, 23};
inline constexpr cpuid_feature tsc_deadline   {leaf_features, 0, ecx, 24};
inline constexpr cpuid_feature aes            {leaf_features, 0, ecx, 25};
inline constexpr cpuid_feature xsave          {leaf_features, 0, ecx, 26};
inline constexpr cpuid_feature osxsave        {leaf_features, 0, ecx, 27}; ///< follows CR4
inline constexpr cpuid_feature avx            {leaf_features, 0, ecx, 28};
inline constexpr cpuid_feature f16c           {leaf_features, 0, ecx, 29};
inline constexpr cpuid_feature rdrand         {leaf_features, 0, ecx, 30};
inline constexpr cpuid_feature hypervisor     {leaf_features, 0, ecx, 31};
inline constexpr cpuid_feature fpu            {leaf_features, 0, edx, 0};
inline constexpr cpuid_feature vme            {leaf_features, 0, edx, 1};
inline constexpr cpuid_feature de             {leaf_features, 0, edx, 2};
inline constexpr cpuid_feature pse            {leaf_features, 0, edx, 3};
inline constexpr cpuid_feature tsc            {leaf_features, 0, edx, 4};
inline constexpr cpuid_feature msr            {leaf_features, 0, edx, 5};
inline constexpr cpuid_feature pae            {leaf_features, 0, edx, 6};
inline constexpr cpuid_feature mce            {leaf_features, 0, edx, 7};
inline constexpr cpuid_feature cx8            {leaf_features, 0, edx, 8};
inline constexpr cpuid_feature apic           {leaf_features, 0, edx, 9};  ///< follows APIC_BASE
inline constexpr cpuid_feature sep            {leaf_features, 0, edx, 11};
inline constexpr cpuid_feature mtrr           {leaf_features, 0, edx, 12};
inline constexpr cpuid_feature pge            {leaf_features, 0, edx, 13};
inline constexpr cpuid_feature mca            {leaf_features, 0, edx, 14};
inline constexpr cpuid_feature cmov           {leaf_features, 0, edx, 15};
inline constexpr cpuid_feature pat            {leaf_features, 0, edx, 16};
inline constexpr cpuid_feature pse36          {leaf_features, 0, edx, 17};
inline constexpr cpuid_feature clflush        {leaf_features, 0, edx, 19};
inline constexpr cpuid_feature acpi           {leaf_features, 0, edx, 22};
inline constexpr cpuid_feature mmx            {leaf_features, 0, edx, 23};
inline constexpr cpuid_feature fxsr           {leaf_features, 0, edx, 24};
inline constexpr cpuid_feature sse            {leaf_features, 0, edx, 25};
inline constexpr cpuid_feature sse2           {leaf_features, 0, edx, 26};
inline constexpr cpuid_feature htt            {leaf_features, 0, edx, 28};
inline constexpr cpuid_feature fsgsbase       {leaf_features7, 0, ebx, 0};
inline constexpr cpuid_feature tsc_adjust     {leaf_features7, 0, ebx, 1};
inline constexpr cpuid_feature bmi1           {leaf_features7, 0, ebx, 3};
inline constexpr cpuid_feature avx2           {leaf_features7, 0, ebx, 5};
inline constexpr cpuid_feature smep           {leaf_features7, 0, ebx, 7};
inline constexpr cpuid_feature bmi2           {leaf_features7, 0, ebx, 8};
inline constexpr cpuid_feature erms           {leaf_features7, 0, ebx, 9};
inline constexpr cpuid_feature invpcid        {leaf_features7, 0, ebx, 10};
inline constexpr cpuid_feature mpx            {leaf_features7, 0, ebx, 14};
inline constexpr cpuid_feature avx512f        {leaf_features7, 0, ebx, 16};
inline constexpr cpuid_feature rdseed         {leaf_features7, 0, ebx, 18};
inline constexpr cpuid_feature adx            {leaf_features7, 0, ebx, 19};
inline constexpr cpuid_feature smap           {leaf_features7, 0, ebx, 20};
inline constexpr cpuid_feature clflushopt     {leaf_features7, 0, ebx, 23};
inline constexpr cpuid_feature clwb           {leaf_features7, 0, ebx, 24};
inline constexpr cpuid_feature sha            {leaf_features7, 0, ebx, 29};
inline constexpr cpuid_feature umip           {leaf_features7, 0, ecx, 2};
inline constexpr cpuid_feature pku            {leaf_features7, 0, ecx, 3};
inline constexpr cpuid_feature ospke          {leaf_features7, 0, ecx, 4};  ///< follows CR4
inline constexpr cpuid_feature waitpkg        {leaf_features7, 0, ecx, 5};
inline constexpr cpuid_feature cet_ss         {leaf_features7, 0, ecx, 7};
inline constexpr cpuid_feature la57           {leaf_features7, 0, ecx, 16};
inline constexpr cpuid_feature rdpid          {leaf_features7, 0, ecx, 22};
inline constexpr cpuid_feature pks            {leaf_features7, 0, ecx, 31};
inline constexpr cpuid_feature fsrm           {leaf_features7, 0, edx, 4};
inline constexpr cpuid_feature cet_ibt        {leaf_features7, 0, edx, 20};
inline constexpr cpuid_feature spec_ctrl      {leaf_features7, 0, edx, 26};
inline constexpr cpuid_feature stibp          {leaf_features7, 0, edx, 27};
inline constexpr cpuid_feature arch_caps      {leaf_features7, 0, edx, 29};
inline constexpr cpuid_feature ssbd           {leaf_features7, 0, edx, 31};
inline constexpr cpuid_feature xsaveopt       {leaf_xstate, 1, eax, 0};
inline constexpr cpuid_feature xsavec         {leaf_xstate, 1, eax, 1};
inline constexpr cpuid_feature xgetbv_ecx1    {leaf_xstate, 1, eax, 2};
inline constexpr cpuid_feature xsaves         {leaf_xstate, 1, eax, 3};
inline constexpr cpuid_feature lahf_lm        {leaf_ext_features, 0, ecx, 0};
inline constexpr cpuid_feature cmp_legacy     {leaf_ext_features, 0, ecx, 1};
inline constexpr cpuid_feature svm            {leaf_ext_features, 0, ecx, 2};
inline constexpr cpuid_feature ext_apic_space {leaf_ext_features, 0, ecx, 3};
inline constexpr cpuid_feature cr8_legacy     {leaf_ext_features, 0, ecx, 4};
inline constexpr cpuid_feature abm            {leaf_ext_features, 0, ecx, 5};
inline constexpr cpuid_feature sse4a          {leaf_ext_features, 0, ecx, 6};
inline constexpr cpuid_feature misalign_sse   {leaf_ext_features, 0, ecx, 7};
inline constexpr cpuid_feature prefetch_3dnow {leaf_ext_features, 0, ecx, 8};
inline constexpr cpuid_feature osvw           {leaf_ext_features, 0, ecx, 9};
inline constexpr cpuid_feature ibs            {leaf_ext_features, 0, ecx, 10};
inline constexpr cpuid_feature skinit         {leaf_ext_features, 0, ecx, 12};
inline constexpr cpuid_feature wdt            {leaf_ext_features, 0, ecx, 13};
inline constexpr cpuid_feature lwp            {leaf_ext_features, 0, ecx, 15};
inline constexpr cpuid_feature topoext        {leaf_ext_features, 0, ecx, 22};
inline constexpr cpuid_feature perfctr_core   {leaf_ext_features, 0, ecx, 23};
inline constexpr cpuid_feature monitorx       {leaf_ext_features, 0, ecx, 29};
inline constexpr cpuid_feature syscall        {leaf_ext_features, 0, edx, 11};
inline constexpr cpuid_feature nx             {leaf_ext_features, 0, edx, 20};
inline constexpr cpuid_feature mmxext         {leaf_ext_features, 0, edx, 22};
inline constexpr cpuid_feature ffxsr          {leaf_ext_features, 0, edx, 25};
inline constexpr cpuid_feature page_1g        {leaf_ext_features, 0, edx, 26};
inline constexpr cpuid_feature rdtscp         {leaf_ext_features, 0, edx, 27};
inline constexpr cpuid_feature lm             {leaf_ext_features, 0, edx, 29};
inline constexpr cpuid_feature invariant_tsc  {leaf_ext_power, 0, edx, 8};
inline constexpr cpuid_feature clzero         {leaf_addresses, 0, ebx, 0};
inline constexpr cpuid_feature rdpru          {leaf_addresses, 0, ebx, 4};
inline constexpr cpuid_feature wbnoinvd       {leaf_addresses, 0, ebx, 9};
inline constexpr cpuid_feature ibpb           {leaf_addresses, 0, ebx, 12};
inline constexpr cpuid_feature ibrs           {leaf_addresses, 0, ebx, 14};
inline constexpr cpuid_feature svm_np         {leaf_svm, 0, edx, 0};  ///< nested paging
inline constexpr cpuid_feature svm_lbrv       {leaf_svm, 0, edx, 1};
inline constexpr cpuid_feature svm_lock       {leaf_svm, 0, edx, 2};
inline constexpr cpuid_feature svm_nrips      {leaf_svm, 0, edx, 3};  ///< next rIP is saved
inline constexpr cpuid_feature svm_tsc_rate   {leaf_svm, 0, edx, 4};
inline constexpr cpuid_feature svm_clean      {leaf_svm, 0, edx, 5};  ///< clean bits are obeyed
inline constexpr cpuid_feature svm_flush_asid {leaf_svm, 0, edx, 6};
inline constexpr cpuid_feature svm_decode     {leaf_svm, 0, edx, 7};  ///< decode assists
inline constexpr cpuid_feature svm_pause      {leaf_svm, 0, edx, 10};
inline constexpr cpuid_feature svm_pause_thr  {leaf_svm, 0, edx, 12};
inline constexpr cpuid_feature svm_avic       {leaf_svm, 0, edx, 13};
inline constexpr cpuid_feature svm_vls        {leaf_svm, 0, edx, 15}; ///< virtual VMLOAD and VMSAVE
inline constexpr cpuid_feature svm_vgif       {leaf_svm, 0, edx, 16};
inline constexpr cpuid_feature svm_gmet       {leaf_svm, 0, edx, 17};
inline constexpr cpuid_feature svm_svme_chk   {leaf_svm, 0, edx, 28};

// clang-format on

/// The address sizes of leaf 0x80000008, in bits.
constexpr unsigned physical_bits(cpuid_leaf addresses) noexcept {
    return addresses.a & 0xff;
}

constexpr unsigned linear_bits(cpuid_leaf addresses) noexcept {
    return addresses.a >> 8 & 0xff;
}

/// The vendor's twelve letters, as leaf 0 spreads them.
inline constexpr cpuid_leaf vendor_amd{0, 0x6874'7541, 0x444d'4163, 0x6974'6e65};
inline constexpr cpuid_leaf vendor_intel{0, 0x756e'6547, 0x6c65'746e, 0x4965'6e69};

/// Whether two answers to leaf 0 name the same vendor, whatever their highest leaf.
constexpr bool is_same_vendor(cpuid_leaf const& x, cpuid_leaf const& y) noexcept {
    return x.b == y.b && x.c == y.c && x.d == y.d;
}

} // namespace cpuid

} // namespace xenpp::x86
