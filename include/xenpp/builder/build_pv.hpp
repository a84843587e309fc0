// SPDX-License-Identifier: Apache-2.0
// The recipe of a PV domain: from a plan to a domain that is complete and paused.
#pragma once

#include <xenpp/builder/built_domain.hpp>
#include <xenpp/builder/domain_settings.hpp>
#include <xenpp/builder/pv_layout.hpp>
#include <xenpp/builder/recipe.hpp>

namespace xenpp::builder {

/// Builds a 64-bit PV domain in the order in which Xen's tools do. On failure nothing is left of
/// it, and the error names the step. `observer` may be null.
result<built_domain> build_pv(ctl::connection& c,
                              pv_plan const& plan,
                              domain_settings const& settings,
                              step_observer* observer = nullptr);

} // namespace xenpp::builder
