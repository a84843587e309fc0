// SPDX-License-Identifier: Apache-2.0
// What the keys of one file say against each other.
#pragma once

#include "config/reader.hpp"

#include <xenpp/config/domain_config.hpp>

namespace xenpp::config {

/// Reports, as warnings, keys that have no effect beside others or without others, and values that
/// cannot all be meant.
void find_contradictions(domain_config const& c, reader& in);

} // namespace xenpp::config
