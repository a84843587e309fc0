// SPDX-License-Identifier: Apache-2.0
// Decodes and computes the instructions by which kernels change a word in memory: MOV, XCHG,
// CMPXCHG, AND, OR, XOR, BTS, BTR, BTC of 64-bit code (APM3).
#pragma once

#include <xenpp/x86/control_register.hpp>
#include <xenpp/x86/mov_instruction.hpp>

#include <bit>
#include <cstdint>
#include <optional>
#include <span>

namespace xenpp::x86 {

/// A change of `size` bytes of memory.
struct store_instruction {
    enum class kind : std::uint8_t {
        mov,
        xchg,
        cmpxchg,
        bit_and,
        bit_or,
        bit_xor,
        set_bit,
        reset_bit,
        complement_bit,
    };

    kind what = kind::mov;
    bool is_immediate = false; ///< the other operand is `immediate`, else register `reg`
    bool high_byte = false;    ///< `reg` means bits 15:8 of register `reg`
    std::uint8_t size = 0;     ///< of the memory operand, bytes: 1, 2, 4, 8
    std::uint8_t reg = 0;      ///< general register in encoding order
    std::uint8_t length = 0;   ///< of the instruction, bytes
    std::uint64_t immediate = 0;
};

namespace detail {

/// What an opcode means before its operands are looked at.
struct store_opcode {
    store_instruction::kind what;
    bool is_byte;
    std::uint8_t immediate_bytes; ///< 0: a register; at most 4, as many as the operand has
    bool is_group;                ///< the instruction is in ModRM's reg field
};

constexpr std::optional<store_opcode> one_byte_store(std::uint8_t op) noexcept {
    using enum store_instruction::kind;
    switch (op) {
    case 0x08: return store_opcode{bit_or, true, 0, false};
    case 0x09: return store_opcode{bit_or, false, 0, false};
    case 0x20: return store_opcode{bit_and, true, 0, false};
    case 0x21: return store_opcode{bit_and, false, 0, false};
    case 0x30: return store_opcode{bit_xor, true, 0, false};
    case 0x31: return store_opcode{bit_xor, false, 0, false};
    case 0x80: return store_opcode{bit_and, true, 1, true};
    case 0x81: return store_opcode{bit_and, false, 4, true};
    case 0x83: return store_opcode{bit_and, false, 1, true};
    case 0x86: return store_opcode{xchg, true, 0, false};
    case 0x87: return store_opcode{xchg, false, 0, false};
    case 0x88: return store_opcode{mov, true, 0, false};
    case 0x89: return store_opcode{mov, false, 0, false};
    case 0xc6: return store_opcode{mov, true, 1, false};
    case 0xc7: return store_opcode{mov, false, 4, false};
    default: return std::nullopt;
    }
}

constexpr std::optional<store_opcode> two_byte_store(std::uint8_t op) noexcept {
    using enum store_instruction::kind;
    switch (op) {
    case 0xab: return store_opcode{set_bit, false, 0, false};
    case 0xb0: return store_opcode{cmpxchg, true, 0, false};
    case 0xb1: return store_opcode{cmpxchg, false, 0, false};
    case 0xb3: return store_opcode{reset_bit, false, 0, false};
    case 0xba: return store_opcode{set_bit, false, 1, true};
    case 0xbb: return store_opcode{complement_bit, false, 0, false};
    default: return std::nullopt;
    }
}

/// The member `n` of the group that `o` stands for.
constexpr bool choose_from_group(store_opcode& o, unsigned n) noexcept {
    using enum store_instruction::kind;
    bool const is_bits = o.what == set_bit;
    switch (n) {
    case 1: o.what = bit_or; return !is_bits;
    case 4: o.what = bit_and; return !is_bits;
    case 5: o.what = set_bit; return is_bits;
    case 6: o.what = is_bits ? reset_bit : bit_xor; return true;
    case 7: o.what = complement_bit; return is_bits;
    default: return false;
    }
}

} // namespace detail

/// `bytes` start at the instruction and are padded with zeroes to 15. Nothing for any other
/// instruction.
constexpr std::optional<store_instruction>
decode_store(std::span<std::uint8_t const, 15> bytes) noexcept {
    unsigned at = 0;
    bool size16 = false;
    std::uint8_t rex = 0;
    for (; at < 4; ++at) {
        auto const p = bytes[at];
        if (p == 0x66) {
            size16 = true;
        } else if (p != 0xf0 && p != 0x26 && p != 0x2e && p != 0x36 && p != 0x3e && p != 0x64 &&
                   p != 0x65) {
            break;
        }
    }
    if ((bytes[at] & 0xf0) == 0x40) {
        rex = bytes[at++];
    }
    bool const is_two = bytes[at] == 0x0f;
    at += is_two ? 1 : 0;
    auto const op = bytes[at++];
    auto o = is_two ? detail::two_byte_store(op) : detail::one_byte_store(op);
    if (!o) {
        return std::nullopt;
    }
    unsigned const operand = detail::modrm_length(bytes.subspan(at));
    unsigned const field = bytes[at] >> 3 & 7;
    if (operand == 0 || (o->is_group && !detail::choose_from_group(*o, field)) ||
        (o->what == store_instruction::kind::mov && o->immediate_bytes != 0 && field != 0)) {
        return std::nullopt;
    }
    store_instruction s;
    s.what = o->what;
    s.size = o->is_byte       ? std::uint8_t{1}
             : (rex & 8) != 0 ? std::uint8_t{8}
             : size16         ? std::uint8_t{2}
                              : std::uint8_t{4};
    s.reg = static_cast<std::uint8_t>(field | ((rex & 4U) << 1));
    if (s.size == 1 && rex == 0 && s.reg >= 4) {
        s.high_byte = true;
        s.reg = static_cast<std::uint8_t>(s.reg - 4);
    }
    at += operand;
    s.is_immediate = o->immediate_bytes != 0;
    unsigned const n = o->immediate_bytes == 4 && s.size == 2 ? 2U : o->immediate_bytes;
    if (at + n > bytes.size()) {
        return std::nullopt;
    }
    for (unsigned i = 0; i < n; ++i) {
        s.immediate |= std::uint64_t{bytes[at + i]} << (8 * i);
    }
    if (n != 0 && (s.immediate >> (8 * n - 1) & 1) != 0) { // sign-extended
        s.immediate |= ~std::uint64_t{0} << (8 * n - 1);
    }
    s.length = static_cast<std::uint8_t>(at + n);
    return s;
}

/// What a store leaves: the new memory, the accumulator or source register where it changes them,
/// and the arithmetic flags.
struct store_result {
    std::uint64_t memory;
    std::uint64_t flags;
    bool is_stored; ///< clear: a CMPXCHG that found something else
};

constexpr std::uint64_t size_mask(unsigned bytes) noexcept {
    return bytes == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * bytes)) - 1;
}

/// Computes `s` on `old`, with `operand` (register or immediate), `accumulator` (rax) and the flags
/// as they are. Values are those of `s.size` bytes; what is above is ignored and comes back zero.
constexpr store_result compute_store(store_instruction const& s,
                                     std::uint64_t old,
                                     std::uint64_t operand,
                                     std::uint64_t accumulator,
                                     std::uint64_t flags) noexcept {
    using enum store_instruction::kind;
    auto const mask = size_mask(s.size);
    auto const sign = (mask >> 1) + 1;
    auto const bit = std::uint64_t{1} << (operand & (8U * s.size - 1));
    auto const with_result = [&](std::uint64_t r) {
        auto f = flags & ~rflags::arithmetic.raw();
        f |= (r & mask) == 0 ? rflags::zero.raw() : 0;
        f |= (r & sign) != 0 ? rflags::sign.raw() : 0;
        f |= std::popcount(r & 0xff) % 2 == 0 ? rflags::parity.raw() : 0;
        return f;
    };
    auto const with_carry = [&](bool on) {
        return (flags & ~rflags::carry.raw()) | (on ? rflags::carry.raw() : 0);
    };
    old &= mask;
    operand &= mask;
    accumulator &= mask;
    switch (s.what) {
    case mov:
    case xchg: return {operand, flags, true};
    case cmpxchg: {
        auto const difference = (accumulator - old) & mask;
        auto f = with_result(difference);
        f |= accumulator < old ? rflags::carry.raw() : 0;
        f |= ((accumulator ^ old ^ difference) & 0x10) != 0 ? rflags::auxiliary.raw() : 0;
        f |= ((accumulator ^ old) & (accumulator ^ difference) & sign) != 0 ? rflags::overflow.raw()
                                                                            : 0;
        return {difference == 0 ? operand : old, f, difference == 0};
    }
    case bit_and: return {old & operand, with_result(old & operand), true};
    case bit_or: return {old | operand, with_result(old | operand), true};
    case bit_xor: return {old ^ operand, with_result(old ^ operand), true};
    case set_bit: return {old | bit, with_carry((old & bit) != 0), true};
    case reset_bit: return {old & ~bit, with_carry((old & bit) != 0), true};
    case complement_bit: return {old ^ bit, with_carry((old & bit) != 0), true};
    }
    return {old, flags, false};
}

} // namespace xenpp::x86
