// SPDX-License-Identifier: Apache-2.0
// Which keys fill which member of domain_config without any further thought.
#pragma once

#include <xenpp/config/domain_config.hpp>

#include <array>
#include <string_view>
#include <variant>

namespace xenpp::config {

/// A member whose value is the key's value.
using plain_member = std::variant<std::string domain_config::*,
                                  bool domain_config::*,
                                  std::int32_t domain_config::*,
                                  std::optional<std::uint32_t> domain_config::*,
                                  shutdown_action domain_config::*>;

struct plain_field {
    std::string_view key;
    plain_member member;
};

// clang-format off
inline constexpr std::array plain_fields{
    plain_field{"pool",                &domain_config::pool},
    plain_field{"kernel",              &domain_config::kernel},
    plain_field{"ramdisk",             &domain_config::ramdisk},
    plain_field{"cmdline",             &domain_config::cmdline},
    plain_field{"cpu_weight",          &domain_config::cpu_weight},
    plain_field{"cap",                 &domain_config::cap},
    plain_field{"on_poweroff",         &domain_config::on_poweroff},
    plain_field{"on_reboot",           &domain_config::on_reboot},
    plain_field{"on_crash",            &domain_config::on_crash},
    plain_field{"on_watchdog",         &domain_config::on_watchdog},
    plain_field{"on_soft_reset",       &domain_config::on_soft_reset},
    plain_field{"rtc_timeoffset",      &domain_config::rtc_timeoffset_s},
    plain_field{"nomigrate",           &domain_config::nomigrate},
    plain_field{"acpi",                &domain_config::acpi},
    plain_field{"max_grant_frames",    &domain_config::max_grant_frames},
    plain_field{"max_maptrack_frames", &domain_config::max_maptrack_frames},
    plain_field{"max_grant_version",   &domain_config::max_grant_version},
    plain_field{"max_event_channels",  &domain_config::max_event_channels},
};
// clang-format on

} // namespace xenpp::config
