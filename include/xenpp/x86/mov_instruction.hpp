// SPDX-License-Identifier: Apache-2.0
// Decodes the MOV forms that compilers use for device registers (APM3, MOV, MOVZX, MOVSX).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace xenpp::x86 {

/// A move between memory and a register, or of an immediate to memory.
struct mov_instruction {
    bool is_store = false;
    bool is_immediate = false;      ///< a store of `immediate`
    bool sign_extend = false;       ///< a load: MOVSX
    bool high_byte = false;         ///< `reg` means bits 15:8 of register `reg`
    std::uint8_t size = 0;          ///< of the memory operand, bytes: 1, 2, 4, 8
    std::uint8_t register_size = 0; ///< of a load's destination, bytes
    std::uint8_t reg = 0;           ///< general register in encoding order
    std::uint8_t length = 0;        ///< of the instruction, bytes
    std::uint64_t immediate = 0;
};

namespace detail {

/// The bytes of ModRM, SIB and displacement together, 32- and 64-bit addressing; 0: not memory.
constexpr unsigned modrm_length(std::span<std::uint8_t const> b) noexcept {
    unsigned const mod = b[0] >> 6;
    unsigned const rm = b[0] & 7;
    if (mod == 3) {
        return 0;
    }
    unsigned n = 1;
    bool disp32 = mod == 2 || (mod == 0 && rm == 5);
    if (rm == 4) {
        n = 2;
        disp32 = disp32 || (mod == 0 && (b[1] & 7) == 5);
    }
    return n + (disp32 ? 4 : mod == 1 ? 1 : 0);
}

} // namespace detail

/// `bytes` start at the instruction and are padded with zeroes to 15; `long_mode`: 64-bit code.
/// Nothing for any other instruction, or 16-bit code.
constexpr std::optional<mov_instruction> decode_mov(std::span<std::uint8_t const, 15> bytes,
                                                    bool long_mode) noexcept {
    unsigned at = 0;
    bool size16 = false;
    std::uint8_t rex = 0;
    for (; at < 4; ++at) {
        std::uint8_t const p = bytes[at];
        if (p == 0x66) {
            size16 = true;
        } else if (p != 0x26 && p != 0x2e && p != 0x36 && p != 0x3e && p != 0x64 && p != 0x65) {
            break;
        }
    }
    if (long_mode && (bytes[at] & 0xf0) == 0x40) {
        rex = bytes[at++];
    }
    mov_instruction m;
    std::uint8_t const wide = (rex & 8) != 0 ? 8 : size16 ? 2 : 4;
    std::uint8_t op = bytes[at++];
    bool const two_byte = op == 0x0f;
    if (two_byte) {
        op = bytes[at++];
        if (op != 0xb6 && op != 0xb7 && op != 0xbe && op != 0xbf) {
            return std::nullopt;
        }
        m.size = (op & 1) != 0 ? 2 : 1;
        m.register_size = wide;
        m.sign_extend = op >= 0xbe;
    } else {
        switch (op) {
        case 0x88:
        case 0x89:
        case 0xc6:
        case 0xc7: m.is_store = true; break;
        case 0x8a:
        case 0x8b: break;
        default: return std::nullopt;
        }
        m.size = (op & 1) != 0 ? wide : 1;
        m.register_size = m.size;
        m.is_immediate = op >= 0xc6;
    }
    unsigned const operand = detail::modrm_length(bytes.subspan(at));
    if (operand == 0) {
        return std::nullopt;
    }
    m.reg = static_cast<std::uint8_t>((bytes[at] >> 3 & 7) | ((rex & 4) << 1));
    if (m.size == 1 && !two_byte && rex == 0 && m.reg >= 4 && !m.is_immediate) {
        m.high_byte = true;
        m.reg = static_cast<std::uint8_t>(m.reg - 4);
    }
    at += operand;
    if (m.is_immediate) {
        unsigned const n = m.size == 8 ? 4 : m.size;
        if (at + n > bytes.size()) {
            return std::nullopt;
        }
        for (unsigned i = 0; i < n; ++i) {
            m.immediate |= std::uint64_t{bytes[at + i]} << (8 * i);
        }
        if (m.size == 8) { // sign-extended
            m.immediate = static_cast<std::uint64_t>(
                static_cast<std::int64_t>(static_cast<std::int32_t>(m.immediate)));
        }
        at += n;
    }
    m.length = static_cast<std::uint8_t>(at);
    return m;
}

} // namespace xenpp::x86
