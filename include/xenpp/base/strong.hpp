// SPDX-License-Identifier: Apache-2.0
// Numbers that have a kind: no implicit construction, no arithmetic between kinds.
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace xenpp {

/// An identifier: compared and printed, never computed with.
template <class Tag, std::unsigned_integral Rep>
class strong_id {
public:
    using rep = Rep;

    constexpr strong_id() noexcept = default;

    constexpr explicit strong_id(Rep v) noexcept : value_(v) {}

    /// The number itself, for the ABI and for printing.
    constexpr Rep raw() const noexcept { return value_; }

    friend constexpr auto operator<=>(strong_id, strong_id) noexcept = default;

private:
    Rep value_ = 0;
};

/// A position on a line: `position + count`, `position - position`, nothing else.
template <class Tag, std::unsigned_integral Rep>
class strong_position {
public:
    using rep = Rep;

    constexpr strong_position() noexcept = default;

    constexpr explicit strong_position(Rep v) noexcept : value_(v) {}

    constexpr Rep raw() const noexcept { return value_; }

    friend constexpr auto operator<=>(strong_position, strong_position) noexcept = default;

    friend constexpr strong_position operator+(strong_position p, Rep n) noexcept {
        return strong_position(static_cast<Rep>(p.value_ + n));
    }

    friend constexpr strong_position operator-(strong_position p, Rep n) noexcept {
        return strong_position(static_cast<Rep>(p.value_ - n));
    }

    friend constexpr Rep operator-(strong_position a, strong_position b) noexcept {
        return static_cast<Rep>(a.value_ - b.value_);
    }

    constexpr strong_position& operator++() noexcept {
        ++value_;
        return *this;
    }

private:
    Rep value_ = 0;
};

/// A domain's number (Xen: domid_t). Reused after a domain is gone; see `domain` for a handle that
/// is not.
using domid = strong_id<struct domid_tag, std::uint16_t>;
/// A virtual CPU's number inside its domain.
using vcpu_id = strong_id<struct vcpu_id_tag, std::uint32_t>;
/// A physical CPU's number.
using cpu_id = strong_id<struct cpu_id_tag, std::uint32_t>;
/// An event channel port (Xen: evtchn_port_t).
using evtchn_port = strong_id<struct evtchn_port_tag, std::uint32_t>;
/// An index into a grant table (Xen: grant_ref_t).
using grant_ref = strong_id<struct grant_ref_tag, std::uint32_t>;

/// A machine frame number: a page of real memory.
using mfn = strong_position<struct mfn_tag, std::uint64_t>;
/// A guest frame number: what the domain's p2m translates (for PV: the machine frame).
using gfn = strong_position<struct gfn_tag, std::uint64_t>;
/// A pseudo-physical frame number: a PV domain's own numbering of its memory.
using pfn = strong_position<struct pfn_tag, std::uint64_t>;
/// A machine address in bytes.
using maddr = strong_position<struct maddr_tag, std::uint64_t>;
/// A guest-physical address in bytes.
using gpa = strong_position<struct gpa_tag, std::uint64_t>;
/// A guest-virtual (linear) address in bytes.
using gva = strong_position<struct gva_tag, std::uint64_t>;

inline constexpr unsigned page_shift = 12;
inline constexpr std::size_t page_size = std::size_t{1} << page_shift;
inline constexpr std::uint64_t page_mask = ~(std::uint64_t{page_size} - 1);

constexpr maddr to_maddr(mfn f) noexcept {
    return maddr(f.raw() << page_shift);
}

constexpr mfn to_mfn(maddr a) noexcept {
    return mfn(a.raw() >> page_shift);
}

constexpr gpa to_gpa(gfn f) noexcept {
    return gpa(f.raw() << page_shift);
}

constexpr gfn to_gfn(gpa a) noexcept {
    return gfn(a.raw() >> page_shift);
}

/// Well-known domain numbers (Xen: public/xen.h, DOMID_*).
inline constexpr domid dom0{0};
inline constexpr domid domid_first_reserved{0x7ff0};
inline constexpr domid domid_self{0x7ff0};
inline constexpr domid domid_io{0x7ff1};
inline constexpr domid domid_xen{0x7ff2};
inline constexpr domid domid_cow{0x7ff3};
inline constexpr domid domid_invalid{0x7ff4};
inline constexpr domid domid_idle{0x7fff};

} // namespace xenpp
