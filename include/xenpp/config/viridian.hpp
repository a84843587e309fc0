// SPDX-License-Identifier: Apache-2.0
// The key `viridian`: which interfaces of Microsoft's hypervisor a guest is offered.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/value_error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::config {

/// A set of interfaces, a bit each in the order of `viridian_words`.
struct viridian_set {
    std::uint32_t bits = 0;

    bool empty() const noexcept { return bits == 0; }

    friend bool operator==(viridian_set const&, viridian_set const&) = default;
};

/// The names of the interfaces, separated by `|`.
inline constexpr std::string_view viridian_words =
    "base|freq|time_ref_count|reference_tsc|hcall_remote_tlb_flush|apic_assist|crash_ctl|synic|"
    "stimer|hcall_ipi|ex_processor_masks|no_vp_limit|cpu_hotplug";

/// What `viridian = 1` and the word `defaults` mean.
viridian_set viridian_defaults() noexcept;

/// Applies one item: a name, `defaults` or `all`; behind `!` they are taken away.
expected<void, value_error> parse_spec(std::string_view text, viridian_set& to);
/// The names in the set.
std::vector<std::string> print(viridian_set const& s);

} // namespace xenpp::config
