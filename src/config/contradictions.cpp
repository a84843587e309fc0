// SPDX-License-Identifier: Apache-2.0
// Rules about two keys as tables, and the few that are arithmetic.
#include "config/contradictions.hpp"

#include <fmt/format.h>

#include <numeric>

namespace xenpp::config {
namespace {

/// `key` says nothing unless one of `others` (separated by `|`) is set, and not to 0.
struct need {
    std::string_view key;
    std::string_view others;
};

/// `key` says nothing, or cannot be, if `other` is set, and not to 0.
struct conflict {
    std::string_view key;
    std::string_view other;
    std::string_view why;
};

// clang-format off
constexpr need needs[] = {
    {"ramdisk",                    "kernel|bootloader|firmware"},
    {"bootloader_args",            "bootloader"},
    {"pvshim_path",                "pvshim"},
    {"pvshim_cmdline",             "pvshim"},
    {"pvshim_extra",               "pvshim"},
    {"pci_permissive",             "pci"},
    {"pci_msitranslate",           "pci"},
    {"pci_seize",                  "pci"},
    {"pci_power_mgmt",             "pci"},
    {"rdm",                        "pci"},
    {"rdm_mem_boundary",           "rdm"},
    {"opengl",                     "sdl"},
    {"display",                    "sdl"},
    {"xauthority",                 "sdl"},
    {"spiceport",                  "spice"},
    {"spicetls_port",              "spice"},
    {"spicehost",                  "spice"},
    {"spicedisable_ticketing",     "spice"},
    {"spicepasswd",                "spice"},
    {"spiceagent_mouse",           "spice"},
    {"spicevdagent",               "spice"},
    {"spice_clipboard_sharing",    "spice"},
    {"spiceusbredirection",        "spice"},
    {"spice_image_compression",    "spice"},
    {"spice_streaming_video",      "spice"},
    {"usbdevice",                  "usb|usbversion"},
    {"stubdomain_kernel",          "device_model_stubdomain_override"},
    {"stubdomain_cmdline",         "device_model_stubdomain_override"},
    {"stubdomain_ramdisk",         "device_model_stubdomain_override"},
    {"stubdomain_memory",          "device_model_stubdomain_override"},
    {"device_model_stubdomain_seclabel", "device_model_stubdomain_override"},
    {"usbdev",                     "usbctrl"},
};

constexpr conflict conflicts[] = {
    {"vncdisplay",       "vncunused",    "the first free display is taken instead"},
    {"vga",              "stdvga",       "both choose the graphics card"},
    {"vnc",              "nographic",    "there is no display to show"},
    {"sdl",              "nographic",    "there is no display to show"},
    {"sdl",              "vnc",          "both show the display; QEMU takes one"},
    {"usb",              "usbversion",   "both choose the USB bus"},
    {"kernel",           "bootloader",   "the bootloader finds the kernel"},
    {"kernel",           "firmware",     "both say what boots"},
    {"bios",             "firmware",     "both say what boots"},
    {"altp2mhvm",        "altp2m",       "the newer key holds"},
    {"spicepasswd",      "spicedisable_ticketing", "nobody is asked for the password"},
    {"oos",              "hap",          "nested paging has no shadow page tables"},
    {"device_model_stubdomain_override", "dm_restrict", "the device model has a domain of its own"},
};

// clang-format on

/// Set, and neither 0 nor empty.
bool is_on(reader const& in, std::string_view key) {
    auto const* const v = in.raw(key);
    if (v == nullptr || v->is_list()) {
        return v != nullptr && !v->list().empty();
    }
    return !v->text().empty() && v->text() != "0";
}

void report_needs(reader& in) {
    for (auto const& n : needs) {
        if (!is_on(in, n.key)) {
            continue;
        }
        bool has_one = false;
        for (int i = 0; !word_at(n.others, i).empty(); ++i) {
            has_one = has_one || is_on(in, word_at(n.others, i));
        }
        if (!has_one) {
            in.report(n.key, severity::warning,
                      fmt::format("`{}` has no effect without `{}`", n.key, word_at(n.others, 0)));
        }
    }
}

void report_conflicts(reader& in) {
    for (auto const& c : conflicts) {
        if (is_on(in, c.key) && is_on(in, c.other)) {
            in.report(c.key, severity::warning,
                      fmt::format("`{}` contradicts `{}`: {}", c.key, c.other, c.why));
        }
    }
}

void warn(reader& in, std::string_view key, std::string message, std::string hint = {}) {
    in.report(key, severity::warning, std::move(message), std::move(hint));
}

void report_vnuma(domain_config const& c, reader& in) {
    auto const& nodes = c.processor.vnuma;
    if (nodes.empty()) {
        return;
    }
    auto const size =
        std::accumulate(nodes.begin(), nodes.end(), std::uint64_t{0},
                        [](std::uint64_t sum, vnuma_node const& n) { return sum + n.size_mib; });
    if (size != c.maxmem_mib && in.has("maxmem")) {
        warn(in, "vnuma",
             fmt::format("the nodes of `vnuma` have {} MiB, `maxmem` is {}", size, c.maxmem_mib));
    }
    std::vector<std::uint32_t> const one_node(c.maxvcpus, 0);
    std::vector<unsigned> count(c.maxvcpus, 0);
    for (auto const& n : nodes) {
        auto const set =
            n.vcpus.empty() ? std::vector<bool>(c.maxvcpus, false) : evaluate(n.vcpus, one_node);
        for (std::size_t i = 0; i < set.size(); ++i) {
            count[i] += set[i] ? 1U : 0U;
        }
    }
    for (std::size_t i = 0; i < count.size(); ++i) {
        if (count[i] != 1) {
            warn(in, "vnuma",
                 fmt::format("vCPU {} is in {} nodes of `vnuma`", i,
                             count[i] == 0 ? "no" : "several"),
                 "each belongs to one");
            return;
        }
    }
}

void report_sizes(domain_config const& c, reader& in) {
    constexpr std::uint64_t least_mib = 64;
    if (c.memory_mib < least_mib && c.type != domain_type::hvm) {
        warn(in, "memory",
             fmt::format("{} MiB of memory are too little for most kernels", c.memory_mib),
             "memory counts MiB; without it a domain has 32");
    }
    if (c.cap.value_or(0) > 100 * c.vcpus) {
        warn(in, "cap", fmt::format("a cap of {} is more than {} vCPUs can use", *c.cap, c.vcpus));
    }
    if (c.maxmem_mib > c.memory_mib && c.type == domain_type::pvh && in.has("pci")) {
        warn(in, "maxmem", "memory cannot be populated on demand beside PCI devices");
    }
}

} // namespace

void find_contradictions(domain_config const& c, reader& in) {
    report_needs(in);
    report_conflicts(in);
    report_vnuma(c, in);
    report_sizes(c, in);
    if (is_on(in, "spice") && !is_on(in, "spicedisable_ticketing") && !is_on(in, "spicepasswd")) {
        warn(in, "spice", "`spice` needs a password, or to be told that it needs none",
             "add spicepasswd = \"...\", or spicedisable_ticketing = 1");
    }
    if (is_on(in, "spice") && !is_on(in, "spiceport") && !is_on(in, "spicetls_port")) {
        warn(in, "spice", "`spice` has no port", "add spiceport = 6000");
    }
    if (is_on(in, "nestedhvm") && in.has("hap") && !is_on(in, "hap")) {
        warn(in, "nestedhvm", "`nestedhvm` needs nested paging, and `hap` is 0");
    }
    if (in.has("acpi") && !c.acpi && (is_on(in, "acpi_s3") || is_on(in, "acpi_s4"))) {
        warn(in, "acpi", "without `acpi` there is no `acpi_s3` or `acpi_s4`");
    }
    if (is_on(in, "pci") && in.has("passthrough") &&
        c.policy.passthrough == passthrough_mode::disabled) {
        warn(in, "passthrough", "`passthrough` is disabled, and `pci` asks for devices");
    }
}

} // namespace xenpp::config
