// SPDX-License-Identifier: Apache-2.0
// Walking a note segment, and the table of Xen's note types.
#include "builder/little_endian.hpp"

#include <xenpp/abi/elfnote.hpp>
#include <xenpp/base/checked.hpp>
#include <xenpp/builder/xen_notes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace xenpp::builder {

namespace {

constexpr std::string_view operation = "parse ELF notes";

// clang-format off
using note = std::uint32_t;

struct number_note { note type; std::optional<std::uint64_t> xen_notes::*field; };
constexpr number_note number_notes[] = {
    {abi::elfnote_entry,          &xen_notes::entry},
    {abi::elfnote_hypercall_page, &xen_notes::hypercall_page},
    {abi::elfnote_virt_base,      &xen_notes::virt_base},
    {abi::elfnote_paddr_offset,   &xen_notes::paddr_offset},
    {abi::elfnote_hv_start_low,   &xen_notes::hv_start_low},
    {abi::elfnote_init_p2m,       &xen_notes::init_p2m},
    {abi::elfnote_phys32_entry,   &xen_notes::phys32_entry},
};

struct text_note { note type; std::string xen_notes::*field; };
constexpr text_note text_notes[] = {
    {abi::elfnote_xen_version,   &xen_notes::xen_version},
    {abi::elfnote_guest_os,      &xen_notes::guest_os},
    {abi::elfnote_guest_version, &xen_notes::guest_version},
    {abi::elfnote_loader,        &xen_notes::loader},
    {abi::elfnote_pae_mode,      &xen_notes::pae_mode},
    {abi::elfnote_features,      &xen_notes::features},
};

struct flag_note { note type; bool xen_notes::*field; };
constexpr flag_note flag_notes[] = {
    {abi::elfnote_suspend_cancel, &xen_notes::suspend_cancel},
    {abi::elfnote_mod_start_pfn,  &xen_notes::mod_start_pfn},
};

// clang-format on

/// A number of 4 or 8 bytes, as the kernel's own word size has it.
result<std::uint64_t> number(bytes_view desc, note type) {
    if (desc.size() == 4) {
        return *load_le<std::uint32_t>(desc, 0);
    }
    if (desc.size() == 8) {
        return *load_le<std::uint64_t>(desc, 0);
    }
    return fail(operation, fmt::format("Xen ELF note {} holds {} bytes, not a number of 4 or 8",
                                       type, desc.size()));
}

std::string text(bytes_view desc) {
    std::string out;
    for (auto const b : desc) {
        if (b == std::byte{0}) {
            break;
        }
        out += static_cast<char>(b);
    }
    return out;
}

/// The row of a note type in one of the tables above, or null.
template <class Row, std::size_t N>
Row const* row_of(Row const (&table)[N], note type) noexcept {
    auto const it = std::find_if(std::begin(table), std::end(table),
                                 [&](Row const& r) { return r.type == type; });
    return it == std::end(table) ? nullptr : it;
}

result<l1_valid_pattern> pattern(bytes_view desc, note type) {
    auto const half = desc.size() / 2;
    auto const mask = XENPP_TRY(number(desc.first(half), type));
    return l1_valid_pattern{mask, XENPP_TRY(number(desc.subspan(half), type))};
}

result<void> take(note type, bytes_view desc, xen_notes& out) {
    if (auto const* const r = row_of(number_notes, type)) {
        out.*r->field = XENPP_TRY(number(desc, type));
    } else if (auto const* const t = row_of(text_notes, type)) {
        out.*t->field = text(desc);
    } else if (auto const* const f = row_of(flag_notes, type)) {
        out.*f->field = XENPP_TRY(number(desc, type)) != 0;
    } else if (type == abi::elfnote_supported_features) {
        // Wider sets may come; features beyond 32 are none of ours.
        out.supported_features = static_cast<std::uint32_t>(XENPP_TRY(number(desc, type)));
    } else if (type == abi::elfnote_bsd_symtab) {
        out.bsd_symtab = text(desc) == "yes";
    } else if (type == abi::elfnote_l1_mfn_valid) {
        out.l1_mfn_valid = XENPP_TRY(pattern(desc, type));
    }
    return {};
}

} // namespace

result<void> collect_xen_notes(std::span<std::byte const> bytes, xen_notes& notes) {
    // Each note: sizes of name and contents, type; then both, each padded to four bytes.
    constexpr std::uint64_t header = 12;
    constexpr std::string_view owner("Xen\0", 4);
    std::uint64_t at = 0;
    while (bytes.size() - at >= header) {
        auto const name_size = *load_le<std::uint32_t>(bytes, at);
        auto const desc_size = *load_le<std::uint32_t>(bytes, at + 4);
        auto const type = *load_le<std::uint32_t>(bytes, at + 8);
        auto const desc_at = at + header + align_up(std::uint64_t{name_size}, std::uint64_t{4});
        auto const desc = slice(bytes, desc_at, desc_size);
        if (!desc) {
            return fail(operation, "an ELF note is longer than the segment that holds it");
        }
        if (name_size == owner.size() && has_text(bytes, at + header, owner)) {
            ++notes.count;
            XENPP_TRY(take(type, *desc, notes));
        }
        at = desc_at + align_up(std::uint64_t{desc_size}, std::uint64_t{4});
        if (at > bytes.size()) {
            break; // the last note's padding may be missing
        }
    }
    return {};
}

} // namespace xenpp::builder
