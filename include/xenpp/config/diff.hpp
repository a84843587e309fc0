// SPDX-License-Identifier: Apache-2.0
// How two configurations of a domain differ, and what it takes to get from one to the other.
#pragma once

#include <xenpp/config/domain_config.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xenpp::config {

/// What it takes for a change to reach a running domain.
enum class change_effect : std::uint8_t {
    hot,    ///< it can be made while the domain runs
    reboot, ///< the domain must be created anew; a reboot with the new configuration does it
};

/// A key whose value differs; absent: not set, at its default.
struct change {
    std::string key;
    std::optional<value> before;
    std::optional<value> after;
    change_effect effect = change_effect::reboot;

    friend bool operator==(change const&, change const&) = default;
};

/// The differences in the order of the keys in `to_settings`. UUIDs differ only if both have one.
std::vector<change> diff(domain_config const& before, domain_config const& after);

/// What changing a key takes.
change_effect effect_of(std::string_view key) noexcept;

/// "hot" or "reboot".
std::string_view to_string(change_effect e) noexcept;

/// One line a value: "- key = value" for what goes, "+ key = value" for what comes; of a list, the
/// items that go and come.
std::string print(change const& c);

} // namespace xenpp::config
