// SPDX-License-Identifier: Apache-2.0
// The two 16550s: the console on COM1, the doorbell on COM2.
#pragma once

#include <string_view>

namespace xenpp::image {

/// Sets both UARTs up; COM2 with its receive interrupt on. False where there is no COM2.
bool serial_init() noexcept;
/// Writes to COM1, carriage returns added.
void serial_write(std::string_view text) noexcept;
/// Sends one doorbell byte unless one is under way already. Never waits.
void doorbell_ring() noexcept;
/// Empties COM2's receiver (from its interrupt).
void doorbell_drain() noexcept;

} // namespace xenpp::image
