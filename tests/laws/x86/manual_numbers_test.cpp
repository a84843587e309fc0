// SPDX-License-Identifier: Apache-2.0
// Every VMCS field is where the manual's tables put it: width, type, and its place among the fields
// of both (SDM3 app. B); exit numbers agree with those of the system's own headers. No field of the
// VMCS and no member of the VMCB is without its row.
#include <xenpp/x86/svm_exit.hpp>
#include <xenpp/x86/vmcs.hpp>
#include <xenpp/x86/vmx_exit.hpp>

#include <asm/svm.h>
#include <asm/vmx.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <regex>
#include <set>
#include <string>

using namespace xenpp::x86;

namespace {

enum class width {
    bits16,
    bits64,
    bits32,
    natural
};
enum class kind {
    control,
    exit_information,
    guest,
    host
};

/// B: "bits 9:1 are the index, 11:10 the type, 14:13 the width".
constexpr std::uint32_t encode(width w, kind k, std::uint32_t index) {
    return index << 1 | static_cast<std::uint32_t>(k) << 10 | static_cast<std::uint32_t>(w) << 13;
}

struct row {
    std::uint32_t is, expected;
};

// clang-format off
constexpr row fields[] = {
    {vmcs::vpid.encoding, encode(width::bits16, kind::control, 0)},
    {vmcs::posted_interrupt_vector.encoding, encode(width::bits16, kind::control, 1)},
    {vmcs::ept_pointer_index.encoding, encode(width::bits16, kind::control, 2)},
    {vmcs::hlat_prefix_size.encoding, encode(width::bits16, kind::control, 3)},
    {vmcs::last_pid_pointer_index.encoding, encode(width::bits16, kind::control, 4)},
    {vmcs::guest_es_selector.encoding, encode(width::bits16, kind::guest, 0)},
    {vmcs::guest_cs_selector.encoding, encode(width::bits16, kind::guest, 1)},
    {vmcs::guest_ss_selector.encoding, encode(width::bits16, kind::guest, 2)},
    {vmcs::guest_ds_selector.encoding, encode(width::bits16, kind::guest, 3)},
    {vmcs::guest_fs_selector.encoding, encode(width::bits16, kind::guest, 4)},
    {vmcs::guest_gs_selector.encoding, encode(width::bits16, kind::guest, 5)},
    {vmcs::guest_ldtr_selector.encoding, encode(width::bits16, kind::guest, 6)},
    {vmcs::guest_tr_selector.encoding, encode(width::bits16, kind::guest, 7)},
    {vmcs::guest_interrupt_status.encoding, encode(width::bits16, kind::guest, 8)},
    {vmcs::page_modification_log_index.encoding, encode(width::bits16, kind::guest, 9)},
    {vmcs::guest_user_interrupt_vector.encoding, encode(width::bits16, kind::guest, 10)},
    {vmcs::host_es_selector.encoding, encode(width::bits16, kind::host, 0)},
    {vmcs::host_cs_selector.encoding, encode(width::bits16, kind::host, 1)},
    {vmcs::host_ss_selector.encoding, encode(width::bits16, kind::host, 2)},
    {vmcs::host_ds_selector.encoding, encode(width::bits16, kind::host, 3)},
    {vmcs::host_fs_selector.encoding, encode(width::bits16, kind::host, 4)},
    {vmcs::host_gs_selector.encoding, encode(width::bits16, kind::host, 5)},
    {vmcs::host_tr_selector.encoding, encode(width::bits16, kind::host, 6)},
    {vmcs::io_bitmap_a.encoding, encode(width::bits64, kind::control, 0)},
    {vmcs::io_bitmap_b.encoding, encode(width::bits64, kind::control, 1)},
    {vmcs::msr_bitmap.encoding, encode(width::bits64, kind::control, 2)},
    {vmcs::exit_msr_store_address.encoding, encode(width::bits64, kind::control, 3)},
    {vmcs::exit_msr_load_address.encoding, encode(width::bits64, kind::control, 4)},
    {vmcs::entry_msr_load_address.encoding, encode(width::bits64, kind::control, 5)},
    {vmcs::executive_vmcs_pointer.encoding, encode(width::bits64, kind::control, 6)},
    {vmcs::page_modification_log_address.encoding, encode(width::bits64, kind::control, 7)},
    {vmcs::tsc_offset.encoding, encode(width::bits64, kind::control, 8)},
    {vmcs::virtual_apic_address.encoding, encode(width::bits64, kind::control, 9)},
    {vmcs::apic_access_address.encoding, encode(width::bits64, kind::control, 10)},
    {vmcs::posted_interrupt_descriptor.encoding, encode(width::bits64, kind::control, 11)},
    {vmcs::vm_function_controls.encoding, encode(width::bits64, kind::control, 12)},
    {vmcs::ept_pointer.encoding, encode(width::bits64, kind::control, 13)},
    {vmcs::eoi_exit_bitmap0.encoding, encode(width::bits64, kind::control, 14)},
    {vmcs::eoi_exit_bitmap1.encoding, encode(width::bits64, kind::control, 15)},
    {vmcs::eoi_exit_bitmap2.encoding, encode(width::bits64, kind::control, 16)},
    {vmcs::eoi_exit_bitmap3.encoding, encode(width::bits64, kind::control, 17)},
    {vmcs::eptp_list_address.encoding, encode(width::bits64, kind::control, 18)},
    {vmcs::vmread_bitmap.encoding, encode(width::bits64, kind::control, 19)},
    {vmcs::vmwrite_bitmap.encoding, encode(width::bits64, kind::control, 20)},
    {vmcs::virtualization_exception_info.encoding, encode(width::bits64, kind::control, 21)},
    {vmcs::xss_exiting_bitmap.encoding, encode(width::bits64, kind::control, 22)},
    {vmcs::encls_exiting_bitmap.encoding, encode(width::bits64, kind::control, 23)},
    {vmcs::sub_page_permissions.encoding, encode(width::bits64, kind::control, 24)},
    {vmcs::tsc_multiplier.encoding, encode(width::bits64, kind::control, 25)},
    {vmcs::tertiary_controls.encoding, encode(width::bits64, kind::control, 26)},
    {vmcs::enclv_exiting_bitmap.encoding, encode(width::bits64, kind::control, 27)},
    {vmcs::low_pasid_directory.encoding, encode(width::bits64, kind::control, 28)},
    {vmcs::high_pasid_directory.encoding, encode(width::bits64, kind::control, 29)},
    {vmcs::shared_ept_pointer.encoding, encode(width::bits64, kind::control, 30)},
    {vmcs::pconfig_exiting_bitmap.encoding, encode(width::bits64, kind::control, 31)},
    {vmcs::hlat_pointer.encoding, encode(width::bits64, kind::control, 32)},
    {vmcs::pid_pointer_table.encoding, encode(width::bits64, kind::control, 33)},
    {vmcs::secondary_exit_controls.encoding, encode(width::bits64, kind::control, 34)},
    {vmcs::spec_ctrl_mask.encoding, encode(width::bits64, kind::control, 37)},
    {vmcs::spec_ctrl_shadow.encoding, encode(width::bits64, kind::control, 38)},
    {vmcs::injected_event_data.encoding, encode(width::bits64, kind::control, 41)},
    {vmcs::guest_physical_address.encoding, encode(width::bits64, kind::exit_information, 0)},
    {vmcs::exiting_msr_data.encoding, encode(width::bits64, kind::exit_information, 1)},
    {vmcs::original_event_data.encoding, encode(width::bits64, kind::exit_information, 2)},
    {vmcs::link_pointer.encoding, encode(width::bits64, kind::guest, 0)},
    {vmcs::guest_ia32_debugctl.encoding, encode(width::bits64, kind::guest, 1)},
    {vmcs::guest_ia32_pat.encoding, encode(width::bits64, kind::guest, 2)},
    {vmcs::guest_ia32_efer.encoding, encode(width::bits64, kind::guest, 3)},
    {vmcs::guest_ia32_perf_global_ctrl.encoding, encode(width::bits64, kind::guest, 4)},
    {vmcs::guest_pdpte0.encoding, encode(width::bits64, kind::guest, 5)},
    {vmcs::guest_pdpte1.encoding, encode(width::bits64, kind::guest, 6)},
    {vmcs::guest_pdpte2.encoding, encode(width::bits64, kind::guest, 7)},
    {vmcs::guest_pdpte3.encoding, encode(width::bits64, kind::guest, 8)},
    {vmcs::guest_ia32_bndcfgs.encoding, encode(width::bits64, kind::guest, 9)},
    {vmcs::guest_ia32_rtit_ctl.encoding, encode(width::bits64, kind::guest, 10)},
    {vmcs::guest_ia32_lbr_ctl.encoding, encode(width::bits64, kind::guest, 11)},
    {vmcs::guest_ia32_pkrs.encoding, encode(width::bits64, kind::guest, 12)},
    {vmcs::guest_ia32_fred_config.encoding, encode(width::bits64, kind::guest, 13)},
    {vmcs::guest_ia32_fred_rsp1.encoding, encode(width::bits64, kind::guest, 14)},
    {vmcs::guest_ia32_fred_rsp2.encoding, encode(width::bits64, kind::guest, 15)},
    {vmcs::guest_ia32_fred_rsp3.encoding, encode(width::bits64, kind::guest, 16)},
    {vmcs::guest_ia32_fred_stklvls.encoding, encode(width::bits64, kind::guest, 17)},
    {vmcs::guest_ia32_fred_ssp1.encoding, encode(width::bits64, kind::guest, 18)},
    {vmcs::guest_ia32_fred_ssp2.encoding, encode(width::bits64, kind::guest, 19)},
    {vmcs::guest_ia32_fred_ssp3.encoding, encode(width::bits64, kind::guest, 20)},
    {vmcs::host_ia32_pat.encoding, encode(width::bits64, kind::host, 0)},
    {vmcs::host_ia32_efer.encoding, encode(width::bits64, kind::host, 1)},
    {vmcs::host_ia32_perf_global_ctrl.encoding, encode(width::bits64, kind::host, 2)},
    {vmcs::host_ia32_pkrs.encoding, encode(width::bits64, kind::host, 3)},
    {vmcs::host_ia32_fred_config.encoding, encode(width::bits64, kind::host, 4)},
    {vmcs::host_ia32_fred_rsp1.encoding, encode(width::bits64, kind::host, 5)},
    {vmcs::host_ia32_fred_rsp2.encoding, encode(width::bits64, kind::host, 6)},
    {vmcs::host_ia32_fred_rsp3.encoding, encode(width::bits64, kind::host, 7)},
    {vmcs::host_ia32_fred_stklvls.encoding, encode(width::bits64, kind::host, 8)},
    {vmcs::host_ia32_fred_ssp1.encoding, encode(width::bits64, kind::host, 9)},
    {vmcs::host_ia32_fred_ssp2.encoding, encode(width::bits64, kind::host, 10)},
    {vmcs::host_ia32_fred_ssp3.encoding, encode(width::bits64, kind::host, 11)},
    {vmcs::pin_based_controls.encoding, encode(width::bits32, kind::control, 0)},
    {vmcs::primary_controls.encoding, encode(width::bits32, kind::control, 1)},
    {vmcs::exception_bitmap.encoding, encode(width::bits32, kind::control, 2)},
    {vmcs::page_fault_error_mask.encoding, encode(width::bits32, kind::control, 3)},
    {vmcs::page_fault_error_match.encoding, encode(width::bits32, kind::control, 4)},
    {vmcs::cr3_target_count.encoding, encode(width::bits32, kind::control, 5)},
    {vmcs::exit_controls.encoding, encode(width::bits32, kind::control, 6)},
    {vmcs::exit_msr_store_count.encoding, encode(width::bits32, kind::control, 7)},
    {vmcs::exit_msr_load_count.encoding, encode(width::bits32, kind::control, 8)},
    {vmcs::entry_controls.encoding, encode(width::bits32, kind::control, 9)},
    {vmcs::entry_msr_load_count.encoding, encode(width::bits32, kind::control, 10)},
    {vmcs::entry_interruption_info.encoding, encode(width::bits32, kind::control, 11)},
    {vmcs::entry_exception_error_code.encoding, encode(width::bits32, kind::control, 12)},
    {vmcs::entry_instruction_length.encoding, encode(width::bits32, kind::control, 13)},
    {vmcs::tpr_threshold.encoding, encode(width::bits32, kind::control, 14)},
    {vmcs::secondary_controls.encoding, encode(width::bits32, kind::control, 15)},
    {vmcs::pause_gap.encoding, encode(width::bits32, kind::control, 16)},
    {vmcs::pause_window.encoding, encode(width::bits32, kind::control, 17)},
    {vmcs::instruction_timeout.encoding, encode(width::bits32, kind::control, 18)},
    {vmcs::instruction_error.encoding, encode(width::bits32, kind::exit_information, 0)},
    {vmcs::exit_reason.encoding, encode(width::bits32, kind::exit_information, 1)},
    {vmcs::exit_interruption_info.encoding, encode(width::bits32, kind::exit_information, 2)},
    {vmcs::exit_interruption_error_code.encoding, encode(width::bits32, kind::exit_information, 3)},
    {vmcs::idt_vectoring_info.encoding, encode(width::bits32, kind::exit_information, 4)},
    {vmcs::idt_vectoring_error_code.encoding, encode(width::bits32, kind::exit_information, 5)},
    {vmcs::exit_instruction_length.encoding, encode(width::bits32, kind::exit_information, 6)},
    {vmcs::exit_instruction_info.encoding, encode(width::bits32, kind::exit_information, 7)},
    {vmcs::guest_es_limit.encoding, encode(width::bits32, kind::guest, 0)},
    {vmcs::guest_cs_limit.encoding, encode(width::bits32, kind::guest, 1)},
    {vmcs::guest_ss_limit.encoding, encode(width::bits32, kind::guest, 2)},
    {vmcs::guest_ds_limit.encoding, encode(width::bits32, kind::guest, 3)},
    {vmcs::guest_fs_limit.encoding, encode(width::bits32, kind::guest, 4)},
    {vmcs::guest_gs_limit.encoding, encode(width::bits32, kind::guest, 5)},
    {vmcs::guest_ldtr_limit.encoding, encode(width::bits32, kind::guest, 6)},
    {vmcs::guest_tr_limit.encoding, encode(width::bits32, kind::guest, 7)},
    {vmcs::guest_gdtr_limit.encoding, encode(width::bits32, kind::guest, 8)},
    {vmcs::guest_idtr_limit.encoding, encode(width::bits32, kind::guest, 9)},
    {vmcs::guest_es_access.encoding, encode(width::bits32, kind::guest, 10)},
    {vmcs::guest_cs_access.encoding, encode(width::bits32, kind::guest, 11)},
    {vmcs::guest_ss_access.encoding, encode(width::bits32, kind::guest, 12)},
    {vmcs::guest_ds_access.encoding, encode(width::bits32, kind::guest, 13)},
    {vmcs::guest_fs_access.encoding, encode(width::bits32, kind::guest, 14)},
    {vmcs::guest_gs_access.encoding, encode(width::bits32, kind::guest, 15)},
    {vmcs::guest_ldtr_access.encoding, encode(width::bits32, kind::guest, 16)},
    {vmcs::guest_tr_access.encoding, encode(width::bits32, kind::guest, 17)},
    {vmcs::guest_interruptibility.encoding, encode(width::bits32, kind::guest, 18)},
    {vmcs::guest_activity.encoding, encode(width::bits32, kind::guest, 19)},
    {vmcs::guest_smbase.encoding, encode(width::bits32, kind::guest, 20)},
    {vmcs::guest_sysenter_cs.encoding, encode(width::bits32, kind::guest, 21)},
    {vmcs::preemption_timer.encoding, encode(width::bits32, kind::guest, 23)},
    {vmcs::host_sysenter_cs.encoding, encode(width::bits32, kind::host, 0)},
    {vmcs::cr0_mask.encoding, encode(width::natural, kind::control, 0)},
    {vmcs::cr4_mask.encoding, encode(width::natural, kind::control, 1)},
    {vmcs::cr0_shadow.encoding, encode(width::natural, kind::control, 2)},
    {vmcs::cr4_shadow.encoding, encode(width::natural, kind::control, 3)},
    {vmcs::cr3_target0.encoding, encode(width::natural, kind::control, 4)},
    {vmcs::cr3_target1.encoding, encode(width::natural, kind::control, 5)},
    {vmcs::cr3_target2.encoding, encode(width::natural, kind::control, 6)},
    {vmcs::cr3_target3.encoding, encode(width::natural, kind::control, 7)},
    {vmcs::exit_qualification.encoding, encode(width::natural, kind::exit_information, 0)},
    {vmcs::io_rcx.encoding, encode(width::natural, kind::exit_information, 1)},
    {vmcs::io_rsi.encoding, encode(width::natural, kind::exit_information, 2)},
    {vmcs::io_rdi.encoding, encode(width::natural, kind::exit_information, 3)},
    {vmcs::io_rip.encoding, encode(width::natural, kind::exit_information, 4)},
    {vmcs::guest_linear_address.encoding, encode(width::natural, kind::exit_information, 5)},
    {vmcs::guest_cr0.encoding, encode(width::natural, kind::guest, 0)},
    {vmcs::guest_cr3.encoding, encode(width::natural, kind::guest, 1)},
    {vmcs::guest_cr4.encoding, encode(width::natural, kind::guest, 2)},
    {vmcs::guest_es_base.encoding, encode(width::natural, kind::guest, 3)},
    {vmcs::guest_cs_base.encoding, encode(width::natural, kind::guest, 4)},
    {vmcs::guest_ss_base.encoding, encode(width::natural, kind::guest, 5)},
    {vmcs::guest_ds_base.encoding, encode(width::natural, kind::guest, 6)},
    {vmcs::guest_fs_base.encoding, encode(width::natural, kind::guest, 7)},
    {vmcs::guest_gs_base.encoding, encode(width::natural, kind::guest, 8)},
    {vmcs::guest_ldtr_base.encoding, encode(width::natural, kind::guest, 9)},
    {vmcs::guest_tr_base.encoding, encode(width::natural, kind::guest, 10)},
    {vmcs::guest_gdtr_base.encoding, encode(width::natural, kind::guest, 11)},
    {vmcs::guest_idtr_base.encoding, encode(width::natural, kind::guest, 12)},
    {vmcs::guest_dr7.encoding, encode(width::natural, kind::guest, 13)},
    {vmcs::guest_rsp.encoding, encode(width::natural, kind::guest, 14)},
    {vmcs::guest_rip.encoding, encode(width::natural, kind::guest, 15)},
    {vmcs::guest_rflags.encoding, encode(width::natural, kind::guest, 16)},
    {vmcs::guest_pending_debug.encoding, encode(width::natural, kind::guest, 17)},
    {vmcs::guest_sysenter_esp.encoding, encode(width::natural, kind::guest, 18)},
    {vmcs::guest_sysenter_eip.encoding, encode(width::natural, kind::guest, 19)},
    {vmcs::guest_s_cet.encoding, encode(width::natural, kind::guest, 20)},
    {vmcs::guest_ssp.encoding, encode(width::natural, kind::guest, 21)},
    {vmcs::guest_ia32_interrupt_ssp_table.encoding, encode(width::natural, kind::guest, 22)},
    {vmcs::host_cr0.encoding, encode(width::natural, kind::host, 0)},
    {vmcs::host_cr3.encoding, encode(width::natural, kind::host, 1)},
    {vmcs::host_cr4.encoding, encode(width::natural, kind::host, 2)},
    {vmcs::host_fs_base.encoding, encode(width::natural, kind::host, 3)},
    {vmcs::host_gs_base.encoding, encode(width::natural, kind::host, 4)},
    {vmcs::host_tr_base.encoding, encode(width::natural, kind::host, 5)},
    {vmcs::host_gdtr_base.encoding, encode(width::natural, kind::host, 6)},
    {vmcs::host_idtr_base.encoding, encode(width::natural, kind::host, 7)},
    {vmcs::host_sysenter_esp.encoding, encode(width::natural, kind::host, 8)},
    {vmcs::host_sysenter_eip.encoding, encode(width::natural, kind::host, 9)},
    {vmcs::host_rsp.encoding, encode(width::natural, kind::host, 10)},
    {vmcs::host_rip.encoding, encode(width::natural, kind::host, 11)},
    {vmcs::host_s_cet.encoding, encode(width::natural, kind::host, 12)},
    {vmcs::host_ssp.encoding, encode(width::natural, kind::host, 13)},
    {vmcs::host_ia32_interrupt_ssp_table.encoding, encode(width::natural, kind::host, 14)},
};

// clang-format on

constexpr bool every_field_is_in_its_place() {
    return std::ranges::all_of(fields, [](row const& r) { return r.is == r.expected; });
}

static_assert(every_field_is_in_its_place());

constexpr std::uint32_t n(vmx_exit e) {
    return static_cast<std::uint32_t>(e);
}

constexpr std::uint64_t n(svm_exit e) {
    return static_cast<std::uint64_t>(e);
}

// clang-format off
static_assert(n(vmx_exit::external_interrupt) == EXIT_REASON_EXTERNAL_INTERRUPT &&
              n(vmx_exit::triple_fault) == EXIT_REASON_TRIPLE_FAULT &&
              n(vmx_exit::init) == EXIT_REASON_INIT_SIGNAL &&
              n(vmx_exit::sipi) == EXIT_REASON_SIPI_SIGNAL &&
              n(vmx_exit::interrupt_window) == EXIT_REASON_INTERRUPT_WINDOW &&
              n(vmx_exit::nmi_window) == EXIT_REASON_NMI_WINDOW &&
              n(vmx_exit::task_switch) == EXIT_REASON_TASK_SWITCH &&
              n(vmx_exit::cpuid) == EXIT_REASON_CPUID &&
              n(vmx_exit::hlt) == EXIT_REASON_HLT &&
              n(vmx_exit::invd) == EXIT_REASON_INVD &&
              n(vmx_exit::invlpg) == EXIT_REASON_INVLPG &&
              n(vmx_exit::rdpmc) == EXIT_REASON_RDPMC &&
              n(vmx_exit::rdtsc) == EXIT_REASON_RDTSC &&
              n(vmx_exit::vmcall) == EXIT_REASON_VMCALL &&
              n(vmx_exit::vmclear) == EXIT_REASON_VMCLEAR &&
              n(vmx_exit::vmlaunch) == EXIT_REASON_VMLAUNCH &&
              n(vmx_exit::vmptrld) == EXIT_REASON_VMPTRLD &&
              n(vmx_exit::vmptrst) == EXIT_REASON_VMPTRST &&
              n(vmx_exit::vmread) == EXIT_REASON_VMREAD &&
              n(vmx_exit::vmresume) == EXIT_REASON_VMRESUME &&
              n(vmx_exit::vmwrite) == EXIT_REASON_VMWRITE &&
              n(vmx_exit::vmxoff) == EXIT_REASON_VMOFF &&
              n(vmx_exit::vmxon) == EXIT_REASON_VMON &&
              n(vmx_exit::cr_access) == EXIT_REASON_CR_ACCESS &&
              n(vmx_exit::dr_access) == EXIT_REASON_DR_ACCESS &&
              n(vmx_exit::io_instruction) == EXIT_REASON_IO_INSTRUCTION &&
              n(vmx_exit::rdmsr) == EXIT_REASON_MSR_READ &&
              n(vmx_exit::wrmsr) == EXIT_REASON_MSR_WRITE &&
              n(vmx_exit::entry_invalid_state) == EXIT_REASON_INVALID_STATE &&
              n(vmx_exit::entry_msr_loading) == EXIT_REASON_MSR_LOAD_FAIL &&
              n(vmx_exit::mwait) == EXIT_REASON_MWAIT_INSTRUCTION &&
              n(vmx_exit::monitor_trap) == EXIT_REASON_MONITOR_TRAP_FLAG &&
              n(vmx_exit::monitor) == EXIT_REASON_MONITOR_INSTRUCTION &&
              n(vmx_exit::pause) == EXIT_REASON_PAUSE_INSTRUCTION &&
              n(vmx_exit::entry_machine_check) == EXIT_REASON_MCE_DURING_VMENTRY &&
              n(vmx_exit::tpr_below_threshold) == EXIT_REASON_TPR_BELOW_THRESHOLD &&
              n(vmx_exit::apic_access) == EXIT_REASON_APIC_ACCESS &&
              n(vmx_exit::virtualized_eoi) == EXIT_REASON_EOI_INDUCED &&
              n(vmx_exit::gdtr_or_idtr) == EXIT_REASON_GDTR_IDTR &&
              n(vmx_exit::ldtr_or_tr) == EXIT_REASON_LDTR_TR &&
              n(vmx_exit::ept_violation) == EXIT_REASON_EPT_VIOLATION &&
              n(vmx_exit::ept_misconfiguration) == EXIT_REASON_EPT_MISCONFIG &&
              n(vmx_exit::invept) == EXIT_REASON_INVEPT &&
              n(vmx_exit::rdtscp) == EXIT_REASON_RDTSCP &&
              n(vmx_exit::preemption_timer) == EXIT_REASON_PREEMPTION_TIMER &&
              n(vmx_exit::invvpid) == EXIT_REASON_INVVPID &&
              n(vmx_exit::wbinvd) == EXIT_REASON_WBINVD &&
              n(vmx_exit::xsetbv) == EXIT_REASON_XSETBV &&
              n(vmx_exit::apic_write) == EXIT_REASON_APIC_WRITE &&
              n(vmx_exit::rdrand) == EXIT_REASON_RDRAND &&
              n(vmx_exit::invpcid) == EXIT_REASON_INVPCID &&
              n(vmx_exit::vmfunc) == EXIT_REASON_VMFUNC &&
              n(vmx_exit::encls) == EXIT_REASON_ENCLS &&
              n(vmx_exit::rdseed) == EXIT_REASON_RDSEED &&
              n(vmx_exit::page_modification_log) == EXIT_REASON_PML_FULL &&
              n(vmx_exit::xsaves) == EXIT_REASON_XSAVES &&
              n(vmx_exit::xrstors) == EXIT_REASON_XRSTORS);
static_assert(n(svm_exit::intr) == SVM_EXIT_INTR &&
              n(svm_exit::nmi) == SVM_EXIT_NMI &&
              n(svm_exit::smi) == SVM_EXIT_SMI &&
              n(svm_exit::init) == SVM_EXIT_INIT &&
              n(svm_exit::vintr) == SVM_EXIT_VINTR &&
              n(svm_exit::rdpmc) == SVM_EXIT_RDPMC &&
              n(svm_exit::cpuid) == SVM_EXIT_CPUID &&
              n(svm_exit::iret) == SVM_EXIT_IRET &&
              n(svm_exit::invd) == SVM_EXIT_INVD &&
              n(svm_exit::hlt) == SVM_EXIT_HLT &&
              n(svm_exit::invlpga) == SVM_EXIT_INVLPGA &&
              n(svm_exit::ioio) == SVM_EXIT_IOIO &&
              n(svm_exit::msr) == SVM_EXIT_MSR &&
              n(svm_exit::task_switch) == SVM_EXIT_TASK_SWITCH &&
              n(svm_exit::ferr_freeze) == SVM_EXIT_FERR_FREEZE &&
              n(svm_exit::shutdown) == SVM_EXIT_SHUTDOWN &&
              n(svm_exit::vmrun) == SVM_EXIT_VMRUN &&
              n(svm_exit::vmmcall) == SVM_EXIT_VMMCALL &&
              n(svm_exit::vmload) == SVM_EXIT_VMLOAD &&
              n(svm_exit::vmsave) == SVM_EXIT_VMSAVE &&
              n(svm_exit::stgi) == SVM_EXIT_STGI &&
              n(svm_exit::clgi) == SVM_EXIT_CLGI &&
              n(svm_exit::skinit) == SVM_EXIT_SKINIT &&
              n(svm_exit::wbinvd) == SVM_EXIT_WBINVD &&
              n(svm_exit::monitor) == SVM_EXIT_MONITOR &&
              n(svm_exit::mwait) == SVM_EXIT_MWAIT &&
              n(svm_exit::xsetbv) == SVM_EXIT_XSETBV &&
              n(svm_exit::rdpru) == SVM_EXIT_RDPRU &&
              n(svm_exit::npf) == SVM_EXIT_NPF &&
              n(svm_exit::dr0_read) == SVM_EXIT_READ_DR0 &&
              n(svm_exit::exception0) == SVM_EXIT_EXCP_BASE);
// clang-format on

} // namespace

TEST_CASE("vmcs.no_two_fields_share_an_encoding") {
    std::array<std::uint32_t, std::size(fields)> all{};
    std::ranges::transform(fields, all.begin(), &row::is);
    std::ranges::sort(all);
    CHECK(std::ranges::adjacent_find(all) == all.end());
}

namespace {

/// What the first group of `pattern` matches in a file of the tree.
std::set<std::string> names(std::string const& file, std::string const& pattern) {
    std::ifstream in(XENPP_SOURCE_DIR "/" + file);
    REQUIRE(in);
    std::set<std::string> found;
    std::regex const what(pattern);
    for (std::string line; std::getline(in, line);) {
        if (std::smatch m; std::regex_search(line, m, what)) {
            found.insert(m[1]);
        }
    }
    return found;
}

} // namespace

TEST_CASE("vmcs.every_field_is_in_the_table_above") {
    auto const declared =
        names("include/xenpp/x86/vmcs.hpp", "vmcs_field<0x[0-9a-f]+> (\\w+)\\{\\}");
    auto const listed =
        names("tests/laws/x86/manual_numbers_test.cpp", "^    \\{vmcs::(\\w+)\\.encoding");
    CHECK(declared.size() == std::size(fields));
    CHECK(declared == listed);
}

TEST_CASE("vmcb.every_members_offset_is_asserted") {
    std::string const header = "include/xenpp/x86/vmcb.hpp";
    // A member's line says its offset.
    auto const members = names(header, "^    [^/]*[ >](\\w+); +// [0-9a-f]{3}( |$)");
    auto const asserted = names(header, "^static_assert\\(offsetof\\(vmcb, (\\w+)\\) +== 0x");
    CHECK(members.size() > 70);
    CHECK(members == asserted);
}
