// SPDX-License-Identifier: Apache-2.0
// The numbered parameters of a guest with hardware virtualisation; public header hvm/params.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// Parameters of earlier versions, without a meaning now.
inline constexpr std::uint32_t hvm_param_pae_enabled = 4;
inline constexpr std::uint32_t hvm_param_dm_domain = 13;
inline constexpr std::uint32_t hvm_param_memory_event_cr0 = 20;
inline constexpr std::uint32_t hvm_param_memory_event_cr3 = 21;
inline constexpr std::uint32_t hvm_param_memory_event_cr4 = 22;
inline constexpr std::uint32_t hvm_param_memory_event_int3 = 23;
inline constexpr std::uint32_t hvm_param_nestedhvm = 24;
inline constexpr std::uint32_t hvm_param_memory_event_single_step = 25;
inline constexpr std::uint32_t hvm_param_bufioreq_evtchn = 26;
inline constexpr std::uint32_t hvm_param_memory_event_msr = 30;

/// How events reach the guest: a type in the top byte, its value below.
inline constexpr std::uint32_t hvm_param_callback_irq = 0;
inline constexpr std::uint64_t hvm_param_callback_irq_type_mask = 0xff00000000000000u;
inline constexpr std::uint32_t hvm_param_callback_type_gsi = 0;
inline constexpr std::uint32_t hvm_param_callback_type_pci_intx = 1;
inline constexpr std::uint32_t hvm_param_callback_type_vector = 2;

/// Frame and port of xenstore, frames of the device model.
inline constexpr std::uint32_t hvm_param_store_pfn = 1;
inline constexpr std::uint32_t hvm_param_store_evtchn = 2;
inline constexpr std::uint32_t hvm_param_ioreq_pfn = 5;
inline constexpr std::uint32_t hvm_param_bufioreq_pfn = 6;

/// Which Hyper-V enlightenments the guest sees.
inline constexpr std::uint32_t hvm_param_viridian = 9;

/// Bits of `hvm_param_viridian`. `hvmpv_no_freq` takes something from the base set, the others
/// add to it.
inline constexpr std::uint32_t hvmpv_base_freq_bit = 0;
inline constexpr std::uint32_t hvmpv_base_freq = 1u << hvmpv_base_freq_bit;
inline constexpr std::uint32_t hvmpv_no_freq_bit = 1;
inline constexpr std::uint32_t hvmpv_no_freq = 1u << hvmpv_no_freq_bit;
inline constexpr std::uint32_t hvmpv_time_ref_count_bit = 2;
inline constexpr std::uint32_t hvmpv_time_ref_count = 1u << hvmpv_time_ref_count_bit;
inline constexpr std::uint32_t hvmpv_reference_tsc_bit = 3;
inline constexpr std::uint32_t hvmpv_reference_tsc = 1u << hvmpv_reference_tsc_bit;
inline constexpr std::uint32_t hvmpv_hcall_remote_tlb_flush_bit = 4;
inline constexpr std::uint32_t hvmpv_hcall_remote_tlb_flush = 1u << 4;
inline constexpr std::uint32_t hvmpv_apic_assist_bit = 5;
inline constexpr std::uint32_t hvmpv_apic_assist = 1u << hvmpv_apic_assist_bit;
inline constexpr std::uint32_t hvmpv_crash_ctl_bit = 6;
inline constexpr std::uint32_t hvmpv_crash_ctl = 1u << hvmpv_crash_ctl_bit;
inline constexpr std::uint32_t hvmpv_synic_bit = 7;
inline constexpr std::uint32_t hvmpv_synic = 1u << hvmpv_synic_bit;
inline constexpr std::uint32_t hvmpv_stimer_bit = 8;
inline constexpr std::uint32_t hvmpv_stimer = 1u << hvmpv_stimer_bit;
inline constexpr std::uint32_t hvmpv_hcall_ipi_bit = 9;
inline constexpr std::uint32_t hvmpv_hcall_ipi = 1u << hvmpv_hcall_ipi_bit;
inline constexpr std::uint32_t hvmpv_ex_processor_masks_bit = 10;
inline constexpr std::uint32_t hvmpv_ex_processor_masks = 1u << hvmpv_ex_processor_masks_bit;
inline constexpr std::uint32_t hvmpv_no_vp_limit_bit = 11;
inline constexpr std::uint32_t hvmpv_no_vp_limit = 1u << hvmpv_no_vp_limit_bit;
inline constexpr std::uint32_t hvmpv_cpu_hotplug_bit = 12;
inline constexpr std::uint32_t hvmpv_cpu_hotplug = 1u << hvmpv_cpu_hotplug_bit;

/// All of them.
inline constexpr std::uint32_t hvmpv_feature_mask = 8191;

/// What becomes of timer ticks that a descheduled vCPU missed.
inline constexpr std::uint32_t hvm_param_timer_mode = 10;

/// Values of `hvm_param_timer_mode`.
inline constexpr std::uint32_t hvmptm_delay_for_missed_ticks = 0;
inline constexpr std::uint32_t hvmptm_no_delay_for_missed_ticks = 1;
inline constexpr std::uint32_t hvmptm_no_missed_ticks_pending = 2;
inline constexpr std::uint32_t hvmptm_one_missed_tick_pending = 3;

/// Emulated machine: HPET, identity page table for real mode without unrestricted guest, ACPI
/// sleep state, task segment, timer alignment, console.
inline constexpr std::uint32_t hvm_param_hpet_enabled = 11;
inline constexpr std::uint32_t hvm_param_ident_pt = 12;
inline constexpr std::uint32_t hvm_param_acpi_s_state = 14;
inline constexpr std::uint32_t hvm_param_vm86_tss = 15;
inline constexpr std::uint32_t hvm_param_vpt_align = 16;
inline constexpr std::uint32_t hvm_param_console_pfn = 17;
inline constexpr std::uint32_t hvm_param_console_evtchn = 18;

/// Which of the two sets of ACPI ports is in use, rings of monitors, and device-model pages.
inline constexpr std::uint32_t hvm_param_acpi_ioports_location = 19;
inline constexpr std::uint32_t hvm_param_paging_ring_pfn = 27;
inline constexpr std::uint32_t hvm_param_monitor_ring_pfn = 28;
inline constexpr std::uint32_t hvm_param_sharing_ring_pfn = 29;
inline constexpr std::uint32_t hvm_param_triple_fault_reason = 31;
inline constexpr std::uint32_t hvm_param_ioreq_server_pfn = 32;
inline constexpr std::uint32_t hvm_param_nr_ioreq_server_pages = 33;
inline constexpr std::uint32_t hvm_param_vm_generation_id_addr = 34;

/// Who may use alternate p2ms.
inline constexpr std::uint32_t hvm_param_altp2m = 35;

/// Values of `hvm_param_altp2m`.
inline constexpr std::uint32_t altp2m_disabled = 0;
inline constexpr std::uint32_t altp2m_mixed = 1;
inline constexpr std::uint32_t altp2m_external = 2;
inline constexpr std::uint32_t altp2m_limited = 3;

/// Bytes of the x87 instruction pointer that are saved, the sized task segment, and machine-check
/// capabilities.
inline constexpr std::uint32_t hvm_param_x87_fip_width = 36;
inline constexpr std::uint32_t hvm_param_vm86_tss_sized = 37;
inline constexpr std::uint32_t hvm_param_mca_cap = 38;

/// Bits of `hvm_param_mca_cap`.
inline constexpr std::uint32_t hvm_mca_cap_lmce = 1u;
inline constexpr std::uint32_t hvm_mca_cap_mask = hvm_mca_cap_lmce;

/// One more than the highest parameter.
inline constexpr std::uint32_t hvm_nr_params = 39;

} // namespace xenpp::abi
