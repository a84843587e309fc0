// SPDX-License-Identifier: Apache-2.0
// xl's commands: name, function, operands, summary, options.
#include "commands.hpp"

#include <xenpp/cli/xl.hpp>

#include <array>

namespace {

using xenpp::cli::command;
using xenpp::cli::option;
namespace xl = xenpp::cli::xl;

using xenpp::cli::with_formats;

// clang-format off
constexpr std::array create_options{
    option{'f', "defconfig", "FILE", "Read this file."},
    option{'q', "quiet", "", "Say nothing but errors."},
    option{'n', "dryrun", "", "Check the configuration, print it as JSON, and create nothing."},
    option{'d', "", "", "Print the configuration before the domain is created."},
    option{'p', "", "", "Leave the domain paused."},
    option{'c', "", "", "Attach to the console at once. Ctrl-] leaves it."},
    option{'F', "", "", "Stay until the domain has died for good."},
    option{'e', "", "", "Act upon no event: keep the domain when it shuts down."},
    option{'i', "ignore-global-affinity-masks", "", "Do not apply the CPU masks of xl.conf."},
    option{'V', "vncviewer", "", "Open a VNC viewer (no supported guest has a display)."},
    option{'A', "vncviewer-autopass", "", "The same, giving the viewer the password."},
};
constexpr std::array destroy_options{
    option{'f', "", "", "Destroy even domain 0."},
};
constexpr std::array shutdown_options{
    option{'a', "all", "", "All guests."},
    option{'w', "wait", "", "Wait until each has shut down or is gone; twice: until it is gone."},
    option{'F', "", "", "Press the power button of an HVM guest that has no PV drivers."},
};
constexpr std::array reboot_options{
    option{'a', "all", "", "All guests."},
    option{'w', "wait", "", "Wait until each has shut down or is gone; twice: until it is gone."},
    option{'F', "", "", "Press the reset button of an HVM guest that has no PV drivers."},
};
constexpr std::array console_options{
    option{'t', "", "TYPE", "The console's type: pv; serial and vuart are not supported yet."},
    option{'n', "", "NUM", "The console's number."},
    option{0, "path", "", "Print the path of the console's terminal and leave."},
};
constexpr auto list_options = with_formats(std::array{
    option{'l', "long", "", "Print the domains' configurations as JSON."},
    option{'v', "verbose", "", "Print UUIDs, shutdown reasons and security labels too."},
    option{'Z', "context", "", "Print security labels too."},
    option{'c', "cpupool", "", "Print CPU pools too."},
    option{'n', "numa", "", "Print NUMA affinity too."},
});
constexpr auto info_options = with_formats(std::array{
    option{'n', "numa", "", "Print the topology of CPUs and memory too."},
});
constexpr auto uptime_options = with_formats(std::array{
    option{'s', "", "", "One short line a domain."},
});
constexpr std::array vcpu_set_options{
    option{'i', "ignore-host", "", "Allow more vCPUs than the host has CPUs."},
};
constexpr auto credit2_options = with_formats(std::array{
    option{'d', "domain", "DOMAIN", "The domain to show or change."},
    option{'w', "weight", "WEIGHT", "Its share relative to that of others, 1 to 65535 (256)."},
    option{'c', "cap", "CAP", "Percent of one CPU that it may use at most; 0: no limit."},
    option{'s', "schedparam", "", "Show or change the parameters of the pool."},
    option{'r', "ratelimit_us", "RLIMIT", "How long a vCPU is left alone at least, 100 to 500000 us; 0: not at all."},
    option{'p', "cpupool", "CPUPOOL", "The pool meant."},
});
constexpr std::array pool_create_options{
    option{'f', "defconfig", "FILE", "Read this file."},
    option{'n', "dryrun", "", "Check the settings, and create nothing."},
};
constexpr auto pool_list_options = with_formats(std::array{
    option{'c', "cpus", "", "Print which CPUs instead of how many."},
});
constexpr std::array update_options{
    option{'f', "defconfig", "FILE", "Read this file."},
    option{'d', "", "", "Print the configuration."},
    option{'q', "quiet", "", "Say nothing but errors."},
};
constexpr std::array vcpu_pin_options{
    option{'f', "force", "", "Undo a pinning that the guest's kernel made for a time."},
    option{'i', "ignore-global-affinity-masks", "", "Do not apply the CPU masks of xl.conf."},
};
constexpr std::array block_detach_options{
    option{'f', "force", "", "Do not wait for the guest to let go of it; what it still writes is lost."},
};
constexpr std::array network_detach_options{
    option{'f', "force", "", "Take it away although the guest has not let go of it."},
};
constexpr std::array dmesg_options{
    option{'c', "clear", "", "Forget what was printed."},
};
constexpr std::array check_options{
    option{0, "as", "KIND", "Read them as of this kind, whatever their names: domain, pool, xl.conf, xen.cfg."},
    option{0, "strict", "", "Exit with 1 for warnings too."},
    option{0, "schema", "", "Print the JSON Schema of domain configurations instead."},
};
constexpr std::array host_options{
    option{'f', "force", "", "stop: end the host although it has guests."},
};

// Why what has no function has none.
constexpr std::string_view no_iommu = "no PCI passthrough: the hypervisor drives no IOMMU";
constexpr std::string_view no_save = "saving and restoring domains is not supported yet";
constexpr std::string_view no_flask = "the hypervisor has no FLASK policy";
constexpr std::string_view no_psr = "the hypervisor neither allocates nor monitors caches (PSR)";
constexpr std::string_view no_usb = "no USB passthrough: there is no USB backend";
constexpr std::string_view no_medium = "media are changed in CD drives of HVM domains, which are not supported yet";
constexpr std::string_view no_channel = "channels are not supported yet";
constexpr std::string_view no_vtpm = "there is no backend for virtual TPMs";
constexpr std::string_view no_vkb = "there is no backend for virtual keyboards";
constexpr std::string_view no_vdispl = "there is no backend for virtual displays";
constexpr std::string_view no_vsnd = "there is no backend for virtual sound";

constexpr std::array table{
    command{"create", xl::create, "<ConfigFile> [options] [vars]", "Create a domain from a file, from settings (key=value), or from both", create_options, 0, xenpp::cli::any_number, true, true},
    command{"config-update", xl::config_update, "<Domain> <ConfigFile> [options] [vars]", "Replace the configuration used at the next restart", update_options, 1, xenpp::cli::any_number, true, true},
    command{"list", xl::list, "[options] [Domain]...", "List domains", list_options},
    command{"destroy", xl::destroy, "[options] <Domain>", "End a domain at once", destroy_options, 1, 1, false, true},
    command{"shutdown", xl::shutdown, "[options] <-a|Domain>", "Ask a guest to shut down", shutdown_options, 0, 1, false, true},
    command{"reboot", xl::reboot, "[options] <-a|Domain>", "Ask a guest to reboot", reboot_options, 0, 1, false, true},
    command{"pci-attach", nullptr, "", no_iommu},
    command{"pci-detach", nullptr, "", no_iommu},
    command{"pci-list", nullptr, "", no_iommu},
    command{"pci-assignable-add", nullptr, "", no_iommu},
    command{"pci-assignable-remove", nullptr, "", no_iommu},
    command{"pci-assignable-list", nullptr, "", no_iommu},
    command{"pause", xl::pause, "<Domain>", "Stop a domain's vCPUs", {}, 1, 1, false, true},
    command{"unpause", xl::unpause, "<Domain>", "Let a paused domain run", {}, 1, 1, false, true},
    command{"console", xl::console, "[options] <Domain>", "Attach to a domain's console; Ctrl-] leaves it", console_options, 1, 1},
    command{"vncviewer", nullptr, "", "no guest has a display yet"},
    command{"save", nullptr, "", no_save},
    command{"migrate", nullptr, "", no_save},
    command{"restore", nullptr, "", no_save},
    command{"migrate-receive", nullptr, "", no_save},
    command{"dump-core", xl::dump_core, "<Domain> <File>", "Write a domain's memory and registers as an ELF core", {}, 2, 2},
    command{"cd-insert", nullptr, "", no_medium},
    command{"cd-eject", nullptr, "", no_medium},
    command{"mem-max", xl::mem_max, "<Domain> <MemMB['b'|'k'|'m'|'g'|'t']>", "Set how much memory a domain may have", {}, 2, 2, false, true},
    command{"mem-set", xl::mem_set, "<Domain> <MemMB['b'|'k'|'m'|'g'|'t']>", "Set how much memory a domain shall have", {}, 2, 2, false, true},
    command{"button-press", xl::button_press, "<Domain> <power|sleep>", "Press a button of a domain (deprecated: see trigger)", {}, 2, 2},
    command{"vcpu-list", xl::vcpu_list, "[options] [Domain]...", "List the vCPUs of some or all domains", xenpp::cli::format_options},
    command{"vcpu-pin", xl::vcpu_pin, "[options] <Domain> <VCPU|all> <Hard affinity|-|all> [Soft affinity|-|all]", "Set on which CPUs vCPUs may run, and prefer to run", vcpu_pin_options, 3, 4, true, true},
    command{"vcpu-set", xl::vcpu_set, "[options] <Domain> <vCPUs>", "Set how many vCPUs a domain shall use", vcpu_set_options, 2, 2, false, true},
    command{"vm-list", xl::vm_list, "[options]", "List guests, without domain 0", xenpp::cli::format_options, 0, 0},
    command{"info", xl::info, "[options] [Field]", "Describe the host, or print one field of it", info_options, 0, 1},
    command{"sharing", xl::sharing, "[options] [Domain]", "List how much memory domains share", xenpp::cli::format_options, 0, 1},
    command{"sched-credit", nullptr, "", "the hypervisor has no credit scheduler; see sched-credit2, its successor"},
    command{"sched-credit2", xl::sched_credit2, "[-d <Domain> [-w[=WEIGHT]|-c[=CAP]]] [-s [-r RLIMIT]] [-p CPUPOOL]", "Show or change weights and caps", credit2_options, 0, 0, false, true},
    command{"sched-rtds", nullptr, "", "the hypervisor has no rtds scheduler"},
    command{"domid", xl::domid, "<DomainName>", "Print the number of a domain of which the name is known", {}, 1, 1},
    command{"domname", xl::domname, "<DomainId>", "Print the name of a domain of which the number is known", {}, 1, 1},
    command{"rename", xl::rename, "<Domain> <NewDomainName>", "Give a domain another name", {}, 2, 2, false, true},
    command{"trigger", xl::trigger, "<Domain> <nmi|reset|init|power|sleep|s3resume> [<VCPU>]", "Send a trigger to a domain", {}, 2, 3},
    command{"sysrq", xl::sysrq, "<Domain> <letter>", "Send a SysRq key to a domain's kernel", {}, 2, 2},
    command{"debug-keys", xl::debug_keys, "<Keys>", "Have the hypervisor print what its debug keys stand for", {}, 1, 1},
    command{"set-parameters", nullptr, "", "the hypervisor has no parameter that can be changed while it runs"},
    command{"dmesg", xl::dmesg, "[-c]", "Print what the hypervisor wrote to its console", dmesg_options, 0, 0},
    command{"top", xl::top, "", "Watch the host and its domains (xentop)", {}, 0, 0},
    command{"network-attach", xl::network_attach, "<Domain> [key=value]...", "Give a domain another network interface", {}, 1, xenpp::cli::any_number, true, true},
    command{"network-list", xl::network_list, "<Domain>...", "List the network interfaces of domains", xenpp::cli::format_options, 1, xenpp::cli::any_number},
    command{"network-detach", xl::network_detach, "<Domain> <DevId|mac>", "Take a network interface from a domain", network_detach_options, 2, 2, false, true},
    command{"channel-list", nullptr, "", no_channel},
    command{"block-attach", xl::block_attach, "<Domain> <disk-spec-component(s)>...", "Give a running domain another disk", {}, 2, xenpp::cli::any_number, true, true},
    command{"block-list", xl::block_list, "<Domain>...", "List the disks of domains", xenpp::cli::format_options, 1},
    command{"block-detach", xl::block_detach, "[option] <Domain> <DevId>", "Take a disk away from a domain", block_detach_options, 2, 2, false, true},
    command{"vtpm-attach", nullptr, "", no_vtpm},
    command{"vtpm-list", nullptr, "", no_vtpm},
    command{"vtpm-detach", nullptr, "", no_vtpm},
    command{"vkb-attach", nullptr, "", no_vkb},
    command{"vkb-list", nullptr, "", no_vkb},
    command{"vkb-detach", nullptr, "", no_vkb},
    command{"vdispl-attach", nullptr, "", no_vdispl},
    command{"vdispl-list", nullptr, "", no_vdispl},
    command{"vdispl-detach", nullptr, "", no_vdispl},
    command{"vsnd-attach", nullptr, "", no_vsnd},
    command{"vsnd-list", nullptr, "", no_vsnd},
    command{"vsnd-detach", nullptr, "", no_vsnd},
    command{"uptime", xl::uptime, "[-s] [Domain]...", "Print how long domains have been up", uptime_options},
    command{"claims", xl::claims, "[options]", "List memory claimed for domains and not yet given", xenpp::cli::format_options, 0, 0},
    command{"cpupool-create", xl::cpupool_create, "[options] [<ConfigFile>] [vars]", "Create a CPU pool from a file, from settings (name, sched, cpus, nodes), or from both", pool_create_options, 0, xenpp::cli::any_number, true, true},
    command{"cpupool-list", xl::cpupool_list, "[-c] [<CPU Pool>]", "List CPU pools", pool_list_options, 0, 1},
    command{"cpupool-destroy", xl::cpupool_destroy, "<CPU Pool>", "Destroy a CPU pool without domains", {}, 1, 1, false, true},
    command{"cpupool-rename", xl::cpupool_rename, "<CPU Pool> <new name>", "Give a CPU pool another name", {}, 2, 2, false, true},
    command{"cpupool-cpu-add", xl::cpupool_cpu_add, "<CPU Pool> <CPU list|node:N>", "Give CPUs to a pool", {}, 2, 2, false, true},
    command{"cpupool-cpu-remove", xl::cpupool_cpu_remove, "<CPU Pool> <CPU list|node:N>", "Take CPUs from a pool", {}, 2, 2, false, true},
    command{"cpupool-migrate", xl::cpupool_migrate, "<Domain> <CPU Pool>", "Move a domain to another CPU pool", {}, 2, 2, false, true},
    command{"cpupool-numa-split", xl::cpupool_numa_split, "", "Make a CPU pool of each NUMA node", {}, 0, 0, false, true},
    command{"getenforce", nullptr, "", no_flask},
    command{"setenforce", nullptr, "", no_flask},
    command{"loadpolicy", nullptr, "", no_flask},
    command{"remus", nullptr, "", no_save},
    command{"devd", nullptr, "", "there are no driver domains: all backends are those of the host"},
    command{"psr-hwinfo", nullptr, "", no_psr},
    command{"psr-cmt-attach", nullptr, "", no_psr},
    command{"psr-cmt-detach", nullptr, "", no_psr},
    command{"psr-cmt-show", nullptr, "", no_psr},
    command{"psr-cat-set", nullptr, "", no_psr},
    command{"psr-cat-show", nullptr, "", no_psr},
    command{"psr-mba-set", nullptr, "", no_psr},
    command{"psr-mba-show", nullptr, "", no_psr},
    command{"usbctrl-attach", nullptr, "", no_usb},
    command{"usbctrl-detach", nullptr, "", no_usb},
    command{"usbdev-attach", nullptr, "", no_usb},
    command{"usbdev-detach", nullptr, "", no_usb},
    command{"usb-list", nullptr, "", no_usb},
    command{"qemu-monitor-command", nullptr, "", "no guest has a device model"},
    command{"check", xl::check, "[options] <File>...", "Say what is wrong with configuration files, without any host", check_options},
    command{"diff", xl::diff, "<File> <File>", "Say how two domain configurations differ", {}, 2, 2},
    command{"plan", xl::plan, "<File> [Domain]", "Say what a configuration would change of the running domain, and which of it needs a reboot", {}, 1, 2},
    command{"apply", xl::apply, "<File> [Domain]", "Make the changes that can be made while the domain runs", {}, 1, 2, false, true},
    command{"host", xl::host, "[options] <start|stop|status>", "Start, stop or describe the embedded host", host_options, 1, 1},
};
// clang-format on

static_assert(table.size() == 97, "Xen 4.17's 92 commands, host, and those on files");

} // namespace

std::span<command const> commands() noexcept {
    return table;
}
