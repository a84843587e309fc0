// SPDX-License-Identifier: Apache-2.0
// Local APIC and I/O APIC registers and their encodings (APM2 16; SDM3 11; IOAPIC datasheet).
#pragma once

#include <xenpp/x86/msr.hpp>
#include <xenpp/x86/register_value.hpp>

#include <cstdint>

namespace xenpp::x86 {

// clang-format off
/// Byte offsets in the xAPIC page; an x2APIC register is MSR 0x800 + offset / 16.
enum class apic_register : std::uint16_t {
    id           = 0x020,
    version      = 0x030,
    tpr          = 0x080,
    apr          = 0x090,
    ppr          = 0x0a0,
    eoi          = 0x0b0,
    rrr          = 0x0c0,
    ldr          = 0x0d0,
    dfr          = 0x0e0, // not in x2APIC
    svr          = 0x0f0,
    isr0         = 0x100, // eight words, 16 bytes apart
    tmr0         = 0x180,
    irr0         = 0x200,
    esr          = 0x280,
    lvt_cmci     = 0x2f0,
    icr_low      = 0x300, // in x2APIC one register of 64 bits
    icr_high     = 0x310, // not in x2APIC
    lvt_timer    = 0x320,
    lvt_thermal  = 0x330,
    lvt_pmc      = 0x340,
    lvt_lint0    = 0x350,
    lvt_lint1    = 0x360,
    lvt_error    = 0x370,
    timer_initial = 0x380,
    timer_current = 0x390,
    timer_divide  = 0x3e0,
    self_ipi     = 0x3f0, // x2APIC only
};

// clang-format on

constexpr unsigned offset(apic_register r) noexcept {
    return static_cast<unsigned>(r);
}

constexpr msr to_msr(apic_register r) noexcept {
    return static_cast<msr>(raw(msr::ia32_x2apic_first) + (offset(r) >> 4));
}

/// `m` must be in the x2APIC range; the result may be an offset with no register.
constexpr apic_register to_apic_register(msr m) noexcept {
    return static_cast<apic_register>((raw(m) - raw(msr::ia32_x2apic_first)) << 4);
}

/// Word `n` of ISR, TMR or IRR (n below 8); its bit i is vector 32 n + i.
constexpr apic_register word(apic_register first, unsigned n) noexcept {
    return static_cast<apic_register>(offset(first) + n * 16);
}

static_assert(raw(to_msr(apic_register::eoi)) == 0x80b);
static_assert(raw(to_msr(apic_register::icr_low)) == 0x830);
static_assert(to_apic_register(msr(0x83f)) == apic_register::self_ipi);

inline constexpr std::uint64_t apic_page_size = 0x1000;
/// Vectors below cannot be delivered by the local APIC.
inline constexpr unsigned first_apic_vector = 16;

enum class delivery_mode : std::uint8_t {
    fixed = 0,
    lowest_priority = 1,
    smi = 2,
    nmi = 4,
    init = 5,
    startup = 6,
    ext_int = 7, ///< LVT and I/O APIC only
};

enum class icr_shorthand : std::uint8_t {
    none = 0,
    self = 1,
    all = 2,
    all_but_self = 3,
};

/// The interrupt command register, in the x2APIC form of 64 bits. In the xAPIC form the destination
/// is bits 63:56 instead.
namespace icr {
// clang-format off
using value = register_value<struct tag>;
inline constexpr register_field<value> vector{0, 8};
inline constexpr register_field<value> mode{8, 3};          ///< delivery_mode
inline constexpr value logical{1u << 11};
inline constexpr value pending{1u << 12};                    ///< xAPIC only, read-only
inline constexpr value assert_level{1u << 14};
inline constexpr value level_triggered{1u << 15};
inline constexpr register_field<value> shorthand{18, 2};    ///< icr_shorthand
inline constexpr register_field<value> x2apic_destination{32, 32};
inline constexpr register_field<value> xapic_destination{56, 8};
// clang-format on
inline constexpr std::uint32_t broadcast_x2apic = 0xffff'ffff;
inline constexpr std::uint32_t broadcast_xapic = 0xff;

constexpr delivery_mode mode_of(value v) noexcept {
    return static_cast<delivery_mode>(mode.get(v));
}

constexpr icr_shorthand shorthand_of(value v) noexcept {
    return static_cast<icr_shorthand>(shorthand.get(v));
}

/// An edge-triggered physical command for the x2APIC register.
constexpr value
make(delivery_mode m, std::uint8_t v, std::uint32_t destination, icr_shorthand s = {}) noexcept {
    value r = vector.set(assert_level, v);
    r = mode.set(r, static_cast<std::uint64_t>(m));
    r = shorthand.set(r, static_cast<std::uint64_t>(s));
    return x2apic_destination.set(r, destination);
}

} // namespace icr

// What a stock kernel writes to start and to stop other processors.
static_assert(icr::make(delivery_mode::startup, 0x99, 2).raw() == 0x2'0000'4699);
static_assert(icr::mode_of(icr::value(0xc500)) == delivery_mode::init);
static_assert(icr::shorthand_of(icr::value(0xc00f8)) == icr_shorthand::all_but_self);

enum class apic_timer_mode : std::uint8_t {
    one_shot = 0,
    periodic = 1,
    tsc_deadline = 2,
};

/// A local vector table entry.
namespace lvt {
// clang-format off
using value = register_value<struct tag, std::uint32_t>;
inline constexpr register_field<value> vector{0, 8};
inline constexpr register_field<value> mode{8, 3};          ///< delivery_mode; not in the timer's and the error's
inline constexpr value pending{1u << 12};
inline constexpr value active_low{1u << 13};                ///< LINT only
inline constexpr value remote_irr{1u << 14};                ///< LINT only
inline constexpr value level_triggered{1u << 15};           ///< LINT only
inline constexpr value masked{1u << 16};
inline constexpr register_field<value> timer_mode{17, 2};   ///< apic_timer_mode
// clang-format on
} // namespace lvt

/// The spurious-interrupt vector register.
namespace svr {
using value = register_value<struct tag, std::uint32_t>;
inline constexpr register_field<value> vector{0, 8};
inline constexpr value enable{1u << 8}; ///< software enable
inline constexpr value reset{0xff};
} // namespace svr

namespace apic_esr {
// clang-format off
using value = register_value<struct tag, std::uint32_t>;
inline constexpr value send_accept{1u << 2};
inline constexpr value receive_accept{1u << 3};
inline constexpr value send_illegal_vector{1u << 5};
inline constexpr value receive_illegal_vector{1u << 6};
inline constexpr value illegal_register{1u << 7};
// clang-format on
} // namespace apic_esr

/// The timer divides its clock by 2, 4, ..., 128, 1, chosen by bits 3, 1 and 0 of the register.
constexpr unsigned timer_divisor(std::uint32_t divide_configuration) noexcept {
    std::uint32_t const code = (divide_configuration & 3) | (divide_configuration >> 1 & 4);
    return 1u << ((code + 1) & 7);
}

static_assert(timer_divisor(0) == 2 && timer_divisor(0xa) == 128 && timer_divisor(0xb) == 1);

/// The I/O APIC: two windows in memory, an index and the data behind it.
namespace ioapic {
// clang-format off
inline constexpr std::uint32_t window_index    = 0x00;
inline constexpr std::uint32_t window_data     = 0x10;
inline constexpr std::uint32_t window_eoi      = 0x40;   ///< version 0x20 and later
inline constexpr std::uint32_t id              = 0x00;   ///< 27:24
inline constexpr std::uint32_t version         = 0x01;   ///< 7:0 version, 23:16 last redirection entry
inline constexpr std::uint32_t arbitration     = 0x02;
inline constexpr std::uint64_t address_default = 0xfec0'0000;

using entry = register_value<struct entry_tag>;
inline constexpr register_field<entry> vector{0, 8};
inline constexpr register_field<entry> mode{8, 3};       ///< delivery_mode
inline constexpr entry logical{1u << 11};
inline constexpr entry pending{1u << 12};
inline constexpr entry active_low{1u << 13};
inline constexpr entry remote_irr{1u << 14};
inline constexpr entry level_triggered{1u << 15};
inline constexpr entry masked{1u << 16};
inline constexpr register_field<entry> destination{56, 8};
// clang-format on
} // namespace ioapic

} // namespace xenpp::x86
