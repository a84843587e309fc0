// SPDX-License-Identifier: Apache-2.0
// What the lint dialect says of two keys: each rule speaks where it should, and only there.
#include <xenpp/config/load.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

using namespace xenpp::config;

namespace {

constexpr load_options leniently{dialect::lint, false};

/// Whether lint says `what` of a domain with these lines.
bool says(std::string const& type, std::string const& lines, std::string const& what) {
    auto const text = "name = 'x'\ntype = '" + type + "'\n" + lines;
    auto const c = parse_domain(text, "t", {}, leniently);
    auto const& found = c ? c->warnings : c.error();
    auto const said = std::ranges::any_of(found.items, [&](diagnostic const& d) {
        return d.severity == severity::warning && d.message.find(what) != std::string::npos;
    });
    auto const plain = parse_domain(text, "t", {}, {dialect::documented, false});
    auto const& without = plain ? plain->warnings : plain.error();
    INFO(text << found.message());
    CHECK(without.message().find(what) == std::string::npos); // it is lint's alone
    return said;
}

struct pair_of_keys {
    std::string key;
    std::string line;
    std::string other;
    std::string other_line;
    std::string off_line = {}; ///< the other, set to nothing
};

} // namespace

TEST_CASE("lint.keys_that_say_nothing_without_another") {
    // clang-format off
    pair_of_keys const rules[] = {
        {"ramdisk", "ramdisk='r'", "kernel", "kernel='k'"},
        {"ramdisk", "ramdisk='r'", "kernel", "bootloader='b'"},
        {"ramdisk", "ramdisk='r'", "kernel", "firmware='pvgrub32'"},
        {"bootloader_args", "bootloader_args=['a']", "bootloader", "bootloader='b'"},
        {"pvshim_path", "pvshim_path='p'", "pvshim", "pvshim=1", "pvshim=0"},
        {"pvshim_cmdline", "pvshim_cmdline='p'", "pvshim", "pvshim=1"},
        {"pvshim_extra", "pvshim_extra='p'", "pvshim", "pvshim=1"},
        {"pci_permissive", "pci_permissive=1", "pci", "pci=['3:0.0']", "pci=[]"},
        {"pci_msitranslate", "pci_msitranslate=1", "pci", "pci=['3:0.0']"},
        {"pci_seize", "pci_seize=1", "pci", "pci=['3:0.0']"},
        {"pci_power_mgmt", "pci_power_mgmt=1", "pci", "pci=['3:0.0']"},
        {"rdm", "rdm='strategy=host'", "pci", "pci=['3:0.0']"},
        {"rdm_mem_boundary", "rdm_mem_boundary=1024", "rdm", "rdm='strategy=host'"},
        {"opengl", "opengl=1", "sdl", "sdl=1", "sdl=0"},
        {"display", "display=':0'", "sdl", "sdl=1"},
        {"xauthority", "xauthority='/x'", "sdl", "sdl=1"},
        {"spiceport", "spiceport=6000", "spice", "spice=1", "spice=0"},
        {"spicetls_port", "spicetls_port=6000", "spice", "spice=1"},
        {"spicehost", "spicehost='::'", "spice", "spice=1"},
        {"spicedisable_ticketing", "spicedisable_ticketing=1", "spice", "spice=1"},
        {"spicepasswd", "spicepasswd='p'", "spice", "spice=1"},
        {"spiceagent_mouse", "spiceagent_mouse=1", "spice", "spice=1"},
        {"spicevdagent", "spicevdagent=1", "spice", "spice=1"},
        {"spice_clipboard_sharing", "spice_clipboard_sharing=1", "spice", "spice=1"},
        {"spiceusbredirection", "spiceusbredirection=2", "spice", "spice=1"},
        {"spice_image_compression", "spice_image_compression='off'", "spice", "spice=1"},
        {"spice_streaming_video", "spice_streaming_video='all'", "spice", "spice=1"},
        {"usbdevice", "usbdevice=['tablet']", "usb", "usb=1", "usb=0"},
        {"usbdevice", "usbdevice=['tablet']", "usb", "usbversion=2"},
        {"stubdomain_kernel", "stubdomain_kernel='k'", "device_model_stubdomain_override", "device_model_stubdomain_override=1"},
        {"stubdomain_cmdline", "stubdomain_cmdline='k'", "device_model_stubdomain_override", "device_model_stubdomain_override=1"},
        {"stubdomain_ramdisk", "stubdomain_ramdisk='k'", "device_model_stubdomain_override", "device_model_stubdomain_override=1"},
        {"stubdomain_memory", "stubdomain_memory=32", "device_model_stubdomain_override", "device_model_stubdomain_override=1"},
        {"device_model_stubdomain_seclabel", "device_model_stubdomain_seclabel='s'", "device_model_stubdomain_override", "device_model_stubdomain_override=1"},
        {"usbdev", "usbdev=['type=hostdev,hostbus=1,hostaddr=2']", "usbctrl", "usbctrl=['type=pv']"},
    };
    // clang-format on
    for (auto const& r : rules) {
        auto const what = "`" + r.key + "` has no effect without `" + r.other + "`";
        INFO(what);
        CHECK(says("hvm", r.line + "\n", what));
        CHECK_FALSE(says("hvm", r.line + "\n" + r.other_line + "\n", what));
        if (!r.off_line.empty()) {
            CHECK(says("hvm", r.line + "\n" + r.off_line + "\n", what));
        }
    }
}

TEST_CASE("lint.keys_that_contradict_each_other") {
    // clang-format off
    pair_of_keys const rules[] = {
        {"vncdisplay", "vncdisplay=3", "vncunused", "vncunused=1", "vncunused=0"},
        {"vga", "vga='cirrus'", "stdvga", "stdvga=1", "stdvga=0"},
        {"vnc", "vnc=1", "nographic", "nographic=1", "nographic=0"},
        {"sdl", "sdl=1", "nographic", "nographic=1", "nographic=0"},
        {"sdl", "sdl=1", "vnc", "vnc=1", "vnc=0"},
        {"usb", "usb=1", "usbversion", "usbversion=2", "usb=1"},
        {"kernel", "kernel='k'", "bootloader", "bootloader='b'", "bootloader=''"},
        {"kernel", "kernel='k'", "firmware", "firmware='pvgrub32'", "firmware=''"},
        {"bios", "bios='seabios'", "firmware", "firmware='pvgrub32'", "firmware=''"},
        {"altp2mhvm", "altp2mhvm=1", "altp2m", "altp2m='mixed'", "altp2m=0"},
        {"spicepasswd", "spicepasswd='p'", "spicedisable_ticketing", "spicedisable_ticketing=1", "spicedisable_ticketing=0"},
        {"oos", "oos=1", "hap", "hap=1", "hap=0"},
        {"device_model_stubdomain_override", "device_model_stubdomain_override=1", "dm_restrict", "dm_restrict=1", "dm_restrict=0"},
    };
    // clang-format on
    for (auto const& r : rules) {
        auto const what = "`" + r.key + "` contradicts `" + r.other + "`";
        INFO(what);
        CHECK(says("hvm", r.line + "\n" + r.other_line + "\n", what));
        CHECK_FALSE(
            says("hvm", r.line + "\n" + (r.off_line == r.line ? "" : r.off_line + "\n"), what));
    }
}

TEST_CASE("lint.values_that_cannot_both_be_meant") {
    std::string const nodes = "vnuma = [['pnode=0','size=64','vcpus=0','vdistances=10,20'],"
                              "['pnode=0','size=64','vcpus=1','vdistances=20,10']]\n";

    struct {
        std::string type;
        std::string bad;
        std::string good;
        std::string what;
    } const rules[] = {
        {"hvm", "maxmem=256\nvcpus=2\n" + nodes, "maxmem=128\nvcpus=2\n" + nodes,
         "the nodes of `vnuma` have 128 MiB, `maxmem` is 256"},
        {"hvm", "maxmem=128\nvcpus=3\n" + nodes, "maxmem=128\nvcpus=2\n" + nodes,
         "vCPU 2 is in no nodes of `vnuma`"},
        {"pvh", "memory=32\n", "memory=64\n", "too little for most kernels"},
        {"pv", "\n", "memory=64\n", "too little for most kernels"},
        {"pvh", "vcpus=2\ncap=201\n", "vcpus=2\ncap=200\n", "more than 2 vCPUs can use"},
        {"hvm", "spice=1\nspiceport=6000\n", "spice=1\nspiceport=6000\nspicepasswd='p'\n",
         "`spice` needs a password"},
        {"hvm", "spice=1\nspicepasswd='p'\n", "spice=1\nspicetls_port=6000\nspicepasswd='p'\n",
         "`spice` has no port"},
        {"hvm", "nestedhvm=1\nhap=0\n", "nestedhvm=1\nhap=1\n", "`nestedhvm` needs nested paging"},
        {"hvm", "acpi=0\nacpi_s3=1\n", "acpi=1\nacpi_s3=1\n", "without `acpi`"},
        {"hvm", "acpi=0\nacpi_s4=1\n", "acpi=0\nacpi_s4=0\n", "without `acpi`"},
        {"hvm", "pci=['3:0.0']\npassthrough='disabled'\n", "pci=['3:0.0']\npassthrough='enabled'\n",
         "`passthrough` is disabled"},
        {"pvh", "memory=128\nmaxmem=256\npci=['3:0.0']\n",
         "memory=256\nmaxmem=256\npci=['3:0.0']\n", "cannot be populated on demand"},
    };

    for (auto const& r : rules) {
        INFO(r.what);
        CHECK(says(r.type, r.bad, r.what));
        CHECK_FALSE(says(r.type, r.good, r.what));
    }
}
