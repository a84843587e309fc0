// SPDX-License-Identifier: Apache-2.0
// The key tables themselves, in the order of the xl.cfg manual's themes.
#include <xenpp/config/schema.hpp>

#include <algorithm>
#include <limits>

namespace xenpp::config {
namespace {

using enum value_kind;
using enum key_status;

constexpr std::string_view actions =
    "destroy|restart|rename-restart|preserve|coredump-destroy|coredump-restart|soft-reset";
constexpr std::int64_t u32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t s32 = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t mib_limit = std::int64_t{1} << 24; // 16 TiB
constexpr std::int64_t vcpu_limit = 8192;

// clang-format off
constexpr key_schema domain_table[] = {
// key                      kind             guests          status       words, neutral, default, doc, minimum, maximum, since

// Identity, type and policy
{"name",                    text,            guest_all,      acted,       "", "", "", "The domain's name, unique on its host; the one key that must be there."},
{"type",                    word,            guest_all,      acted,       "pv|pvh|hvm", "", "pv", "The kind of guest: paravirtualised, PVH, or fully virtualised."},
{"builder",                 word,            guest_all,      deprecated,  "generic|hvm", "", "", "The older spelling of type: generic for pv, or hvm."},
{"uuid",                    text,            guest_all,      acted,       "", "", "random", "The domain's UUID."},
{"pool",                    text,            guest_all,      acted,       "", "", "Pool-0", "The cpupool whose CPUs run the domain."},
{"seclabel",                text,            guest_all,      unsupported, "", "", "", "The security label (XSM) of the running domain."},
{"init_seclabel",           text,            guest_all,      unsupported, "", "", "", "The security label (XSM) while the domain is being built."},
{"nomigrate",               boolean,         guest_all,      acted,       "", "", "0", "Promises that the domain never migrates, which allows an invariant TSC."},
{"driver_domain",           boolean,         guest_all,      unsupported, "", "0", "0", "Prepares the domain to serve devices to others."},
{"passthrough",             word,            guest_all,      unsupported, "default|disabled|enabled|sync_pt|share_pt", "default|disabled", "default", "How the IOMMU is set up for the domain."},
{"xend_suspend_evtchn_compat", boolean,      guest_all,      unsupported, "", "0", "0", "Announces the suspend event channel only where xend did."},
{"on_poweroff",             word,            guest_all,      acted,       actions, "", "destroy", "What happens when the guest powers off."},
{"on_reboot",               word,            guest_all,      acted,       actions, "", "restart", "What happens when the guest reboots."},
{"on_crash",                word,            guest_all,      acted,       actions, "", "destroy", "What happens when the guest crashes."},
{"on_watchdog",             word,            guest_all,      acted,       actions, "", "destroy", "What happens when the guest's watchdog expires."},
{"on_soft_reset",           word,            guest_all,      acted,       actions, "", "soft-reset", "What happens when the guest asks for a soft reset."},
{"max_grant_frames",        number,          guest_all,      acted,       "", "", "the hypervisor's", "The most pages that the domain's grant table may take.", 0, s32},
{"max_maptrack_frames",     number,          guest_all,      acted,       "", "", "the hypervisor's", "The most pages that track the grants which the domain maps.", 0, s32},
{"max_grant_version",       number,          guest_all,      acted,       "", "", "the hypervisor's", "The highest grant table version that the domain may use.", 0, 2},
{"max_event_channels",      number,          guest_all,      acted,       "", "", "1023", "The highest event channel port that the domain may use.", 0, s32},
{"vmtrace_buf_kb",          number,          guest_all,      unsupported, "", "0", "0", "The size of each vCPU's processor trace buffer in KiB.", 0, 16384},
{"vpmu",                    boolean,         guest_arm,      unsupported, "", "0", "0", "Gives the guest a virtual performance monitor."},

// CPU and memory
{"vcpus",                   number,          guest_all,      acted,       "", "", "1", "The number of vCPUs that are online at start.", 1, vcpu_limit},
{"maxvcpus",                number,          guest_all,      acted,       "", "", "vcpus", "The number of vCPUs that the guest can ever bring online.", 1, vcpu_limit},
{"cpus",                    text_or_list,    guest_all,      acted,       "", "", "all", "The host CPUs that the vCPUs may run on: one list for all, or one each."},
{"cpus_soft",               text_or_list,    guest_all,      acted,       "", "", "all", "The host CPUs that the vCPUs prefer: one list for all, or one each."},
{"cpu_weight",              number,          guest_all,      acted,       "", "", "256", "The domain's share of CPU time, relative to the others'.", 1, 65535},
{"cap",                     number,          guest_all,      acted,       "", "", "0", "The most CPU time the domain may use, in percent of one CPU; 0 is no limit.", 0, 100 * vcpu_limit},
{"period",                  number,          guest_all,      unsupported, "", "", "", "The period of the real-time scheduler in microseconds.", 0, s32},
{"extratime",               boolean,         guest_all,      unsupported, "", "0", "0", "Lets the real-time scheduler give the domain idle time too."},
{"slice",                   number,          guest_all,      ignored,     "", "", "", "A parameter of a scheduler that Xen no longer has."},
{"latency",                 number,          guest_all,      ignored,     "", "", "", "A parameter of a scheduler that Xen no longer has."},
{"memory",                  number,          guest_all,      acted,       "", "", "maxmem, else 32", "The memory that the domain starts with, in MiB.", 1, mib_limit},
{"maxmem",                  number,          guest_all,      acted,       "", "", "memory", "The memory that the domain can ever have, in MiB.", 1, mib_limit},
{"shadow_memory",           number,          guest_hvm_pvh,  unsupported, "", "", "1 a vCPU and 8 KiB a MiB", "Memory for shadow or nested page tables, in MiB.", 0, mib_limit},
{"vnuma",                   list_list,       guest_hvm_pvh,  unsupported, "", "", "", "The virtual NUMA nodes of the guest."},
{"hap",                     boolean,         guest_hvm_pvh,  unsupported, "", "1", "1", "Uses the processor's nested paging."},
{"oos",                     boolean,         guest_hvm_pvh,  unsupported, "", "0|1", "1", "Lets shadow page tables be out of step for a while."},
{"nestedhvm",               boolean,         guest_hvm_pvh,  unsupported, "", "0", "0", "Offers virtualisation to the guest itself."},
{"altp2m",                  word_or_number,  guest_all,      unsupported, "disabled|mixed|external|limited", "disabled|0", "disabled", "Alternative views of the guest's memory."},
{"altp2mhvm",               boolean,         guest_hvm,      unsupported, "", "0", "0", "The older spelling of altp2m."},
{"cpuid",                   text_or_list,    guest_all,      unsupported, "", "host", "host", "Changes to what the CPUID instruction tells the guest."},
{"tsc_mode",                word_or_number,  guest_all,      acted,       "default|always_emulate|native|native_paravirt", "", "default", "How the guest sees the time-stamp counter."},
{"timer_mode",              word_or_number,  guest_hvm_pvh,  acted,       "delay_for_missed_ticks|no_delay_for_missed_ticks|no_missed_ticks_pending|one_missed_tick_pending", "", "no_delay_for_missed_ticks", "How timer ticks are made up for that a guest missed."},
{"localtime",               boolean,         guest_hvm,      unsupported, "", "0", "0", "Sets the guest's clock chip to local time."},
{"rtc_timeoffset",          number,          guest_all,      acted,       "", "", "0", "Seconds by which the guest's wall clock is off.", -s32 - 1, s32},
{"vpt_align",               boolean,         guest_hvm,      unsupported, "", "0|1", "1", "Aligns the virtual platform timers to save interrupts."},
{"msr_relaxed",             boolean,         guest_all,      unsupported, "", "0", "0", "Lets unknown model-specific registers read as zero."},
{"mca_caps",                text_list,       guest_hvm,      unsupported, "lmce", "", "", "Machine-check features of the guest."},

// Boot and firmware
{"kernel",                  text,            guest_all,      acted,       "", "", "", "The path of the kernel image."},
{"ramdisk",                 text,            guest_all,      acted,       "", "", "", "The path of the initial ramdisk."},
{"cmdline",                 text,            guest_all,      acted,       "", "", "", "The kernel's command line."},
{"root",                    text,            guest_all,      acted,       "", "", "", "The root file system: becomes root=... on the command line."},
{"extra",                   text,            guest_all,      acted,       "", "", "", "The rest of the command line, behind root."},
{"bootloader",              text,            guest_pv_pvh,   refused,     "", "", "", "A program on the host that finds the kernel in the guest's disk."},
{"bootloader_args",         text_or_list,    guest_pv_pvh,   refused,     "", "", "", "Arguments of the bootloader."},
{"device_tree",             text,            guest_arm,      unsupported, "", "", "", "A partial device tree for the guest."},
{"firmware",                text,            guest_all,      refused,     "", "", "", "What the guest boots through in place of a kernel."},
{"bios",                    word,            guest_hvm,      unsupported, "rombios|seabios|ovmf", "", "seabios", "The firmware of a fully virtualised guest."},
{"bios_path_override",      text,            guest_hvm,      unsupported, "", "", "", "The path of another firmware image."},
{"firmware_override",       text,            guest_hvm,      unsupported, "", "", "", "The path of another hvmloader."},
{"boot",                    text,            guest_hvm,      unsupported, "", "", "cd", "The order of boot devices, as letters."},
{"pvshim",                  boolean,         guest_pvh,      refused,     "", "0", "0", "Runs a PV kernel in a PVH domain through a small Xen inside it."},
{"pvshim_path",             text,            guest_pvh,      unsupported, "", "", "xen-shim", "The path of that small Xen."},
{"pvshim_cmdline",          text,            guest_pvh,      unsupported, "", "", "pv-shim console=xen,pv", "Its command line."},
{"pvshim_extra",            text,            guest_pvh,      unsupported, "", "", "", "What is added to its command line."},
{"pae",                     boolean,         guest_hvm,      unsupported, "", "1", "1", "Offers physical address extension."},
{"acpi",                    boolean,         guest_all,      acted,       "", "", "1", "Gives the guest ACPI tables."},
{"acpi_s3",                 boolean,         guest_hvm,      unsupported, "", "1", "1", "Offers suspend to RAM."},
{"acpi_s4",                 boolean,         guest_hvm,      unsupported, "", "1", "1", "Offers suspend to disk."},
{"nx",                      boolean,         guest_hvm,      unsupported, "", "1", "1", "Offers the no-execute bit."},
{"hpet",                    boolean,         guest_hvm,      unsupported, "", "1", "1", "Gives the guest a high-precision event timer."},
{"apic",                    boolean,         guest_hvm_pvh,  unsupported, "", "1", "1", "Gives the guest interrupt controllers."},
{"acpi_laptop_slate",       boolean,         guest_hvm,      unsupported, "", "0", "0", "Gives the guest a laptop's mode switch."},
{"acpi_firmware",           text,            guest_hvm,      unsupported, "", "", "", "The path of extra ACPI tables."},
{"smbios_firmware",         text,            guest_hvm,      unsupported, "", "", "", "The path of extra SMBIOS structures."},
{"ms_vm_genid",             text,            guest_hvm,      unsupported, "", "none", "none", "A number that changes when the guest's past is rewritten."},
{"mmio_hole",               number,          guest_hvm,      unsupported, "", "", "256", "The size of the device region below 4 GiB, in MiB.", 256, 3840},
{"hdtype",                  word,            guest_hvm,      unsupported, "ide|ahci", "", "ide", "The controller of emulated hard disks."},
{"xen_platform_pci",        boolean,         guest_hvm,      unsupported, "", "", "1", "Gives the guest Xen's PCI device."},
{"viridian",                boolean_or_list, guest_hvm,      unsupported, "", "0", "0", "Interfaces of Microsoft's hypervisor for the guest."},
{"gic_version",             word,            guest_arm,      unsupported, "default|v2|v3", "default", "default", "The version of the interrupt controller."},
{"vuart",                   text,            guest_arm,      unsupported, "", "", "", "The virtual serial port."},
{"tee",                     word,            guest_arm,      unsupported, "none|optee", "none", "none", "The trusted execution environment that the guest may call."},
{"e820_host",               boolean,         guest_pv,       unsupported, "", "0", "0", "Shows the guest the host's memory map."},

// Devices
{"disk",                    text_list,       guest_all,      acted,       "", "", "", "The disks of the domain."},
{"vif",                     text_list,       guest_all,      acted,       "", "", "", "The network interfaces of the domain."},
{"vfb",                     text_list,       guest_pv,       refused,     "", "", "", "Virtual framebuffers."},
{"vkb",                     text_list,       guest_all,      refused,     "", "", "", "Virtual keyboards and pointers."},
{"channel",                 text_list,       guest_all,      refused,     "", "", "", "Named byte streams between guest and host."},
{"vtpm",                    text_list,       guest_all,      refused,     "", "", "", "Virtual trusted platform modules."},
{"p9",                      text_list,       guest_all,      refused,     "", "", "", "Directories of the host, shared over 9pfs."},
{"pvcalls",                 text_list,       guest_all,      refused,     "", "", "", "Sockets that another domain serves."},
{"vdispl",                  text_list,       guest_all,      refused,     "", "", "", "Virtual displays."},
{"vsnd",                    list_list,       guest_all,      refused,     "", "", "", "Virtual sound cards."},
{"usbctrl",                 text_list,       guest_all,      refused,     "", "", "", "USB controllers."},
{"usbdev",                  text_list,       guest_all,      refused,     "", "", "", "USB devices of the host for the guest."},
{"pci",                     text_list,       guest_pv_hvm,   refused,     "", "", "", "PCI devices of the host for the guest."},
{"pci_permissive",          boolean,         guest_pv_hvm,   unsupported, "", "0", "0", "Lets the guest write all of a PCI device's configuration space."},
{"pci_msitranslate",        boolean,         guest_pv_hvm,   unsupported, "", "0", "0", "Delivers a PCI device's messages as line interrupts."},
{"pci_seize",               boolean,         guest_pv_hvm,   unsupported, "", "0", "0", "Takes PCI devices from the host's own drivers."},
{"pci_power_mgmt",          boolean,         guest_pv_hvm,   unsupported, "", "0", "0", "Lets the guest change a PCI device's power state."},
{"rdm",                     text,            guest_hvm,      unsupported, "", "", "", "How regions that the host's devices reserve are kept free."},
{"rdm_mem_boundary",        number,          guest_hvm,      unsupported, "", "", "2048", "Where such regions are told from low memory, in MiB.", 0, mib_limit},
{"gfx_passthru",            word_or_boolean, guest_hvm,      unsupported, "default|igd", "0", "0", "Gives the guest the host's graphics."},
{"dtdev",                   text_list,       guest_arm,      refused,     "", "", "", "Devices of the host's device tree for the guest."},
{"ioports",                 text_list,       guest_all,      refused,     "", "", "", "I/O ports of the host for the guest."},
{"iomem",                   text_list,       guest_all,      refused,     "", "", "", "Device memory of the host for the guest."},
{"irqs",                    text_list,       guest_all,      refused,     "", "", "", "Interrupts of the host for the guest."},
{"vif2",                    text_list,       guest_all,      ignored,     "", "", "", "A second network stack that was never finished."},

// Display, sound and emulated hardware
{"vga",                     word,            guest_hvm,      unsupported, "cirrus|stdvga|none|qxl", "none", "cirrus", "The emulated graphics card."},
{"stdvga",                  boolean,         guest_hvm,      unsupported, "", "0", "0", "The older spelling of vga=\"stdvga\"."},
{"videoram",                number,          guest_hvm,      unsupported, "", "", "8", "The memory of the graphics card in MiB.", 0, mib_limit},
{"vnc",                     boolean,         guest_pv_hvm,   unsupported, "", "0", "1", "Shows the guest's display over VNC."},
{"vnclisten",               text,            guest_pv_hvm,   unsupported, "", "", "127.0.0.1", "The address on which VNC listens."},
{"vncdisplay",              number,          guest_pv_hvm,   unsupported, "", "", "0", "The number of the VNC display.", 0, 65535},
{"vncunused",               boolean,         guest_pv_hvm,   unsupported, "", "", "1", "Takes the next free VNC display."},
{"vncpasswd",               text,            guest_pv_hvm,   unsupported, "", "", "", "The password of the VNC server."},
{"sdl",                     boolean,         guest_pv_hvm,   unsupported, "", "0", "0", "Shows the guest's display in a window."},
{"opengl",                  boolean,         guest_pv_hvm,   unsupported, "", "0", "0", "Draws that window with OpenGL."},
{"display",                 text,            guest_pv_hvm,   unsupported, "", "", "", "The X display of that window."},
{"xauthority",              text,            guest_pv_hvm,   unsupported, "", "", "", "The X authority file of that window."},
{"keymap",                  text,            guest_pv_hvm,   unsupported, "", "", "en-us", "The keyboard layout of the display."},
{"nographic",               boolean,         guest_pv_hvm,   unsupported, "", "1", "0", "Shows no display at all."},
{"vncviewer",               boolean,         guest_all,      ignored,     "", "", "", "Starting a viewer is an option of the create command."},
{"spice",                   boolean,         guest_hvm,      unsupported, "", "0", "0", "Shows the guest's display over SPICE."},
{"spiceport",               number,          guest_hvm,      unsupported, "", "", "", "The port of the SPICE server.", 0, 65535},
{"spicetls_port",           number,          guest_hvm,      unsupported, "", "", "", "The encrypted port of the SPICE server.", 0, 65535},
{"spicehost",               text,            guest_hvm,      unsupported, "", "", "", "The address on which SPICE listens."},
{"spicedisable_ticketing",  boolean,         guest_hvm,      unsupported, "", "", "0", "Lets SPICE clients in without a password."},
{"spicepasswd",             text,            guest_hvm,      unsupported, "", "", "", "The password of the SPICE server."},
{"spiceagent_mouse",        boolean,         guest_hvm,      unsupported, "", "", "1", "Passes the pointer through the SPICE agent."},
{"spicevdagent",            boolean,         guest_hvm,      unsupported, "", "0", "0", "Connects the SPICE agent."},
{"spice_clipboard_sharing", boolean,         guest_hvm,      unsupported, "", "0", "0", "Shares the clipboard over SPICE."},
{"spiceusbredirection",     number,          guest_hvm,      unsupported, "", "0", "0", "The number of USB devices that SPICE can redirect.", 0, 255},
{"spice_image_compression", text,            guest_hvm,      unsupported, "", "", "", "How SPICE compresses images."},
{"spice_streaming_video",   text,            guest_hvm,      unsupported, "", "", "", "How SPICE finds moving pictures."},
{"serial",                  text_or_list,    guest_hvm,      unsupported, "", "none", "", "Where the emulated serial ports lead."},
{"usb",                     boolean,         guest_hvm,      unsupported, "", "0", "0", "Gives the guest an emulated USB bus."},
{"usbversion",              number,          guest_hvm,      unsupported, "", "", "", "The version of the emulated USB bus.", 0, 3},
{"usbdevice",               text_or_list,    guest_hvm,      unsupported, "", "", "", "Devices on the emulated USB bus."},
{"soundhw",                 text,            guest_hvm,      unsupported, "", "", "", "The emulated sound card."},
{"vkb_device",              boolean,         guest_hvm,      unsupported, "", "0", "1", "Gives the guest a paravirtual keyboard beside the emulated one."},
{"vendor_device",           word,            guest_hvm,      unsupported, "none|xenserver", "none", "none", "A PCI device by which a vendor's driver recognises its host."},
{"device_model_version",    word,            guest_all,      unsupported, "qemu-xen|qemu-xen-traditional", "qemu-xen", "qemu-xen", "Which device model serves the domain."},
{"device_model_override",   text,            guest_all,      unsupported, "", "", "", "The path of another device model."},
{"device_model_stubdomain_override", boolean, guest_hvm,     unsupported, "", "0", "0", "Runs the device model in a domain of its own."},
{"device_model_stubdomain_seclabel", text,   guest_hvm,      unsupported, "", "", "", "The security label of that domain."},
{"device_model_user",       text,            guest_all,      unsupported, "", "", "", "The user as which the device model runs."},
{"dm_restrict",             boolean,         guest_hvm,      unsupported, "", "0", "0", "Takes privileges from the device model."},
{"device_model_args",       text_list,       guest_all,      unsupported, "", "", "", "Arguments of the device model."},
{"device_model_args_pv",    text_list,       guest_pv,       unsupported, "", "", "", "Arguments of the device model of a PV guest."},
{"device_model_args_hvm",   text_list,       guest_hvm,      unsupported, "", "", "", "Arguments of the device model of an HVM guest."},
{"device_model",            text,            guest_all,      ignored,     "", "", "", "The older spelling of device_model_override."},
{"stubdomain_kernel",       text,            guest_hvm,      unsupported, "", "", "", "The kernel of the device model's domain."},
{"stubdomain_cmdline",      text,            guest_hvm,      unsupported, "", "", "", "The command line of that kernel."},
{"stubdomain_ramdisk",      text,            guest_hvm,      unsupported, "", "", "", "The ramdisk of the device model's domain."},
{"stubdomain_memory",       number,          guest_hvm,      unsupported, "", "", "", "The memory of the device model's domain in MiB.", 0, mib_limit},

// After 4.17
{"smbios",                  text_list,       guest_hvm,      unsupported, "", "", "", "SMBIOS strings that the guest sees.", 0, 0, 418},
{"sve",                     text,            guest_arm,      unsupported, "", "disabled|0", "disabled", "The length of scalable vectors.", 0, 0, 418},
{"virtio",                  text_list,       guest_arm,      refused,     "", "", "", "Virtio devices.", 0, 0, 418},
{"bootloader_restrict",     boolean,         guest_pv_pvh,   unsupported, "", "0|1", "0", "Takes privileges from the bootloader.", 0, 0, 418},
{"bootloader_user",         text,            guest_pv_pvh,   unsupported, "", "", "", "The user as which the bootloader runs.", 0, 0, 418},
{"hvm_pirq",                boolean,         guest_hvm,      unsupported, "", "0", "0", "Lets the guest route physical interrupts to event channels.", 0, 0, 419},
{"nr_spis",                 number,          guest_arm,      unsupported, "", "", "", "The number of shared interrupts.", 0, 991, 419},
{"llc_colors",              text_or_list,    guest_arm,      unsupported, "", "", "", "The parts of the last-level cache that the domain may use.", 0, 0, 420},
{"altp2m_count",            number,          guest_hvm_pvh,  unsupported, "", "", "10", "The number of alternative memory views.", 0, 65535, 421},
{"arm_sci",                 text,            guest_arm,      unsupported, "", "", "", "The firmware interface for clocks and power.", 0, 0, 421},
{"trap_unmapped_accesses",  boolean,         guest_arm,      unsupported, "", "1", "1", "Tells the guest of accesses to nothing.", 0, 0, 421},
{"xen_platform_pci_bar_uc", boolean,         guest_hvm,      unsupported, "", "1", "1", "Maps the memory of Xen's PCI device uncached.", 0, 0, 421},
{"xenstore_feature_mask",   number,          guest_all,      unsupported, "", "", "", "The xenstore features that the guest is shown.", 0, u32, 421},
{"xenstore_quota",          text,            guest_all,      unsupported, "", "", "", "What the guest may store in xenstore.", 0, 0, 422},
};

constexpr key_schema xl_table[] = {
{"autoballoon",             word,            guest_all,      acted,       "auto|on|off|1|0", "", "auto", "Whether dom0 gives memory up for new domains."},
{"run_hotplug_scripts",     boolean,         guest_all,      unsupported, "", "1", "1", "Whether device scripts are run by the tool (1) or by udev (0)."},
{"lockfile",                text,            guest_all,      acted,       "", "", "/var/lock/xl", "The file by which two creations keep out of each other's way."},
{"vif.default.script",      text,            guest_all,      acted,       "", "", "vif-bridge", "The script that sets a network interface up."},
{"vifscript",               text,            guest_all,      deprecated,  "", "", "", "The older spelling of vif.default.script."},
{"vif.default.bridge",      text,            guest_all,      acted,       "", "", "xenbr0", "The bridge that network interfaces join."},
{"defaultbridge",           text,            guest_all,      deprecated,  "", "", "", "The older spelling of vif.default.bridge."},
{"vif.default.gatewaydev",  text,            guest_all,      acted,       "", "", "", "The device through which routed interfaces reach out."},
{"vif.default.backend",     text,            guest_all,      unsupported, "", "0|Domain-0", "0", "The domain that serves network interfaces."},
{"output_format",           word,            guest_all,      unsupported, "json|sxp", "json", "json", "The format of long listings and dry runs."},
{"blkdev_start",            text,            guest_all,      unsupported, "", "xvda", "xvda", "The first name for disks that are attached to the host itself."},
{"claim_mode",              boolean,         guest_all,      unsupported, "", "1", "1", "Reserves a new domain's memory before it is built."},
{"max_grant_frames",        number,          guest_all,      acted,       "", "", "the hypervisor's", "The default of the domain key of that name.", 0, s32},
{"max_maptrack_frames",     number,          guest_all,      acted,       "", "", "the hypervisor's", "The default of the domain key of that name.", 0, s32},
{"max_grant_version",       number,          guest_all,      acted,       "", "", "the hypervisor's", "The default of the domain key of that name.", 0, 2},
{"vm.cpumask",              text,            guest_all,      acted,       "", "", "all", "The CPUs that any guest may run on."},
{"vm.hvm.cpumask",          text,            guest_all,      acted,       "", "", "all", "The CPUs that HVM and PVH guests may run on."},
{"vm.pv.cpumask",           text,            guest_all,      acted,       "", "", "all", "The CPUs that PV guests may run on."},
{"domid_policy",            word,            guest_all,      unsupported, "xen|random", "xen", "xen", "Who chooses a new domain's number."},
{"remus.default.netbufscript", text,         guest_all,      unsupported, "", "", "", "The script that buffers the network of a replicated domain."},
{"colo.default.proxyscript", text,           guest_all,      unsupported, "", "", "", "The script that compares the network of a replicated domain."},
};

constexpr key_schema cpupool_table[] = {
{"name",                    text,            guest_all,      acted,       "", "", "the file's name", "The pool's name."},
{"sched",                   word,            guest_all,      acted,       "credit|credit2|rtds|null|arinc653", "", "the hypervisor's", "The scheduler of the pool's CPUs."},
{"nodes",                   text_or_list,    guest_all,      acted,       "", "", "", "The NUMA nodes whose CPUs it gets."},
{"cpus",                    text_or_list,    guest_all,      acted,       "", "", "one free CPU", "The CPUs that it gets."},
};
// clang-format on

} // namespace

std::span<key_schema const> cpupool_schema() noexcept {
    return cpupool_table;
}

std::span<key_schema const> domain_schema() noexcept {
    return domain_table;
}

std::span<key_schema const> xl_schema() noexcept {
    return xl_table;
}

key_schema const* find(std::span<key_schema const> table, std::string_view key) noexcept {
    auto const at = std::find_if(table.begin(), table.end(),
                                 [key](key_schema const& row) { return row.key == key; });
    return at == table.end() ? nullptr : &*at;
}

int word_index(std::string_view words, std::string_view word) noexcept {
    for (int i = 0;; ++i) {
        std::size_t const end = words.find('|');
        if (!words.empty() && words.substr(0, end) == word) {
            return i;
        }
        if (end == std::string_view::npos) {
            return -1;
        }
        words.remove_prefix(end + 1);
    }
}

std::string_view word_at(std::string_view words, int index) noexcept {
    for (; index > 0; --index) {
        std::size_t const end = words.find('|');
        if (end == std::string_view::npos) {
            return {};
        }
        words.remove_prefix(end + 1);
    }
    return words.substr(0, words.find('|'));
}

std::string_view to_string(value_kind k) noexcept {
    switch (k) {
    case text: return "a string";
    case number: return "a number";
    case boolean: return "a boolean (0 or 1)";
    case word: return "a word";
    case word_or_number: return "a word";
    case word_or_boolean: return "a word or a boolean (0 or 1)";
    case text_list: return "a list of strings";
    case list_list: return "a list of lists";
    case text_or_list: return "a string or a list of strings";
    case boolean_or_list: return "a boolean (0 or 1) or a list of strings";
    }
    return {};
}

} // namespace xenpp::config
