// SPDX-License-Identifier: Apache-2.0
// The table of keys that fill one member each, and the members whose forms are their own.
#include "config/bindings.hpp"

#include "config/text_scanner.hpp"

#include <array>

namespace xenpp::config {
namespace detail {

void set(std::optional<gfx_passthru_kind>& to, value const& v, key_schema const& row, reader&) {
    int const index = word_index(row.words, v.text());
    to = index >= 0          ? static_cast<gfx_passthru_kind>(index + 1)
         : number_of(v) != 0 ? gfx_passthru_kind::by_default
                             : gfx_passthru_kind::off;
}

std::optional<value> get(std::optional<gfx_passthru_kind> const& from, key_schema const& row) {
    return text_value(*from == gfx_passthru_kind::off
                          ? "0"
                          : std::string(word_at(row.words, static_cast<int>(*from) - 1)));
}

void set(std::vector<std::string>& to, value const& v, key_schema const& row, reader& in) {
    if (!v.is_list()) {
        bool const is_split = row.key == "bootloader_args";
        text_scanner words(v.text());
        while (is_split && !words.at_end()) {
            words.skip_blanks();
            if (!words.at_end()) {
                to.emplace_back(words.until(" \t"));
            }
        }
        if (is_split) {
            in.report_at(v.span, severity::warning, "a string for `bootloader_args` is deprecated",
                         "write a list");
        } else if (!v.text().empty()) {
            to.push_back(v.text());
        }
        return;
    }
    for (auto const& item : v.list()) {
        if (!row.words.empty() && word_index(row.words, item.text()) < 0) {
            in.report_inside(row.key, item,
                             text_scanner::unknown_key(0, item.text(), row.words).value);
            continue;
        }
        to.push_back(item.text());
    }
}

std::optional<value> get(std::vector<std::string> const& from, key_schema const&) {
    return list_value(from);
}

void set(cpuid_policy& to, value const& v, key_schema const& row, reader& in) {
    if (v.is_list()) {
        set(to.leaves, v, row, in);
        return;
    }
    auto settings = parse_cpuid(v.text());
    if (!settings) {
        in.report_inside(row.key, v, settings.error());
        return;
    }
    to.settings = *std::move(settings);
}

std::optional<value> get(cpuid_policy const& from, key_schema const&) {
    return from.leaves.empty() ? text_value(print(from.settings)) : list_value(from.leaves);
}

void set(std::optional<viridian_set>& to, value const& v, key_schema const& row, reader& in) {
    if (!v.is_list()) {
        to = number_of(v) != 0 ? viridian_defaults() : viridian_set();
        return;
    }
    to = viridian_set();
    for (auto const& item : v.list()) {
        parse_or_report(item, row, *to, in);
    }
}

std::optional<value> get(std::optional<viridian_set> const& from, key_schema const&) {
    return from->empty() ? text_value("0") : list_value(print(*from));
}

void set(std::optional<rdm_spec>& to, value const& v, key_schema const& row, reader& in) {
    auto parsed = parse_rdm_spec(v.text(), in.dialect());
    if (!parsed) {
        in.report_inside(row.key, v, parsed.error());
        return;
    }
    to = *parsed;
}

std::optional<value> get(std::optional<rdm_spec> const& from, key_schema const&) {
    return text_value(print(*from));
}

} // namespace detail

namespace {

// clang-format off
constexpr std::array table{
    bind<&domain_config::pool>("pool"),
    bind<&domain_config::kernel>("kernel"),
    bind<&domain_config::ramdisk>("ramdisk"),
    bind<&domain_config::cmdline>("cmdline"),
    bind<&domain_config::cpu_weight>("cpu_weight"),
    bind<&domain_config::cap>("cap"),
    bind<&domain_config::on_poweroff>("on_poweroff"),
    bind<&domain_config::on_reboot>("on_reboot"),
    bind<&domain_config::on_crash>("on_crash"),
    bind<&domain_config::on_watchdog>("on_watchdog"),
    bind<&domain_config::on_soft_reset>("on_soft_reset"),
    bind<&domain_config::rtc_timeoffset_s>("rtc_timeoffset"),
    bind<&domain_config::nomigrate>("nomigrate"),
    bind<&domain_config::acpi>("acpi"),
    bind<&domain_config::max_grant_frames>("max_grant_frames"),
    bind<&domain_config::max_maptrack_frames>("max_maptrack_frames"),
    bind<&domain_config::max_grant_version>("max_grant_version"),
    bind<&domain_config::max_event_channels>("max_event_channels"),

    bind<&domain_config::policy, &policy_part::seclabel>("seclabel"),
    bind<&domain_config::policy, &policy_part::init_seclabel>("init_seclabel"),
    bind<&domain_config::policy, &policy_part::driver_domain>("driver_domain"),
    bind<&domain_config::policy, &policy_part::passthrough>("passthrough"),
    bind<&domain_config::policy, &policy_part::xend_suspend_evtchn_compat>("xend_suspend_evtchn_compat"),
    bind<&domain_config::policy, &policy_part::vmtrace_buf_kb>("vmtrace_buf_kb"),

    bind<&domain_config::processor, &processor_part::period>("period"),
    bind<&domain_config::processor, &processor_part::extratime>("extratime"),
    bind<&domain_config::processor, &processor_part::shadow_memory>("shadow_memory"),
    bind<&domain_config::processor, &processor_part::vnuma>("vnuma"),
    bind<&domain_config::processor, &processor_part::hap>("hap"),
    bind<&domain_config::processor, &processor_part::oos>("oos"),
    bind<&domain_config::processor, &processor_part::nestedhvm>("nestedhvm"),
    bind<&domain_config::processor, &processor_part::altp2m>("altp2m"),
    bind<&domain_config::processor, &processor_part::altp2mhvm>("altp2mhvm"),
    bind<&domain_config::processor, &processor_part::cpuid>("cpuid"),
    bind<&domain_config::processor, &processor_part::msr_relaxed>("msr_relaxed"),
    bind<&domain_config::processor, &processor_part::mca_caps>("mca_caps"),

    bind<&domain_config::firmware, &firmware_part::bootloader>("bootloader"),
    bind<&domain_config::firmware, &firmware_part::bootloader_args>("bootloader_args"),
    bind<&domain_config::firmware, &firmware_part::firmware>("firmware"),
    bind<&domain_config::firmware, &firmware_part::bios>("bios"),
    bind<&domain_config::firmware, &firmware_part::bios_path_override>("bios_path_override"),
    bind<&domain_config::firmware, &firmware_part::firmware_override>("firmware_override"),
    bind<&domain_config::firmware, &firmware_part::boot>("boot"),
    bind<&domain_config::firmware, &firmware_part::pvshim>("pvshim"),
    bind<&domain_config::firmware, &firmware_part::pvshim_path>("pvshim_path"),
    bind<&domain_config::firmware, &firmware_part::pvshim_cmdline>("pvshim_cmdline"),
    bind<&domain_config::firmware, &firmware_part::pvshim_extra>("pvshim_extra"),
    bind<&domain_config::firmware, &firmware_part::acpi_firmware>("acpi_firmware"),
    bind<&domain_config::firmware, &firmware_part::smbios_firmware>("smbios_firmware"),
    bind<&domain_config::firmware, &firmware_part::ms_vm_genid>("ms_vm_genid"),
    bind<&domain_config::firmware, &firmware_part::smbios>("smbios"),

    bind<&domain_config::platform, &platform_part::pae>("pae"),
    bind<&domain_config::platform, &platform_part::acpi_s3>("acpi_s3"),
    bind<&domain_config::platform, &platform_part::acpi_s4>("acpi_s4"),
    bind<&domain_config::platform, &platform_part::nx>("nx"),
    bind<&domain_config::platform, &platform_part::hpet>("hpet"),
    bind<&domain_config::platform, &platform_part::apic>("apic"),
    bind<&domain_config::platform, &platform_part::acpi_laptop_slate>("acpi_laptop_slate"),
    bind<&domain_config::platform, &platform_part::xen_platform_pci>("xen_platform_pci"),
    bind<&domain_config::platform, &platform_part::localtime>("localtime"),
    bind<&domain_config::platform, &platform_part::vpt_align>("vpt_align"),
    bind<&domain_config::platform, &platform_part::mmio_hole>("mmio_hole"),
    bind<&domain_config::platform, &platform_part::hdtype>("hdtype"),
    bind<&domain_config::platform, &platform_part::viridian>("viridian"),
    bind<&domain_config::platform, &platform_part::e820_host>("e820_host"),
    bind<&domain_config::platform, &platform_part::serial>("serial"),
    bind<&domain_config::platform, &platform_part::usb>("usb"),
    bind<&domain_config::platform, &platform_part::usbversion>("usbversion"),
    bind<&domain_config::platform, &platform_part::usbdevice>("usbdevice"),
    bind<&domain_config::platform, &platform_part::soundhw>("soundhw"),
    bind<&domain_config::platform, &platform_part::vkb_device>("vkb_device"),
    bind<&domain_config::platform, &platform_part::vendor_device>("vendor_device"),

    bind<&domain_config::display, &display_part::vga>("vga"),
    bind<&domain_config::display, &display_part::stdvga>("stdvga"),
    bind<&domain_config::display, &display_part::videoram>("videoram"),
    bind<&domain_config::display, &display_part::vnc>("vnc"),
    bind<&domain_config::display, &display_part::vnclisten>("vnclisten"),
    bind<&domain_config::display, &display_part::vncdisplay>("vncdisplay"),
    bind<&domain_config::display, &display_part::vncunused>("vncunused"),
    bind<&domain_config::display, &display_part::vncpasswd>("vncpasswd"),
    bind<&domain_config::display, &display_part::sdl>("sdl"),
    bind<&domain_config::display, &display_part::opengl>("opengl"),
    bind<&domain_config::display, &display_part::display>("display"),
    bind<&domain_config::display, &display_part::xauthority>("xauthority"),
    bind<&domain_config::display, &display_part::keymap>("keymap"),
    bind<&domain_config::display, &display_part::nographic>("nographic"),
    bind<&domain_config::display, &display_part::spice>("spice"),
    bind<&domain_config::display, &display_part::spiceport>("spiceport"),
    bind<&domain_config::display, &display_part::spicetls_port>("spicetls_port"),
    bind<&domain_config::display, &display_part::spicehost>("spicehost"),
    bind<&domain_config::display, &display_part::spicedisable_ticketing>("spicedisable_ticketing"),
    bind<&domain_config::display, &display_part::spicepasswd>("spicepasswd"),
    bind<&domain_config::display, &display_part::spiceagent_mouse>("spiceagent_mouse"),
    bind<&domain_config::display, &display_part::spicevdagent>("spicevdagent"),
    bind<&domain_config::display, &display_part::spice_clipboard_sharing>("spice_clipboard_sharing"),
    bind<&domain_config::display, &display_part::spiceusbredirection>("spiceusbredirection"),
    bind<&domain_config::display, &display_part::spice_image_compression>("spice_image_compression"),
    bind<&domain_config::display, &display_part::spice_streaming_video>("spice_streaming_video"),

    bind<&domain_config::device_model, &device_model_part::device_model_version>("device_model_version"),
    bind<&domain_config::device_model, &device_model_part::device_model_override>("device_model_override"),
    bind<&domain_config::device_model, &device_model_part::device_model_stubdomain_override>("device_model_stubdomain_override"),
    bind<&domain_config::device_model, &device_model_part::device_model_stubdomain_seclabel>("device_model_stubdomain_seclabel"),
    bind<&domain_config::device_model, &device_model_part::device_model_user>("device_model_user"),
    bind<&domain_config::device_model, &device_model_part::dm_restrict>("dm_restrict"),
    bind<&domain_config::device_model, &device_model_part::device_model_args>("device_model_args"),
    bind<&domain_config::device_model, &device_model_part::device_model_args_pv>("device_model_args_pv"),
    bind<&domain_config::device_model, &device_model_part::device_model_args_hvm>("device_model_args_hvm"),
    bind<&domain_config::device_model, &device_model_part::stubdomain_kernel>("stubdomain_kernel"),
    bind<&domain_config::device_model, &device_model_part::stubdomain_cmdline>("stubdomain_cmdline"),
    bind<&domain_config::device_model, &device_model_part::stubdomain_ramdisk>("stubdomain_ramdisk"),
    bind<&domain_config::device_model, &device_model_part::stubdomain_memory>("stubdomain_memory"),

    bind<&domain_config::passthrough, &passthrough_part::pci>("pci"),
    bind<&domain_config::passthrough, &passthrough_part::pci_permissive>("pci_permissive"),
    bind<&domain_config::passthrough, &passthrough_part::pci_msitranslate>("pci_msitranslate"),
    bind<&domain_config::passthrough, &passthrough_part::pci_seize>("pci_seize"),
    bind<&domain_config::passthrough, &passthrough_part::pci_power_mgmt>("pci_power_mgmt"),
    bind<&domain_config::passthrough, &passthrough_part::rdm>("rdm"),
    bind<&domain_config::passthrough, &passthrough_part::rdm_mem_boundary>("rdm_mem_boundary"),
    bind<&domain_config::passthrough, &passthrough_part::gfx_passthru>("gfx_passthru"),
    bind<&domain_config::passthrough, &passthrough_part::ioports>("ioports"),
    bind<&domain_config::passthrough, &passthrough_part::iomem>("iomem"),
    bind<&domain_config::passthrough, &passthrough_part::irqs>("irqs"),
    bind<&domain_config::passthrough, &passthrough_part::usbctrl>("usbctrl"),
    bind<&domain_config::passthrough, &passthrough_part::usbdev>("usbdev"),

    bind<&domain_config::pv_device, &pv_device_part::vfb>("vfb"),
    bind<&domain_config::pv_device, &pv_device_part::vkb>("vkb"),
    bind<&domain_config::pv_device, &pv_device_part::channel>("channel"),
    bind<&domain_config::pv_device, &pv_device_part::vtpm>("vtpm"),
    bind<&domain_config::pv_device, &pv_device_part::p9>("p9"),
    bind<&domain_config::pv_device, &pv_device_part::pvcalls>("pvcalls"),
    bind<&domain_config::pv_device, &pv_device_part::vdispl>("vdispl"),
    bind<&domain_config::pv_device, &pv_device_part::vsnd>("vsnd"),

    bind<&domain_config::arm, &arm_part::vpmu>("vpmu"),
    bind<&domain_config::arm, &arm_part::gic_version>("gic_version"),
    bind<&domain_config::arm, &arm_part::vuart>("vuart"),
    bind<&domain_config::arm, &arm_part::tee>("tee"),
    bind<&domain_config::arm, &arm_part::device_tree>("device_tree"),
    bind<&domain_config::arm, &arm_part::dtdev>("dtdev"),
};
// clang-format on

} // namespace

std::span<key_binding const> domain_bindings() noexcept {
    return table;
}

void apply_bindings(domain_config& to, reader& in) {
    for (auto const& b : table) {
        if (auto const* const v = in.raw(b.key)) {
            b.set(to, *v, *find(domain_schema(), b.key), in);
        }
    }
}

} // namespace xenpp::config
