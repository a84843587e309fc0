// SPDX-License-Identifier: Apache-2.0
// Sleeping on a word that other processes share.
#pragma once

#include <cstdint>

namespace xenpp::os {

/// Sleeps while `word` holds `seen`, at most `timeout_ns`. Returns for any reason or for none: look
/// at the word again.
void futex_wait(std::uint32_t const& word, std::uint32_t seen, std::uint64_t timeout_ns) noexcept;

/// Wakes everybody who sleeps on `word`, in any process.
void futex_wake(std::uint32_t const& word) noexcept;

} // namespace xenpp::os
