// SPDX-License-Identifier: Apache-2.0
// A domain's grant table as data: the frames it shares with the guest, what is in use, its limits.
#pragma once

#include <xenpp/abi/grant_table.hpp>
#include <xenpp/base/atomic.hpp>
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/hv/page.hpp>

#include <array>
#include <cstdint>
#include <cstring>

namespace xenpp::hv {

template <class P>
struct domain;

/// One grant that somebody uses: who, how often, and which frame it was when the use began. Under
/// the table's lock.
struct active_grant {
    std::uint16_t host_readers = 0;
    std::uint16_t host_writers = 0;
    std::uint16_t device_readers = 0;
    std::uint16_t device_writers = 0;
    domid user{};
    std::uint16_t start = 0; ///< the part of the page that a sub-page grant gives
    std::uint16_t length = 0;
    bool is_sub_page = false;
    std::uint8_t reserved = 0;
    mfn frame{}; ///< one reference is held while anybody uses it
    std::uint64_t reserved2 = 0;

    bool has_writers() const noexcept { return (host_writers | device_writers) != 0; }

    bool is_used() const noexcept { return has_writers() || (host_readers | device_readers) != 0; }
};

static_assert(sizeof(active_grant) == 32);

/// One mapping that this domain made of another's grant.
struct maptrack_entry {
    domid granter{};
    std::uint8_t flags = 0;   ///< gntmap_device_map or _host_map, and how; 0: maps nothing
    std::uint8_t leaving = 0; ///< 1: taken out, but translations may linger
    std::uint32_t ref = 0;
    std::uint32_t next_free = 0; ///< while free
    std::uint32_t reserved = 0;
    std::uint64_t epoch = 0; ///< while leaving: lingers until every CPU has passed it (PV: the TLB
                             ///< clock that a CPU must have passed)
    std::uint64_t at = 0;    ///< of a host mapping: the gfn; PV: the entry's machine address
};

static_assert(sizeof(maptrack_entry) == 32);

/// Entries of a page each; pages are added and stay until the domain is freed.
template <class T>
struct entry_page {
    std::array<T, page_size / sizeof(T)> entry;
};

/// The tables of a domain. Its own grants are under `lock`; the mappings it made are under
/// `maptrack_lock`. Nobody holds two of either kind, and neither while it changes a p2m.
template <class P>
struct grant_table {
    static constexpr std::uint32_t most_frames = 64; ///< as Xen's default limit
    static constexpr std::uint32_t most_maptrack_pages = 1024;
    static constexpr std::uint32_t v1_per_frame = page_size / sizeof(abi::grant_entry_v1);
    static constexpr std::uint32_t v2_per_frame = page_size / sizeof(abi::grant_entry_v2);
    static constexpr std::uint32_t status_per_frame = page_size / sizeof(std::uint16_t);
    static constexpr std::uint32_t most_status_frames =
        most_frames * v2_per_frame / status_per_frame;
    static constexpr std::uint32_t active_per_page = page_size / sizeof(active_grant);
    static constexpr std::uint32_t active_pages_per_frame = v1_per_frame / active_per_page;
    static constexpr std::uint32_t tracks_per_page = page_size / sizeof(maptrack_entry);
    using track_page = entry_page<maptrack_entry>;
    using track_group = std::array<track_page*, page_size / sizeof(track_page*)>;

    // --- what it grants ---
    spinlock lock;
    std::uint32_t version = 1;
    std::uint32_t max_version = 2;
    std::uint32_t max_frames = most_frames;
    std::uint32_t frame_count = 0;
    std::uint32_t status_frame_count = 0;
    std::uint32_t used_count = 0; ///< entries that somebody uses
    std::array<mfn, most_frames> frame{};
    std::array<mfn, most_status_frames> status_frame{};
    std::array<entry_page<active_grant>*, most_frames * active_pages_per_frame> active_page{};

    // --- what it has mapped of others ---
    spinlock maptrack_lock;
    std::uint32_t max_maptrack_pages = most_maptrack_pages;
    std::uint32_t track_count = 0;       ///< entries that have memory
    std::uint32_t first_free = no_track; ///< list of free entries
    std::uint32_t next_to_release = 0;   ///< how far the domain's end has come
    std::array<track_group*, most_maptrack_pages * sizeof(void*) / page_size> tracks{};

    static constexpr std::uint32_t no_track = ~std::uint32_t{0};

    /// Entries of the table as it is; the lock is held, here and below.
    std::uint32_t entry_count() const noexcept {
        return frame_count * (version == 1 ? v1_per_frame : v2_per_frame);
    }

    active_grant& active(std::uint32_t ref) noexcept {
        return active_page[ref / active_per_page]->entry[ref % active_per_page];
    }

    /// An existing maptrack entry; `maptrack_lock` is held.
    maptrack_entry& track(std::uint32_t handle) noexcept {
        std::uint32_t const page = handle / tracks_per_page;
        return (*tracks[page / track_group().size()])[page % track_group().size()]
            ->entry[handle % tracks_per_page];
    }
};

namespace detail {

template <class P>
expected<mfn, errc> new_shared_frame(domain<P>& d) noexcept {
    return d.hv.frames.allocate(0, d.id, page_use::shared);
}

/// Adds status frames until there is one for every entry. The lock is held.
template <class P>
expected<void, errc> grow_status(domain<P>& d, std::uint32_t frames) noexcept {
    auto& t = d.grants;
    std::uint32_t const need =
        (frames * t.v2_per_frame + t.status_per_frame - 1) / t.status_per_frame;
    while (t.status_frame_count < need) {
        t.status_frame[t.status_frame_count] = XENPP_TRY(new_shared_frame(d));
        ++t.status_frame_count;
    }
    return {};
}

/// Makes the table at least `frames` big. The lock is held. What was added before a failure stays.
template <class P>
expected<void, errc> grow_table(domain<P>& d, std::uint32_t frames) noexcept {
    auto& t = d.grants;
    if (frames > t.max_frames) {
        return unexpected(errc::inval);
    }
    if (t.version == 2) {
        XENPP_TRY(grow_status(d, frames));
    }
    while (t.frame_count < frames) {
        for (std::uint32_t i = 0; i < t.active_pages_per_frame; ++i) {
            auto*& page = t.active_page[t.frame_count * t.active_pages_per_frame + i];
            if (page == nullptr) {
                page = XENPP_TRY(d.hv.frames.template create<entry_page<active_grant>>());
            }
        }
        t.frame[t.frame_count] = XENPP_TRY(new_shared_frame(d));
        ++t.frame_count;
    }
    return {};
}

} // namespace detail

/// Prepares the table of a new domain, one frame big, with the limits of domctl_createdomain
/// (negative: the defaults; `max_version` 0: the default). Errors: `inval` above what this
/// hypervisor allows; `nomem`.
template <class P>
expected<void, errc> grants_create(domain<P>& d,
                                   std::int32_t max_frames,
                                   std::int32_t max_maptrack_frames,
                                   std::uint32_t max_version) noexcept {
    auto& t = d.grants;
    auto const frames = max_frames < 0 ? t.most_frames : static_cast<std::uint32_t>(max_frames);
    auto const tracks = max_maptrack_frames < 0 ? t.most_maptrack_pages
                                                : static_cast<std::uint32_t>(max_maptrack_frames);
    if (frames > t.most_frames || tracks > t.most_maptrack_pages || max_version > 2) {
        return unexpected(errc::inval);
    }
    lock_guard const hold(t.lock);
    t.max_frames = frames;
    t.max_maptrack_pages = tracks;
    t.max_version = max_version == 0 ? 2 : max_version;
    return detail::grow_table(d, frames == 0 ? 0 : 1);
}

/// The frame at index `idx` of the table, or of the status words, for mapping it into a domain;
/// the table grows as far as needed. Errors: `inval` beyond its limit, or no status words in
/// version 1; `nomem`.
template <class P>
expected<mfn, errc> grant_frame(domain<P>& d, std::uint32_t idx, bool status) noexcept {
    auto& t = d.grants;
    lock_guard const hold(t.lock);
    if (!status) {
        if (idx >= t.max_frames) {
            return unexpected(errc::inval);
        }
        XENPP_TRY(detail::grow_table(d, idx + 1));
        return t.frame[idx];
    }
    std::uint32_t const frames_per_status = t.status_per_frame / t.v2_per_frame;
    if (t.version != 2 || idx > (t.max_frames - 1) / frames_per_status || t.max_frames == 0) {
        return unexpected(errc::inval);
    }
    std::uint32_t const wanted = idx * frames_per_status + 1;
    XENPP_TRY(detail::grow_table(d, wanted > t.frame_count ? wanted : t.frame_count));
    return t.status_frame[idx];
}

/// Gives the tables' memory back when nothing can reach the domain any more.
template <class P>
void grants_free(domain<P>& d) noexcept {
    auto& t = d.grants;
    for (std::uint32_t i = 0; i < t.frame_count; ++i) {
        put_frame(d.hv, t.frame[i]);
    }
    for (std::uint32_t i = 0; i < t.status_frame_count; ++i) {
        put_frame(d.hv, t.status_frame[i]);
    }
    for (auto*& page : t.active_page) {
        if (page != nullptr) {
            d.hv.frames.destroy(page);
            page = nullptr;
        }
    }
    for (std::uint32_t n = 0; n < t.track_count / t.tracks_per_page; ++n) {
        auto const size = static_cast<std::uint32_t>(t.tracks[0]->size());
        d.hv.frames.destroy((*t.tracks[n / size])[n % size]);
    }
    for (auto*& group : t.tracks) {
        if (group != nullptr) {
            d.hv.frames.destroy(group);
            group = nullptr;
        }
    }
    t.frame_count = t.status_frame_count = t.track_count = 0;
}

} // namespace xenpp::hv
