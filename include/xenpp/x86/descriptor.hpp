// SPDX-License-Identifier: Apache-2.0
// Segment, gate and task-state descriptors as constexpr builders (APM2 4.7, 4.8, 8.9, 12.2;
// SDM3 3.4, 7).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace xenpp::x86 {

/// A segment selector: index 15:3, table 2 (set: LDT), requested privilege 1:0.
struct selector {
    std::uint16_t raw = 0;

    constexpr unsigned index() const noexcept { return raw >> 3; }

    constexpr bool is_ldt() const noexcept { return (raw & 4) != 0; }

    constexpr unsigned rpl() const noexcept { return raw & 3; }

    constexpr bool is_null() const noexcept { return (raw & ~3) == 0; }

    friend constexpr bool operator==(selector, selector) noexcept = default;
};

constexpr selector gdt_selector(unsigned index, unsigned rpl) noexcept {
    return {static_cast<std::uint16_t>(index << 3 | (rpl & 3))};
}

/// Attribute bits of a descriptor in the packed form that the VMCB uses too: type 3:0, S 4, DPL
/// 6:5, P 7, AVL 8, L 9, D/B 10, G 11.
namespace segment_attribute {
// clang-format off
inline constexpr std::uint16_t accessed      = 1u << 0;
inline constexpr std::uint16_t writable      = 1u << 1;  ///< data; in code: readable
inline constexpr std::uint16_t readable      = 1u << 1;
inline constexpr std::uint16_t expand_down   = 1u << 2;  ///< data; in code: conforming
inline constexpr std::uint16_t conforming    = 1u << 2;
inline constexpr std::uint16_t code          = 1u << 3;
inline constexpr std::uint16_t code_or_data  = 1u << 4;  ///< clear: a system descriptor
inline constexpr std::uint16_t dpl_shift     = 5;
inline constexpr std::uint16_t dpl_mask      = 3u << 5;
inline constexpr std::uint16_t present       = 1u << 7;
inline constexpr std::uint16_t available     = 1u << 8;
inline constexpr std::uint16_t long_mode     = 1u << 9;
inline constexpr std::uint16_t default_big   = 1u << 10; ///< 32-bit operands or stack
inline constexpr std::uint16_t granularity   = 1u << 11; ///< the limit counts pages
inline constexpr std::uint16_t mask          = 0xfff;
// clang-format on
} // namespace segment_attribute

/// System descriptor types in long mode (APM2 table 4-6).
enum class system_type : std::uint8_t {
    ldt = 2,
    tss_available = 9,
    tss_busy = 11,
    call_gate = 12,
    interrupt_gate = 14,
    trap_gate = 15,
};

/// An eight-byte descriptor of the GDT or LDT, in memory order.
struct segment_descriptor {
    std::uint64_t raw = 0;

    constexpr std::uint32_t base() const noexcept {
        return static_cast<std::uint32_t>((raw >> 16 & 0xff'ffff) | (raw >> 56 << 24));
    }

    /// The twenty limit bits as stored.
    constexpr std::uint32_t raw_limit() const noexcept {
        return static_cast<std::uint32_t>((raw & 0xffff) | (raw >> 48 & 0xf) << 16);
    }

    constexpr std::uint16_t attributes() const noexcept {
        return static_cast<std::uint16_t>((raw >> 40 & 0xff) | (raw >> 52 & 0xf) << 8);
    }

    /// The last valid offset in bytes.
    constexpr std::uint32_t limit() const noexcept {
        bool const in_pages = (attributes() & segment_attribute::granularity) != 0;
        return in_pages ? raw_limit() << 12 | 0xfff : raw_limit();
    }

    constexpr unsigned dpl() const noexcept {
        return (attributes() & segment_attribute::dpl_mask) >> segment_attribute::dpl_shift;
    }

    constexpr bool is_present() const noexcept {
        return (attributes() & segment_attribute::present) != 0;
    }

    constexpr bool is_code_or_data() const noexcept {
        return (attributes() & segment_attribute::code_or_data) != 0;
    }

    constexpr bool is_code() const noexcept {
        return is_code_or_data() && (attributes() & segment_attribute::code) != 0;
    }

    constexpr unsigned type() const noexcept { return attributes() & 0xf; }

    friend constexpr bool operator==(segment_descriptor, segment_descriptor) noexcept = default;
};

/// `raw_limit` is the twenty bits as stored, `attributes` of `segment_attribute`.
constexpr segment_descriptor
make_segment(std::uint32_t base, std::uint32_t raw_limit, std::uint16_t attributes) noexcept {
    std::uint64_t const b = base;
    std::uint64_t const l = raw_limit;
    std::uint64_t const a = attributes;
    return {(l & 0xffff) | (b & 0xff'ffff) << 16 | (a & 0xff) << 40 | (l >> 16 & 0xf) << 48 |
            (a >> 8 & 0xf) << 52 | b >> 24 << 56};
}

namespace detail {

constexpr std::uint16_t flat_attributes(unsigned dpl, unsigned kind) noexcept {
    namespace a = segment_attribute;
    return static_cast<std::uint16_t>(a::granularity | a::present | a::code_or_data | a::accessed |
                                      (dpl & 3u) << a::dpl_shift | kind);
}

} // namespace detail

/// Flat four-gigabyte segments, marked accessed so that the processor never writes to the table.
constexpr segment_descriptor make_code64(unsigned dpl) noexcept {
    namespace a = segment_attribute;
    return make_segment(0, 0xfffff,
                        detail::flat_attributes(dpl, a::code | a::readable | a::long_mode));
}

constexpr segment_descriptor make_code32(unsigned dpl) noexcept {
    namespace a = segment_attribute;
    return make_segment(0, 0xfffff,
                        detail::flat_attributes(dpl, a::code | a::readable | a::default_big));
}

constexpr segment_descriptor make_data(unsigned dpl) noexcept {
    namespace a = segment_attribute;
    return make_segment(0, 0xfffff, detail::flat_attributes(dpl, a::writable | a::default_big));
}

static_assert(make_code64(0).raw == 0x00af'9b00'0000'ffff);
static_assert(make_code64(3).raw == 0x00af'fb00'0000'ffff);
static_assert(make_code32(0).raw == 0x00cf'9b00'0000'ffff);
static_assert(make_data(3).raw == 0x00cf'f300'0000'ffff);
static_assert(make_code32(0).attributes() == 0xc9b && make_code32(0).limit() == 0xffff'ffff);

/// A sixteen-byte system descriptor of long mode: TSS or LDT. Takes two slots of the GDT.
struct system_descriptor {
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    constexpr std::uint64_t base() const noexcept {
        return segment_descriptor{low}.base() | high << 32;
    }

    friend constexpr bool operator==(system_descriptor, system_descriptor) noexcept = default;
};

/// `limit` is the last valid offset, below one mebibyte.
constexpr system_descriptor
make_system(system_type type, std::uint64_t base, std::uint32_t limit) noexcept {
    auto const attributes =
        static_cast<std::uint16_t>(static_cast<unsigned>(type) | segment_attribute::present);
    return {make_segment(static_cast<std::uint32_t>(base), limit, attributes).raw, base >> 32};
}

static_assert(make_system(system_type::tss_available, 0xffff'8123'4567'89ab, 0x67) ==
              system_descriptor{0x4500'8967'89ab'0067, 0xffff'8123});

/// The 64-bit task-state segment. `ist` holds IST1 to IST7.
struct [[gnu::packed]] tss64 {
    std::uint32_t reserved_0;
    std::array<std::uint64_t, 3> rsp;
    std::uint64_t reserved_1c;
    std::array<std::uint64_t, 7> ist;
    std::uint64_t reserved_5c;
    std::uint16_t reserved_64;
    std::uint16_t iomap_base; ///< beyond the limit: no I/O map, every port of ring 3 faults
};

static_assert(sizeof(tss64) == 0x68 && offsetof(tss64, rsp) == 0x04 &&
              offsetof(tss64, ist) == 0x24);
static_assert(offsetof(tss64, iomap_base) == 0x66);

/// A sixteen-byte entry of the long-mode IDT.
struct idt_gate {
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    constexpr std::uint64_t offset() const noexcept {
        return (low & 0xffff) | (low >> 48) << 16 | high << 32;
    }

    constexpr x86::selector selector() const noexcept {
        return {static_cast<std::uint16_t>(low >> 16)};
    }

    constexpr unsigned ist() const noexcept { return low >> 32 & 7; }

    constexpr unsigned dpl() const noexcept { return low >> 45 & 3; }

    constexpr bool is_present() const noexcept { return (low >> 47 & 1) != 0; }

    friend constexpr bool operator==(idt_gate, idt_gate) noexcept = default;
};

/// A present gate. `type` is interrupt_gate (clears IF) or trap_gate; `ist` 0 keeps the stack of
/// the TSS.
constexpr idt_gate make_gate(system_type type,
                             selector code,
                             std::uint64_t offset,
                             unsigned ist = 0,
                             unsigned dpl = 0) noexcept {
    std::uint64_t const access = static_cast<std::uint64_t>(type) | (dpl & 3) << 5 | 0x80;
    return {(offset & 0xffff) | std::uint64_t{code.raw} << 16 | std::uint64_t{ist & 7} << 32 |
                access << 40 | (offset >> 16 & 0xffff) << 48,
            offset >> 32};
}

static_assert(make_gate(system_type::interrupt_gate, {0xe008}, 0xffff'8301'2345'6789, 2, 3) ==
              idt_gate{0x2345'ee02'e008'6789, 0xffff'8301});

/// The memory operand of LGDT and LIDT. `limit` is the table's size in bytes less one.
struct [[gnu::packed]] table_pointer {
    std::uint16_t limit;
    std::uint64_t base;
};

static_assert(sizeof(table_pointer) == 10);

} // namespace xenpp::x86
