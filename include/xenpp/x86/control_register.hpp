// SPDX-License-Identifier: Apache-2.0
// Control, flags, debug and extended-control registers (APM2 3.1, 13.1, 11.5; SDM3 2.5, 17.2).
#pragma once

#include <xenpp/x86/register_value.hpp>

#include <cstdint>

namespace xenpp::x86 {

// clang-format off
namespace cr0 {
using value = register_value<struct tag>;
inline constexpr value pe{1u << 0};  ///< protected mode
inline constexpr value mp{1u << 1};  ///< WAIT obeys TS
inline constexpr value em{1u << 2};  ///< no x87
inline constexpr value ts{1u << 3};  ///< FPU use raises #NM
inline constexpr value et{1u << 4};  ///< reads as one
inline constexpr value ne{1u << 5};  ///< x87 errors raise #MF
inline constexpr value wp{1u << 16}; ///< supervisor writes obey read-only pages
inline constexpr value am{1u << 18}; ///< alignment checks possible
inline constexpr value nw{1u << 29}; ///< not write-through
inline constexpr value cd{1u << 30}; ///< caches off
inline constexpr value pg{1u << 31}; ///< paging
inline constexpr value all = pe | mp | em | ts | et | ne | wp | am | nw | cd | pg;
} // namespace cr0

namespace cr3 {
/// CR3 in long mode; the address mask covers every frame that a page-table entry can name.
using value = register_value<struct tag>;
inline constexpr value pwt{1u << 3};
inline constexpr value pcd{1u << 4};
inline constexpr value pcid_mask{0xfff};                          ///< with CR4.PCIDE
inline constexpr value no_flush{std::uint64_t{1} << 63};          ///< with CR4.PCIDE, on a write
inline constexpr value address_mask{0x000f'ffff'ffff'f000};
inline constexpr value address_mask_32{0xffff'f000};              ///< 32-bit paging without PAE
inline constexpr value address_mask_pae{0xffff'ffe0};             ///< PAE: a 32-byte aligned table of four
} // namespace cr3

namespace cr4 {
using value = register_value<struct tag>;
inline constexpr value vme{1u << 0};
inline constexpr value pvi{1u << 1};
inline constexpr value tsd{1u << 2};         ///< RDTSC in ring 0 only
inline constexpr value de{1u << 3};
inline constexpr value pse{1u << 4};         ///< 4 MiB pages in 32-bit paging
inline constexpr value pae{1u << 5};
inline constexpr value mce{1u << 6};
inline constexpr value pge{1u << 7};         ///< global pages; a toggle flushes them
inline constexpr value pce{1u << 8};
inline constexpr value osfxsr{1u << 9};
inline constexpr value osxmmexcpt{1u << 10};
inline constexpr value umip{1u << 11};
inline constexpr value la57{1u << 12};       ///< five-level paging
inline constexpr value vmxe{1u << 13};
inline constexpr value smxe{1u << 14};
inline constexpr value fsgsbase{1u << 16};
inline constexpr value pcide{1u << 17};
inline constexpr value osxsave{1u << 18};
inline constexpr value smep{1u << 20};       ///< no supervisor fetch from user pages
inline constexpr value smap{1u << 21};       ///< no supervisor access to user pages unless AC
inline constexpr value pke{1u << 22};
inline constexpr value cet{1u << 23};
inline constexpr value pks{1u << 24};
inline constexpr value all = vme | pvi | tsd | de | pse | pae | mce | pge | pce | osfxsr | osxmmexcpt | umip |
                             la57 | vmxe | smxe | fsgsbase | pcide | osxsave | smep | smap | pke | cet | pks;
} // namespace cr4

namespace xcr0 {
using value = register_value<struct tag>;
inline constexpr value x87{1u << 0};         ///< must be set
inline constexpr value sse{1u << 1};
inline constexpr value avx{1u << 2};         ///< needs sse
inline constexpr value bndregs{1u << 3};
inline constexpr value bndcsr{1u << 4};
inline constexpr value opmask{1u << 5};      ///< opmask, zmm_hi256, hi16_zmm: all or none, and need avx
inline constexpr value zmm_hi256{1u << 6};
inline constexpr value hi16_zmm{1u << 7};
inline constexpr value pkru{1u << 9};
inline constexpr value tilecfg{1u << 17};    ///< tilecfg, tiledata: both or none
inline constexpr value tiledata{1u << 18};

/// Whether XSETBV takes `v` on a processor that offers `supported` (CPUID 0xD.0 edx:eax); else #GP(0).
constexpr bool is_valid(value v, value supported) noexcept {
    constexpr auto all_or_none = [](value x, value group) { return !x.has_any(group) || x.has(group); };
    constexpr value avx512 = opmask | zmm_hi256 | hi16_zmm;
    return supported.has(v) && v.has(x87) && (!v.has(avx) || v.has(sse)) &&
           all_or_none(v, bndregs | bndcsr) && all_or_none(v, avx512) &&
           (!v.has_any(avx512) || v.has(avx)) && all_or_none(v, tilecfg | tiledata);
}
} // namespace xcr0

namespace rflags {
using value = register_value<struct tag>;
inline constexpr value carry{1u << 0};
inline constexpr value reserved_one{1u << 1};   ///< always set
inline constexpr value parity{1u << 2};
inline constexpr value auxiliary{1u << 4};
inline constexpr value zero{1u << 6};
inline constexpr value sign{1u << 7};
inline constexpr value trap{1u << 8};
inline constexpr value interrupt{1u << 9};
inline constexpr value direction{1u << 10};
inline constexpr value overflow{1u << 11};
inline constexpr register_field<value> iopl{12, 2};
inline constexpr value nested_task{1u << 14};
inline constexpr value resume{1u << 16};
inline constexpr value virtual_8086{1u << 17};
inline constexpr value alignment_check{1u << 18};
inline constexpr value virtual_interrupt{1u << 19};
inline constexpr value virtual_interrupt_pending{1u << 20};
inline constexpr value id{1u << 21};
inline constexpr value arithmetic = carry | parity | auxiliary | zero | sign | overflow;
inline constexpr value all = arithmetic | reserved_one | trap | interrupt | direction | iopl.mask() | nested_task |
                             resume | virtual_8086 | alignment_check | virtual_interrupt |
                             virtual_interrupt_pending | id;
} // namespace rflags

namespace dr6 {
using value = register_value<struct tag>;
inline constexpr value b0{1u << 0};
inline constexpr value b1{1u << 1};
inline constexpr value b2{1u << 2};
inline constexpr value b3{1u << 3};
inline constexpr value bld{1u << 11};           ///< bus lock, active low
inline constexpr value bd{1u << 13};
inline constexpr value bs{1u << 14};
inline constexpr value bt{1u << 15};
inline constexpr value rtm{1u << 16};           ///< active low
inline constexpr value reset{0xffff'0ff0};      ///< after reset; the fixed ones
} // namespace dr6

namespace dr7 {
using value = register_value<struct tag>;
inline constexpr value enable_mask{0xff};       ///< L0 G0 .. L3 G3
inline constexpr value le{1u << 8};
inline constexpr value ge{1u << 9};
inline constexpr value gd{1u << 13};
inline constexpr value reset{0x400};            ///< after reset; the fixed one
inline constexpr value reserved_zero{0xffff'ffff'0000'd800}; ///< must be zero, or #GP for the upper half
} // namespace dr7
// clang-format on

/// What the paging bits of the control registers select (APM2 5.1; SDM3 4.1.1).
enum class paging_mode : std::uint8_t {
    none,      ///< CR0.PG clear: linear addresses are physical
    two_level, ///< 32-bit entries, 4 KiB and (CR4.PSE) 4 MiB pages
    pae,       ///< 64-bit entries, three levels, 32-bit linear addresses
    long_mode, ///< four levels
    la57,      ///< five levels
};

} // namespace xenpp::x86
