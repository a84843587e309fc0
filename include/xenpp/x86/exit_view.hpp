// SPDX-License-Identifier: Apache-2.0
// What a VM exit says, in words that both vendors share; each vendor's decoder returns these.
#pragma once

#include <xenpp/base/strong.hpp>

#include <cstdint>

namespace xenpp::x86 {

enum class segment_register : std::uint8_t {
    es = 0,
    cs = 1,
    ss = 2,
    ds = 3,
    fs = 4,
    gs = 5,
};

/// IN, OUT, INS or OUTS.
struct io_exit {
    std::uint16_t port;
    std::uint8_t size;         ///< in bytes: 1, 2 or 4
    std::uint8_t address_size; ///< of rSI, rDI and rCX in a string form, in bytes: 2, 4 or 8
    bool is_in;
    bool is_string;
    bool is_rep;
    /// Of an OUTS; meaningful only where the processor decodes it (SVM: decode assists).
    segment_register segment;

    friend constexpr bool operator==(io_exit const&, io_exit const&) noexcept = default;
};

/// An access that the nested page tables refused.
struct npf_exit {
    gpa address;
    bool is_present; ///< the translation existed and forbade the access
    bool is_write;
    bool is_fetch;
    bool is_reserved_bit; ///< a nested entry is malformed: our own mistake
    /// The access was the processor's own, to a page table of the guest on the way to `address`;
    /// clear: the guest's access itself.
    bool is_guest_walk;

    friend constexpr bool operator==(npf_exit const&, npf_exit const&) noexcept = default;
};

/// RDMSR or WRMSR; the number and the value are in the guest's registers.
struct msr_exit {
    bool is_write;

    friend constexpr bool operator==(msr_exit const&, msr_exit const&) noexcept = default;
};

/// A MOV to or from a control register.
struct register_access_exit {
    std::uint8_t number; ///< of the control register
    bool is_write;
    std::uint8_t gpr; ///< the general register in its encoding order

    friend constexpr bool operator==(register_access_exit const&,
                                     register_access_exit const&) noexcept = default;
};

} // namespace xenpp::x86
