// SPDX-License-Identifier: Apache-2.0
// Numbers out of text: the whole text is one, or there is none.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace xenpp {

/// The number that `text` is, in digits of `base` alone; a signed one may have a minus before them.
/// Nothing for any other text, as one with blanks, a plus or a prefix, and for a number that does
/// not fit.
template <std::integral T>
std::optional<T> parse_number(std::string_view text, int base = 10) noexcept {
    T n{};
    auto const* const end = text.data() + text.size();
    auto const r = std::from_chars(text.data(), end, n, base);
    return r.ec == std::errc() && r.ptr == end ? std::optional(n) : std::nullopt;
}

/// The finite number that `text` is, with a fraction and an exponent where it has them; else
/// nothing.
std::optional<double> parse_real(std::string_view text) noexcept;

} // namespace xenpp
