// SPDX-License-Identifier: Apache-2.0
// A read-only walk of a guest's own page tables: a linear address to a guest-physical one, or the
// fault.
#pragma once

#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/x86/canonical.hpp>
#include <xenpp/x86/control_register.hpp>
#include <xenpp/x86/exception.hpp>
#include <xenpp/x86/msr.hpp>

#include <concepts>
#include <cstdint>

namespace xenpp::mm {

/// The processor state that a walk depends on (APM2 5; SDM3 4.1).
struct guest_paging {
    x86::paging_mode mode = x86::paging_mode::none;
    x86::cr3::value cr3;
    unsigned physical_bits = 40; ///< of the guest's processor, 32 to 52
    bool write_protect = false;  ///< CR0.WP
    bool no_execute = false;     ///< EFER.NXE
    bool page_size_32 = false;   ///< CR4.PSE, for two_level
    bool page_1g = false;        ///< CPUID page_1g
    bool smep = false;           ///< CR4.SMEP
    bool smap = false;           ///< CR4.SMAP
};

/// What the control registers select. `physical_bits` and `page_1g` come from the guest's CPUID.
constexpr guest_paging paging_of(x86::cr0::value cr0,
                                 x86::cr3::value cr3,
                                 x86::cr4::value cr4,
                                 x86::efer::value efer,
                                 unsigned physical_bits,
                                 bool page_1g) noexcept {
    using enum x86::paging_mode;
    bool const is_long = efer.has(x86::efer::lma);
    x86::paging_mode const paged = is_long ? (cr4.has(x86::cr4::la57) ? la57 : long_mode)
                                   : cr4.has(x86::cr4::pae) ? pae
                                                            : two_level;
    return {
        .mode = cr0.has(x86::cr0::pg) ? paged : none,
        .cr3 = cr3,
        .physical_bits = physical_bits,
        .write_protect = cr0.has(x86::cr0::wp),
        .no_execute = efer.has(x86::efer::nxe),
        .page_size_32 = cr4.has(x86::cr4::pse),
        .page_1g = page_1g,
        .smep = cr4.has(x86::cr4::smep),
        .smap = cr4.has(x86::cr4::smap),
    };
}

/// What is attempted.
struct guest_access {
    enum class kind : std::uint8_t {
        read,
        write,
        fetch,
    };

    kind what = kind::read;
    bool is_user = false;
    /// RFLAGS.AC of an explicit supervisor access: lifts SMAP. Clear for the processor's own ones.
    bool lifts_smap = false;
};

/// Where a linear address leads, and what the entries on the way allow beyond the access asked for.
struct guest_translation {
    gpa address;    ///< of the byte itself
    unsigned order; ///< of the page: 0, 9 or 18; 10 for 4 MiB; 0 without paging
    bool is_writable;
    bool is_executable;
    bool is_user;

    friend constexpr bool operator==(guest_translation const&,
                                     guest_translation const&) noexcept = default;
};

/// Why there is no translation.
struct guest_walk_error {
    enum class kind : std::uint8_t {
        page_fault,    ///< raise #PF with `code`, CR2 being the address
        not_canonical, ///< raise #GP(0), or #SS(0) for a stack access
        memory,        ///< an entry cannot be read: `reason`
    };

    kind what;
    x86::page_fault_error::value code;
    errc reason = errc::ok;

    friend constexpr bool operator==(guest_walk_error const&,
                                     guest_walk_error const&) noexcept = default;
};

/// Where the guest's tables are read.
template <class R>
concept EntryReader = requires(R& r, gpa address, unsigned size) {
    // The little-endian entry of `size` bytes (4 or 8, naturally aligned), in one access.
    { r.read_entry(address, size) } -> std::same_as<expected<std::uint64_t, errc>>;
};

namespace detail {

/// The shape of one mode's tables.
struct guest_format {
    unsigned levels;
    unsigned index_bits;
    unsigned entry_size;
    unsigned linear_bits;
};

constexpr guest_format format_of(x86::paging_mode mode) noexcept {
    using enum x86::paging_mode;
    switch (mode) {
    case none: return {0, 0, 0, 32};
    case two_level: return {2, 10, 4, 32};
    case pae: return {3, 9, 8, 32};
    case long_mode: return {4, 9, 8, 48};
    case la57: return {5, 9, 8, 57};
    }
    return {};
}

/// The entry's bits, alike in all modes (no_execute in 8-byte entries only).
// clang-format off
inline constexpr std::uint64_t guest_present    = 1ull << 0;
inline constexpr std::uint64_t guest_write      = 1ull << 1;
inline constexpr std::uint64_t guest_user       = 1ull << 2;
inline constexpr std::uint64_t guest_page_size  = 1ull << 7;
inline constexpr std::uint64_t guest_no_execute = 1ull << 63;

// clang-format on

constexpr std::uint64_t low_bits(unsigned n) noexcept {
    return (std::uint64_t{1} << n) - 1;
}

/// Bits `high`:`low` set.
constexpr std::uint64_t bit_range(unsigned high, unsigned low) noexcept {
    return low_bits(high + 1) & ~low_bits(low);
}

/// One walk under way.
class guest_walk {
public:
    constexpr guest_walk(guest_paging const& paging, gva address) noexcept
        : paging_(paging), format_(format_of(paging.mode)), address_(address) {}

    template <EntryReader Reader>
    constexpr expected<guest_translation, guest_walk_error> run(Reader& reader,
                                                                guest_access const& access) {
        std::uint64_t table = root();
        // Ends at level 1, where every present entry is a leaf.
        for (unsigned level = format_.levels;; --level) {
            auto const read = reader.read_entry(entry_at(table, level), format_.entry_size);
            if (!read) {
                return unexpected(
                    guest_walk_error{guest_walk_error::kind::memory, {}, read.error()});
            }
            std::uint64_t const e = *read;
            if ((e & guest_present) == 0) {
                return fault(access, {});
            }
            if ((e & reserved_bits(e, level)) != 0) {
                using namespace x86::page_fault_error;
                return fault(access, present | reserved);
            }
            gather(e, level);
            if (is_leaf(e, level)) {
                return finish(e, level, access);
            }
            table = e & table_address_bits();
        }
    }

private:
    using mode = x86::paging_mode;

    constexpr bool has_wide_entries() const noexcept { return format_.entry_size == 8; }

    constexpr std::uint64_t root() const noexcept {
        using namespace x86::cr3;
        value const mask = paging_.mode == mode::two_level ? address_mask_32
                           : paging_.mode == mode::pae     ? address_mask_pae
                                                           : address_mask;
        return (paging_.cr3 & mask).raw();
    }

    constexpr std::uint64_t table_address_bits() const noexcept {
        return has_wide_entries() ? bit_range(51, page_shift) : bit_range(31, page_shift);
    }

    /// Where the part of the address that `level` and those below translate begins, in bits.
    constexpr unsigned shift(unsigned level) const noexcept {
        return page_shift + (level - 1) * format_.index_bits;
    }

    constexpr gpa entry_at(std::uint64_t table, unsigned level) const noexcept {
        // The root of PAE has four entries only.
        unsigned const bits = paging_.mode == mode::pae && level == 3 ? 2 : format_.index_bits;
        std::uint64_t const index = address_.raw() >> shift(level) & low_bits(bits);
        return gpa(table + index * format_.entry_size);
    }

    constexpr bool may_be_leaf(unsigned level) const noexcept {
        switch (paging_.mode) {
        case mode::none: return false;
        case mode::two_level: return level == 1 || (level == 2 && paging_.page_size_32);
        case mode::pae: return level <= 2;
        case mode::long_mode:
        case mode::la57: return level <= 2 || (level == 3 && paging_.page_1g);
        }
        return false;
    }

    constexpr bool is_leaf(std::uint64_t e, unsigned level) const noexcept {
        return level == 1 || (may_be_leaf(level) && (e & guest_page_size) != 0);
    }

    /// APM2 5.2 to 5.4, SDM3 4.3 to 4.5: bits that must be zero in a present entry.
    constexpr std::uint64_t reserved_bits(std::uint64_t e, unsigned level) const noexcept {
        bool const is_large = level > 1 && is_leaf(e, level);
        if (!has_wide_entries()) {
            // PSE-36: bits 20:13 are address bits 39:32, as far as the processor has them.
            unsigned const wide = paging_.physical_bits < 40 ? paging_.physical_bits : 40;
            return is_large ? bit_range(21, 13 + (wide - 32)) : 0;
        }
        std::uint64_t reserved = bit_range(51, 0) & ~low_bits(paging_.physical_bits);
        if (!paging_.no_execute) {
            reserved |= guest_no_execute;
        }
        if (paging_.mode == mode::pae) {
            reserved |= bit_range(62, 52);
            if (level == 3) {
                return reserved | guest_no_execute | bit_range(8, 5) | bit_range(2, 1);
            }
        }
        if (level > 2 && !may_be_leaf(level)) {
            reserved |= guest_page_size;
        }
        if (is_large) {
            reserved |= bit_range(shift(level) - 1, 13);
        }
        return reserved;
    }

    /// Takes what the entry forbids. The root entries of PAE have no permission bits.
    constexpr void gather(std::uint64_t e, unsigned level) noexcept {
        if (paging_.mode == mode::pae && level == 3) {
            return;
        }
        is_writable_ = is_writable_ && (e & guest_write) != 0;
        is_user_ = is_user_ && (e & guest_user) != 0;
        is_executable_ = is_executable_ && (!has_wide_entries() || (e & guest_no_execute) == 0);
    }

    constexpr bool allows(guest_access const& a) const noexcept {
        using kind = guest_access::kind;
        if (a.is_user && !is_user_) {
            return false;
        }
        bool const is_supervisor_on_user = !a.is_user && is_user_;
        switch (a.what) {
        case kind::fetch: return is_executable_ && !(paging_.smep && is_supervisor_on_user);
        case kind::write:
            if (!is_writable_ && (a.is_user || paging_.write_protect)) {
                return false;
            }
            break;
        case kind::read: break;
        }
        return !(paging_.smap && is_supervisor_on_user && !a.lifts_smap);
    }

    constexpr expected<guest_translation, guest_walk_error>
    finish(std::uint64_t e, unsigned level, guest_access const& a) const {
        if (!allows(a)) {
            return fault(a, x86::page_fault_error::present);
        }
        std::uint64_t const offset = low_bits(shift(level));
        std::uint64_t frame = e & table_address_bits() & ~offset;
        if (!has_wide_entries() && level == 2) {
            frame |= (e & bit_range(20, 13)) << (32 - 13);
        }
        return guest_translation{
            .address = gpa(frame | (address_.raw() & offset)),
            .order = shift(level) - page_shift,
            .is_writable = is_writable_,
            .is_executable = is_executable_,
            .is_user = is_user_,
        };
    }

    constexpr unexpected<guest_walk_error> fault(guest_access const& a,
                                                 x86::page_fault_error::value why) const noexcept {
        namespace error = x86::page_fault_error;
        bool const tells_fetch = paging_.smep || (paging_.no_execute && has_wide_entries());
        error::value code = why;
        if (a.what == guest_access::kind::write) {
            code |= error::write;
        }
        if (a.what == guest_access::kind::fetch && tells_fetch) {
            code |= error::fetch;
        }
        if (a.is_user) {
            code |= error::user;
        }
        return unexpected(guest_walk_error{guest_walk_error::kind::page_fault, code, errc::ok});
    }

    guest_paging const& paging_;
    guest_format format_;
    gva address_;
    bool is_writable_ = true;
    bool is_executable_ = true;
    bool is_user_ = true;
};

} // namespace detail

/// Translates `address` for `access` as the guest's processor would, in at most five reads. Leaves
/// accessed and dirty bits as they are, reads the root of PAE from memory as SVM does, and knows no
/// protection keys: a guest that is offered them needs more. Without paging every access is
/// allowed.
template <EntryReader Reader>
constexpr expected<guest_translation, guest_walk_error>
walk_guest(guest_paging const& paging, gva address, guest_access const& access, Reader& reader) {
    using enum x86::paging_mode;
    bool const is_64_bit = paging.mode == long_mode || paging.mode == la57;
    if (is_64_bit &&
        !x86::is_canonical(address.raw(), detail::format_of(paging.mode).linear_bits)) {
        return unexpected(guest_walk_error{guest_walk_error::kind::not_canonical, {}, errc::ok});
    }
    gva const linear = is_64_bit ? address : gva(address.raw() & 0xffff'ffff);
    if (paging.mode == none) {
        return guest_translation{gpa(linear.raw()), 0, true, true, true};
    }
    return detail::guest_walk(paging, linear).run(reader, access);
}

} // namespace xenpp::mm
