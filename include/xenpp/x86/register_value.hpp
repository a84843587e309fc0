// SPDX-License-Identifier: Apache-2.0
// One type per register, so that a bit of one cannot be tested in another; fields are masks, not
// bit-fields.
#pragma once

#include <concepts>
#include <cstdint>

namespace xenpp::x86 {

/// The contents of one kind of register, or a mask of its bits. `Tag` keeps the kinds apart. Same
/// size and representation as `Rep`, so it may stand in a structure that the processor reads.
template <class Tag, std::unsigned_integral Rep = std::uint64_t>
class register_value {
public:
    using rep = Rep;

    constexpr register_value() noexcept = default;

    constexpr explicit register_value(Rep raw) noexcept : raw_(raw) {}

    /// The number itself, for the instruction that loads it and for the ABI.
    constexpr Rep raw() const noexcept { return raw_; }

    /// Whether all bits of `mask` are set.
    constexpr bool has(register_value mask) const noexcept {
        return (raw_ & mask.raw_) == mask.raw_;
    }

    /// Whether at least one bit of `mask` is set.
    constexpr bool has_any(register_value mask) const noexcept { return (raw_ & mask.raw_) != 0; }

    /// This value with the bits of `mask` set, all others kept.
    constexpr register_value with(register_value mask) const noexcept { return *this | mask; }

    /// This value with the bits of `mask` clear, all others kept.
    constexpr register_value without(register_value mask) const noexcept { return *this & ~mask; }

    /// This value with the bits of `mask` taken from `from`, all others kept.
    constexpr register_value merge(register_value mask, register_value from) const noexcept {
        return (*this & ~mask) | (from & mask);
    }

    friend constexpr bool operator==(register_value, register_value) noexcept = default;

    friend constexpr register_value operator|(register_value a, register_value b) noexcept {
        return register_value(static_cast<Rep>(a.raw_ | b.raw_));
    }

    friend constexpr register_value operator&(register_value a, register_value b) noexcept {
        return register_value(static_cast<Rep>(a.raw_ & b.raw_));
    }

    friend constexpr register_value operator^(register_value a, register_value b) noexcept {
        return register_value(static_cast<Rep>(a.raw_ ^ b.raw_));
    }

    friend constexpr register_value operator~(register_value a) noexcept {
        return register_value(static_cast<Rep>(~a.raw_));
    }

    constexpr register_value& operator|=(register_value b) noexcept { return *this = *this | b; }

    constexpr register_value& operator&=(register_value b) noexcept { return *this = *this & b; }

private:
    Rep raw_ = 0;
};

/// A field of several bits inside the register type `Register`.
template <class Register>
struct register_field {
    unsigned shift; ///< lowest bit
    unsigned width; ///< in bits, below the register's own

    using rep = typename Register::rep;

    constexpr Register mask() const noexcept {
        return Register(static_cast<rep>(((rep{1} << width) - 1) << shift));
    }

    /// The field's value in `r`, shifted down.
    constexpr rep get(Register r) const noexcept {
        return static_cast<rep>((r.raw() & mask().raw()) >> shift);
    }

    /// `r` with the field replaced by the low `width` bits of `v`.
    constexpr Register set(Register r, rep v) const noexcept {
        return r.merge(mask(), Register(static_cast<rep>(v << shift)));
    }
};

} // namespace xenpp::x86
