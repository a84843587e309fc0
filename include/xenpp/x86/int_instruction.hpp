// SPDX-License-Identifier: Apache-2.0
// Decodes the instructions that raise a vector of their own choice (APM3, INT, INT3, INTO).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace xenpp::x86 {

/// INT3, INTO or INT n.
struct int_instruction {
    std::uint8_t vector = 0;
    std::uint8_t length = 0; ///< of the instruction, bytes

    friend constexpr bool operator==(int_instruction const&,
                                     int_instruction const&) noexcept = default;
};

/// `bytes` start at the instruction and are padded with zeroes to 15; `long_mode`: 64-bit code.
/// Nothing for any other instruction.
constexpr std::optional<int_instruction> decode_int(std::span<std::uint8_t const, 15> bytes,
                                                    bool long_mode) noexcept {
    std::uint8_t length = 1;
    for (; length < bytes.size(); ++length) {
        auto const code = bytes[length - 1];
        switch (code) {
        case 0xcc: return int_instruction{3, length};
        case 0xcd: return int_instruction{bytes[length], static_cast<std::uint8_t>(length + 1)};
        case 0xce: return long_mode ? std::nullopt : std::optional(int_instruction{4, length});
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x64:
        case 0x65:
        case 0x66:
        case 0x67:
        case 0xf2:
        case 0xf3: break; // prefixes
        default:
            if (!long_mode || (code & 0xf0) != 0x40) { // REX
                return std::nullopt;
            }
        }
    }
    return std::nullopt;
}

} // namespace xenpp::x86
