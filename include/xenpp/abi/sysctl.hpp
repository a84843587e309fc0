// SPDX-License-Identifier: Apache-2.0
// What a control domain does to the machine, interface version 0x15; public header sysctl.h.
#pragma once

#include <xenpp/abi/domctl.hpp>

#include <cstdint>

namespace xenpp::abi {

/// What `sysctl::interface_version` must be.
inline constexpr std::uint32_t sysctl_interface_version = 0x15;

/// Reads the hypervisor's console ring; `index` and `count` are answers too.
struct sysctl_readconsole {
    std::uint8_t clear;
    std::uint8_t incremental;
    std::uint8_t pad0;
    std::uint8_t pad1;
    std::uint32_t index;
    guest_handle<char> buffer;
    std::uint32_t count;
    std::uint32_t reserved_;
};

static_assert(sizeof(sysctl_readconsole) == 24);

/// Controls the trace buffers.
struct sysctl_tbuf_op {
    std::uint32_t cmd;
    std::uint32_t reserved_;
    xenctl_bitmap cpu_mask;
    std::uint32_t evt_mask;
    std::uint32_t reserved_2;
    std::uint64_t buffer_mfn;
    std::uint32_t size;
    std::uint32_t reserved_3;
};

static_assert(sizeof(sysctl_tbuf_op) == 48);

/// `sysctl_tbuf_op::cmd`.
inline constexpr std::uint32_t sysctl_tbufop_get_info = 0;
inline constexpr std::uint32_t sysctl_tbufop_set_cpu_mask = 1;
inline constexpr std::uint32_t sysctl_tbufop_set_evt_mask = 2;
inline constexpr std::uint32_t sysctl_tbufop_set_size = 3;
inline constexpr std::uint32_t sysctl_tbufop_enable = 4;
inline constexpr std::uint32_t sysctl_tbufop_disable = 5;

/// `sysctl_physinfo::capabilities`.
inline constexpr std::uint32_t sysctl_physcap_hvm_bit = 0;
inline constexpr std::uint32_t sysctl_physcap_hvm = 1u << sysctl_physcap_hvm_bit;
inline constexpr std::uint32_t sysctl_physcap_pv_bit = 1;
inline constexpr std::uint32_t sysctl_physcap_pv = 1u << sysctl_physcap_pv_bit;
inline constexpr std::uint32_t sysctl_physcap_directio_bit = 2;
inline constexpr std::uint32_t sysctl_physcap_directio = 1u << sysctl_physcap_directio_bit;
inline constexpr std::uint32_t sysctl_physcap_hap_bit = 3;
inline constexpr std::uint32_t sysctl_physcap_hap = 1u << sysctl_physcap_hap_bit;
inline constexpr std::uint32_t sysctl_physcap_shadow_bit = 4;
inline constexpr std::uint32_t sysctl_physcap_shadow = 1u << sysctl_physcap_shadow_bit;
inline constexpr std::uint32_t sysctl_physcap_iommu_hap_pt_share_bit = 5;
inline constexpr std::uint32_t sysctl_physcap_iommu_hap_pt_share = 32;
inline constexpr std::uint32_t sysctl_physcap_vmtrace = 1u << 6;
inline constexpr std::uint32_t sysctl_physcap_vpmu = 1u << 7;
inline constexpr std::uint32_t sysctl_physcap_gnttab_v1 = 1u << 8;
inline constexpr std::uint32_t sysctl_physcap_gnttab_v2 = 1u << 9;
inline constexpr std::uint32_t sysctl_physcap_max = sysctl_physcap_gnttab_v2;

/// The machine: topology, memory in pages, what the hypervisor can do on it.
struct sysctl_physinfo {
    std::uint32_t threads_per_core;
    std::uint32_t cores_per_socket;
    std::uint32_t nr_cpus;
    std::uint32_t max_cpu_id;
    std::uint32_t nr_nodes;
    std::uint32_t max_node_id;
    std::uint32_t cpu_khz;
    std::uint32_t capabilities;
    std::uint32_t arch_capabilities;
    std::uint32_t pad;
    std::uint64_t total_pages;
    std::uint64_t free_pages;
    std::uint64_t scrub_pages;
    std::uint64_t outstanding_pages;
    std::uint64_t max_mfn;
    std::uint32_t hw_cap[8];
};

static_assert(sizeof(sysctl_physinfo) == 112);

/// Which scheduler the first CPU pool has.
struct sysctl_sched_id {
    std::uint32_t sched_id;
};

static_assert(sizeof(sysctl_sched_id) == 4);

/// `sysctl_perfc_op::cmd`.
inline constexpr std::uint32_t sysctl_perfcop_reset = 1;
inline constexpr std::uint32_t sysctl_perfcop_query = 2;

/// Name and number of values of a performance counter.
struct sysctl_perfc_desc {
    char name[80];
    std::uint32_t nr_vals;
};

static_assert(sizeof(sysctl_perfc_desc) == 84);

/// Reads or clears the performance counters.
struct sysctl_perfc_op {
    std::uint32_t cmd;
    std::uint32_t nr_counters;
    std::uint32_t nr_vals;
    std::uint32_t reserved_;
    guest_handle<sysctl_perfc_desc> desc;
    guest_handle<std::uint32_t> val;
};

static_assert(sizeof(sysctl_perfc_op) == 32);

/// `domctl_getdomaininfo` of all domains from `first_domain` on, in ascending order.
struct sysctl_getdomaininfolist {
    std::uint16_t first_domain;
    std::uint16_t reserved_;
    std::uint32_t max_domains;
    guest_handle<domctl_getdomaininfo> buffer;
    std::uint32_t num_domains;
    std::uint32_t reserved_2;
};

static_assert(sizeof(sysctl_getdomaininfolist) == 24);

/// Presses debug keys of the hypervisor.
struct sysctl_debug_keys {
    guest_handle<char const> keys;
    std::uint32_t nr_keys;
    std::uint32_t reserved_;
};

static_assert(sizeof(sysctl_debug_keys) == 16);

/// Idle time of a CPU in nanoseconds.
struct sysctl_cpuinfo {
    std::uint64_t idletime;
};

static_assert(sizeof(sysctl_cpuinfo) == 8);

/// Asks for the idle times of all CPUs.
struct sysctl_getcpuinfo {
    std::uint32_t max_cpus;
    std::uint32_t reserved_;
    guest_handle<sysctl_cpuinfo> info;
    std::uint32_t nr_cpus;
    std::uint32_t reserved_2;
};

static_assert(sizeof(sysctl_getcpuinfo) == 24);

/// Asks for free memory: by address width and node.
struct sysctl_availheap {
    std::uint32_t min_bitwidth;
    std::uint32_t max_bitwidth;
    std::int32_t node;
    std::uint32_t reserved_;
    std::uint64_t avail_bytes;
};

static_assert(sizeof(sysctl_availheap) == 24);

/// Time spent at one frequency.
struct pm_px_val {
    std::uint64_t freq;
    std::uint64_t residency;
    std::uint64_t count;
};

static_assert(sizeof(pm_px_val) == 24);

/// Statistics of performance states.
struct pm_px_stat {
    std::uint8_t total;
    std::uint8_t usable;
    std::uint8_t last;
    std::uint8_t cur;
    std::uint32_t reserved_;
    guest_handle<std::uint64_t> trans_pt;
    guest_handle<pm_px_val> pt;
};

static_assert(sizeof(pm_px_stat) == 24);

/// Statistics of idle states.
struct pm_cx_stat {
    std::uint32_t nr;
    std::uint32_t last;
    std::uint64_t idle_time;
    guest_handle<std::uint64_t> triggers;
    guest_handle<std::uint64_t> residencies;
    std::uint32_t nr_pc;
    std::uint32_t nr_cc;
    guest_handle<std::uint64_t> pc;
    guest_handle<std::uint64_t> cc;
};

static_assert(sizeof(pm_cx_stat) == 56);

/// Asks for the statistics of one CPU.
struct sysctl_get_pmstat {
    std::uint32_t type;
    std::uint32_t cpuid;

    union {
        pm_px_stat getpx;
        pm_cx_stat getcx;
    } u;
};

static_assert(sizeof(sysctl_get_pmstat) == 64);

/// `sysctl_get_pmstat::type`.
inline constexpr std::uint32_t pmstat_category_mask = 0xf0;
inline constexpr std::uint32_t pmstat_px = 0x10;
inline constexpr std::uint32_t pmstat_cx = 0x20;
inline constexpr std::uint32_t pmstat_get_max_px = 0x11;
inline constexpr std::uint32_t pmstat_get_pxstat = 0x12;
inline constexpr std::uint32_t pmstat_reset_pxstat = 0x13;
inline constexpr std::uint32_t pmstat_get_max_cx = 0x21;
inline constexpr std::uint32_t pmstat_get_cxstat = 0x22;
inline constexpr std::uint32_t pmstat_reset_cxstat = 0x23;

/// Takes CPUs or sibling threads off line, or brings them back.
struct sysctl_cpu_hotplug {
    std::uint32_t cpu;
    std::uint32_t op;
};

static_assert(sizeof(sysctl_cpu_hotplug) == 8);

/// `sysctl_cpu_hotplug::op`.
inline constexpr std::uint32_t sysctl_cpu_hotplug_online = 0;
inline constexpr std::uint32_t sysctl_cpu_hotplug_offline = 1;
inline constexpr std::uint32_t sysctl_cpu_hotplug_smt_enable = 2;
inline constexpr std::uint32_t sysctl_cpu_hotplug_smt_disable = 3;

/// Governor "userspace": its setting.
struct userspace {
    std::uint32_t scaling_setspeed;
};

static_assert(sizeof(userspace) == 4);

/// Governor "ondemand": its settings.
struct ondemand {
    std::uint32_t sampling_rate_max;
    std::uint32_t sampling_rate_min;
    std::uint32_t sampling_rate;
    std::uint32_t up_threshold;
};

static_assert(sizeof(ondemand) == 16);

/// Bytes of a governor's or driver's name.
inline constexpr std::uint32_t cpufreq_name_len = 16;

/// Frequency scaling of a CPU.
struct get_cpufreq_para {
    std::uint32_t cpu_num;
    std::uint32_t freq_num;
    std::uint32_t gov_num;
    std::uint32_t reserved_;
    guest_handle<std::uint32_t> affected_cpus;
    guest_handle<std::uint32_t> scaling_available_frequencies;
    guest_handle<char> scaling_available_governors;
    char scaling_driver[16];
    std::uint32_t cpuinfo_cur_freq;
    std::uint32_t cpuinfo_max_freq;
    std::uint32_t cpuinfo_min_freq;
    std::uint32_t scaling_cur_freq;
    char scaling_governor[16];
    std::uint32_t scaling_max_freq;
    std::uint32_t scaling_min_freq;

    union {
        abi::userspace userspace;
        abi::ondemand ondemand;
    } u;

    std::int32_t turbo_enabled;
    std::uint32_t reserved_2;
};

static_assert(sizeof(get_cpufreq_para) == 120);

/// Chooses a governor.
struct set_cpufreq_gov {
    char scaling_governor[16];
};

static_assert(sizeof(set_cpufreq_gov) == 16);

/// Changes one setting of frequency scaling.
struct set_cpufreq_para {
    std::uint32_t ctrl_type;
    std::uint32_t ctrl_value;
};

static_assert(sizeof(set_cpufreq_para) == 8);

/// `set_cpufreq_para::ctrl_type`.
inline constexpr std::uint32_t scaling_max_freq = 1;
inline constexpr std::uint32_t scaling_min_freq = 2;
inline constexpr std::uint32_t scaling_setspeed = 3;
inline constexpr std::uint32_t sampling_rate = 4;
inline constexpr std::uint32_t up_threshold = 5;

/// Power management of a CPU.
struct sysctl_pm_op {
    std::uint32_t cmd;
    std::uint32_t cpuid;

    union {
        get_cpufreq_para get_para;
        set_cpufreq_gov set_gov;
        set_cpufreq_para set_para;
        std::uint64_t get_avgfreq;
        std::uint32_t set_sched_opt_smt;
        std::uint32_t get_max_cstate;
        std::uint32_t set_max_cstate;
    } u;
};

static_assert(sizeof(sysctl_pm_op) == 128);

/// `sysctl_pm_op::cmd`.
inline constexpr std::uint32_t pm_para_category_mask = 0xf0;
inline constexpr std::uint32_t cpufreq_para = 0x10;
inline constexpr std::uint32_t pm_op_get_cpufreq_para = 0x11;
inline constexpr std::uint32_t pm_op_set_cpufreq_gov = 0x12;
inline constexpr std::uint32_t pm_op_set_cpufreq_para = 0x13;
inline constexpr std::uint32_t pm_op_get_cpufreq_avgfreq = 0x14;
inline constexpr std::uint32_t sysctl_pm_op_set_sched_opt_smt = 0x21;
inline constexpr std::uint32_t sysctl_pm_op_get_max_cstate = 0x22;
inline constexpr std::uint32_t sysctl_pm_op_set_max_cstate = 0x23;
inline constexpr std::uint32_t sysctl_pm_op_set_vcpu_migration_delay = 0x24;
inline constexpr std::uint32_t sysctl_pm_op_get_vcpu_migration_delay = 0x25;
inline constexpr std::uint32_t sysctl_pm_op_enable_turbo = 0x26;
inline constexpr std::uint32_t sysctl_pm_op_disable_turbo = 0x27;

/// No limit to the depth of idle states.
inline constexpr std::uint32_t sysctl_cx_unlimited = 0xffffffffu;

/// Takes pages out of use, or brings them back; one status word each.
struct sysctl_page_offline_op {
    std::uint32_t cmd;
    std::uint32_t start;
    std::uint32_t end;
    std::uint32_t reserved_;
    guest_handle<std::uint32_t> status;
};

static_assert(sizeof(sysctl_page_offline_op) == 24);

/// `sysctl_page_offline_op::cmd`.
inline constexpr std::uint32_t page_offline_op_offline = 1;
inline constexpr std::uint32_t page_offline_op_online = 2;
inline constexpr std::uint32_t page_offline_op_query = 3;

/// Bits of a status word.
inline constexpr std::uint32_t pg_offline_status_mask = 0xff;
inline constexpr std::uint32_t pg_offline_invalid = 1u;
inline constexpr std::uint32_t pg_offline_offlined = 1u << 1;
inline constexpr std::uint32_t pg_offline_pending = 1u << 2;
inline constexpr std::uint32_t pg_offline_failed = 1u << 3;
inline constexpr std::uint32_t pg_offline_again = 1u << 4;
inline constexpr std::uint32_t pg_online_failed = pg_offline_failed;
inline constexpr std::uint32_t pg_online_onlined = pg_offline_offlined;
inline constexpr std::uint32_t pg_offline_status_offlined = 1u << 1;
inline constexpr std::uint32_t pg_offline_status_online = 1u << 2;
inline constexpr std::uint32_t pg_offline_status_offline_pending = 1u << 3;
inline constexpr std::uint32_t pg_offline_status_broken = 1u << 4;
inline constexpr std::uint32_t pg_offline_misc_mask = 0xff0;
inline constexpr std::uint32_t pg_offline_xenpage = 1u << 8;
inline constexpr std::uint32_t pg_offline_dom0page = 1u << 9;
inline constexpr std::uint32_t pg_offline_anonymous = 1u << 10;
inline constexpr std::uint32_t pg_offline_not_conv_ram = 1u << 11;
inline constexpr std::uint32_t pg_offline_owned = 1u << 12;
inline constexpr std::uint32_t pg_offline_broken = 1u << 13;
inline constexpr std::uint32_t pg_online_broken = pg_offline_broken;
inline constexpr std::uint32_t pg_offline_owner_shift = 16;

/// `sysctl_lockprof_op::cmd`.
inline constexpr std::uint32_t sysctl_lockprof_reset = 1;
inline constexpr std::uint32_t sysctl_lockprof_query = 2;

/// `sysctl_lockprof_data::type`.
inline constexpr std::uint32_t lockprof_type_global = 0;
inline constexpr std::uint32_t lockprof_type_perdom = 1;
inline constexpr std::uint32_t lockprof_type_n = 2;

/// How often a lock was taken and waited for, and how long.
struct sysctl_lockprof_data {
    char name[40];
    std::int32_t type;
    std::int32_t idx;
    std::uint64_t lock_cnt;
    std::uint64_t block_cnt;
    std::uint64_t lock_time;
    std::uint64_t block_time;
};

static_assert(sizeof(sysctl_lockprof_data) == 80);

/// Reads or clears the lock profile.
struct sysctl_lockprof_op {
    std::uint32_t cmd;
    std::uint32_t max_elem;
    std::uint32_t nr_elem;
    std::uint32_t reserved_;
    std::uint64_t time;
    guest_handle<sysctl_lockprof_data> data;
};

static_assert(sizeof(sysctl_lockprof_op) == 32);

/// Marks a CPU that is not on line.
inline constexpr std::uint32_t invalid_core_id = 0xffffffffu;
inline constexpr std::uint32_t invalid_socket_id = 0xffffffffu;
inline constexpr std::uint32_t invalid_node_id = 0xffffffffu;

/// Core, socket and node of a CPU.
struct sysctl_cputopo {
    std::uint32_t core;
    std::uint32_t socket;
    std::uint32_t node;
};

static_assert(sizeof(sysctl_cputopo) == 12);

/// Asks for the topology of all CPUs.
struct sysctl_cputopoinfo {
    std::uint32_t num_cpus;
    std::uint32_t reserved_;
    guest_handle<sysctl_cputopo> cputopo;
};

static_assert(sizeof(sysctl_cputopoinfo) == 16);

/// Marks a node without memory, and a distance nobody knows.
inline constexpr std::uint32_t invalid_mem_sz = 0xffffffffu;
inline constexpr std::uint32_t invalid_node_dist = 0xffffffffu;

/// Bytes of memory on a node.
struct sysctl_meminfo {
    std::uint64_t memsize;
    std::uint64_t memfree;
};

static_assert(sizeof(sysctl_meminfo) == 16);

/// Asks for memory and distances of all nodes.
struct sysctl_numainfo {
    std::uint32_t num_nodes;
    std::uint32_t reserved_;
    guest_handle<sysctl_meminfo> meminfo;
    guest_handle<std::uint32_t> distance;
};

static_assert(sizeof(sysctl_numainfo) == 24);

/// `sysctl_cpupool_op::op`.
inline constexpr std::uint32_t sysctl_cpupool_op_create = 1;
inline constexpr std::uint32_t sysctl_cpupool_op_destroy = 2;
inline constexpr std::uint32_t sysctl_cpupool_op_info = 3;
inline constexpr std::uint32_t sysctl_cpupool_op_addcpu = 4;
inline constexpr std::uint32_t sysctl_cpupool_op_rmcpu = 5;
inline constexpr std::uint32_t sysctl_cpupool_op_movedomain = 6;
inline constexpr std::uint32_t sysctl_cpupool_op_freeinfo = 7;

/// `sysctl_cpupool_op::cpupool_id` or `cpu`: any.
inline constexpr std::uint32_t sysctl_cpupool_par_any = 0xffffffffu;

/// Makes, changes, lists and destroys CPU pools.
struct sysctl_cpupool_op {
    std::uint32_t op;
    std::uint32_t cpupool_id;
    std::uint32_t sched_id;
    std::uint32_t domid;
    std::uint32_t cpu;
    std::uint32_t n_dom;
    xenctl_bitmap cpumap;
};

static_assert(sizeof(sysctl_cpupool_op) == 40);

/// Slots of an ARINC 653 schedule.
inline constexpr std::uint32_t arinc653_max_domains_per_schedule = 64;

/// An ARINC 653 schedule; times in nanoseconds.
struct sysctl_arinc653_schedule {
    std::uint64_t major_frame;
    std::uint8_t num_sched_entries;
    std::uint8_t reserved_[7];

    struct {
        std::uint8_t dom_handle[16];
        std::uint32_t vcpu_id;
        std::uint32_t reserved_2;
        std::uint64_t runtime;
    } sched_entries[arinc653_max_domains_per_schedule];
};

static_assert(sizeof(sysctl_arinc653_schedule) == 2064);

/// Bounds of a scheduler's rate limit in microseconds.
inline constexpr std::uint32_t sysctl_sched_ratelimit_max = 500000;
inline constexpr std::uint32_t sysctl_sched_ratelimit_min = 100;

/// Settings of a credit scheduler.
struct sysctl_credit_schedule {
    std::uint32_t tslice_ms;
    std::uint32_t ratelimit_us;
    std::uint32_t vcpu_migr_delay_us;
};

static_assert(sizeof(sysctl_credit_schedule) == 12);

/// Bounds of the time slice in milliseconds, and of the migration delay in microseconds.
inline constexpr std::uint32_t sysctl_csched_tslice_max = 1000;
inline constexpr std::uint32_t sysctl_csched_tslice_min = 1;
inline constexpr std::uint32_t sysctl_csched_mgr_dly_max_us = 100000;

/// Settings of a credit2 scheduler.
struct sysctl_credit2_schedule {
    std::uint32_t ratelimit_us;
};

static_assert(sizeof(sysctl_credit2_schedule) == 4);

/// `sysctl_scheduler_op::cmd`.
inline constexpr std::uint32_t sysctl_schedop_putinfo = 0;
inline constexpr std::uint32_t sysctl_schedop_getinfo = 1;

/// Sets or reads a pool's scheduler.
struct sysctl_scheduler_op {
    std::uint32_t cpupool_id;
    std::uint32_t sched_id;
    std::uint32_t cmd;
    std::uint32_t reserved_;

    union {
        std::uint8_t reserved_2[16];

        struct sysctl_sched_arinc653 {
            guest_handle<sysctl_arinc653_schedule> schedule;
        } sched_arinc653;

        sysctl_credit_schedule sched_credit;
        sysctl_credit2_schedule sched_credit2;
    } u;
};

static_assert(sizeof(sysctl_scheduler_op) == 32);

/// Begins coverage data.
inline constexpr std::uint32_t gcov_format_magic = 0x58434f56;

/// `sysctl_coverage_op::cmd`.
inline constexpr std::uint32_t sysctl_coverage_get_size = 0;
inline constexpr std::uint32_t sysctl_coverage_read = 1;
inline constexpr std::uint32_t sysctl_coverage_reset = 2;

/// Reads or clears the coverage of an instrumented hypervisor.
struct sysctl_coverage_op {
    std::uint32_t cmd;
    std::uint32_t size;
    guest_handle<char> buffer;
};

static_assert(sizeof(sysctl_coverage_op) == 16);

/// `sysctl_psr_cmt_op::cmd`.
inline constexpr std::uint32_t sysctl_psr_cmt_get_total_rmid = 0;
inline constexpr std::uint32_t sysctl_psr_cmt_get_l3_upscaling_factor = 1;
inline constexpr std::uint32_t sysctl_psr_cmt_get_l3_cache_size = 2;
inline constexpr std::uint32_t sysctl_psr_cmt_enabled = 3;
inline constexpr std::uint32_t sysctl_psr_cmt_get_l3_event_mask = 4;

/// Asks about cache monitoring.
struct sysctl_psr_cmt_op {
    std::uint32_t cmd;
    std::uint32_t flags;

    union {
        std::uint64_t data;

        struct {
            std::uint32_t cpu;
            std::uint32_t rsvd;
        } l3_cache;
    } u;
};

static_assert(sizeof(sysctl_psr_cmt_op) == 16);

/// Marks a device that the hypervisor does not know.
inline constexpr std::uint32_t invalid_dev = 0xfffffffeu;

/// Asks for the nodes of devices.
struct sysctl_pcitopoinfo {
    std::uint32_t num_devs;
    std::uint32_t reserved_;
    guest_handle<physdev_pci_device> devs;
    guest_handle<std::uint32_t> nodes;
};

static_assert(sizeof(sysctl_pcitopoinfo) == 24);

/// `sysctl_psr_alloc::cmd`.
inline constexpr std::uint32_t sysctl_psr_get_l3_info = 0;
inline constexpr std::uint32_t sysctl_psr_get_l2_info = 1;
inline constexpr std::uint32_t sysctl_psr_get_mba_info = 2;

/// Asks what cache and bandwidth can be shared out.
struct sysctl_psr_alloc {
    std::uint32_t cmd;
    std::uint32_t target;

    union {
        struct {
            std::uint32_t cbm_len;
            std::uint32_t cos_max;
            std::uint32_t flags;
        } cat_info;

        struct {
            std::uint32_t thrtl_max;
            std::uint32_t cos_max;
            std::uint32_t flags;
        } mba_info;
    } u;
};

static_assert(sizeof(sysctl_psr_alloc) == 20);

/// `sysctl_psr_alloc::u.cat_info.flags`.
inline constexpr std::uint32_t sysctl_psr_cat_l3_cdp = 1u;

/// `sysctl_psr_alloc::u.mba_info.flags`.
inline constexpr std::uint32_t sysctl_psr_mba_linear = 1u;

/// Which CPUID results the hypervisor can change for PV guests.
struct sysctl_cpu_levelling_caps {
    std::uint32_t caps;
};

static_assert(sizeof(sysctl_cpu_levelling_caps) == 4);

/// `sysctl_cpu_levelling_caps::caps`.
inline constexpr std::uint32_t sysctl_cpu_levelcap_faulting = 1u;
inline constexpr std::uint32_t sysctl_cpu_levelcap_ecx = 1u << 1;
inline constexpr std::uint32_t sysctl_cpu_levelcap_edx = 1u << 2;
inline constexpr std::uint32_t sysctl_cpu_levelcap_extd_ecx = 1u << 3;
inline constexpr std::uint32_t sysctl_cpu_levelcap_extd_edx = 1u << 4;
inline constexpr std::uint32_t sysctl_cpu_levelcap_xsave_eax = 1u << 5;
inline constexpr std::uint32_t sysctl_cpu_levelcap_thermal_ecx = 1u << 6;
inline constexpr std::uint32_t sysctl_cpu_levelcap_l7s0_eax = 1u << 7;
inline constexpr std::uint32_t sysctl_cpu_levelcap_l7s0_ebx = 1u << 8;

/// Asks for a feature set: 32 features a word.
struct sysctl_cpu_featureset {
    std::uint32_t index;
    std::uint32_t nr_features;
    guest_handle<std::uint32_t> features;
};

static_assert(sizeof(sysctl_cpu_featureset) == 16);

/// `sysctl_cpu_featureset::index`.
inline constexpr std::uint32_t sysctl_cpu_featureset_raw = 0;
inline constexpr std::uint32_t sysctl_cpu_featureset_host = 1;
inline constexpr std::uint32_t sysctl_cpu_featureset_pv = 2;
inline constexpr std::uint32_t sysctl_cpu_featureset_hvm = 3;
inline constexpr std::uint32_t sysctl_cpu_featureset_pv_max = 4;
inline constexpr std::uint32_t sysctl_cpu_featureset_hvm_max = 5;

/// The version of a payload's descriptors.
inline constexpr std::uint32_t livepatch_payload_version = 2;

/// Bytes of a payload's name.
inline constexpr std::uint32_t livepatch_name_size = 128;

/// The name of a payload.
struct livepatch_name {
    guest_handle<char> name;
    std::uint16_t size;
    std::uint16_t pad[3];
};

static_assert(sizeof(livepatch_name) == 16);

/// `sysctl_livepatch_op::cmd`.
inline constexpr std::uint32_t sysctl_livepatch_cmd_upload = 0;

/// Brings a payload in.
struct sysctl_livepatch_upload {
    livepatch_name name;
    std::uint64_t size;
    guest_handle<std::uint8_t> payload;
};

static_assert(sizeof(sysctl_livepatch_upload) == 32);

/// `sysctl_livepatch_op::cmd`.
inline constexpr std::uint32_t sysctl_livepatch_cmd_get = 1;

/// State of a payload, and the result of the last action.
struct livepatch_status {
    std::uint32_t state;
    std::int32_t rc;
};

static_assert(sizeof(livepatch_status) == 8);

/// `livepatch_status::state`.
inline constexpr std::uint32_t livepatch_state_checked = 1;
inline constexpr std::uint32_t livepatch_state_applied = 2;

/// Asks for the state of one payload.
struct sysctl_livepatch_get {
    livepatch_name name;
    livepatch_status status;
};

static_assert(sizeof(sysctl_livepatch_get) == 24);

/// `sysctl_livepatch_op::cmd`.
inline constexpr std::uint32_t sysctl_livepatch_cmd_list = 2;

/// Lists payloads; `version` changes when the list does.
struct sysctl_livepatch_list {
    std::uint32_t version;
    std::uint32_t idx;
    std::uint32_t nr;
    std::uint32_t pad;
    std::uint32_t name_total_size;
    std::uint32_t metadata_total_size;
    guest_handle<livepatch_status> status;
    guest_handle<char> name;
    guest_handle<std::uint32_t> len;
    guest_handle<char> metadata;
    guest_handle<std::uint32_t> metadata_len;
};

static_assert(sizeof(sysctl_livepatch_list) == 64);

/// `sysctl_livepatch_op::cmd`.
inline constexpr std::uint32_t sysctl_livepatch_cmd_action = 3;

/// Applies, reverts or drops a payload. `timeout` in nanoseconds.
struct sysctl_livepatch_action {
    livepatch_name name;
    std::uint32_t cmd;
    std::uint32_t timeout;
    std::uint32_t flags;
    std::uint32_t pad;
};

static_assert(sizeof(sysctl_livepatch_action) == 32);

/// `sysctl_livepatch_action::cmd`.
inline constexpr std::uint32_t livepatch_action_unload = 1;
inline constexpr std::uint32_t livepatch_action_revert = 2;
inline constexpr std::uint32_t livepatch_action_apply = 3;
inline constexpr std::uint32_t livepatch_action_replace = 4;

/// `sysctl_livepatch_action::flags`.
inline constexpr std::uint32_t livepatch_action_apply_nodeps = 1u;

/// Live patches of the hypervisor.
struct sysctl_livepatch_op {
    std::uint32_t cmd;
    std::uint32_t pad;

    union {
        sysctl_livepatch_upload upload;
        sysctl_livepatch_list list;
        sysctl_livepatch_get get;
        sysctl_livepatch_action action;
    } u;
};

static_assert(sizeof(sysctl_livepatch_op) == 72);

/// Asks for one of the machine's CPU policies.
struct sysctl_cpu_policy {
    std::uint32_t index;
    std::uint32_t nr_leaves;
    std::uint32_t nr_msrs;
    std::uint32_t _rsvd;
    guest_handle<cpuid_leaf> leaves;
    guest_handle<msr_entry> msrs;
};

static_assert(sizeof(sysctl_cpu_policy) == 32);

/// `sysctl_cpu_policy::index`.
inline constexpr std::uint32_t sysctl_cpu_policy_raw = 0;
inline constexpr std::uint32_t sysctl_cpu_policy_host = 1;
inline constexpr std::uint32_t sysctl_cpu_policy_pv_max = 2;
inline constexpr std::uint32_t sysctl_cpu_policy_hvm_max = 3;
inline constexpr std::uint32_t sysctl_cpu_policy_pv_default = 4;
inline constexpr std::uint32_t sysctl_cpu_policy_hvm_default = 5;

/// The argument of `hypercall::sysctl`.
struct sysctl {
    std::uint32_t cmd;
    std::uint32_t interface_version;

    union {
        std::uint8_t pad[128];
        sysctl_readconsole readconsole;
        sysctl_tbuf_op tbuf_op;
        sysctl_physinfo physinfo;
        sysctl_cputopoinfo cputopoinfo;
        sysctl_pcitopoinfo pcitopoinfo;
        sysctl_numainfo numainfo;
        sysctl_sched_id sched_id;
        sysctl_perfc_op perfc_op;
        sysctl_getdomaininfolist getdomaininfolist;
        sysctl_debug_keys debug_keys;
        sysctl_getcpuinfo getcpuinfo;
        sysctl_availheap availheap;
        sysctl_get_pmstat get_pmstat;
        sysctl_cpu_hotplug cpu_hotplug;
        sysctl_pm_op pm_op;
        sysctl_page_offline_op page_offline;
        sysctl_lockprof_op lockprof_op;
        sysctl_cpupool_op cpupool_op;
        sysctl_scheduler_op scheduler_op;
        sysctl_coverage_op coverage_op;
        sysctl_psr_cmt_op psr_cmt_op;
        sysctl_psr_alloc psr_alloc;
        sysctl_cpu_levelling_caps cpu_levelling_caps;
        sysctl_cpu_featureset cpu_featureset;
        sysctl_livepatch_op livepatch;
        sysctl_cpu_policy cpu_policy;
    } u;
};

static_assert(sizeof(sysctl) == 136);

/// `sysctl::cmd`.
// clang-format off
enum class sysctl_op : std::uint32_t {
    readconsole            = 1,
    tbuf_op                = 2,
    physinfo               = 3,
    sched_id               = 4,
    perfc_op               = 5,
    getdomaininfolist      = 6,
    debug_keys             = 7,
    getcpuinfo             = 8,
    availheap              = 9,
    get_pmstat             = 10,
    cpu_hotplug            = 11,
    pm_op                  = 12,
    page_offline_op        = 14,
    lockprof_op            = 15,
    cputopoinfo            = 16,
    numainfo               = 17,
    cpupool_op             = 18,
    scheduler_op           = 19,
    coverage_op            = 20,
    psr_cmt_op             = 21,
    pcitopoinfo            = 22,
    psr_alloc              = 23,
    get_cpu_levelling_caps = 25,
    get_cpu_featureset     = 26,
    livepatch_op           = 27,
    get_cpu_policy         = 29,
};
// clang-format on

} // namespace xenpp::abi
