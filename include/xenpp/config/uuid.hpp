// SPDX-License-Identifier: Apache-2.0
// A domain's UUID: sixteen bytes, their text, and a fresh one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xenpp::config {

/// The bytes in the order in which they are written (big-endian fields, as in Xen).
using uuid = std::array<std::uint8_t, 16>;

/// Reads 32 hexadecimal digits of either case, grouped 8-4-4-4-12 by hyphens or not at all.
std::optional<uuid> parse_uuid(std::string_view text) noexcept;

/// Lower case, grouped 8-4-4-4-12.
std::string format(uuid const& id);

/// A random (version 4) UUID from the kernel's generator.
uuid random_uuid();

} // namespace xenpp::config
