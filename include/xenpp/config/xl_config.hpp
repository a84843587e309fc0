// SPDX-License-Identifier: Apache-2.0
// xl.conf: what holds for every domain that the tool creates.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/cpu_list.hpp>
#include <xenpp/config/diagnostic.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xenpp::config {

/// Whether dom0 gives memory up for new domains. The numbers are the order of the key's words.
enum class autoballoon : std::uint8_t {
    automatic,
    on,
    off,
};

/// The form of long listings. The numbers are the order of the key's words.
enum class output_format : std::uint8_t {
    json,
    sxp,
};

/// Who chooses a new domain's number. The numbers are the order of the key's words.
enum class domid_policy : std::uint8_t {
    xen,
    random,
};

/// The settings of xl.conf, with Xen 4.17's defaults.
struct xl_config {
    config::autoballoon autoballoon = config::autoballoon::automatic;
    bool run_hotplug_scripts = true;
    std::string lockfile = "/var/lock/xl";
    std::string vif_script = "vif-bridge";
    std::string vif_bridge = "xenbr0";
    std::string vif_gatewaydev; ///< empty: none
    std::string vif_backend = "0";
    config::output_format output_format = config::output_format::json;
    std::string blkdev_start = "xvda";
    bool claim_mode = true;
    std::optional<std::uint32_t> max_grant_frames;
    std::optional<std::uint32_t> max_maptrack_frames;
    std::optional<std::uint32_t> max_grant_version;
    cpu_list vm_cpumask;     ///< without terms: every CPU
    cpu_list vm_hvm_cpumask; ///< for HVM and PVH
    cpu_list vm_pv_cpumask;
    config::domid_policy domid_policy = config::domid_policy::xen;

    friend bool operator==(xl_config const&, xl_config const&) = default;
};

/// The settings and what was noticed on the way.
struct loaded_xl_config : xl_config {
    diagnostics warnings;
};

/// Reads the file at `path`. A file that cannot be read gives the defaults with a warning, as with
/// Xen's xl.
expected<loaded_xl_config, diagnostics> load_xl_config(std::string const& path);

/// The same for a text; `file_name` is only for messages.
expected<loaded_xl_config, diagnostics> parse_xl_config(std::string_view text,
                                                        std::string_view file_name);

/// An xl.conf text that loads to an equal configuration.
std::string print(xl_config const& c);

} // namespace xenpp::config
