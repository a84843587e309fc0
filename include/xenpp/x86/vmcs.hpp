// SPDX-License-Identifier: Apache-2.0
// VMCS fields as types: width and writability come from the encoding (SDM3 24.11.2, app. B).
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace xenpp::x86 {

namespace detail {

template <unsigned Width>
struct vmcs_value;

template <>
struct vmcs_value<0> {
    using type = std::uint16_t;
};

template <>
struct vmcs_value<1> {
    using type = std::uint64_t;
};

template <>
struct vmcs_value<2> {
    using type = std::uint32_t;
};

template <>
struct vmcs_value<3> {
    using type = std::uint64_t; // natural width
};

} // namespace detail

/// A VMCS field. The encoding says everything: bit 0 access to the high half, 9:1 index, 11:10 type
/// (1 is read-only exit information), 14:13 width.
template <std::uint32_t Encoding>
struct vmcs_field {
    static_assert((Encoding & ~0x6ffeu) == 0, "a full-width field has bits 0, 12 and 31:15 clear");

    using value_type = typename detail::vmcs_value<(Encoding >> 13 & 3)>::type;

    static constexpr std::uint32_t encoding = Encoding;
    static constexpr bool is_read_only = (Encoding >> 10 & 3) == 1;
};

namespace detail {

template <class T>
inline constexpr bool is_vmcs_field = false;
template <std::uint32_t E>
inline constexpr bool is_vmcs_field<vmcs_field<E>> = true;

} // namespace detail

template <class F>
concept VmcsField = detail::is_vmcs_field<std::remove_cvref_t<F>>;

/// Read-only fields are exit information; that some processors can write them is not used.
template <class F>
concept WritableVmcsField = VmcsField<F> && !std::remove_cvref_t<F>::is_read_only;

/// The two instructions, on the VMCS that is current.
template <class C>
concept VmcsAccess = requires(C& cpu, std::uint32_t encoding, std::uint64_t v) {
    // VMREAD, zero-extended.
    { cpu.vmread(encoding) } -> std::same_as<std::uint64_t>;
    // VMWRITE.
    cpu.vmwrite(encoding, v);
};

/// The current VMCS. A field is passed as a value of its own type, so that it cannot stand where a
/// number is meant.
template <VmcsAccess Cpu>
class vmcs_ref {
public:
    constexpr explicit vmcs_ref(Cpu& cpu) noexcept : cpu_(&cpu) {}

    template <VmcsField F>
    constexpr typename F::value_type read(F) const {
        return static_cast<typename F::value_type>(cpu_->vmread(F::encoding));
    }

    template <WritableVmcsField F>
    constexpr void write(F, std::type_identity_t<typename F::value_type> v) const {
        cpu_->vmwrite(F::encoding, v);
    }

private:
    Cpu* cpu_;
};

namespace vmcs {

// clang-format off
// 16 bits
inline constexpr vmcs_field<0x0000> vpid{};
inline constexpr vmcs_field<0x0002> posted_interrupt_vector{};
inline constexpr vmcs_field<0x0004> ept_pointer_index{};
inline constexpr vmcs_field<0x0006> hlat_prefix_size{};
inline constexpr vmcs_field<0x0008> last_pid_pointer_index{};
inline constexpr vmcs_field<0x0800> guest_es_selector{};
inline constexpr vmcs_field<0x0802> guest_cs_selector{};
inline constexpr vmcs_field<0x0804> guest_ss_selector{};
inline constexpr vmcs_field<0x0806> guest_ds_selector{};
inline constexpr vmcs_field<0x0808> guest_fs_selector{};
inline constexpr vmcs_field<0x080a> guest_gs_selector{};
inline constexpr vmcs_field<0x080c> guest_ldtr_selector{};
inline constexpr vmcs_field<0x080e> guest_tr_selector{};
inline constexpr vmcs_field<0x0810> guest_interrupt_status{};
inline constexpr vmcs_field<0x0812> page_modification_log_index{};
inline constexpr vmcs_field<0x0814> guest_user_interrupt_vector{};
inline constexpr vmcs_field<0x0c00> host_es_selector{};
inline constexpr vmcs_field<0x0c02> host_cs_selector{};
inline constexpr vmcs_field<0x0c04> host_ss_selector{};
inline constexpr vmcs_field<0x0c06> host_ds_selector{};
inline constexpr vmcs_field<0x0c08> host_fs_selector{};
inline constexpr vmcs_field<0x0c0a> host_gs_selector{};
inline constexpr vmcs_field<0x0c0c> host_tr_selector{};
// 64 bits
inline constexpr vmcs_field<0x2000> io_bitmap_a{};
inline constexpr vmcs_field<0x2002> io_bitmap_b{};
inline constexpr vmcs_field<0x2004> msr_bitmap{};
inline constexpr vmcs_field<0x2006> exit_msr_store_address{};
inline constexpr vmcs_field<0x2008> exit_msr_load_address{};
inline constexpr vmcs_field<0x200a> entry_msr_load_address{};
inline constexpr vmcs_field<0x200c> executive_vmcs_pointer{};
inline constexpr vmcs_field<0x200e> page_modification_log_address{};
inline constexpr vmcs_field<0x2010> tsc_offset{};
inline constexpr vmcs_field<0x2012> virtual_apic_address{};
inline constexpr vmcs_field<0x2014> apic_access_address{};
inline constexpr vmcs_field<0x2016> posted_interrupt_descriptor{};
inline constexpr vmcs_field<0x2018> vm_function_controls{};
inline constexpr vmcs_field<0x201a> ept_pointer{};
inline constexpr vmcs_field<0x201c> eoi_exit_bitmap0{};
inline constexpr vmcs_field<0x201e> eoi_exit_bitmap1{};
inline constexpr vmcs_field<0x2020> eoi_exit_bitmap2{};
inline constexpr vmcs_field<0x2022> eoi_exit_bitmap3{};
inline constexpr vmcs_field<0x2024> eptp_list_address{};
inline constexpr vmcs_field<0x2026> vmread_bitmap{};
inline constexpr vmcs_field<0x2028> vmwrite_bitmap{};
inline constexpr vmcs_field<0x202a> virtualization_exception_info{};
inline constexpr vmcs_field<0x202c> xss_exiting_bitmap{};
inline constexpr vmcs_field<0x202e> encls_exiting_bitmap{};
inline constexpr vmcs_field<0x2030> sub_page_permissions{};
inline constexpr vmcs_field<0x2032> tsc_multiplier{};
inline constexpr vmcs_field<0x2034> tertiary_controls{};
inline constexpr vmcs_field<0x2036> enclv_exiting_bitmap{};
inline constexpr vmcs_field<0x2038> low_pasid_directory{};
inline constexpr vmcs_field<0x203a> high_pasid_directory{};
inline constexpr vmcs_field<0x203c> shared_ept_pointer{};
inline constexpr vmcs_field<0x203e> pconfig_exiting_bitmap{};
inline constexpr vmcs_field<0x2040> hlat_pointer{};
inline constexpr vmcs_field<0x2042> pid_pointer_table{};
inline constexpr vmcs_field<0x2044> secondary_exit_controls{};
inline constexpr vmcs_field<0x204a> spec_ctrl_mask{};
inline constexpr vmcs_field<0x204c> spec_ctrl_shadow{};
inline constexpr vmcs_field<0x2052> injected_event_data{};
inline constexpr vmcs_field<0x2400> guest_physical_address{};
inline constexpr vmcs_field<0x2402> exiting_msr_data{};
inline constexpr vmcs_field<0x2404> original_event_data{};
inline constexpr vmcs_field<0x2800> link_pointer{};
inline constexpr vmcs_field<0x2802> guest_ia32_debugctl{};
inline constexpr vmcs_field<0x2804> guest_ia32_pat{};
inline constexpr vmcs_field<0x2806> guest_ia32_efer{};
inline constexpr vmcs_field<0x2808> guest_ia32_perf_global_ctrl{};
inline constexpr vmcs_field<0x280a> guest_pdpte0{};
inline constexpr vmcs_field<0x280c> guest_pdpte1{};
inline constexpr vmcs_field<0x280e> guest_pdpte2{};
inline constexpr vmcs_field<0x2810> guest_pdpte3{};
inline constexpr vmcs_field<0x2812> guest_ia32_bndcfgs{};
inline constexpr vmcs_field<0x2814> guest_ia32_rtit_ctl{};
inline constexpr vmcs_field<0x2816> guest_ia32_lbr_ctl{};
inline constexpr vmcs_field<0x2818> guest_ia32_pkrs{};
inline constexpr vmcs_field<0x281a> guest_ia32_fred_config{};
inline constexpr vmcs_field<0x281c> guest_ia32_fred_rsp1{};
inline constexpr vmcs_field<0x281e> guest_ia32_fred_rsp2{};
inline constexpr vmcs_field<0x2820> guest_ia32_fred_rsp3{};
inline constexpr vmcs_field<0x2822> guest_ia32_fred_stklvls{};
inline constexpr vmcs_field<0x2824> guest_ia32_fred_ssp1{};
inline constexpr vmcs_field<0x2826> guest_ia32_fred_ssp2{};
inline constexpr vmcs_field<0x2828> guest_ia32_fred_ssp3{};
inline constexpr vmcs_field<0x2c00> host_ia32_pat{};
inline constexpr vmcs_field<0x2c02> host_ia32_efer{};
inline constexpr vmcs_field<0x2c04> host_ia32_perf_global_ctrl{};
inline constexpr vmcs_field<0x2c06> host_ia32_pkrs{};
inline constexpr vmcs_field<0x2c08> host_ia32_fred_config{};
inline constexpr vmcs_field<0x2c0a> host_ia32_fred_rsp1{};
inline constexpr vmcs_field<0x2c0c> host_ia32_fred_rsp2{};
inline constexpr vmcs_field<0x2c0e> host_ia32_fred_rsp3{};
inline constexpr vmcs_field<0x2c10> host_ia32_fred_stklvls{};
inline constexpr vmcs_field<0x2c12> host_ia32_fred_ssp1{};
inline constexpr vmcs_field<0x2c14> host_ia32_fred_ssp2{};
inline constexpr vmcs_field<0x2c16> host_ia32_fred_ssp3{};
// 32 bits
inline constexpr vmcs_field<0x4000> pin_based_controls{};
inline constexpr vmcs_field<0x4002> primary_controls{};
inline constexpr vmcs_field<0x4004> exception_bitmap{};
inline constexpr vmcs_field<0x4006> page_fault_error_mask{};
inline constexpr vmcs_field<0x4008> page_fault_error_match{};
inline constexpr vmcs_field<0x400a> cr3_target_count{};
inline constexpr vmcs_field<0x400c> exit_controls{};
inline constexpr vmcs_field<0x400e> exit_msr_store_count{};
inline constexpr vmcs_field<0x4010> exit_msr_load_count{};
inline constexpr vmcs_field<0x4012> entry_controls{};
inline constexpr vmcs_field<0x4014> entry_msr_load_count{};
inline constexpr vmcs_field<0x4016> entry_interruption_info{};
inline constexpr vmcs_field<0x4018> entry_exception_error_code{};
inline constexpr vmcs_field<0x401a> entry_instruction_length{};
inline constexpr vmcs_field<0x401c> tpr_threshold{};
inline constexpr vmcs_field<0x401e> secondary_controls{};
inline constexpr vmcs_field<0x4020> pause_gap{};
inline constexpr vmcs_field<0x4022> pause_window{};
inline constexpr vmcs_field<0x4024> instruction_timeout{};
inline constexpr vmcs_field<0x4400> instruction_error{};
inline constexpr vmcs_field<0x4402> exit_reason{};
inline constexpr vmcs_field<0x4404> exit_interruption_info{};
inline constexpr vmcs_field<0x4406> exit_interruption_error_code{};
inline constexpr vmcs_field<0x4408> idt_vectoring_info{};
inline constexpr vmcs_field<0x440a> idt_vectoring_error_code{};
inline constexpr vmcs_field<0x440c> exit_instruction_length{};
inline constexpr vmcs_field<0x440e> exit_instruction_info{};
inline constexpr vmcs_field<0x4800> guest_es_limit{};
inline constexpr vmcs_field<0x4802> guest_cs_limit{};
inline constexpr vmcs_field<0x4804> guest_ss_limit{};
inline constexpr vmcs_field<0x4806> guest_ds_limit{};
inline constexpr vmcs_field<0x4808> guest_fs_limit{};
inline constexpr vmcs_field<0x480a> guest_gs_limit{};
inline constexpr vmcs_field<0x480c> guest_ldtr_limit{};
inline constexpr vmcs_field<0x480e> guest_tr_limit{};
inline constexpr vmcs_field<0x4810> guest_gdtr_limit{};
inline constexpr vmcs_field<0x4812> guest_idtr_limit{};
inline constexpr vmcs_field<0x4814> guest_es_access{};
inline constexpr vmcs_field<0x4816> guest_cs_access{};
inline constexpr vmcs_field<0x4818> guest_ss_access{};
inline constexpr vmcs_field<0x481a> guest_ds_access{};
inline constexpr vmcs_field<0x481c> guest_fs_access{};
inline constexpr vmcs_field<0x481e> guest_gs_access{};
inline constexpr vmcs_field<0x4820> guest_ldtr_access{};
inline constexpr vmcs_field<0x4822> guest_tr_access{};
inline constexpr vmcs_field<0x4824> guest_interruptibility{};
inline constexpr vmcs_field<0x4826> guest_activity{};
inline constexpr vmcs_field<0x4828> guest_smbase{};
inline constexpr vmcs_field<0x482a> guest_sysenter_cs{};
inline constexpr vmcs_field<0x482e> preemption_timer{};
inline constexpr vmcs_field<0x4c00> host_sysenter_cs{};
// Natural width
inline constexpr vmcs_field<0x6000> cr0_mask{};
inline constexpr vmcs_field<0x6002> cr4_mask{};
inline constexpr vmcs_field<0x6004> cr0_shadow{};
inline constexpr vmcs_field<0x6006> cr4_shadow{};
inline constexpr vmcs_field<0x6008> cr3_target0{};
inline constexpr vmcs_field<0x600a> cr3_target1{};
inline constexpr vmcs_field<0x600c> cr3_target2{};
inline constexpr vmcs_field<0x600e> cr3_target3{};
inline constexpr vmcs_field<0x6400> exit_qualification{};
inline constexpr vmcs_field<0x6402> io_rcx{};
inline constexpr vmcs_field<0x6404> io_rsi{};
inline constexpr vmcs_field<0x6406> io_rdi{};
inline constexpr vmcs_field<0x6408> io_rip{};
inline constexpr vmcs_field<0x640a> guest_linear_address{};
inline constexpr vmcs_field<0x6800> guest_cr0{};
inline constexpr vmcs_field<0x6802> guest_cr3{};
inline constexpr vmcs_field<0x6804> guest_cr4{};
inline constexpr vmcs_field<0x6806> guest_es_base{};
inline constexpr vmcs_field<0x6808> guest_cs_base{};
inline constexpr vmcs_field<0x680a> guest_ss_base{};
inline constexpr vmcs_field<0x680c> guest_ds_base{};
inline constexpr vmcs_field<0x680e> guest_fs_base{};
inline constexpr vmcs_field<0x6810> guest_gs_base{};
inline constexpr vmcs_field<0x6812> guest_ldtr_base{};
inline constexpr vmcs_field<0x6814> guest_tr_base{};
inline constexpr vmcs_field<0x6816> guest_gdtr_base{};
inline constexpr vmcs_field<0x6818> guest_idtr_base{};
inline constexpr vmcs_field<0x681a> guest_dr7{};
inline constexpr vmcs_field<0x681c> guest_rsp{};
inline constexpr vmcs_field<0x681e> guest_rip{};
inline constexpr vmcs_field<0x6820> guest_rflags{};
inline constexpr vmcs_field<0x6822> guest_pending_debug{};
inline constexpr vmcs_field<0x6824> guest_sysenter_esp{};
inline constexpr vmcs_field<0x6826> guest_sysenter_eip{};
inline constexpr vmcs_field<0x6828> guest_s_cet{};
inline constexpr vmcs_field<0x682a> guest_ssp{};
inline constexpr vmcs_field<0x682c> guest_ia32_interrupt_ssp_table{};
inline constexpr vmcs_field<0x6c00> host_cr0{};
inline constexpr vmcs_field<0x6c02> host_cr3{};
inline constexpr vmcs_field<0x6c04> host_cr4{};
inline constexpr vmcs_field<0x6c06> host_fs_base{};
inline constexpr vmcs_field<0x6c08> host_gs_base{};
inline constexpr vmcs_field<0x6c0a> host_tr_base{};
inline constexpr vmcs_field<0x6c0c> host_gdtr_base{};
inline constexpr vmcs_field<0x6c0e> host_idtr_base{};
inline constexpr vmcs_field<0x6c10> host_sysenter_esp{};
inline constexpr vmcs_field<0x6c12> host_sysenter_eip{};
inline constexpr vmcs_field<0x6c14> host_rsp{};
inline constexpr vmcs_field<0x6c16> host_rip{};
inline constexpr vmcs_field<0x6c18> host_s_cet{};
inline constexpr vmcs_field<0x6c1a> host_ssp{};
inline constexpr vmcs_field<0x6c1c> host_ia32_interrupt_ssp_table{};
// clang-format on

/// A guest segment's access rights: the descriptor's bits 55:40 with 51:48 zero, and unusable.
inline constexpr std::uint32_t access_unusable = 1u << 16;

/// From and to the packed attributes of descriptor.hpp and the VMCB.
constexpr std::uint32_t access_of(std::uint16_t attributes) noexcept {
    return (attributes & 0xffu) | (attributes & 0xf00u) << 4;
}

constexpr std::uint16_t attributes_of(std::uint32_t access) noexcept {
    return static_cast<std::uint16_t>((access & 0xff) | (access >> 4 & 0xf00));
}

static_assert(access_of(0xc9b) == 0xc09b && attributes_of(0xc09b) == 0xc9b);

} // namespace vmcs

} // namespace xenpp::x86
