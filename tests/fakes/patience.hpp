// SPDX-License-Identifier: Apache-2.0
// How long a test waits for what must come. It decides nothing on a slow computer.
#pragma once

#include <cstdint>

namespace xenpp::fakes {

inline constexpr int patience_s = 120;
inline constexpr int patience_ms = patience_s * 1000;
inline constexpr std::uint64_t patience_ns = std::uint64_t{patience_s} * 1'000'000'000;

} // namespace xenpp::fakes
