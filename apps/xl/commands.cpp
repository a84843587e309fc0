// SPDX-License-Identifier: Apache-2.0
// xl's commands: name, function, operands, summary, options.
#include "commands.hpp"

#include <xenpp/cli/xl.hpp>

#include <array>

namespace {

using xenpp::cli::command;
using xenpp::cli::option;
namespace xl = xenpp::cli::xl;

// clang-format off
constexpr option format_option{0, "format", "FORMAT", "Print text, json, ndjson, csv or metrics (OpenMetrics)."};

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
constexpr std::array list_options{
    option{'l', "long", "", "Print the domains' configurations as JSON."},
    option{'v', "verbose", "", "Print UUIDs, shutdown reasons and security labels too."},
    option{'Z', "context", "", "Print security labels too."},
    option{'c', "cpupool", "", "Print CPU pools too."},
    option{'n', "numa", "", "Print NUMA affinity too."},
    format_option,
};
constexpr std::array format_options{format_option};
constexpr std::array info_options{
    option{'n', "numa", "", "Print the topology of CPUs and memory too."},
    format_option,
};
constexpr std::array uptime_options{
    option{'s', "", "", "One short line a domain."},
};
constexpr std::array vcpu_pin_options{
    option{'f', "force", "", "Undo a pinning that the guest's kernel made for a time."},
    option{'i', "ignore-global-affinity-masks", "", "Do not apply the CPU masks of xl.conf."},
};
constexpr std::array block_detach_options{
    option{'f', "force", "", "Do not wait for the guest to let go of it; what it still writes is lost."},
};
constexpr std::array dmesg_options{
    option{'c', "clear", "", "Forget what was printed."},
};
constexpr std::array host_options{
    option{'f', "force", "", "stop: end the host although it has guests."},
};

constexpr std::array table{
    command{"create", xl::create, "<ConfigFile> [options] [vars]", "Create a domain from a file, from settings (key=value), or from both", create_options, 0, xenpp::cli::any_number, true, true},
    command{"config-update", nullptr, "<Domain> <ConfigFile> [options] [vars]", "Replace the configuration used at the next restart"},
    command{"list", xl::list, "[options] [Domain]...", "List domains", list_options},
    command{"destroy", xl::destroy, "[options] <Domain>", "End a domain at once", destroy_options, 1, 1, false, true},
    command{"shutdown", xl::shutdown, "[options] <-a|Domain>", "Ask a guest to shut down", shutdown_options, 0, 1, false, true},
    command{"reboot", xl::reboot, "[options] <-a|Domain>", "Ask a guest to reboot", reboot_options, 0, 1, false, true},
    command{"pci-attach", nullptr}, command{"pci-detach", nullptr}, command{"pci-list", nullptr},
    command{"pci-assignable-add", nullptr}, command{"pci-assignable-remove", nullptr}, command{"pci-assignable-list", nullptr},
    command{"pause", xl::pause, "<Domain>", "Stop a domain's vCPUs", {}, 1, 1, false, true},
    command{"unpause", xl::unpause, "<Domain>", "Let a paused domain run", {}, 1, 1, false, true},
    command{"console", xl::console, "[options] <Domain>", "Attach to a domain's console; Ctrl-] leaves it", console_options, 1, 1},
    command{"vncviewer", nullptr}, command{"save", nullptr}, command{"migrate", nullptr}, command{"restore", nullptr},
    command{"migrate-receive", nullptr}, command{"dump-core", nullptr}, command{"cd-insert", nullptr}, command{"cd-eject", nullptr},
    command{"mem-max", nullptr}, command{"mem-set", nullptr}, command{"button-press", nullptr},
    command{"vcpu-list", xl::vcpu_list, "[options] [Domain]...", "List the vCPUs of some or all domains", format_options},
    command{"vcpu-pin", xl::vcpu_pin, "[options] <Domain> <VCPU|all> <Hard affinity|-|all> [Soft affinity|-|all]", "Set on which CPUs vCPUs may run, and prefer to run", vcpu_pin_options, 3, 4, true, true},
    command{"vcpu-set", nullptr},
    command{"vm-list", xl::vm_list, "[options]", "List guests, without domain 0", format_options, 0, 0},
    command{"info", xl::info, "[options] [Field]", "Describe the host, or print one field of it", info_options, 0, 1},
    command{"sharing", nullptr}, command{"sched-credit", nullptr}, command{"sched-credit2", nullptr}, command{"sched-rtds", nullptr},
    command{"domid", xl::domid, "<DomainName>", "Print the number of a domain of which the name is known", {}, 1, 1},
    command{"domname", xl::domname, "<DomainId>", "Print the name of a domain of which the number is known", {}, 1, 1},
    command{"rename", xl::rename, "<Domain> <NewDomainName>", "Give a domain another name", {}, 2, 2, false, true},
    command{"trigger", nullptr}, command{"sysrq", nullptr}, command{"debug-keys", xl::debug_keys, "<Keys>", "Have the hypervisor print what its debug keys stand for", {}, 1, 1}, command{"set-parameters", nullptr},
    command{"dmesg", xl::dmesg, "[-c]", "Print what the hypervisor wrote to its console", dmesg_options, 0, 0},
    command{"top", nullptr}, command{"network-attach", nullptr}, command{"network-list", nullptr}, command{"network-detach", nullptr},
    command{"channel-list", nullptr},
    command{"block-attach", xl::block_attach, "<Domain> <disk-spec-component(s)>...", "Give a running domain another disk", {}, 2, xenpp::cli::any_number, true, true},
    command{"block-list", xl::block_list, "<Domain>...", "List the disks of domains", format_options, 1},
    command{"block-detach", xl::block_detach, "[option] <Domain> <DevId>", "Take a disk away from a domain", block_detach_options, 2, 2, false, true},
    command{"vtpm-attach", nullptr}, command{"vtpm-list", nullptr}, command{"vtpm-detach", nullptr},
    command{"vkb-attach", nullptr}, command{"vkb-list", nullptr}, command{"vkb-detach", nullptr},
    command{"vdispl-attach", nullptr}, command{"vdispl-list", nullptr}, command{"vdispl-detach", nullptr},
    command{"vsnd-attach", nullptr}, command{"vsnd-list", nullptr}, command{"vsnd-detach", nullptr},
    command{"uptime", xl::uptime, "[-s] [Domain]...", "Print how long domains have been up", uptime_options},
    command{"claims", nullptr}, command{"cpupool-create", nullptr}, command{"cpupool-list", nullptr}, command{"cpupool-destroy", nullptr},
    command{"cpupool-rename", nullptr}, command{"cpupool-cpu-add", nullptr}, command{"cpupool-cpu-remove", nullptr},
    command{"cpupool-migrate", nullptr}, command{"cpupool-numa-split", nullptr},
    command{"getenforce", nullptr}, command{"setenforce", nullptr}, command{"loadpolicy", nullptr},
    command{"remus", nullptr}, command{"devd", nullptr}, command{"psr-hwinfo", nullptr},
    command{"psr-cmt-attach", nullptr}, command{"psr-cmt-detach", nullptr}, command{"psr-cmt-show", nullptr},
    command{"psr-cat-set", nullptr}, command{"psr-cat-show", nullptr}, command{"psr-mba-set", nullptr}, command{"psr-mba-show", nullptr},
    command{"usbctrl-attach", nullptr}, command{"usbctrl-detach", nullptr}, command{"usbdev-attach", nullptr}, command{"usbdev-detach", nullptr}, command{"usb-list", nullptr},
    command{"qemu-monitor-command", nullptr},
    command{"host", xl::host, "[options] <start|stop|status>", "Start, stop or describe the embedded host", host_options, 1, 1},
};
// clang-format on

static_assert(table.size() == 93, "Xen 4.17's 92 commands and host");

} // namespace

std::span<command const> commands() noexcept {
    return table;
}
