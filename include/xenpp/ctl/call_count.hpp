// SPDX-License-Identifier: Apache-2.0
// How many hypercalls it took.
#pragma once

#include <cstdint>

namespace xenpp::ctl {

/// Hypercalls that this thread has made through any connection.
std::uint64_t calls_made() noexcept;

} // namespace xenpp::ctl
