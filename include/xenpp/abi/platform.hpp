// SPDX-License-Identifier: Apache-2.0
// What the hardware domain does to the platform, interface version 0x03000001; public header
// platform.h.
#pragma once

#include <xenpp/abi/xen.hpp>

#include <cstdint>

namespace xenpp::abi {

/// What `platform_op_t::interface_version` must be.
inline constexpr std::uint32_t xenpf_interface_version = 0x3000001;

/// `platform_op_t::cmd`.
// clang-format off
enum class platform_op : std::uint32_t {
    settime32            = 17,
    settime64            = 62,
    add_memtype          = 31,
    del_memtype          = 32,
    read_memtype         = 33,
    microcode_update     = 35,
    platform_quirk       = 39,
    efi_runtime_call     = 49,
    firmware_info        = 50,
    enter_acpi_sleep     = 51,
    change_freq          = 52,
    getidletime          = 53,
    set_processor_pminfo = 54,
    get_cpuinfo          = 55,
    get_cpu_version      = 48,
    cpu_online           = 56,
    cpu_offline          = 57,
    cpu_hotadd           = 58,
    mem_hotadd           = 59,
    core_parking         = 60,
    resource_op          = 61,
    get_symbol           = 63,
};

// clang-format on

/// Sets the wall clock: the time it was at `system_time`.
struct xenpf_settime32 {
    std::uint32_t secs;
    std::uint32_t nsecs;
    std::uint64_t system_time;
};

static_assert(sizeof(xenpf_settime32) == 16);

/// The same with 64 bits of seconds; `mbz` must be zero.
struct xenpf_settime64 {
    std::uint64_t secs;
    std::uint32_t nsecs;
    std::uint32_t mbz;
    std::uint64_t system_time;
};

static_assert(sizeof(xenpf_settime64) == 24);

/// Adds an MTRR range.
struct xenpf_add_memtype {
    pfn_t mfn;
    std::uint64_t nr_mfns;
    std::uint32_t type;
    std::uint32_t handle;
    std::uint32_t reg;
    std::uint32_t reserved_;
};

static_assert(sizeof(xenpf_add_memtype) == 32);

/// Drops one.
struct xenpf_del_memtype {
    std::uint32_t handle;
    std::uint32_t reg;
};

static_assert(sizeof(xenpf_del_memtype) == 8);

/// Reads one.
struct xenpf_read_memtype {
    std::uint32_t reg;
    std::uint32_t reserved_;
    pfn_t mfn;
    std::uint64_t nr_mfns;
    std::uint32_t type;
    std::uint32_t reserved_2;
};

static_assert(sizeof(xenpf_read_memtype) == 32);

/// Loads microcode.
struct xenpf_microcode_update {
    guest_handle<void const> data;
    std::uint32_t length;
    std::uint32_t reserved_;
};

static_assert(sizeof(xenpf_microcode_update) == 16);

/// `xenpf_platform_quirk::quirk_id`.
inline constexpr std::uint32_t quirk_noirqbalancing = 1;
inline constexpr std::uint32_t quirk_ioapic_bad_regsel = 2;
inline constexpr std::uint32_t quirk_ioapic_good_regsel = 3;

/// Tells of a flaw of the chipset.
struct xenpf_platform_quirk {
    std::uint32_t quirk_id;
};

static_assert(sizeof(xenpf_platform_quirk) == 4);

/// `xenpf_efi_runtime_call::function`.
inline constexpr std::uint32_t efi_get_time = 1;
inline constexpr std::uint32_t efi_set_time = 2;
inline constexpr std::uint32_t efi_get_wakeup_time = 3;
inline constexpr std::uint32_t efi_set_wakeup_time = 4;
inline constexpr std::uint32_t efi_get_next_high_monotonic_count = 5;
inline constexpr std::uint32_t efi_get_variable = 6;
inline constexpr std::uint32_t efi_set_variable = 7;
inline constexpr std::uint32_t efi_get_next_variable_name = 8;
inline constexpr std::uint32_t efi_query_variable_info = 9;
inline constexpr std::uint32_t efi_query_capsule_capabilities = 10;
inline constexpr std::uint32_t efi_update_capsule = 11;

/// EFI's calendar time.
struct xenpf_efi_time {
    std::uint16_t year;
    std::uint8_t month;
    std::uint8_t day;
    std::uint8_t hour;
    std::uint8_t min;
    std::uint8_t sec;
    std::uint8_t reserved_;
    std::uint32_t ns;
    std::int16_t tz;
    std::uint8_t daylight;
    std::uint8_t reserved_2;
};

static_assert(sizeof(xenpf_efi_time) == 16);

/// EFI's GUID.
struct xenpf_efi_guid {
    std::uint32_t data1;
    std::uint16_t data2;
    std::uint16_t data3;
    std::uint8_t data4[8];
};

static_assert(sizeof(xenpf_efi_guid) == 16);

/// Calls an EFI runtime service.
struct xenpf_efi_runtime_call {
    std::uint32_t function;
    std::uint32_t misc;
    std::uint64_t status;

    union {
        struct {
            xenpf_efi_time time;
            std::uint32_t resolution;
            std::uint32_t accuracy;
        } get_time;

        xenpf_efi_time set_time;
        xenpf_efi_time get_wakeup_time;
        xenpf_efi_time set_wakeup_time;

        struct {
            guest_handle<void> name;
            std::uint64_t size;
            guest_handle<void> data;
            xenpf_efi_guid vendor_guid;
        } get_variable;

        struct {
            guest_handle<void> name;
            std::uint64_t size;
            guest_handle<void> data;
            xenpf_efi_guid vendor_guid;
        } set_variable;

        struct {
            std::uint64_t size;
            guest_handle<void> name;
            xenpf_efi_guid vendor_guid;
        } get_next_variable_name;

        struct {
            std::uint32_t attr;
            std::uint32_t reserved_;
            std::uint64_t max_store_size;
            std::uint64_t remain_store_size;
            std::uint64_t max_size;
        } query_variable_info;

        struct {
            guest_handle<void> capsule_header_array;
            std::uint64_t capsule_count;
            std::uint64_t max_capsule_size;
            std::uint32_t reset_type;
            std::uint32_t reserved_2;
        } query_capsule_capabilities;

        struct {
            guest_handle<void> capsule_header_array;
            std::uint64_t capsule_count;
            std::uint64_t sg_list;
        } update_capsule;
    } u;
};

static_assert(sizeof(xenpf_efi_runtime_call) == 56);

/// `xenpf_efi_runtime_call::misc`, by function.
inline constexpr std::uint32_t efi_get_time_set_clears_ns = 0x1;
inline constexpr std::uint32_t efi_get_wakeup_time_enabled = 0x1;
inline constexpr std::uint32_t efi_get_wakeup_time_pending = 0x2;
inline constexpr std::uint32_t efi_set_wakeup_time_enable = 0x1;
inline constexpr std::uint32_t efi_set_wakeup_time_enable_only = 0x2;
inline constexpr std::uint32_t efi_variable_non_volatile = 0x1;
inline constexpr std::uint32_t efi_variable_bootservice_access = 0x2;
inline constexpr std::uint32_t efi_variable_runtime_access = 0x4;
inline constexpr std::uint32_t efi_varinfo_boot_snapshot = 0x1;

/// `xenpf_firmware_info::type`, and `index` for `fw_efi_info`.
inline constexpr std::uint32_t fw_disk_info = 1;
inline constexpr std::uint32_t fw_disk_mbr_signature = 2;
inline constexpr std::uint32_t fw_vbeddc_info = 3;
inline constexpr std::uint32_t fw_efi_info = 4;
inline constexpr std::uint32_t fw_efi_version = 0;
inline constexpr std::uint32_t fw_efi_config_table = 1;
inline constexpr std::uint32_t fw_efi_vendor = 2;
inline constexpr std::uint32_t fw_efi_mem_info = 3;
inline constexpr std::uint32_t fw_efi_rt_version = 4;
inline constexpr std::uint32_t fw_efi_pci_rom = 5;
inline constexpr std::uint32_t fw_efi_apple_properties = 6;
inline constexpr std::uint32_t fw_kbd_shift_flags = 5;

/// What the firmware said to the boot loader.
struct xenpf_firmware_info {
    std::uint32_t type;
    std::uint32_t index;

    union {
        struct {
            std::uint8_t device;
            std::uint8_t version;
            std::uint16_t interface_support;
            std::uint16_t legacy_max_cylinder;
            std::uint8_t legacy_max_head;
            std::uint8_t legacy_sectors_per_track;
            guest_handle<void> edd_params;
        } disk_info;

        struct {
            std::uint8_t device;
            std::uint8_t reserved_[3];
            std::uint32_t mbr_signature;
        } disk_mbr_signature;

        struct {
            std::uint8_t capabilities;
            std::uint8_t edid_transfer_time;
            std::uint8_t reserved_2[6];
            guest_handle<std::uint8_t> edid;
        } vbeddc_info;

        union xenpf_efi_info {
            std::uint32_t version;

            struct {
                std::uint64_t addr;
                std::uint32_t nent;
                std::uint32_t reserved_3;
            } cfg;

            struct {
                std::uint32_t revision;
                std::uint32_t bufsz;
                guest_handle<void> name;
            } vendor;

            struct {
                std::uint64_t addr;
                std::uint64_t size;
                std::uint64_t attr;
                std::uint32_t type;
                std::uint32_t reserved_4;
            } mem;

            struct {
                std::uint16_t segment;
                std::uint8_t bus;
                std::uint8_t devfn;
                std::uint16_t vendor;
                std::uint16_t devid;
                std::uint64_t address;
                std::uint64_t size;
            } pci_rom;

            struct {
                std::uint64_t address;
                std::uint64_t size;
            } apple_properties;
        } efi_info;

        std::uint8_t kbd_shift_flags;
    } u;
};

static_assert(sizeof(xenpf_firmware_info) == 40);

/// Writes the sleep registers.
struct xenpf_enter_acpi_sleep {
    std::uint16_t val_a;
    std::uint16_t val_b;
    std::uint32_t sleep_state;
    std::uint32_t flags;
};

static_assert(sizeof(xenpf_enter_acpi_sleep) == 12);

/// `xenpf_enter_acpi_sleep::flags`: the extended registers.
inline constexpr std::uint32_t xenpf_acpi_sleep_extended = 0x1;

/// Tells of a frequency change.
struct xenpf_change_freq {
    std::uint32_t flags;
    std::uint32_t cpu;
    std::uint64_t freq;
};

static_assert(sizeof(xenpf_change_freq) == 16);

/// Asks for the idle times of CPUs.
struct xenpf_getidletime {
    guest_handle<std::uint8_t> cpumap_bitmap;
    std::uint32_t cpumap_nr_cpus;
    std::uint32_t reserved_;
    guest_handle<std::uint64_t> idletime;
    std::uint64_t now;
};

static_assert(sizeof(xenpf_getidletime) == 32);

/// `start_info::flags` of the control domain: what it manages.
inline constexpr std::uint32_t processor_pm_cx = 1;
inline constexpr std::uint32_t processor_pm_px = 2;
inline constexpr std::uint32_t processor_pm_tx = 4;

/// `xenpf_set_processor_pminfo::type`.
inline constexpr std::uint32_t pm_cx = 0;
inline constexpr std::uint32_t pm_px = 1;
inline constexpr std::uint32_t pm_tx = 2;
inline constexpr std::uint32_t pm_pdc = 3;

/// `processor_performance::flags`.
inline constexpr std::uint32_t px_pct = 1;
inline constexpr std::uint32_t px_pss = 2;
inline constexpr std::uint32_t px_ppc = 4;
inline constexpr std::uint32_t px_psd = 8;

/// An ACPI register.
struct power_register {
    std::uint32_t space_id;
    std::uint32_t bit_width;
    std::uint32_t bit_offset;
    std::uint32_t access_size;
    std::uint64_t address;
};

static_assert(sizeof(power_register) == 24);

/// An ACPI _CSD entry: CPUs that change idle states together.
struct processor_csd {
    std::uint32_t domain;
    std::uint32_t coord_type;
    std::uint32_t num;
};

static_assert(sizeof(processor_csd) == 12);

/// An idle state.
struct processor_cx {
    power_register reg;
    std::uint8_t type;
    std::uint8_t reserved_[3];
    std::uint32_t latency;
    std::uint32_t power;
    std::uint32_t dpcnt;
    guest_handle<processor_csd> dp;
};

static_assert(sizeof(processor_cx) == 48);

/// What the idle states need.
struct processor_flags {
    std::uint32_t bm_control : 1;
    std::uint32_t bm_check : 1;
    std::uint32_t has_cst : 1;
    std::uint32_t power_setup_done : 1;
    std::uint32_t bm_rld_set : 1;
    std::uint32_t reserved_ : 3;
    std::uint8_t reserved_2[3];
};

static_assert(sizeof(processor_flags) == 4);

/// The idle states of a CPU.
struct processor_power {
    std::uint32_t count;
    processor_flags flags;
    guest_handle<processor_cx> states;
};

static_assert(sizeof(processor_power) == 16);

/// An ACPI _PCT register.
struct pct_register {
    std::uint8_t descriptor;
    std::uint8_t reserved_;
    std::uint16_t length;
    std::uint8_t space_id;
    std::uint8_t bit_width;
    std::uint8_t bit_offset;
    std::uint8_t reserved;
    std::uint64_t address;
};

static_assert(sizeof(pct_register) == 16);

/// A performance state; frequency in MHz.
struct processor_px {
    std::uint64_t core_frequency;
    std::uint64_t power;
    std::uint64_t transition_latency;
    std::uint64_t bus_master_latency;
    std::uint64_t control;
    std::uint64_t status;
};

static_assert(sizeof(processor_px) == 48);

/// An ACPI _PSD entry: CPUs that change performance together.
struct psd_package {
    std::uint64_t num_entries;
    std::uint64_t revision;
    std::uint64_t domain;
    std::uint64_t coord_type;
    std::uint64_t num_processors;
};

static_assert(sizeof(psd_package) == 40);

/// The performance states of a CPU.
struct processor_performance {
    std::uint32_t flags;
    std::uint32_t platform_limit;
    pct_register control_register;
    pct_register status_register;
    std::uint32_t state_count;
    std::uint32_t reserved_;
    guest_handle<processor_px> states;
    psd_package domain_info;
    std::uint32_t shared_type;
    std::uint32_t reserved_2;
};

static_assert(sizeof(processor_performance) == 104);

/// `processor_performance::shared_type`.
inline constexpr std::uint32_t cpuperf_shared_type_hw = 1;
inline constexpr std::uint32_t cpuperf_shared_type_all = 2;
inline constexpr std::uint32_t cpuperf_shared_type_any = 3;

/// Hands the hypervisor what ACPI knows of a CPU.
struct xenpf_set_processor_pminfo {
    std::uint32_t id;
    std::uint32_t type;

    union {
        processor_power power;
        processor_performance perf;
        guest_handle<std::uint32_t> pdc;
    } u;
};

static_assert(sizeof(xenpf_set_processor_pminfo) == 112);

/// Asks for the state of a CPU.
struct xenpf_pcpuinfo {
    std::uint32_t xen_cpuid;
    std::uint32_t max_present;
    std::uint32_t flags;
    std::uint32_t apic_id;
    std::uint32_t acpi_id;
};

static_assert(sizeof(xenpf_pcpuinfo) == 20);

/// `xenpf_pcpuinfo::flags`.
inline constexpr std::uint32_t pcpu_flags_online = 1;
inline constexpr std::uint32_t pcpu_flags_invalid = 2;

/// Asks for the model of a CPU.
struct xenpf_pcpu_version {
    std::uint32_t xen_cpuid;
    std::uint32_t max_present;
    char vendor_id[12];
    std::uint32_t family;
    std::uint32_t model;
    std::uint32_t stepping;
};

static_assert(sizeof(xenpf_pcpu_version) == 32);

/// Takes a CPU off line, or brings it back.
struct xenpf_cpu_ol {
    std::uint32_t cpuid;
};

static_assert(sizeof(xenpf_cpu_ol) == 4);

/// Adds a CPU.
struct xenpf_cpu_hotadd {
    std::uint32_t apic_id;
    std::uint32_t acpi_id;
    std::uint32_t pxm;
};

static_assert(sizeof(xenpf_cpu_hotadd) == 12);

/// Adds memory.
struct xenpf_mem_hotadd {
    std::uint64_t spfn;
    std::uint64_t epfn;
    std::uint32_t pxm;
    std::uint32_t flags;
};

static_assert(sizeof(xenpf_mem_hotadd) == 24);

/// `xenpf_core_parking::type`.
inline constexpr std::uint32_t core_parking_set = 1;
inline constexpr std::uint32_t core_parking_get = 2;

/// How many CPUs idle for good.
struct xenpf_core_parking {
    std::uint32_t type;
    std::uint32_t idle_nums;
};

static_assert(sizeof(xenpf_core_parking) == 8);

/// `xenpf_resource_entry::u.cmd`.
inline constexpr std::uint32_t resource_op_msr_read = 0;
inline constexpr std::uint32_t resource_op_msr_write = 1;

/// One access; its result replaces the command.
struct xenpf_resource_entry {
    union {
        std::uint32_t cmd;
        std::int32_t ret;
    } u;

    std::uint32_t rsvd;
    std::uint64_t idx;
    std::uint64_t val;
};

static_assert(sizeof(xenpf_resource_entry) == 24);

/// Accesses MSRs of one CPU in a row.
struct xenpf_resource_op {
    std::uint32_t nr_entries;
    std::uint32_t cpu;
    guest_handle<xenpf_resource_entry> entries;
};

static_assert(sizeof(xenpf_resource_op) == 16);

/// Walks the hypervisor's symbols.
struct xenpf_symdata {
    std::uint32_t namelen;
    std::uint32_t symnum;
    guest_handle<char> name;
    std::uint64_t address;
    char type;
    std::uint8_t reserved_[7];
};

static_assert(sizeof(xenpf_symdata) == 32);

/// The argument of `hypercall::platform_op`.
struct platform_op_t {
    std::uint32_t cmd;
    std::uint32_t interface_version;

    union {
        std::uint8_t pad[128];
        xenpf_settime64 settime;
        xenpf_settime32 settime32;
        xenpf_settime64 settime64;
        xenpf_add_memtype add_memtype;
        xenpf_del_memtype del_memtype;
        xenpf_read_memtype read_memtype;
        xenpf_microcode_update microcode;
        xenpf_platform_quirk platform_quirk;
        xenpf_efi_runtime_call efi_runtime_call;
        xenpf_firmware_info firmware_info;
        xenpf_enter_acpi_sleep enter_acpi_sleep;
        xenpf_change_freq change_freq;
        xenpf_getidletime getidletime;
        xenpf_set_processor_pminfo set_pminfo;
        xenpf_pcpuinfo pcpu_info;
        xenpf_pcpu_version pcpu_version;
        xenpf_cpu_ol cpu_ol;
        xenpf_cpu_hotadd cpu_add;
        xenpf_mem_hotadd mem_add;
        xenpf_core_parking core_parking;
        xenpf_resource_op resource_op;
        xenpf_symdata symdata;
    } u;
};

static_assert(sizeof(platform_op_t) == 136);

} // namespace xenpp::abi
