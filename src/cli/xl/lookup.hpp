// SPDX-License-Identifier: Apache-2.0
// What xl's commands have in common: finding the domain that the user means.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/cli/options.hpp>
#include <xenpp/cli/session.hpp>
#include <xenpp/cli/view.hpp>
#include <xenpp/domain.hpp>
#include <xenpp/host.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::cli::xl {

/// The domain of a name, number or UUID; the error is xl's line for one that is none.
result<domain> find(xenpp::host const& h, std::string_view what);

/// The domain that the first operand names.
result<domain> operand(session& s, arguments const& args);

/// Infos of the domains that `names` names, or of all if it is empty.
result<std::vector<domain_info>> selected(xenpp::host const& h,
                                          std::vector<std::string> const& names);

bool is_digits(std::string_view text) noexcept;

} // namespace xenpp::cli::xl
