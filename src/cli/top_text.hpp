// SPDX-License-Identifier: Apache-2.0
// Cells and lines of UTF-8 by the places they take on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace xenpp::cli {

/// Characters of UTF-8 text; each takes one place. Names of domains are not expected to hold any
/// that take two.
inline std::size_t places(std::string_view text) noexcept {
    std::size_t n = 0;
    for (char const c : text) {
        n += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
    }
    return n;
}

/// The first `width` characters, with control characters made visible as "?".
inline std::string cut(std::string_view text, std::size_t width) {
    std::string out;
    std::size_t n = 0;
    for (char const c : text) {
        bool const begins = (static_cast<unsigned char>(c) & 0xc0) != 0x80;
        if (begins && n++ == width) {
            break;
        }
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
    return out;
}

/// `text` at the right end of `width` places.
inline std::string right(std::string_view text, std::size_t width) {
    auto const n = places(text);
    return std::string(n < width ? width - n : 0, ' ') + std::string(text);
}

} // namespace xenpp::cli
