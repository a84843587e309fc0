// SPDX-License-Identifier: Apache-2.0
// Numbers as users write them on command lines.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/memory_size.hpp>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace xenpp::cli::xl {

/// Decimal digits alone, at most `most`.
inline std::optional<std::uint64_t> parse_number(std::string_view text,
                                                 std::uint64_t most = UINT64_MAX) noexcept {
    std::uint64_t n = 0;
    auto const end = text.data() + text.size();
    auto const read = std::from_chars(text.data(), end, n);
    if (read.ec != std::errc() || read.ptr != end || n > most) {
        return std::nullopt;
    }
    return n;
}

/// A size: MiB, or a number with b, k, m, g or t behind it.
result<kib> parse_size(std::string_view text);

} // namespace xenpp::cli::xl
