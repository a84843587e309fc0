// SPDX-License-Identifier: Apache-2.0
// What a control domain does to one domain, interface version 0x15; public header domctl.h.
#pragma once

#include <xenpp/abi/event_channel.hpp>
#include <xenpp/abi/grant_table.hpp>
#include <xenpp/abi/hvm/save.hpp>
#include <xenpp/abi/memory.hpp>

#include <cstdint>

namespace xenpp::abi {

/// What `domctl::interface_version` must be.
inline constexpr std::uint32_t domctl_interface_version = 0x15;

/// Makes a domain. `domctl::domain` is the wanted number, or 0 for any, and the given one
/// afterwards. A negative limit means the hypervisor's default.
struct domctl_createdomain {
    std::uint32_t ssidref;
    std::uint8_t handle[16];
    std::uint32_t flags;
    std::uint32_t iommu_opts;
    std::uint32_t max_vcpus;
    std::uint32_t max_evtchn_port;
    std::int32_t max_grant_frames;
    std::int32_t max_maptrack_frames;
    std::uint32_t grant_opts;
    std::uint32_t vmtrace_size;
    std::uint32_t cpupool_id;
    arch_domainconfig arch;
};

static_assert(sizeof(domctl_createdomain) == 64);

/// `domctl_createdomain::flags`.
inline constexpr std::uint32_t domctl_cdf_hvm_bit = 0;
inline constexpr std::uint32_t domctl_cdf_hvm = 1u << domctl_cdf_hvm_bit;
inline constexpr std::uint32_t domctl_cdf_hap_bit = 1;
inline constexpr std::uint32_t domctl_cdf_hap = 1u << domctl_cdf_hap_bit;
inline constexpr std::uint32_t domctl_cdf_s3_integrity_bit = 2;
inline constexpr std::uint32_t domctl_cdf_s3_integrity = 1u << domctl_cdf_s3_integrity_bit;
inline constexpr std::uint32_t domctl_cdf_oos_off_bit = 3;
inline constexpr std::uint32_t domctl_cdf_oos_off = 1u << domctl_cdf_oos_off_bit;
inline constexpr std::uint32_t domctl_cdf_xs_domain_bit = 4;
inline constexpr std::uint32_t domctl_cdf_xs_domain = 1u << domctl_cdf_xs_domain_bit;
inline constexpr std::uint32_t domctl_cdf_iommu_bit = 5;
inline constexpr std::uint32_t domctl_cdf_iommu = 1u << domctl_cdf_iommu_bit;
inline constexpr std::uint32_t domctl_cdf_nested_virt_bit = 6;
inline constexpr std::uint32_t domctl_cdf_nested_virt = 1u << domctl_cdf_nested_virt_bit;
inline constexpr std::uint32_t domctl_cdf_vpmu = 1u << 7;
inline constexpr std::uint32_t domctl_cdf_max = domctl_cdf_vpmu;

/// `domctl_createdomain::iommu_opts`.
inline constexpr std::uint32_t domctl_iommu_no_sharept_bit = 0;
inline constexpr std::uint32_t domctl_iommu_no_sharept = 1u << domctl_iommu_no_sharept_bit;
inline constexpr std::uint32_t domctl_iommu_max = domctl_iommu_no_sharept;

/// `domctl_createdomain::grant_opts`: the highest grant-table version.
inline constexpr std::uint32_t domctl_grant_version_mask = 0xf;

/// State, memory and time of a domain. Asks for `domctl::domain` or, where that is none, up to 4.17
/// for the next one; from 4.18 on it fails then. Memory in pages, time in nanoseconds.
struct domctl_getdomaininfo {
    std::uint16_t domain;
    std::uint16_t pad1;
    std::uint32_t flags;
    std::uint64_t tot_pages;
    std::uint64_t max_pages;
    std::uint64_t outstanding_pages;
    std::uint64_t shr_pages;
    std::uint64_t paged_pages;
    std::uint64_t shared_info_frame;
    std::uint64_t cpu_time;
    std::uint32_t nr_online_vcpus;
    std::uint32_t max_vcpu_id;
    std::uint32_t ssidref;
    std::uint8_t handle[16];
    std::uint32_t cpupool;
    std::uint8_t gpaddr_bits;
    std::uint8_t pad2[7];
    arch_domainconfig arch_config;
};

static_assert(sizeof(domctl_getdomaininfo) == 112);

/// `domctl_getdomaininfo::flags`.
inline constexpr std::uint32_t dominf_dying_bit = 0;
inline constexpr std::uint32_t dominf_dying = 1u << dominf_dying_bit;
inline constexpr std::uint32_t dominf_hvm_guest_bit = 1;
inline constexpr std::uint32_t dominf_hvm_guest = 1u << dominf_hvm_guest_bit;
inline constexpr std::uint32_t dominf_shutdown_bit = 2;
inline constexpr std::uint32_t dominf_shutdown = 1u << dominf_shutdown_bit;
inline constexpr std::uint32_t dominf_paused_bit = 3;
inline constexpr std::uint32_t dominf_paused = 1u << dominf_paused_bit;
inline constexpr std::uint32_t dominf_blocked_bit = 4;
inline constexpr std::uint32_t dominf_blocked = 1u << dominf_blocked_bit;
inline constexpr std::uint32_t dominf_running_bit = 5;
inline constexpr std::uint32_t dominf_running = 1u << dominf_running_bit;
inline constexpr std::uint32_t dominf_debugged_bit = 6;
inline constexpr std::uint32_t dominf_debugged = 1u << dominf_debugged_bit;
inline constexpr std::uint32_t dominf_xs_domain_bit = 7;
inline constexpr std::uint32_t dominf_xs_domain = 1u << dominf_xs_domain_bit;
inline constexpr std::uint32_t dominf_hap_bit = 8;
inline constexpr std::uint32_t dominf_hap = 1u << dominf_hap_bit;

/// `domctl_getdomaininfo::flags`: the reason of a shutdown.
inline constexpr std::uint32_t dominf_shutdownmask = 255;
inline constexpr std::uint32_t dominf_shutdownshift = 16;

/// `domctl_getdomaininfo::max_vcpu_id` of a domain without vCPUs.
inline constexpr std::uint32_t invalid_max_vcpu_id = 0xffffffffu;

/// Page types in the top bits of an entry of `domctl_getpageframeinfo3`.
inline constexpr std::uint32_t domctl_pfinfo_ltab_shift = 28;
inline constexpr std::uint32_t domctl_pfinfo_notab = 0x0;
inline constexpr std::uint32_t domctl_pfinfo_l1tab = 1u << 28;
inline constexpr std::uint32_t domctl_pfinfo_l2tab = 1u << 29;
inline constexpr std::uint32_t domctl_pfinfo_l3tab = 0x30000000;
inline constexpr std::uint32_t domctl_pfinfo_l4tab = 1u << 30;
inline constexpr std::uint32_t domctl_pfinfo_ltabtype_mask = 0x70000000;
inline constexpr std::uint32_t domctl_pfinfo_lpintab = 1u << 31;
inline constexpr std::uint32_t domctl_pfinfo_xtab = 0xf0000000u;
inline constexpr std::uint32_t domctl_pfinfo_xalloc = 0xe0000000u;
inline constexpr std::uint32_t domctl_pfinfo_broken = 0xd0000000u;
inline constexpr std::uint32_t domctl_pfinfo_ltab_mask = 0xf0000000u;

/// Replaces each frame number of `array` by the type of its page.
struct domctl_getpageframeinfo3 {
    std::uint64_t num;
    guest_handle<pfn_t> array;
};

static_assert(sizeof(domctl_getpageframeinfo3) == 16);

/// `domctl_shadow_op::op`.
inline constexpr std::uint32_t domctl_shadow_op_off = 0;
inline constexpr std::uint32_t domctl_shadow_op_enable = 32;
inline constexpr std::uint32_t domctl_shadow_op_clean = 11;
inline constexpr std::uint32_t domctl_shadow_op_peek = 12;
inline constexpr std::uint32_t domctl_shadow_op_get_allocation = 30;
inline constexpr std::uint32_t domctl_shadow_op_set_allocation = 31;
inline constexpr std::uint32_t domctl_shadow_op_enable_test = 1;
inline constexpr std::uint32_t domctl_shadow_op_enable_logdirty = 2;

/// `domctl_shadow_op::mode` of an enable.
inline constexpr std::uint32_t domctl_shadow_enable_refcount = 1u << 1;
inline constexpr std::uint32_t domctl_shadow_enable_log_dirty = 1u << 2;
inline constexpr std::uint32_t domctl_shadow_enable_translate = 1u << 3;
inline constexpr std::uint32_t domctl_shadow_enable_external = 1u << 4;

/// `domctl_shadow_op::mode` of a clean: the last one.
inline constexpr std::uint32_t domctl_shadow_logdirty_final = 1u;

/// How much happened since the last clean.
struct domctl_shadow_op_stats {
    std::uint32_t fault_count;
    std::uint32_t dirty_count;
};

static_assert(sizeof(domctl_shadow_op_stats) == 8);

/// Shadow, HAP and dirty-page logging of a domain.
struct domctl_shadow_op {
    std::uint32_t op;
    std::uint32_t mode;
    std::uint32_t mb;
    std::uint32_t reserved_;
    guest_handle<std::uint8_t> dirty_bitmap;
    std::uint64_t pages;
    domctl_shadow_op_stats stats;
};

static_assert(sizeof(domctl_shadow_op) == 40);

/// The limit of a domain's memory in KiB.
struct domctl_max_mem {
    std::uint64_t max_memkb;
};

static_assert(sizeof(domctl_max_mem) == 8);

/// Sets or reads the registers of a vCPU.
struct domctl_vcpucontext {
    std::uint32_t vcpu;
    std::uint32_t reserved_;
    guest_handle<vcpu_guest_context> ctxt;
};

static_assert(sizeof(domctl_vcpucontext) == 16);

/// State and CPU time (nanoseconds) of a vCPU, and where it ran last.
struct domctl_getvcpuinfo {
    std::uint32_t vcpu;
    std::uint8_t online;
    std::uint8_t blocked;
    std::uint8_t running;
    std::uint8_t reserved_;
    std::uint64_t cpu_time;
    std::uint32_t cpu;
    std::uint32_t reserved_2;
};

static_assert(sizeof(domctl_getvcpuinfo) == 24);

/// The nodes that a domain's memory prefers.
struct domctl_nodeaffinity {
    xenctl_bitmap nodemap;
};

static_assert(sizeof(domctl_nodeaffinity) == 16);

/// Where a vCPU may run, and where it had best run. A set answers what is in force.
struct domctl_vcpuaffinity {
    std::uint32_t vcpu;
    std::uint32_t flags;
    xenctl_bitmap cpumap_hard;
    xenctl_bitmap cpumap_soft;
};

static_assert(sizeof(domctl_vcpuaffinity) == 40);

/// `domctl_vcpuaffinity::flags`: which map is meant.
inline constexpr std::uint32_t vcpuaffinity_hard_bit = 0;
inline constexpr std::uint32_t vcpuaffinity_hard = 1u << vcpuaffinity_hard_bit;
inline constexpr std::uint32_t vcpuaffinity_soft_bit = 1;
inline constexpr std::uint32_t vcpuaffinity_soft = 1u << vcpuaffinity_soft_bit;
inline constexpr std::uint32_t vcpuaffinity_force_bit = 2;
inline constexpr std::uint32_t vcpuaffinity_force = 1u << vcpuaffinity_force_bit;

/// How many vCPUs a domain may have; before the first one is started.
struct domctl_max_vcpus {
    std::uint32_t max;
};

static_assert(sizeof(domctl_max_vcpus) == 4);

/// Schedulers.
inline constexpr std::uint32_t scheduler_credit = 5;
inline constexpr std::uint32_t scheduler_credit2 = 6;
inline constexpr std::uint32_t scheduler_arinc653 = 7;
inline constexpr std::uint32_t scheduler_rtds = 8;
inline constexpr std::uint32_t scheduler_null = 9;

/// Credit scheduler: weight, and cap in percent of a CPU.
struct domctl_sched_credit {
    std::uint16_t weight;
    std::uint16_t cap;
};

static_assert(sizeof(domctl_sched_credit) == 4);

/// Credit2 scheduler: weight, and cap in percent of a CPU.
struct domctl_sched_credit2 {
    std::uint16_t weight;
    std::uint16_t cap;
};

static_assert(sizeof(domctl_sched_credit2) == 4);

/// Real-time scheduler: `budget` out of every `period`, microseconds.
struct domctl_sched_rtds {
    std::uint32_t period;
    std::uint32_t budget;
    std::uint32_t flags;
};

static_assert(sizeof(domctl_sched_rtds) == 12);

/// `domctl_sched_rtds::flags`: may also use what others leave.
inline constexpr std::uint32_t domctl_schedrt_extra_bit = 0;
inline constexpr std::uint32_t domctl_schedrt_extra = 1u << domctl_schedrt_extra_bit;

/// Scheduling parameters of one vCPU.
struct domctl_schedparam_vcpu {
    union {
        domctl_sched_credit credit;
        domctl_sched_credit2 credit2;
        domctl_sched_rtds rtds;
    } u;

    std::uint32_t vcpuid;
};

static_assert(sizeof(domctl_schedparam_vcpu) == 16);

/// `domctl_scheduler_op::cmd`.
inline constexpr std::uint32_t domctl_schedop_putinfo = 0;
inline constexpr std::uint32_t domctl_schedop_getinfo = 1;
inline constexpr std::uint32_t domctl_schedop_putvcpuinfo = 2;
inline constexpr std::uint32_t domctl_schedop_getvcpuinfo = 3;

/// Sets or reads how a domain is scheduled; as a whole, or by vCPU through the array `u.v`.
struct domctl_scheduler_op {
    std::uint32_t sched_id;
    std::uint32_t cmd;

    union {
        domctl_sched_credit credit;
        domctl_sched_credit2 credit2;
        domctl_sched_rtds rtds;

        struct {
            guest_handle<domctl_schedparam_vcpu> vcpus;
            std::uint32_t nr_vcpus;
            std::uint32_t padding;
        } v;
    } u;
};

static_assert(sizeof(domctl_scheduler_op) == 24);

/// Changes a domain's UUID.
struct domctl_setdomainhandle {
    std::uint8_t handle[16];
};

static_assert(sizeof(domctl_setdomainhandle) == 16);

/// Stops a domain for the debugger at its debug traps.
struct domctl_setdebugging {
    std::uint8_t enable;
};

static_assert(sizeof(domctl_setdebugging) == 1);

/// Whether a domain may use a physical interrupt.
struct domctl_irq_permission {
    std::uint32_t pirq;
    std::uint8_t allow_access;
    std::uint8_t pad[3];
};

static_assert(sizeof(domctl_irq_permission) == 8);

/// Whether a domain may map a range of I/O memory.
struct domctl_iomem_permission {
    std::uint64_t first_mfn;
    std::uint64_t nr_mfns;
    std::uint8_t allow_access;
    std::uint8_t reserved_[7];
};

static_assert(sizeof(domctl_iomem_permission) == 24);

/// Whether a domain may use a range of ports.
struct domctl_ioport_permission {
    std::uint32_t first_port;
    std::uint32_t nr_ports;
    std::uint8_t allow_access;
    std::uint8_t reserved_[3];
};

static_assert(sizeof(domctl_ioport_permission) == 12);

/// Fills a frame of the domain with a hypercall page.
struct domctl_hypercall_init {
    std::uint64_t gmfn;
};

static_assert(sizeof(domctl_hypercall_init) == 8);

/// How far a domain's clock is from UTC.
struct domctl_settimeoffset {
    std::int64_t time_offset_seconds;
};

static_assert(sizeof(domctl_settimeoffset) == 8);

/// Reads or sets a whole HVM context. A null buffer asks for its size.
struct domctl_hvmcontext {
    std::uint32_t size;
    std::uint32_t reserved_;
    guest_handle<std::uint8_t> buffer;
};

static_assert(sizeof(domctl_hvmcontext) == 16);

/// Bits of a domain's pointers: 32 or 64.
struct domctl_address_size {
    std::uint32_t size;
};

static_assert(sizeof(domctl_address_size) == 4);

/// `domctl_sendtrigger::trigger`.
inline constexpr std::uint32_t domctl_sendtrigger_nmi = 0;
inline constexpr std::uint32_t domctl_sendtrigger_reset = 1;
inline constexpr std::uint32_t domctl_sendtrigger_init = 2;
inline constexpr std::uint32_t domctl_sendtrigger_power = 3;
inline constexpr std::uint32_t domctl_sendtrigger_sleep = 4;

/// Sends a vCPU an event of the platform, such as NMI or power button.
struct domctl_sendtrigger {
    std::uint32_t trigger;
    std::uint32_t vcpu;
};

static_assert(sizeof(domctl_sendtrigger) == 8);

/// `domctl_assign_device::dev`.
inline constexpr std::uint32_t domctl_dev_pci = 0;
inline constexpr std::uint32_t domctl_dev_dt = 1;

/// Gives a device to a domain, takes it back, or tells whether that would work.
struct domctl_assign_device {
    std::uint32_t dev;
    std::uint32_t flags;

    union {
        struct {
            std::uint32_t machine_sbdf;
        } pci;

        struct {
            std::uint32_t size;
            std::uint32_t reserved_;
            guest_handle<char> path;
        } dt;
    } u;
};

static_assert(sizeof(domctl_assign_device) == 24);

/// `domctl_assign_device::flags`: go on although reserved memory of the device conflicts.
inline constexpr std::uint32_t domctl_dev_rdm_relaxed = 1;

/// Lists the devices that share an IOMMU group with one.
struct domctl_get_device_group {
    std::uint32_t machine_sbdf;
    std::uint32_t max_sdevs;
    std::uint32_t num_sdevs;
    std::uint32_t reserved_;
    guest_handle<std::uint32_t> sdev_array;
};

static_assert(sizeof(domctl_get_device_group) == 24);

/// `domctl_bind_pt_irq::irq_type`.
inline constexpr std::uint32_t pt_irq_type_pci = 0;
inline constexpr std::uint32_t pt_irq_type_isa = 1;
inline constexpr std::uint32_t pt_irq_type_msi = 2;
inline constexpr std::uint32_t pt_irq_type_msi_translate = 3;
inline constexpr std::uint32_t pt_irq_type_spi = 4;

/// Routes a physical interrupt into an HVM guest.
struct domctl_bind_pt_irq {
    std::uint32_t machine_irq;
    std::uint32_t irq_type;

    union {
        struct {
            std::uint8_t isa_irq;
        } isa;

        struct {
            std::uint8_t bus;
            std::uint8_t device;
            std::uint8_t intx;
        } pci;

        struct {
            std::uint8_t gvec;
            std::uint8_t reserved_[3];
            std::uint32_t gflags;
            std::uint64_t gtable;
        } msi;

        struct {
            std::uint16_t spi;
        } spi;
    } u;
};

static_assert(sizeof(domctl_bind_pt_irq) == 24);

/// `domctl_bind_pt_irq::u.msi.gflags`.
inline constexpr std::uint32_t domctl_vmsi_x86_dest_id_mask = 0xff;
inline constexpr std::uint32_t domctl_vmsi_x86_rh_mask = 0x100;
inline constexpr std::uint32_t domctl_vmsi_x86_dm_mask = 0x200;
inline constexpr std::uint32_t domctl_vmsi_x86_deliv_mask = 0x7000;
inline constexpr std::uint32_t domctl_vmsi_x86_trig_mask = 0x8000;
inline constexpr std::uint32_t domctl_vmsi_x86_unmasked = 0x10000;

/// `add_mapping` of the two structures below.
inline constexpr std::uint32_t dpci_add_mapping = 1;
inline constexpr std::uint32_t dpci_remove_mapping = 0;

/// Maps machine frames into an HVM guest. A positive result counts the frames done: go on from
/// there.
struct domctl_memory_mapping {
    std::uint64_t first_gfn;
    std::uint64_t first_mfn;
    std::uint64_t nr_mfns;
    std::uint32_t add_mapping;
    std::uint32_t padding;
};

static_assert(sizeof(domctl_memory_mapping) == 32);

/// Maps machine ports into an HVM guest.
struct domctl_ioport_mapping {
    std::uint32_t first_gport;
    std::uint32_t first_mport;
    std::uint32_t nr_ports;
    std::uint32_t add_mapping;
};

static_assert(sizeof(domctl_ioport_mapping) == 16);

/// Cache attributes of pinned ranges.
inline constexpr std::uint32_t domctl_mem_cacheattr_uc = 0;
inline constexpr std::uint32_t domctl_mem_cacheattr_wc = 1;
inline constexpr std::uint32_t domctl_mem_cacheattr_wt = 4;
inline constexpr std::uint32_t domctl_mem_cacheattr_wp = 5;
inline constexpr std::uint32_t domctl_mem_cacheattr_wb = 6;
inline constexpr std::uint32_t domctl_mem_cacheattr_ucm = 7;
inline constexpr std::uint32_t domctl_delete_mem_cacheattr = 0xffffffffu;

/// Parts of a vCPU that are not in `vcpu_guest_context`: entry points of 32-bit callers, machine
/// checks.
struct domctl_ext_vcpucontext {
    std::uint32_t vcpu;
    std::uint32_t size;
    std::uint64_t syscall32_callback_eip;
    std::uint64_t sysenter_callback_eip;
    std::uint16_t syscall32_callback_cs;
    std::uint16_t sysenter_callback_cs;
    std::uint8_t syscall32_disables_events;
    std::uint8_t sysenter_disables_events;
    std::uint16_t reserved_;

    union {
        std::uint64_t mcg_cap;
        hvm_vmce_vcpu vmce;
    };
};

static_assert(sizeof(domctl_ext_vcpucontext) == 64);

/// The domain that a device-model domain works for.
struct domctl_set_target {
    std::uint16_t target;
};

static_assert(sizeof(domctl_set_target) == 2);

/// Stands for a leaf or sub-leaf that does not matter.
inline constexpr std::uint32_t cpuid_input_unused = 0xffffffffu;

/// Reads or sets what CPUID and MSRs a domain sees. The `err_` members name what a set was
/// refused for.
struct domctl_cpu_policy {
    std::uint32_t nr_leaves;
    std::uint32_t nr_msrs;
    guest_handle<cpuid_leaf> leaves;
    guest_handle<msr_entry> msrs;
    std::uint32_t err_leaf;
    std::uint32_t err_subleaf;
    std::uint32_t err_msr;
    std::uint32_t reserved_;
};

static_assert(sizeof(domctl_cpu_policy) == 40);

/// The port that announces the domain's suspension.
struct domctl_subscribe {
    std::uint32_t port;
};

static_assert(sizeof(domctl_subscribe) == 4);

/// `domctl_debug_op::op`.
inline constexpr std::uint32_t domctl_debug_op_single_step_off = 0;
inline constexpr std::uint32_t domctl_debug_op_single_step_on = 1;

/// Single-steps a vCPU.
struct domctl_debug_op {
    std::uint32_t op;
    std::uint32_t vcpu;
};

static_assert(sizeof(domctl_debug_op) == 8);

/// Reads one record of an HVM context, without its descriptor.
struct domctl_hvmcontext_partial {
    std::uint32_t type;
    std::uint32_t instance;
    std::uint64_t bufsz;
    guest_handle<std::uint8_t> buffer;
};

static_assert(sizeof(domctl_hvmcontext_partial) == 24);

/// How a domain sees the TSC.
struct domctl_tsc_info {
    std::uint32_t tsc_mode;
    std::uint32_t gtsc_khz;
    std::uint32_t incarnation;
    std::uint32_t pad;
    std::uint64_t elapsed_nsec;
};

static_assert(sizeof(domctl_tsc_info) == 24);

/// Reads or writes guest virtual memory for a debugger.
struct domctl_gdbsx_memio {
    std::uint64_t pgd3val;
    std::uint64_t gva;
    std::uint64_t uva;
    std::uint32_t len;
    std::uint8_t gwr;
    std::uint8_t reserved_[3];
    std::uint32_t remain;
    std::uint32_t reserved_2;
};

static_assert(sizeof(domctl_gdbsx_memio) == 40);

/// Pauses or unpauses one vCPU for a debugger.
struct domctl_gdbsx_pauseunp_vcpu {
    std::uint32_t vcpu;
};

static_assert(sizeof(domctl_gdbsx_pauseunp_vcpu) == 4);

/// Which vCPU stopped, and why.
struct domctl_gdbsx_domstatus {
    std::uint8_t paused;
    std::uint8_t reserved_[3];
    std::uint32_t vcpu_id;
    std::uint32_t vcpu_ev;
};

static_assert(sizeof(domctl_gdbsx_domstatus) == 12);

/// `domctl_vm_event_op::op`.
inline constexpr std::uint32_t vm_event_enable = 0;
inline constexpr std::uint32_t vm_event_disable = 1;
inline constexpr std::uint32_t vm_event_resume = 2;
inline constexpr std::uint32_t vm_event_get_version = 3;

/// `domctl_vm_event_op::mode`: which of the rings.
inline constexpr std::uint32_t domctl_vm_event_op_paging = 1;
inline constexpr std::uint32_t domctl_vm_event_op_monitor = 2;
inline constexpr std::uint32_t domctl_vm_event_op_sharing = 3;

/// Sets up or removes a ring of guest events.
struct domctl_vm_event_op {
    std::uint32_t op;
    std::uint32_t mode;

    union {
        struct {
            std::uint32_t port;
        } enable;

        std::uint32_t version;
    } u;
};

static_assert(sizeof(domctl_vm_event_op) == 12);

/// `domctl_mem_sharing_op::op`.
inline constexpr std::uint32_t domctl_mem_sharing_control = 0;

/// Switches page sharing on or off.
struct domctl_mem_sharing_op {
    std::uint8_t op;

    union {
        std::uint8_t enable;
    } u;
};

static_assert(sizeof(domctl_mem_sharing_op) == 2);

/// Counts the inconsistencies between p2m and m2p.
struct domctl_audit_p2m {
    std::uint64_t orphans;
    std::uint64_t m2p_bad;
    std::uint64_t p2m_bad;
};

static_assert(sizeof(domctl_audit_p2m) == 24);

/// Delivers a global virtual interrupt to this domain from now on.
struct domctl_set_virq_handler {
    std::uint32_t virq;
};

static_assert(sizeof(domctl_set_virq_handler) == 4);

/// Sets or reads the extended (XSAVE) state of a vCPU. A null buffer asks for its size.
struct domctl_vcpuextstate {
    std::uint32_t vcpu;
    std::uint32_t reserved_;
    std::uint64_t xfeature_mask;
    std::uint64_t size;
    guest_handle<std::uint64_t> buffer;
};

static_assert(sizeof(domctl_vcpuextstate) == 32);

/// Whether a vCPU waits when nobody listens to access events.
struct domctl_set_access_required {
    std::uint8_t access_required;
};

static_assert(sizeof(domctl_set_access_required) == 1);

/// Marks a guest frame as broken memory.
struct domctl_set_broken_page_p2m {
    std::uint64_t pfn;
};

static_assert(sizeof(domctl_set_broken_page_p2m) == 8);

/// Writes guest memory back from the caches (Arm).
struct domctl_cacheflush {
    pfn_t start_pfn;
    pfn_t nr_pfns;
};

static_assert(sizeof(domctl_cacheflush) == 16);

/// Bytes of the pool that a domain's p2m and shadow pages come from.
struct domctl_paging_mempool {
    std::uint64_t size;
};

static_assert(sizeof(domctl_paging_mempool) == 8);

/// One MSR and its value.
struct domctl_vcpu_msr {
    std::uint32_t index;
    std::uint32_t reserved;
    std::uint64_t value;
};

static_assert(sizeof(domctl_vcpu_msr) == 16);

/// Sets or reads the MSRs of a vCPU that no other structure carries.
struct domctl_vcpu_msrs {
    std::uint32_t vcpu;
    std::uint32_t msr_count;
    guest_handle<domctl_vcpu_msr> msrs;
};

static_assert(sizeof(domctl_vcpu_msrs) == 16);

/// The virtual NUMA topology of a domain.
struct domctl_vnuma {
    std::uint32_t nr_vnodes;
    std::uint32_t nr_vmemranges;
    std::uint32_t nr_vcpus;
    std::uint32_t pad;
    guest_handle<std::uint32_t> vdistance;
    guest_handle<std::uint32_t> vcpu_to_vnode;
    guest_handle<std::uint32_t> vnode_to_pnode;
    guest_handle<abi::vmemrange> vmemrange;
};

static_assert(sizeof(domctl_vnuma) == 48);

/// Cache monitoring of a domain.
struct domctl_psr_cmt_op {
    std::uint32_t cmd;
    std::uint32_t data;
};

static_assert(sizeof(domctl_psr_cmt_op) == 8);

/// `domctl_psr_cmt_op::cmd`.
inline constexpr std::uint32_t domctl_psr_cmt_op_detach = 0;
inline constexpr std::uint32_t domctl_psr_cmt_op_attach = 1;
inline constexpr std::uint32_t domctl_psr_cmt_op_query_rmid = 2;

/// `domctl_monitor_op::op`.
inline constexpr std::uint32_t domctl_monitor_op_enable = 0;
inline constexpr std::uint32_t domctl_monitor_op_disable = 1;
inline constexpr std::uint32_t domctl_monitor_op_get_capabilities = 2;
inline constexpr std::uint32_t domctl_monitor_op_emulate_each_rep = 3;
inline constexpr std::uint32_t domctl_monitor_op_control_registers = 4;

/// `domctl_monitor_op::event`; a bit number in the answer to a question for capabilities.
inline constexpr std::uint32_t domctl_monitor_event_write_ctrlreg = 0;
inline constexpr std::uint32_t domctl_monitor_event_mov_to_msr = 1;
inline constexpr std::uint32_t domctl_monitor_event_singlestep = 2;
inline constexpr std::uint32_t domctl_monitor_event_software_breakpoint = 3;
inline constexpr std::uint32_t domctl_monitor_event_guest_request = 4;
inline constexpr std::uint32_t domctl_monitor_event_debug_exception = 5;
inline constexpr std::uint32_t domctl_monitor_event_cpuid = 6;
inline constexpr std::uint32_t domctl_monitor_event_privileged_call = 7;
inline constexpr std::uint32_t domctl_monitor_event_interrupt = 8;
inline constexpr std::uint32_t domctl_monitor_event_desc_access = 9;
inline constexpr std::uint32_t domctl_monitor_event_emul_unimplemented = 10;
inline constexpr std::uint32_t domctl_monitor_event_inguest_pagefault = 11;
inline constexpr std::uint32_t domctl_monitor_event_vmexit = 12;

/// Which events of a guest its monitor hears of.
struct domctl_monitor_op {
    std::uint32_t op;
    std::uint32_t event;

    union {
        struct {
            std::uint8_t index;
            std::uint8_t sync;
            std::uint8_t onchangeonly;
            std::uint8_t pad1;
            std::uint32_t pad2;
            std::uint64_t bitmask;
        } mov_to_cr;

        struct {
            std::uint32_t msr;
            std::uint8_t onchangeonly;
            std::uint8_t reserved_[3];
        } mov_to_msr;

        struct {
            std::uint8_t sync;
            std::uint8_t allow_userspace;
        } guest_request;

        struct {
            std::uint8_t sync;
        } debug_exception;

        struct {
            std::uint8_t sync;
        } vmexit;
    } u;
};

static_assert(sizeof(domctl_monitor_op) == 24);

/// The share of cache or memory bandwidth that a domain gets.
struct domctl_psr_alloc {
    std::uint32_t cmd;
    std::uint32_t target;
    std::uint64_t data;
};

static_assert(sizeof(domctl_psr_alloc) == 16);

/// `domctl_psr_alloc::cmd`.
inline constexpr std::uint32_t domctl_psr_set_l3_cbm = 0;
inline constexpr std::uint32_t domctl_psr_get_l3_cbm = 1;
inline constexpr std::uint32_t domctl_psr_set_l3_code = 2;
inline constexpr std::uint32_t domctl_psr_set_l3_data = 3;
inline constexpr std::uint32_t domctl_psr_get_l3_code = 4;
inline constexpr std::uint32_t domctl_psr_get_l3_data = 5;
inline constexpr std::uint32_t domctl_psr_set_l2_cbm = 6;
inline constexpr std::uint32_t domctl_psr_get_l2_cbm = 7;
inline constexpr std::uint32_t domctl_psr_set_mba_thrtl = 8;
inline constexpr std::uint32_t domctl_psr_get_mba_thrtl = 9;

/// Sets up an emulated UART (Arm).
struct domctl_vuart_op {
    std::uint32_t cmd;
    std::uint32_t type;
    std::uint64_t gfn;
    std::uint16_t console_domid;
    std::uint8_t pad[2];
    evtchn_port_t evtchn;
};

static_assert(sizeof(domctl_vuart_op) == 24);

/// `domctl_vuart_op::cmd`.
inline constexpr std::uint32_t domctl_vuart_op_init = 0;

/// `domctl_vuart_op::type`.
inline constexpr std::uint32_t domctl_vuart_type_vpl011 = 0;

/// Processor trace of a vCPU.
struct domctl_vmtrace_op {
    std::uint32_t cmd;
    std::uint32_t vcpu;
    std::uint64_t key;
    std::uint64_t value;
};

static_assert(sizeof(domctl_vmtrace_op) == 24);

/// `domctl_vmtrace_op::cmd`.
inline constexpr std::uint32_t domctl_vmtrace_enable = 1;
inline constexpr std::uint32_t domctl_vmtrace_disable = 2;
inline constexpr std::uint32_t domctl_vmtrace_reset_and_enable = 3;
inline constexpr std::uint32_t domctl_vmtrace_output_position = 4;
inline constexpr std::uint32_t domctl_vmtrace_get_option = 5;
inline constexpr std::uint32_t domctl_vmtrace_set_option = 6;

/// The argument of `hypercall::domctl`. `domain` is what it is done to.
struct domctl {
    std::uint32_t cmd;
    std::uint32_t interface_version;
    std::uint16_t domain;
    std::uint16_t _pad[3];

    union {
        std::uint8_t pad[128];
        domctl_createdomain createdomain;
        domctl_getdomaininfo getdomaininfo;
        domctl_getpageframeinfo3 getpageframeinfo3;
        domctl_nodeaffinity nodeaffinity;
        domctl_vcpuaffinity vcpuaffinity;
        domctl_shadow_op shadow_op;
        domctl_max_mem max_mem;
        domctl_vcpucontext vcpucontext;
        domctl_getvcpuinfo getvcpuinfo;
        domctl_max_vcpus max_vcpus;
        domctl_scheduler_op scheduler_op;
        domctl_setdomainhandle setdomainhandle;
        domctl_setdebugging setdebugging;
        domctl_irq_permission irq_permission;
        domctl_iomem_permission iomem_permission;
        domctl_ioport_permission ioport_permission;
        domctl_hypercall_init hypercall_init;
        domctl_settimeoffset settimeoffset;
        domctl_tsc_info tsc_info;
        domctl_hvmcontext hvmcontext;
        domctl_hvmcontext_partial hvmcontext_partial;
        domctl_address_size address_size;
        domctl_sendtrigger sendtrigger;
        domctl_get_device_group get_device_group;
        domctl_assign_device assign_device;
        domctl_bind_pt_irq bind_pt_irq;
        domctl_memory_mapping memory_mapping;
        domctl_ioport_mapping ioport_mapping;
        domctl_ext_vcpucontext ext_vcpucontext;
        domctl_set_target set_target;
        domctl_subscribe subscribe;
        domctl_debug_op debug_op;
        domctl_vm_event_op vm_event_op;
        domctl_mem_sharing_op mem_sharing_op;
        domctl_cpu_policy cpu_policy;
        domctl_vcpuextstate vcpuextstate;
        domctl_vcpu_msrs vcpu_msrs;
        domctl_set_access_required access_required;
        domctl_audit_p2m audit_p2m;
        domctl_set_virq_handler set_virq_handler;
        domctl_gdbsx_memio gdbsx_guest_memio;
        domctl_set_broken_page_p2m set_broken_page_p2m;
        domctl_cacheflush cacheflush;
        domctl_gdbsx_pauseunp_vcpu gdbsx_pauseunp_vcpu;
        domctl_gdbsx_domstatus gdbsx_domstatus;
        domctl_vnuma vnuma;
        domctl_psr_cmt_op psr_cmt_op;
        domctl_monitor_op monitor_op;
        domctl_psr_alloc psr_alloc;
        domctl_vuart_op vuart_op;
        domctl_vmtrace_op vmtrace_op;
        domctl_paging_mempool paging_mempool;
    } u;
};

static_assert(sizeof(domctl) == 144);

/// `domctl::cmd`.
// clang-format off
enum class domctl_op : std::uint32_t {
    createdomain            = 1,
    destroydomain           = 2,
    pausedomain             = 3,
    unpausedomain           = 4,
    getdomaininfo           = 5,
    setvcpuaffinity         = 9,
    shadow_op               = 10,
    max_mem                 = 11,
    setvcpucontext          = 12,
    getvcpucontext          = 13,
    getvcpuinfo             = 14,
    max_vcpus               = 15,
    scheduler_op            = 16,
    setdomainhandle         = 17,
    setdebugging            = 18,
    irq_permission          = 19,
    iomem_permission        = 20,
    ioport_permission       = 21,
    hypercall_init          = 22,
    settimeoffset           = 24,
    getvcpuaffinity         = 25,
    real_mode_area          = 26,
    resumedomain            = 27,
    sendtrigger             = 28,
    subscribe               = 29,
    gethvmcontext           = 33,
    sethvmcontext           = 34,
    set_address_size        = 35,
    get_address_size        = 36,
    assign_device           = 37,
    bind_pt_irq             = 38,
    memory_mapping          = 39,
    ioport_mapping          = 40,
    set_ext_vcpucontext     = 42,
    get_ext_vcpucontext     = 43,
    set_opt_feature         = 44,
    test_assign_device      = 45,
    set_target              = 46,
    deassign_device         = 47,
    unbind_pt_irq           = 48,
    get_device_group        = 50,
    debug_op                = 54,
    gethvmcontext_partial   = 55,
    vm_event_op             = 56,
    mem_sharing_op          = 57,
    gettscinfo              = 59,
    settscinfo              = 60,
    getpageframeinfo3       = 61,
    setvcpuextstate         = 62,
    getvcpuextstate         = 63,
    set_access_required     = 64,
    audit_p2m               = 65,
    set_virq_handler        = 66,
    set_broken_page_p2m     = 67,
    setnodeaffinity         = 68,
    getnodeaffinity         = 69,
    cacheflush              = 71,
    get_vcpu_msrs           = 72,
    set_vcpu_msrs           = 73,
    setvnumainfo            = 74,
    psr_cmt_op              = 75,
    monitor_op              = 77,
    psr_alloc               = 78,
    soft_reset              = 79,
    vuart_op                = 81,
    get_cpu_policy          = 82,
    set_cpu_policy          = 83,
    vmtrace_op              = 84,
    get_paging_mempool_size = 85,
    set_paging_mempool_size = 86,
    gdbsx_guestmemio        = 1000,
    gdbsx_pausevcpu         = 1001,
    gdbsx_unpausevcpu       = 1002,
    gdbsx_domstatus         = 1003,
};
// clang-format on

} // namespace xenpp::abi
