// SPDX-License-Identifier: Apache-2.0
// Arithmetic on untrusted numbers: the sum, or nothing.
#pragma once

#include <concepts>
#include <optional>

namespace xenpp {

/// `a + b`, or nothing if it does not fit.
template <std::unsigned_integral T>
constexpr std::optional<T> checked_add(T a, T b) noexcept {
    T r{};
    if (__builtin_add_overflow(a, b, &r)) {
        return std::nullopt;
    }
    return r;
}

/// `a * b`, or nothing if it does not fit.
template <std::unsigned_integral T>
constexpr std::optional<T> checked_mul(T a, T b) noexcept {
    T r{};
    if (__builtin_mul_overflow(a, b, &r)) {
        return std::nullopt;
    }
    return r;
}

/// `n` rounded up to a multiple of the power of two `align`.
template <std::unsigned_integral T>
constexpr T align_up(T n, T align) noexcept {
    return static_cast<T>((n + align - 1) & ~(align - 1));
}

template <std::unsigned_integral T>
constexpr T align_down(T n, T align) noexcept {
    return static_cast<T>(n & ~(align - 1));
}

} // namespace xenpp
