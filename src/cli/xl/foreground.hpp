// SPDX-License-Identifier: Apache-2.0
// Staying with a domain until it is gone for good.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/cli/session.hpp>
#include <xenpp/config/domain_config.hpp>
#include <xenpp/domain.hpp>
#include <xenpp/host.hpp>

namespace xenpp::cli::xl {

/// Returns when `d` has ended and is not to be started again, or is preserved. What is to be done
/// at its end is done by the host's monitor; this only watches and tells.
result<void>
wait_in_foreground(session& s, xenpp::host const& h, domain d, config::domain_config const& c);

} // namespace xenpp::cli::xl
