// SPDX-License-Identifier: Apache-2.0
// Beginning and ending the use of a grant: the guest's entry is checked, marked and counted.
//
// The guest may change its entry at any moment and revokes it by a compare-exchange that fails
// while it is marked. So each use reads the entry once, decides, marks it atomically, and from then
// on goes by what it noted in active_grant, never by the entry.
#pragma once

#include <xenpp/hv/domain.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/own_page.hpp>

#include <cstdint>

namespace xenpp::hv {

/// A GNTST_* value; negative, but for gntst_okay.
using grant_status = std::int16_t;

/// How a grant is to be used. A copy is a host use for as long as it takes.
struct grant_use {
    bool writes = false;
    bool by_host = true;   ///< else by a device (or the control domain, which sees all of RAM)
    bool for_copy = false; ///< only a copy may use a part of a page
};

/// What a use that began may touch.
struct pinned_grant {
    mfn frame{};
    std::uint16_t start = 0;
    std::uint16_t length = page_size;
};

namespace detail {

inline constexpr unsigned grant_tries = 5;

/// The entry's first 32 bits, which must change together: flags and domain.
struct grant_header {
    std::uint16_t flags;
    domid user;

    static grant_header load(std::uint32_t const& word) noexcept {
        std::uint32_t const w = atomic_load(word);
        return {static_cast<std::uint16_t>(w), domid(static_cast<std::uint16_t>(w >> 16))};
    }
};

template <class P>
std::uint32_t& v1_header(domain<P>& d, std::uint32_t ref) noexcept {
    auto& t = d.grants;
    auto* const page = d.hv.platform.map(t.frame[ref / t.v1_per_frame]);
    auto const at = ref % t.v1_per_frame * sizeof(abi::grant_entry_v1);
    return *reinterpret_cast<std::uint32_t*>(page + at);
}

template <class P>
std::uint32_t& v2_header(domain<P>& d, std::uint32_t ref) noexcept {
    auto& t = d.grants;
    auto* const page = d.hv.platform.map(t.frame[ref / t.v2_per_frame]);
    auto const at = ref % t.v2_per_frame * sizeof(abi::grant_entry_v2);
    return *reinterpret_cast<std::uint32_t*>(page + at);
}

/// Where the in-use bits are: in the flags, or in the table of status words.
template <class P>
std::uint16_t& in_use_word(domain<P>& d, std::uint32_t ref) noexcept {
    auto& t = d.grants;
    if (t.version == 1) {
        return *reinterpret_cast<std::uint16_t*>(&v1_header(d, ref));
    }
    auto* const page = d.hv.platform.map(t.status_frame[ref / t.status_per_frame]);
    return reinterpret_cast<std::uint16_t*>(page)[ref % t.status_per_frame];
}

/// Whether an entry with header `h` lets `user` do this. Transitive grants are refused, as by a
/// Xen with gnttab=no-transitive.
constexpr bool grant_allows(grant_header h, domid user, grant_use use) noexcept {
    return (h.flags & abi::gtf_type_mask) == abi::gtf_permit_access && h.user == user &&
           (!use.writes || (h.flags & abi::gtf_readonly) == 0) &&
           (use.for_copy || (h.flags & abi::gtf_sub_page) == 0);
}

constexpr std::uint16_t in_use_bits(bool writes) noexcept {
    return writes ? static_cast<std::uint16_t>(abi::gtf_reading | abi::gtf_writing)
                  : abi::gtf_reading;
}

/// Version 1: checks and marks in one compare-exchange.
template <class P>
bool mark_v1(domain<P>& d, std::uint32_t ref, domid user, grant_use use) noexcept {
    auto& word = v1_header(d, ref);
    std::uint32_t seen = atomic_load(word);
    for (unsigned i = 0; i < grant_tries; ++i) {
        if (!grant_allows(grant_header::load(seen), user, {use.writes, use.by_host, false})) {
            return false; // there are no sub-page grants in version 1
        }
        if (atomic_compare_exchange(word, seen, seen | in_use_bits(use.writes))) {
            return true;
        }
    }
    return false; // the guest keeps changing it
}

/// Takes back the marks that no remaining use needs.
template <class P>
void unmark(domain<P>& d, std::uint32_t ref, active_grant const& left) noexcept {
    std::uint16_t keep = static_cast<std::uint16_t>(~(abi::gtf_reading | abi::gtf_writing));
    if (left.is_used()) {
        keep = static_cast<std::uint16_t>(keep | in_use_bits(left.has_writers()));
    }
    atomic_fetch_and(in_use_word(d, ref), keep);
}

/// Version 2: marks first, then checks, and takes the mark back if the entry does not allow it
/// (any more): the guest looks at the mark after it has changed the entry.
template <class P>
bool mark_v2(domain<P>& d,
             std::uint32_t ref,
             domid user,
             grant_use use,
             active_grant const& others) noexcept {
    auto const& word = v2_header(d, ref);
    if (!grant_allows(grant_header::load(word), user, use)) {
        return false;
    }
    atomic_fetch_or(in_use_word(d, ref), in_use_bits(use.writes));
    full_barrier();
    if (grant_allows(grant_header::load(word), user, use)) {
        return true;
    }
    unmark(d, ref, others);
    return false;
}

/// Reads which frame, and which part of it, a marked entry gives.
template <class P>
gfn read_target(domain<P>& d, std::uint32_t ref, active_grant& a) noexcept {
    a.start = 0;
    a.length = page_size;
    a.is_sub_page = false;
    if (d.grants.version == 1) {
        return gfn(atomic_load((&v1_header(d, ref))[1]));
    }
    auto const& header = v2_header(d, ref);
    auto const& frame = *reinterpret_cast<std::uint64_t const*>(&header + 2);
    if ((grant_header::load(header).flags & abi::gtf_sub_page) != 0) {
        std::uint32_t const part = atomic_load((&header)[1]);
        a.start = static_cast<std::uint16_t>(part);
        a.length = static_cast<std::uint16_t>(part >> 16);
        a.is_sub_page = true;
    }
    return gfn(atomic_load(frame));
}

inline std::uint16_t& use_count(active_grant& a, bool writes, bool by_host) noexcept {
    if (by_host) {
        return writes ? a.host_writers : a.host_readers;
    }
    return writes ? a.device_writers : a.device_readers;
}

} // namespace detail

/// Begins a use by `user` of grant `ref` of `d`. Errors: `bad_gntref` there is no such entry;
/// `general_error` it does not grant this to `user`, its frame is not memory of `d`, it is in use
/// by somebody else, or too often; `bad_domain` `d` is dying.
template <class P>
expected<pinned_grant, grant_status>
pin_grant(domain<P>& d, grant_ref ref, domid user, grant_use use) noexcept {
    auto& t = d.grants;
    std::uint32_t const n = ref.raw();
    lock_guard const hold(t.lock);
    if (n >= t.entry_count()) {
        return unexpected(abi::gntst_bad_gntref);
    }
    if (d.is_dying()) {
        return unexpected(abi::gntst_bad_domain);
    }
    auto& a = t.active(n);
    auto& count = detail::use_count(a, use.writes, use.by_host);
    bool const first = !a.is_used();
    if (!first && (a.user != user || count == 0xffff || (a.is_sub_page && !use.for_copy))) {
        return unexpected(abi::gntst_general_error);
    }
    if (first || (use.writes && !a.has_writers())) {
        bool const marked =
            t.version == 1 ? detail::mark_v1(d, n, user, use) : detail::mark_v2(d, n, user, use, a);
        if (!marked) {
            return unexpected(abi::gntst_general_error);
        }
        // A first writer after readers needs the frame to be writable too; it is looked at, but
        // what is used stays the frame that the readers have.
        active_grant target = a;
        gfn const g = detail::read_target(d, n, target);
        auto page = own_page(d, g, use.writes);
        bool const is_bad_part =
            target.is_sub_page && (target.start + target.length > page_size || !use.for_copy);
        // A first use keeps a reference of its own: there may be none left.
        if (!page || is_bad_part ||
            (first ? !get_frame(d.hv, page.frame()) : page.frame() != a.frame)) {
            detail::unmark(d, n, a);
            return unexpected(abi::gntst_general_error);
        }
        if (first) {
            a = target;
            a.user = user;
            a.frame = page.frame();
            ++t.used_count;
        }
        if (use.writes && d.kind == domain_kind::pv) {
            page.release(); // it stays writable as long as there are writers
        }
    }
    ++detail::use_count(a, use.writes, use.by_host);
    return pinned_grant{a.frame, a.start, a.length};
}

/// Ends a use that `pin_grant` began.
template <class P>
void unpin_grant(domain<P>& d, grant_ref ref, grant_use use) noexcept {
    page_ref<P> dropped; // outside the lock: it may be the last reference
    page_ref<P> written;
    lock_guard const hold(d.grants.lock);
    auto& a = d.grants.active(ref.raw());
    --detail::use_count(a, use.writes, use.by_host);
    if (use.writes && !a.has_writers() && d.kind == domain_kind::pv) {
        written = page_ref<P>(d.hv, a.frame, true);
    }
    if (!a.is_used()) {
        --d.grants.used_count;
        dropped = page_ref<P>(d.hv, a.frame);
    }
    detail::unmark(d, ref.raw(), a);
}

} // namespace xenpp::hv
