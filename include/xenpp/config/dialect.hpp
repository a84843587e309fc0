// SPDX-License-Identifier: Apache-2.0
// How strictly a configuration is read: as Xen 4.17 does, as its manual says, or more critically.
#pragma once

#include <cstdint>

namespace xenpp::config {

/// The README tells what each finds wrong.
enum class dialect : std::uint8_t {
    exact,      ///< accepts and rejects what Xen 4.17's parsers do, their mistakes included
    documented, ///< what the manual promises
    lint,       ///< the same, and everything that its author probably did not mean is a warning
};

} // namespace xenpp::config
