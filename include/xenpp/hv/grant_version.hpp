// SPDX-License-Identifier: Apache-2.0
// Changing the layout of a grant table, and exchanging two of its entries.
#pragma once

#include <xenpp/hv/grant_entry.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

namespace xenpp::hv {

namespace detail {

/// A full-page grant, as both layouts can hold it.
struct plain_grant {
    std::uint16_t flags = 0;
    std::uint16_t user = 0;
    std::uint64_t frame = 0;
};

using reserved_grants = std::array<plain_grant, abi::gnttab_nr_reserved_entries>;

/// What the toolstack put into the first entries, which survive the change. Errors: `inval` one is
/// neither free nor a plain grant of access, or does not fit into version 1.
template <class P>
expected<reserved_grants, errc> read_reserved(domain<P>& d) noexcept {
    reserved_grants out{};
    for (std::uint32_t ref = 0; ref < out.size(); ++ref) {
        auto& word = d.grants.version == 1 ? v1_header(d, ref) : v2_header(d, ref);
        auto const h = grant_header::load(word);
        if ((h.flags & abi::gtf_type_mask) == abi::gtf_invalid) {
            continue;
        }
        active_grant target;
        gfn const g = read_target(d, ref, target);
        if ((h.flags & abi::gtf_type_mask) != abi::gtf_permit_access || target.is_sub_page ||
            g.raw() > std::numeric_limits<std::uint32_t>::max()) {
            return unexpected(errc::inval);
        }
        out[ref] = {static_cast<std::uint16_t>(h.flags & (abi::gtf_type_mask | abi::gtf_readonly)),
                    h.user.raw(), g.raw()};
    }
    return out;
}

template <class P>
void write_reserved(domain<P>& d, reserved_grants const& in) noexcept {
    for (std::uint32_t ref = 0; ref < in.size(); ++ref) {
        auto const& g = in[ref];
        if (d.grants.version == 1) {
            auto& e = reinterpret_cast<abi::grant_entry_v1&>(v1_header(d, ref));
            e = {g.flags, g.user, static_cast<std::uint32_t>(g.frame)};
        } else {
            auto& e = reinterpret_cast<abi::grant_entry_v2&>(v2_header(d, ref));
            e.full_page = {{g.flags, g.user}, 0, g.frame};
        }
    }
}

template <class P>
void clear_frames(domain<P>& d) noexcept {
    auto& t = d.grants;
    for (std::uint32_t i = 0; i < t.frame_count; ++i) {
        std::memset(d.hv.platform.map(t.frame[i]), 0, page_size);
    }
    for (std::uint32_t i = 0; i < t.status_frame_count; ++i) {
        std::memset(d.hv.platform.map(t.status_frame[i]), 0, page_size);
    }
}

} // namespace detail

/// Changes the layout of the table of `d`; all entries but the reserved ones are cleared. Errors:
/// `inval` no such version, or a reserved entry cannot be kept; `nosys` version 2 where the domain
/// was created with version 1 only; `busy` a grant is in use; `nomem`.
template <class P>
expected<void, errc> set_grant_version(domain<P>& d, std::uint32_t version) noexcept {
    auto& t = d.grants;
    if (version != 1 && version != 2) {
        return unexpected(errc::inval);
    }
    if (version > t.max_version) {
        return unexpected(errc::nosys);
    }
    lock_guard const hold(t.lock);
    if (t.version == version) {
        return {};
    }
    if (t.used_count != 0) {
        return unexpected(errc::busy);
    }
    if (version == 2) {
        XENPP_TRY(detail::grow_status(d, t.frame_count));
    }
    auto const reserved =
        t.frame_count == 0 ? detail::reserved_grants{} : XENPP_TRY(detail::read_reserved(d));
    detail::clear_frames(d);
    t.version = version;
    if (t.frame_count != 0) {
        detail::write_reserved(d, reserved);
    }
    return {};
}

/// Exchanges two entries of the domain's own table. Errors: `bad_gntref` no such entry; `eagain`
/// one is in use.
template <class P>
grant_status swap_grants(domain<P>& d, grant_ref a, grant_ref b) noexcept {
    auto& t = d.grants;
    lock_guard const hold(t.lock);
    if (a.raw() >= t.entry_count() || b.raw() >= t.entry_count()) {
        return abi::gntst_bad_gntref;
    }
    if (a == b) {
        return abi::gntst_okay;
    }
    if (t.active(a.raw()).is_used() || t.active(b.raw()).is_used()) {
        return abi::gntst_eagain;
    }
    if (t.version == 1) {
        std::swap(reinterpret_cast<abi::grant_entry_v1&>(detail::v1_header(d, a.raw())),
                  reinterpret_cast<abi::grant_entry_v1&>(detail::v1_header(d, b.raw())));
        return abi::gntst_okay;
    }
    std::swap(reinterpret_cast<abi::grant_entry_v2&>(detail::v2_header(d, a.raw())),
              reinterpret_cast<abi::grant_entry_v2&>(detail::v2_header(d, b.raw())));
    std::swap(detail::in_use_word(d, a.raw()), detail::in_use_word(d, b.raw()));
    return abi::gntst_okay;
}

} // namespace xenpp::hv
