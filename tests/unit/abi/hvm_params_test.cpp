// SPDX-License-Identifier: Apache-2.0
// hvm/params.hpp against the installed xen/hvm/params.h.
#include "same.hpp"

#include <xenpp/abi/hvm/params.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(HVM_PARAM_PAE_ENABLED, hvm_param_pae_enabled),
    XENPP_SAME_NUMBER(HVM_PARAM_DM_DOMAIN, hvm_param_dm_domain),
    XENPP_SAME_NUMBER(HVM_PARAM_MEMORY_EVENT_CR0, hvm_param_memory_event_cr0),
    XENPP_SAME_NUMBER(HVM_PARAM_MEMORY_EVENT_CR3, hvm_param_memory_event_cr3),
    XENPP_SAME_NUMBER(HVM_PARAM_MEMORY_EVENT_CR4, hvm_param_memory_event_cr4),
    XENPP_SAME_NUMBER(HVM_PARAM_MEMORY_EVENT_INT3, hvm_param_memory_event_int3),
    XENPP_SAME_NUMBER(HVM_PARAM_NESTEDHVM, hvm_param_nestedhvm),
    XENPP_SAME_NUMBER(HVM_PARAM_MEMORY_EVENT_SINGLE_STEP, hvm_param_memory_event_single_step),
    XENPP_SAME_NUMBER(HVM_PARAM_BUFIOREQ_EVTCHN, hvm_param_bufioreq_evtchn),
    XENPP_SAME_NUMBER(HVM_PARAM_MEMORY_EVENT_MSR, hvm_param_memory_event_msr),
    XENPP_SAME_NUMBER(HVM_PARAM_CALLBACK_IRQ, hvm_param_callback_irq),
    XENPP_SAME_NUMBER(HVM_PARAM_CALLBACK_IRQ_TYPE_MASK, hvm_param_callback_irq_type_mask),
    XENPP_SAME_NUMBER(HVM_PARAM_CALLBACK_TYPE_GSI, hvm_param_callback_type_gsi),
    XENPP_SAME_NUMBER(HVM_PARAM_CALLBACK_TYPE_PCI_INTX, hvm_param_callback_type_pci_intx),
    XENPP_SAME_NUMBER(HVM_PARAM_CALLBACK_TYPE_VECTOR, hvm_param_callback_type_vector),
    XENPP_SAME_NUMBER(HVM_PARAM_STORE_PFN, hvm_param_store_pfn),
    XENPP_SAME_NUMBER(HVM_PARAM_STORE_EVTCHN, hvm_param_store_evtchn),
    XENPP_SAME_NUMBER(HVM_PARAM_IOREQ_PFN, hvm_param_ioreq_pfn),
    XENPP_SAME_NUMBER(HVM_PARAM_BUFIOREQ_PFN, hvm_param_bufioreq_pfn),
    XENPP_SAME_NUMBER(HVM_PARAM_VIRIDIAN, hvm_param_viridian),
    XENPP_SAME_NUMBER(_HVMPV_base_freq, hvmpv_base_freq_bit),
    XENPP_SAME_NUMBER(HVMPV_base_freq, hvmpv_base_freq),
    XENPP_SAME_NUMBER(_HVMPV_no_freq, hvmpv_no_freq_bit),
    XENPP_SAME_NUMBER(HVMPV_no_freq, hvmpv_no_freq),
    XENPP_SAME_NUMBER(_HVMPV_time_ref_count, hvmpv_time_ref_count_bit),
    XENPP_SAME_NUMBER(HVMPV_time_ref_count, hvmpv_time_ref_count),
    XENPP_SAME_NUMBER(_HVMPV_reference_tsc, hvmpv_reference_tsc_bit),
    XENPP_SAME_NUMBER(HVMPV_reference_tsc, hvmpv_reference_tsc),
    XENPP_SAME_NUMBER(_HVMPV_hcall_remote_tlb_flush, hvmpv_hcall_remote_tlb_flush_bit),
    XENPP_SAME_NUMBER(HVMPV_hcall_remote_tlb_flush, hvmpv_hcall_remote_tlb_flush),
    XENPP_SAME_NUMBER(_HVMPV_apic_assist, hvmpv_apic_assist_bit),
    XENPP_SAME_NUMBER(HVMPV_apic_assist, hvmpv_apic_assist),
    XENPP_SAME_NUMBER(_HVMPV_crash_ctl, hvmpv_crash_ctl_bit),
    XENPP_SAME_NUMBER(HVMPV_crash_ctl, hvmpv_crash_ctl),
    XENPP_SAME_NUMBER(_HVMPV_synic, hvmpv_synic_bit),
    XENPP_SAME_NUMBER(HVMPV_synic, hvmpv_synic),
    XENPP_SAME_NUMBER(_HVMPV_stimer, hvmpv_stimer_bit),
    XENPP_SAME_NUMBER(HVMPV_stimer, hvmpv_stimer),
    XENPP_SAME_NUMBER(_HVMPV_hcall_ipi, hvmpv_hcall_ipi_bit),
    XENPP_SAME_NUMBER(HVMPV_hcall_ipi, hvmpv_hcall_ipi),
    XENPP_SAME_NUMBER(_HVMPV_ex_processor_masks, hvmpv_ex_processor_masks_bit),
    XENPP_SAME_NUMBER(HVMPV_ex_processor_masks, hvmpv_ex_processor_masks),
    XENPP_SAME_NUMBER(_HVMPV_no_vp_limit, hvmpv_no_vp_limit_bit),
    XENPP_SAME_NUMBER(HVMPV_no_vp_limit, hvmpv_no_vp_limit),
    XENPP_SAME_NUMBER(_HVMPV_cpu_hotplug, hvmpv_cpu_hotplug_bit),
    XENPP_SAME_NUMBER(HVMPV_cpu_hotplug, hvmpv_cpu_hotplug),
    XENPP_SAME_NUMBER(HVMPV_feature_mask, hvmpv_feature_mask),
    XENPP_SAME_NUMBER(HVM_PARAM_TIMER_MODE, hvm_param_timer_mode),
    XENPP_SAME_NUMBER(HVMPTM_delay_for_missed_ticks, hvmptm_delay_for_missed_ticks),
    XENPP_SAME_NUMBER(HVMPTM_no_delay_for_missed_ticks, hvmptm_no_delay_for_missed_ticks),
    XENPP_SAME_NUMBER(HVMPTM_no_missed_ticks_pending, hvmptm_no_missed_ticks_pending),
    XENPP_SAME_NUMBER(HVMPTM_one_missed_tick_pending, hvmptm_one_missed_tick_pending),
    XENPP_SAME_NUMBER(HVM_PARAM_HPET_ENABLED, hvm_param_hpet_enabled),
    XENPP_SAME_NUMBER(HVM_PARAM_IDENT_PT, hvm_param_ident_pt),
    XENPP_SAME_NUMBER(HVM_PARAM_ACPI_S_STATE, hvm_param_acpi_s_state),
    XENPP_SAME_NUMBER(HVM_PARAM_VM86_TSS, hvm_param_vm86_tss),
    XENPP_SAME_NUMBER(HVM_PARAM_VPT_ALIGN, hvm_param_vpt_align),
    XENPP_SAME_NUMBER(HVM_PARAM_CONSOLE_PFN, hvm_param_console_pfn),
    XENPP_SAME_NUMBER(HVM_PARAM_CONSOLE_EVTCHN, hvm_param_console_evtchn),
    XENPP_SAME_NUMBER(HVM_PARAM_ACPI_IOPORTS_LOCATION, hvm_param_acpi_ioports_location),
    XENPP_SAME_NUMBER(HVM_PARAM_PAGING_RING_PFN, hvm_param_paging_ring_pfn),
    XENPP_SAME_NUMBER(HVM_PARAM_MONITOR_RING_PFN, hvm_param_monitor_ring_pfn),
    XENPP_SAME_NUMBER(HVM_PARAM_SHARING_RING_PFN, hvm_param_sharing_ring_pfn),
    XENPP_SAME_NUMBER(HVM_PARAM_TRIPLE_FAULT_REASON, hvm_param_triple_fault_reason),
    XENPP_SAME_NUMBER(HVM_PARAM_IOREQ_SERVER_PFN, hvm_param_ioreq_server_pfn),
    XENPP_SAME_NUMBER(HVM_PARAM_NR_IOREQ_SERVER_PAGES, hvm_param_nr_ioreq_server_pages),
    XENPP_SAME_NUMBER(HVM_PARAM_VM_GENERATION_ID_ADDR, hvm_param_vm_generation_id_addr),
    XENPP_SAME_NUMBER(HVM_PARAM_ALTP2M, hvm_param_altp2m),
    XENPP_SAME_NUMBER(XEN_ALTP2M_disabled, altp2m_disabled),
    XENPP_SAME_NUMBER(XEN_ALTP2M_mixed, altp2m_mixed),
    XENPP_SAME_NUMBER(XEN_ALTP2M_external, altp2m_external),
    XENPP_SAME_NUMBER(XEN_ALTP2M_limited, altp2m_limited),
    XENPP_SAME_NUMBER(HVM_PARAM_X87_FIP_WIDTH, hvm_param_x87_fip_width),
    XENPP_SAME_NUMBER(HVM_PARAM_VM86_TSS_SIZED, hvm_param_vm86_tss_sized),
    XENPP_SAME_NUMBER(HVM_PARAM_MCA_CAP, hvm_param_mca_cap),
    XENPP_SAME_NUMBER(XEN_HVM_MCA_CAP_LMCE, hvm_mca_cap_lmce),
    XENPP_SAME_NUMBER(XEN_HVM_MCA_CAP_MASK, hvm_mca_cap_mask),
    XENPP_SAME_NUMBER(HVM_NR_PARAMS, hvm_nr_params),
};
// clang-format on

} // namespace

TEST_CASE("abi.hvm_params has the numbers of the public header") {
    check(numbers);
}
