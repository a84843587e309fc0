// SPDX-License-Identifier: Apache-2.0
// What a domain is to be, as a plain structure: what xl.cfg asks for, without its spelling.
#pragma once

#include <xenpp/config/ast.hpp>
#include <xenpp/config/cpu_list.hpp>
#include <xenpp/config/domain_parts.hpp>
#include <xenpp/config/uuid.hpp>
#include <xenpp/dev/vbd/config.hpp>
#include <xenpp/dev/vif/config.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::config {

/// The kind of guest. The numbers are the order of the words of the key `type`.
enum class domain_type : std::uint8_t {
    pv,
    pvh,
    hvm,
};

/// What is done when a domain has shut down. The numbers are the order of the keys' words.
enum class shutdown_action : std::uint8_t {
    destroy,          ///< free everything
    restart,          ///< free everything, then create the domain anew
    rename_restart,   ///< keep it under another name, and create it anew
    preserve,         ///< keep it for inspection
    coredump_destroy, ///< write its memory to a file, then destroy
    coredump_restart, ///< write its memory to a file, then restart
    soft_reset,       ///< reset it in place; its memory stays
};

/// How the guest sees the time-stamp counter (Xen: XEN_DOMCTL_tsc_mode numbers 0 to 2).
enum class tsc_mode : std::uint8_t {
    by_default,
    always_emulate,
    native,
};

/// How missed timer ticks are made up for (Xen: HVMPTM_*, the numbers of HVM_PARAM_TIMER_MODE).
enum class timer_mode : std::uint8_t {
    delay_for_missed_ticks,
    no_delay_for_missed_ticks,
    no_missed_ticks_pending,
    one_missed_tick_pending,
};

/// A domain's configuration. The defaults are those of Xen 4.17's xl; an empty optional leaves the
/// choice to the hypervisor.
struct domain_config {
    std::string name;
    domain_type type = domain_type::pv;
    std::optional<config::uuid> uuid; ///< absent: a random one at creation
    std::string pool;                 ///< empty: the pool of the creator

    std::string kernel;  ///< path
    std::string ramdisk; ///< path; empty: none
    std::string cmdline; ///< with `root` and `extra` folded in

    std::uint64_t memory_mib = 32; ///< at start
    std::uint64_t maxmem_mib = 32; ///< at least `memory_mib`
    std::uint32_t vcpus = 1;       ///< online at start
    std::uint32_t maxvcpus = 1;    ///< at least `vcpus`

    cpu_affinity cpus;      ///< hard
    cpu_affinity cpus_soft; ///< soft
    std::optional<std::uint32_t> cpu_weight;
    std::optional<std::uint32_t> cap; ///< percent of one CPU; 0 is no limit

    shutdown_action on_poweroff = shutdown_action::destroy;
    shutdown_action on_reboot = shutdown_action::restart;
    shutdown_action on_crash = shutdown_action::destroy;
    shutdown_action on_watchdog = shutdown_action::destroy;
    shutdown_action on_soft_reset = shutdown_action::soft_reset;

    config::tsc_mode tsc_mode = config::tsc_mode::by_default;
    std::optional<config::timer_mode> timer_mode;
    std::int32_t rtc_timeoffset_s = 0;
    bool nomigrate = false;
    bool acpi = true;

    std::optional<std::uint32_t> max_grant_frames;
    std::optional<std::uint32_t> max_maptrack_frames;
    std::optional<std::uint32_t> max_grant_version;
    std::optional<std::uint32_t> max_event_channels;

    std::vector<dev::vbd_config> disks;
    std::vector<dev::vif_config> vifs;
    policy_part policy;
    processor_part processor;
    firmware_part firmware;
    platform_part platform;
    display_part display;
    device_model_part device_model;
    passthrough_part passthrough;
    pv_device_part pv_device;
    arm_part arm;

    friend bool operator==(domain_config const&, domain_config const&) = default;
};

/// The words of xl.cfg.
std::string_view to_string(domain_type t) noexcept;
std::string_view to_string(shutdown_action a) noexcept;
std::string_view to_string(tsc_mode m) noexcept;
std::string_view to_string(timer_mode m) noexcept;

/// The settings that load to an equal configuration: identity and size always, the rest where it
/// is not at its default.
std::vector<setting> to_settings(domain_config const& c);

/// An xl.cfg text that loads to an equal configuration.
std::string print(domain_config const& c);

} // namespace xenpp::config
