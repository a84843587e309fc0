// SPDX-License-Identifier: Apache-2.0
// Removing what a builder left that died.
#pragma once

#include "host/session.hpp"

#include <functional>
#include <string>

namespace xenpp::detail {

/// Removes the half-built domains whose builders are dead, and their notes. True while others are
/// building. What cannot be removed now keeps its note, and `say` hears why.
result<bool> reap_dead_builders(session& s, std::function<void(std::string const&)> const& say);

} // namespace xenpp::detail
