// SPDX-License-Identifier: Apache-2.0
// Numbers out of text: the whole text is one, or there is none.
#pragma once

#include <concepts>
#include <optional>
#include <string_view>

namespace xenpp {

namespace detail {

/// The value of a digit of any base up to 36; a number that is no digit's for other characters.
constexpr unsigned digit_value(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    char const lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'z' ? static_cast<unsigned>(lower - 'a') + 10 : ~0U;
}

} // namespace detail

/// The number that `text` is, in digits of `base` alone; a signed one may have a minus before them.
/// Nothing for any other text, as one with blanks, a plus or a prefix, and for a number that does
/// not fit.
template <std::integral T>
constexpr std::optional<T> parse_number(std::string_view text, unsigned base = 10) noexcept {
    bool const is_negative = std::signed_integral<T> && text.starts_with('-');
    text.remove_prefix(is_negative ? 1 : 0);
    if (text.empty()) {
        return std::nullopt;
    }
    T n = 0;
    for (char const c : text) {
        unsigned const digit = detail::digit_value(c);
        if (digit >= base || __builtin_mul_overflow(n, base, &n) ||
            (is_negative ? __builtin_sub_overflow(n, digit, &n)
                         : __builtin_add_overflow(n, digit, &n))) {
            return std::nullopt;
        }
    }
    return n;
}

#if __STDC_HOSTED__
/// The finite number that `text` is, with a fraction and an exponent where it has them; else
/// nothing.
std::optional<double> parse_real(std::string_view text) noexcept;
#endif

} // namespace xenpp
