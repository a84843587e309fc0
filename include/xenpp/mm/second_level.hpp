// SPDX-License-Identifier: Apache-2.0
// Second-level tables in the format of the processor there is: NPT or EPT, chosen once, as data.
#pragma once

#include <xenpp/mm/page_format.hpp>

#include <cstdint>

namespace xenpp::mm {

/// A page-table format whose few bits that NPT and EPT have in different places are values, so that
/// one image walks either without asking which. Presence, writing, the large leaf, addresses and
/// the software's bits stand in the same place in both.
class second_level {
public:
    using entry = std::uint64_t;

    static constexpr unsigned levels = npt::levels;
    static constexpr unsigned bits_per_level = npt::bits_per_level;
    static constexpr unsigned max_leaf_level = npt::max_leaf_level;
    static constexpr bool has_user = false;
    static constexpr entry address_mask = npt::address_mask;
    static constexpr entry empty = 0;

    /// The format `F`. `notes_use`: the processor sets the accessed bit; else all counts as used.
    /// `has_1g`: it takes leaves of 1 GiB.
    template <PtFormat F>
    static constexpr second_level of(bool notes_use = true, bool has_1g = true) noexcept {
        auto const bits = [](page_attributes const& a) { return F::make_leaf(mfn(0), a, 1); };
        entry const plain = bits({.accessed = false});
        return {F::make_table(maddr(0)),
                plain,
                plain ^ bits({.write = true, .accessed = false}),
                plain ^ bits({.execute = true, .accessed = false}),
                plain ^ bits({.uncached = true, .accessed = false}),
                notes_use ? plain ^ bits({}) : 0,
                F::is_present(2),
                has_1g};
    }

    constexpr bool notes_use() const noexcept { return accessed_ != 0; }

    constexpr bool has_1g() const noexcept { return has_1g_; }

    constexpr entry make_leaf(mfn frame, page_attributes const& a, unsigned level) const noexcept {
        return ((to_maddr(frame).raw() & detail::leaf_address_bits(level)) | plain_) ^
               (a.write ? write_ : 0) ^ (a.execute ? execute_ : 0) ^ (a.uncached ? uncached_ : 0) ^
               (a.accessed ? accessed_ : 0) ^ (level > 1 ? npt::page_size : 0) ^
               detail::encode_software(a.software);
    }

    constexpr entry make_table(maddr table) const noexcept {
        return (table.raw() & address_mask) | table_;
    }

    static constexpr bool is_present(entry e) noexcept { return npt::is_present(e); }

    static constexpr bool is_leaf(entry e, unsigned level) noexcept {
        return npt::is_leaf(e, level);
    }

    static constexpr maddr address(entry e, unsigned level) noexcept {
        return npt::address(e, level);
    }

    constexpr page_attributes attributes(entry e) const noexcept {
        entry const differs = e ^ plain_;
        return {.write = (e & npt::write) != 0,
                .execute = (differs & execute_) != 0,
                .user = true,
                .uncached = (differs & uncached_) != 0,
                .software = detail::decode_software(e),
                .accessed = (e & accessed_) == accessed_};
    }

    constexpr bool
    has_reserved_bits(entry e, unsigned level, unsigned physical_bits) const noexcept {
        return is_ept_ ? ept::has_reserved_bits(e, level, physical_bits)
                       : npt::has_reserved_bits(e, level, physical_bits);
    }

private:
    constexpr second_level(entry table,
                           entry plain,
                           entry write,
                           entry execute,
                           entry uncached,
                           entry accessed,
                           bool is_ept,
                           bool has_1g) noexcept
        : table_(table)
        , plain_(plain)
        , write_(write)
        , execute_(execute)
        , uncached_(uncached)
        , accessed_(accessed)
        , is_ept_(is_ept)
        , has_1g_(has_1g) {}

    entry table_; ///< a reference to a table, without the address
    entry plain_; ///< a leaf that may be read, and nothing else
    // What turns a plain leaf into one that says more.
    entry write_, execute_, uncached_, accessed_;
    bool is_ept_;
    bool has_1g_;
};

static_assert(PtFormat<second_level>);
static_assert(npt::present == ept::read && npt::write == ept::write &&
              npt::page_size == ept::page_size && npt::address_mask == ept::address_mask);

} // namespace xenpp::mm
