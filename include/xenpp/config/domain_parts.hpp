// SPDX-License-Identifier: Apache-2.0
// The parts of a domain's configuration beyond its core, each the keys of one theme.
#pragma once

#include <xenpp/config/cpuid_policy.hpp>
#include <xenpp/config/device_specs.hpp>
#include <xenpp/config/pci_spec.hpp>
#include <xenpp/config/viridian.hpp>
#include <xenpp/config/vnuma.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xenpp::config {

// Members are named after their keys. An absent member leaves the choice to the toolstack; the
// schema says what that chooses. The numbers of the enumerations are the order of their words.

enum class passthrough_mode : std::uint8_t {
    by_default,
    disabled,
    enabled,
    sync_pt,
    share_pt,
};

enum class altp2m_mode : std::uint8_t {
    disabled,
    mixed,
    external,
    limited,
};

/// Security labels and promises.
struct policy_part {
    std::string seclabel;
    std::string init_seclabel;
    std::optional<bool> driver_domain;
    std::optional<passthrough_mode> passthrough;
    std::optional<bool> xend_suspend_evtchn_compat;
    std::optional<std::uint32_t> vmtrace_buf_kb;

    friend bool operator==(policy_part const&, policy_part const&) = default;
};

/// What the processor shows, and how the rarer schedulers treat the domain.
struct processor_part {
    std::optional<std::uint32_t> period;
    std::optional<bool> extratime;
    std::optional<std::uint32_t> shadow_memory; ///< MiB
    std::vector<vnuma_node> vnuma;
    std::optional<bool> hap;
    std::optional<bool> oos;
    std::optional<bool> nestedhvm;
    std::optional<altp2m_mode> altp2m;
    std::optional<bool> altp2mhvm;
    cpuid_policy cpuid;
    std::optional<bool> msr_relaxed;
    std::vector<std::string> mca_caps;

    friend bool operator==(processor_part const&, processor_part const&) = default;
};

enum class bios_kind : std::uint8_t {
    rombios,
    seabios,
    ovmf,
};

/// What boots in place of a kernel, and with what.
struct firmware_part {
    std::string bootloader;
    std::vector<std::string> bootloader_args;
    std::string firmware;
    std::optional<bios_kind> bios;
    std::string bios_path_override;
    std::string firmware_override;
    std::string boot;
    std::optional<bool> pvshim;
    std::string pvshim_path;
    std::string pvshim_cmdline;
    std::string pvshim_extra;
    std::string acpi_firmware;
    std::string smbios_firmware;
    std::string ms_vm_genid;
    std::vector<std::string> smbios;

    friend bool operator==(firmware_part const&, firmware_part const&) = default;
};

enum class disk_controller : std::uint8_t {
    ide,
    ahci,
};

enum class vendor_device_kind : std::uint8_t {
    none,
    xenserver,
};

/// The chips of a fully virtualised guest.
struct platform_part {
    std::optional<bool> pae;
    std::optional<bool> acpi_s3;
    std::optional<bool> acpi_s4;
    std::optional<bool> nx;
    std::optional<bool> hpet;
    std::optional<bool> apic;
    std::optional<bool> acpi_laptop_slate;
    std::optional<bool> xen_platform_pci;
    std::optional<bool> localtime;
    std::optional<bool> vpt_align;
    std::optional<std::uint32_t> mmio_hole; ///< MiB
    std::optional<disk_controller> hdtype;
    std::optional<viridian_set> viridian;
    std::optional<bool> e820_host;
    std::vector<std::string> serial;
    std::optional<bool> usb;
    std::optional<std::uint32_t> usbversion;
    std::vector<std::string> usbdevice;
    std::string soundhw;
    std::optional<bool> vkb_device;
    std::optional<vendor_device_kind> vendor_device;

    friend bool operator==(platform_part const&, platform_part const&) = default;
};

enum class vga_kind : std::uint8_t {
    cirrus,
    stdvga,
    none,
    qxl,
};

/// The emulated display and who sees it.
struct display_part {
    std::optional<vga_kind> vga;
    std::optional<bool> stdvga;
    std::optional<std::uint32_t> videoram; ///< MiB
    std::optional<bool> vnc;
    std::string vnclisten;
    std::optional<std::uint32_t> vncdisplay;
    std::optional<bool> vncunused;
    std::string vncpasswd;
    std::optional<bool> sdl;
    std::optional<bool> opengl;
    std::string display;
    std::string xauthority;
    std::string keymap;
    std::optional<bool> nographic;
    std::optional<bool> spice;
    std::optional<std::uint32_t> spiceport;
    std::optional<std::uint32_t> spicetls_port;
    std::string spicehost;
    std::optional<bool> spicedisable_ticketing;
    std::string spicepasswd;
    std::optional<bool> spiceagent_mouse;
    std::optional<bool> spicevdagent;
    std::optional<bool> spice_clipboard_sharing;
    std::optional<std::uint32_t> spiceusbredirection;
    std::string spice_image_compression;
    std::string spice_streaming_video;

    friend bool operator==(display_part const&, display_part const&) = default;
};

enum class device_model_kind : std::uint8_t {
    qemu_xen,
    qemu_xen_traditional,
};

/// The program that emulates devices.
struct device_model_part {
    std::optional<device_model_kind> device_model_version;
    std::string device_model_override;
    std::optional<bool> device_model_stubdomain_override;
    std::string device_model_stubdomain_seclabel;
    std::string device_model_user;
    std::optional<bool> dm_restrict;
    std::vector<std::string> device_model_args;
    std::vector<std::string> device_model_args_pv;
    std::vector<std::string> device_model_args_hvm;
    std::string stubdomain_kernel;
    std::string stubdomain_cmdline;
    std::string stubdomain_ramdisk;
    std::optional<std::uint32_t> stubdomain_memory; ///< MiB

    friend bool operator==(device_model_part const&, device_model_part const&) = default;
};

/// The number is what the key takes beside its words: 0, 1, and one more.
enum class gfx_passthru_kind : std::uint8_t {
    off,
    by_default,
    igd,
};

/// Devices of the host for the guest.
struct passthrough_part {
    std::vector<pci_spec> pci;
    std::optional<bool> pci_permissive;
    std::optional<bool> pci_msitranslate;
    std::optional<bool> pci_seize;
    std::optional<bool> pci_power_mgmt;
    std::optional<rdm_spec> rdm;
    std::optional<std::uint32_t> rdm_mem_boundary; ///< MiB
    std::optional<gfx_passthru_kind> gfx_passthru;
    std::vector<ioport_range> ioports;
    std::vector<iomem_range> iomem;
    std::vector<irq_number> irqs;
    std::vector<usbctrl_spec> usbctrl;
    std::vector<usbdev_spec> usbdev;

    friend bool operator==(passthrough_part const&, passthrough_part const&) = default;
};

/// Paravirtual devices beside disks and network interfaces.
struct pv_device_part {
    std::vector<vfb_spec> vfb;
    std::vector<vkb_spec> vkb;
    std::vector<channel_spec> channel;
    std::vector<vtpm_spec> vtpm;
    std::vector<p9_spec> p9;
    std::vector<pvcalls_spec> pvcalls;
    std::vector<vdispl_spec> vdispl;
    std::vector<vsnd_spec> vsnd;

    friend bool operator==(pv_device_part const&, pv_device_part const&) = default;
};

enum class gic_kind : std::uint8_t {
    by_default,
    v2,
    v3,
};

enum class tee_kind : std::uint8_t {
    none,
    optee,
};

/// What has a meaning on Arm alone.
struct arm_part {
    std::optional<bool> vpmu;
    std::optional<gic_kind> gic_version;
    std::string vuart;
    std::optional<tee_kind> tee;
    std::string device_tree;
    std::vector<std::string> dtdev;

    friend bool operator==(arm_part const&, arm_part const&) = default;
};

} // namespace xenpp::config
