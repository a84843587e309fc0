// SPDX-License-Identifier: Apache-2.0
// Page-table formats: what the entries of long mode, nested paging and EPT look like, behind one
// concept.
#pragma once

#include <xenpp/base/strong.hpp>

#include <concepts>
#include <cstdint>

namespace xenpp::mm {

/// What a leaf allows beyond being readable, and what it remembers. Formats without a user bit
/// ignore `user` and decode it as set.
struct page_attributes {
    bool write = false;
    bool execute = false;
    bool user = false;
    bool uncached = false;     ///< device memory
    std::uint8_t software = 0; ///< `software_bits` bits that the processor ignores, in every format
    bool accessed = true; ///< made without: the processor notes the first use (EPT: if enabled)

    friend constexpr bool operator==(page_attributes const&,
                                     page_attributes const&) noexcept = default;
};

inline constexpr unsigned software_bits = 4;

/// A page-table format. Levels count from 1, the tables of 4 KiB leaves, to `levels`, the root. All
/// members are constexpr, noexcept and total: no entry value is a precondition violation. Those
/// that say how many and how large are static; the others may depend on the object.
template <class F>
concept PtFormat = requires(F const& f,
                            typename F::entry e,
                            unsigned level,
                            mfn frame,
                            maddr table,
                            page_attributes attributes,
                            unsigned physical_bits) {
    // The entry, an unsigned integer that is read and written in one access.
    requires std::unsigned_integral<typename F::entry>;
    // How many levels a walk has, and how many address bits each of them indexes.
    { F::levels } -> std::convertible_to<unsigned>;
    { F::bits_per_level } -> std::convertible_to<unsigned>;
    // The highest level at which an entry may be a leaf.
    { F::max_leaf_level } -> std::convertible_to<unsigned>;
    // Whether `page_attributes::user` is represented.
    { F::has_user } -> std::convertible_to<bool>;
    // The bits that hold a frame's address at level 1; all flags lie outside.
    { F::address_mask } -> std::convertible_to<typename F::entry>;
    // The entry that maps nothing; tables are born full of it.
    { F::empty } -> std::convertible_to<typename F::entry>;
    // A leaf for `frame`, which is aligned to the level's size. Dirty if writable, so that the
    // processor writes to the entry at most once: where it is not made as accessed.
    { f.make_leaf(frame, attributes, level) }
    noexcept->std::same_as<typename F::entry>;
    // A reference to the next lower table, permitting everything: leaves decide.
    { f.make_table(table) }
    noexcept->std::same_as<typename F::entry>;
    // Whether the entry maps or refers to anything.
    { f.is_present(e) }
    noexcept->std::same_as<bool>;
    // Whether a present entry of `level` is a leaf; always so at level 1.
    { f.is_leaf(e, level) }
    noexcept->std::same_as<bool>;
    // The address in a present entry: of the leaf's frame, or of the table.
    { f.address(e, level) }
    noexcept->std::same_as<maddr>;
    // What a leaf allows: the inverse of make_leaf.
    { f.attributes(e) }
    noexcept->std::same_as<page_attributes>;
    // Whether a present entry has bits set that must be zero on a processor with that many
    // physical address bits; such an entry faults as malformed.
    { f.has_reserved_bits(e, level, physical_bits) }
    noexcept->std::same_as<bool>;
};

/// The order (log2 of 4 KiB pages) of a leaf at `level`.
template <PtFormat F>
constexpr unsigned order_of_level(unsigned level) noexcept {
    return (level - 1) * F::bits_per_level;
}

namespace detail {

// clang-format off
inline constexpr std::uint64_t address_bits   = 0x000f'ffff'ffff'f000; // 51:12
inline constexpr unsigned      software_shift = 52;                    // 55:52 are ignored by all three
inline constexpr std::uint64_t software_mask  = ((std::uint64_t{1} << software_bits) - 1) << software_shift;

// clang-format on

/// The address bits of a leaf at `level`, in a format of nine bits for each.
constexpr std::uint64_t leaf_address_bits(unsigned level) noexcept {
    return address_bits & ~((std::uint64_t{1} << (page_shift + (level - 1) * 9)) - 1);
}

/// Address bits that a processor with fewer physical bits requires to be zero.
constexpr std::uint64_t bits_beyond(unsigned physical_bits) noexcept {
    return physical_bits >= 52 ? 0 : address_bits & ~((std::uint64_t{1} << physical_bits) - 1);
}

constexpr std::uint64_t encode_software(std::uint8_t v) noexcept {
    return std::uint64_t{v} << software_shift & software_mask;
}

constexpr std::uint8_t decode_software(std::uint64_t e) noexcept {
    return static_cast<std::uint8_t>((e & software_mask) >> software_shift);
}

/// Entries of long mode, which nested paging on AMD shares (APM2 5.3, 15.25).
template <bool HasUser>
struct x86_64_format {
    using entry = std::uint64_t;

    static constexpr unsigned levels = 4;
    static constexpr unsigned bits_per_level = 9;
    static constexpr unsigned max_leaf_level = 3;
    static constexpr bool has_user = HasUser;
    static constexpr entry address_mask = address_bits;
    static constexpr entry empty = 0;

    // clang-format off
    static constexpr entry present    = 1ull << 0;
    static constexpr entry write      = 1ull << 1;
    static constexpr entry user       = 1ull << 2;
    static constexpr entry pwt        = 1ull << 3;
    static constexpr entry pcd        = 1ull << 4;
    static constexpr entry accessed   = 1ull << 5;
    static constexpr entry dirty      = 1ull << 6;
    static constexpr entry page_size  = 1ull << 7;  // at level 1: PAT
    static constexpr entry global     = 1ull << 8;
    static constexpr entry pat_large  = 1ull << 12; // in a leaf above level 1
    static constexpr entry no_execute = 1ull << 63;

    // clang-format on

    static constexpr entry make_leaf(mfn frame, page_attributes const& a, unsigned level) noexcept {
        return (to_maddr(frame).raw() & leaf_address_bits(level)) | present |
               (a.accessed ? accessed : 0) | (a.write ? write | dirty : 0) |
               (a.user || !HasUser ? user : 0) | (a.uncached ? pcd | pwt : 0) |
               (a.execute ? 0 : no_execute) | (level > 1 ? page_size : 0) |
               encode_software(a.software);
    }

    static constexpr entry make_table(maddr table) noexcept {
        return (table.raw() & address_bits) | present | write | user | accessed;
    }

    static constexpr bool is_present(entry e) noexcept { return (e & present) != 0; }

    static constexpr bool is_leaf(entry e, unsigned level) noexcept {
        return level == 1 || (level <= max_leaf_level && (e & page_size) != 0);
    }

    static constexpr maddr address(entry e, unsigned level) noexcept {
        return maddr(e & (is_leaf(e, level) ? leaf_address_bits(level) : address_bits));
    }

    static constexpr page_attributes attributes(entry e) noexcept {
        return {
            .write = (e & write) != 0,
            .execute = (e & no_execute) == 0,
            .user = (e & user) != 0,
            .uncached = (e & pcd) != 0,
            .software = decode_software(e),
            .accessed = (e & accessed) != 0,
        };
    }

    static constexpr bool
    has_reserved_bits(entry e, unsigned level, unsigned physical_bits) noexcept {
        entry reserved = bits_beyond(physical_bits);
        if (level > max_leaf_level) {
            reserved |= page_size;
        } else if (level > 1 && is_leaf(e, level)) {
            reserved |= address_bits & ~leaf_address_bits(level) & ~pat_large;
        }
        return (e & reserved) != 0;
    }
};

} // namespace detail

/// The page tables of a 64-bit kernel: the hypervisor's own, and PV guests'.
using long_mode = detail::x86_64_format<true>;

/// Nested page tables of SVM. Every nested access counts as a user's, so the user bit is always
/// set.
using npt = detail::x86_64_format<false>;

/// Extended page tables of VMX (SDM3 28.3.2). A leaf is readable; memory types are explicit.
struct ept {
    using entry = std::uint64_t;

    static constexpr unsigned levels = 4;
    static constexpr unsigned bits_per_level = 9;
    static constexpr unsigned max_leaf_level = 3;
    static constexpr bool has_user = false;
    static constexpr entry address_mask = detail::address_bits;
    static constexpr entry empty = 0;

    // clang-format off
    static constexpr entry read       = 1ull << 0;
    static constexpr entry write      = 1ull << 1;
    static constexpr entry execute    = 1ull << 2;
    static constexpr entry type_mask  = 7ull << 3;
    static constexpr entry type_wb    = 6ull << 3;
    static constexpr entry type_uc    = 0ull << 3;
    static constexpr entry ignore_pat = 1ull << 6;
    static constexpr entry page_size  = 1ull << 7;
    static constexpr entry accessed   = 1ull << 8;
    static constexpr entry dirty      = 1ull << 9;

    // clang-format on

    static constexpr entry make_leaf(mfn frame, page_attributes const& a, unsigned level) noexcept {
        return (to_maddr(frame).raw() & detail::leaf_address_bits(level)) | read |
               (a.accessed ? accessed : 0) | (a.write ? write | dirty : 0) |
               (a.execute ? execute : 0) | (a.uncached ? type_uc | ignore_pat : type_wb) |
               (level > 1 ? page_size : 0) | detail::encode_software(a.software);
    }

    static constexpr entry make_table(maddr table) noexcept {
        return (table.raw() & detail::address_bits) | read | write | execute | accessed;
    }

    static constexpr bool is_present(entry e) noexcept {
        return (e & (read | write | execute)) != 0;
    }

    static constexpr bool is_leaf(entry e, unsigned level) noexcept {
        return level == 1 || (level <= max_leaf_level && (e & page_size) != 0);
    }

    static constexpr maddr address(entry e, unsigned level) noexcept {
        return maddr(e &
                     (is_leaf(e, level) ? detail::leaf_address_bits(level) : detail::address_bits));
    }

    static constexpr page_attributes attributes(entry e) noexcept {
        return {
            .write = (e & write) != 0,
            .execute = (e & execute) != 0,
            .user = true,
            .uncached = (e & type_mask) == type_uc,
            .software = detail::decode_software(e),
            .accessed = (e & accessed) != 0,
        };
    }

    /// Also true of the other misconfigurations: write without read, and reserved memory types.
    static constexpr bool
    has_reserved_bits(entry e, unsigned level, unsigned physical_bits) noexcept {
        if ((e & (read | write)) == write) {
            return true;
        }
        entry reserved = detail::bits_beyond(physical_bits);
        if (!is_leaf(e, level)) {
            reserved |= type_mask | ignore_pat | (level > max_leaf_level ? page_size : 0);
            return (e & reserved) != 0;
        }
        reserved |= detail::address_bits & ~detail::leaf_address_bits(level);
        unsigned const type = static_cast<unsigned>((e & type_mask) >> 3);
        return (e & reserved) != 0 || type == 2 || type == 3 || type == 7;
    }
};

static_assert(PtFormat<long_mode> && PtFormat<npt> && PtFormat<ept>);

} // namespace xenpp::mm
