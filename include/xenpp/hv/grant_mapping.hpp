// SPDX-License-Identifier: Apache-2.0
// Mapping others' grants: handles, the mapper's p2m, and unmapping without stale translations.
#pragma once

#include <xenpp/hv/grant_entry.hpp>
#include <xenpp/hv/pv/grant_map.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

namespace xenpp::hv {

namespace detail {

inline constexpr std::uint32_t gntmap_kinds = abi::gntmap_device_map | abi::gntmap_host_map;

/// Adds a page of maptrack entries, all free. The lock is held. Errors: `nospc` the limit, `nomem`.
template <class P>
expected<void, errc> add_tracks(domain<P>& d) noexcept {
    auto& t = d.grants;
    using group = typename grant_table<P>::track_group;
    using page = typename grant_table<P>::track_page;
    std::uint32_t const n = t.track_count / t.tracks_per_page;
    if (n == t.max_maptrack_pages) {
        return unexpected(errc::nospc);
    }
    auto*& g = t.tracks[n / group().size()];
    if (g == nullptr) {
        g = XENPP_TRY(d.hv.frames.template create<group>());
    }
    (*g)[n % group().size()] = XENPP_TRY(d.hv.frames.template create<page>());
    std::uint32_t const first = t.track_count;
    t.track_count += t.tracks_per_page;
    for (std::uint32_t i = t.track_count; i-- > first;) {
        t.track(i).next_free = t.first_free;
        t.first_free = i;
    }
    return {};
}

/// Takes a handle that maps nothing yet. Errors as `add_tracks`.
template <class P>
expected<std::uint32_t, errc> take_track(domain<P>& d) noexcept {
    auto& t = d.grants;
    lock_guard const hold(t.maptrack_lock);
    if (t.first_free == t.no_track) {
        XENPP_TRY(add_tracks(d));
    }
    std::uint32_t const handle = t.first_free;
    t.first_free = t.track(handle).next_free;
    return handle;
}

template <class P>
void set_track(domain<P>& d, std::uint32_t handle, maptrack_entry const& what) noexcept {
    lock_guard const hold(d.grants.maptrack_lock);
    d.grants.track(handle) = what;
}

/// The lock is held.
template <class P>
void free_track(domain<P>& d, std::uint32_t handle) noexcept {
    auto& t = d.grants;
    t.track(handle) = {};
    t.track(handle).next_free = t.first_free;
    t.first_free = handle;
}

/// Ends the uses that `flags` (kinds, and whether they were read-only) stand for.
template <class P>
void unpin_kinds(domain<P>& granter, std::uint32_t ref, std::uint32_t flags) noexcept {
    bool const writes = (flags & abi::gntmap_readonly) == 0;
    if ((flags & abi::gntmap_host_map) != 0) {
        unpin_grant(granter, grant_ref(ref), {.writes = writes, .by_host = true});
    }
    if ((flags & abi::gntmap_device_map) != 0) {
        unpin_grant(granter, grant_ref(ref), {.writes = writes, .by_host = false});
    }
}

/// Enters a granted frame into the mapper's memory at `op.host_addr`; says where that is, as
/// `maptrack_entry::at`.
template <class P>
expected<std::uint64_t, grant_status> enter_frame(vcpu<P>& v,
                                                  domain<P>& granter,
                                                  mfn frame,
                                                  abi::gnttab_map_grant_ref const& op) noexcept {
    auto& d = v.dom;
    if (d.kind == domain_kind::pv) {
        auto const at = pv::map_granted(v, granter, frame, op.host_addr, op.flags);
        if (!at) {
            return unexpected(abi::gntst_general_error);
        }
        return at->raw();
    }
    // As Xen for translated domains: nothing but a plain host mapping, no page-table entries.
    if (d.kind != domain_kind::hvm ||
        (op.flags & ~std::uint32_t{abi::gntmap_readonly}) != abi::gntmap_host_map ||
        !get_frame(d.hv, frame)) {
        return unexpected(abi::gntst_general_error);
    }
    bool const writable = (op.flags & abi::gntmap_readonly) == 0;
    auto const rights = writable ? p2m_rights::writable : p2m_rights::read_only;
    gfn const at(op.host_addr >> page_shift);
    if (!p2m_add(d, at, frame, 0, rights)) {
        put_frame(d.hv, frame);
        return unexpected(abi::gntst_general_error);
    }
    return at.raw();
}

/// Takes a granted frame out of the mapper's memory, from where it was entered: each handle stands
/// for its own place and rights, so one may not be ended at the expense of another. Where the
/// mapper has put something else there meanwhile, nothing is left to take out.
template <class P>
grant_status
leave_frame(domain<P>& d, maptrack_entry const& e, std::uint64_t address, mfn frame) noexcept {
    if (d.kind == domain_kind::pv) {
        bool const done =
            pv::unmap_granted(d, maddr(e.at), frame, (e.flags & abi::gntmap_readonly) == 0,
                              (e.flags & abi::gntmap_contains_pte) != 0, address);
        return done ? abi::gntst_okay : abi::gntst_general_error;
    }
    gfn const at(e.at);
    if (gfn(address >> page_shift) != at) {
        return abi::gntst_general_error;
    }
    auto const there = p2m_lookup(d, at);
    if (there && there->frame == frame && !p2m_remove(d, at, 0)) {
        return abi::gntst_general_error;
    }
    return abi::gntst_okay;
}

/// Whether every CPU that runs `d` has passed through its run loop since `epoch`. Others need not:
/// a vCPU that starts to run flushes first.
template <class P>
bool epoch_has_passed(domain<P>& d, std::uint64_t epoch) noexcept {
    return std::none_of(d.vcpus.begin(), d.vcpus.end(), [&d, epoch](auto* const v) {
        return v != nullptr && atomic_load(v->running) &&
               atomic_load(d.hv.cpu_epoch[v->processor.raw()]) <= epoch;
    });
}

/// The epoch until which a translation of `d` that was just taken out may linger on some CPU; 0:
/// on none, as no other vCPU of it runs (one that starts to run flushes first).
template <class P>
std::uint64_t lingering_epoch(vcpu<P>& v) noexcept {
    if (v.dom.kind == domain_kind::pv) {
        return atomic_load(v.dom.pv_memory.tlb_clock);
    }
    for (auto* const other : v.dom.vcpus) {
        if (other != nullptr && other != &v && atomic_load(other->running)) {
            return atomic_fetch_add(v.dom.hv.epoch, 1);
        }
    }
    return 0;
}

/// Whether nothing lingers of a mapping that `d` has taken out. A PV domain's CPUs are made to
/// flush; the first of a batch does so for all.
template <class P>
bool has_left(domain<P>& d, std::uint64_t epoch) noexcept {
    if (epoch == std::numeric_limits<std::uint64_t>::max()) {
        return false; // another vCPU is still taking it out
    }
    if (d.kind == domain_kind::pv) {
        pv::flush_stale(d, epoch);
        return true;
    }
    return epoch == 0 || epoch_has_passed(d, epoch);
}

} // namespace detail

/// GNTTABOP_map_grant_ref, one: fills in status, handle and bus address.
///
/// The control domain has all of RAM mapped already: it asks for a device mapping, and the bus
/// address is where the frame lies. An hvm domain asks for a host mapping: the frame appears in
/// its memory at `host_addr`; a PV domain names a virtual address or an entry of its page tables.
template <class P>
void map_grant(vcpu<P>& v, abi::gnttab_map_grant_ref& op) noexcept {
    auto& d = v.dom;
    if ((op.flags & detail::gntmap_kinds) == 0) {
        op.status = abi::gntst_bad_gntref;
        return;
    }
    auto const granter = find_domain(d.hv, domid(op.dom));
    if (!granter) {
        op.status = abi::gntst_bad_domain;
        return;
    }
    auto const handle = detail::take_track(d);
    if (!handle) {
        op.status = abi::gntst_no_space;
        return;
    }
    bool const by_host = (op.flags & abi::gntmap_host_map) != 0;
    grant_use const use{.writes = (op.flags & abi::gntmap_readonly) == 0, .by_host = by_host};
    auto const pinned = pin_grant(*granter, grant_ref(op.ref), d.id, use);
    op.status = pinned ? abi::gntst_okay : pinned.error();
    std::uint64_t at = 0;
    if (pinned && by_host) {
        auto const entered = detail::enter_frame(v, *granter, pinned->frame, op);
        if (entered) {
            at = *entered;
        } else {
            op.status = entered.error();
            unpin_grant(*granter, grant_ref(op.ref), use);
        }
    }
    if (op.status != abi::gntst_okay) {
        lock_guard const hold(d.grants.maptrack_lock);
        detail::free_track(d, *handle);
        return;
    }
    auto const kind = by_host ? abi::gntmap_host_map : abi::gntmap_device_map;
    auto const how = op.flags & (abi::gntmap_readonly | abi::gntmap_contains_pte);
    detail::set_track(d, *handle,
                      {.granter = granter->id,
                       .flags = static_cast<std::uint8_t>(kind | how),
                       .ref = op.ref,
                       .at = at});
    op.handle = *handle;
    op.dev_bus_addr = to_maddr(pinned->frame).raw();
}

/// What came of the first half of an unmap.
struct unmap_begun {
    grant_status status = abi::gntst_okay;
    bool is_leaving = false; ///< `finish_unmap` must follow
};

namespace detail {

/// Takes the frame of a handle out of the mapper's memory, where there is anything to take out.
template <class P>
grant_status
take_out(domain<P>& d, maptrack_entry const& e, abi::gnttab_unmap_grant_ref const& op) noexcept {
    auto const granter = find_domain(d.hv, e.granter);
    if (!granter) {
        return abi::gntst_bad_domain;
    }
    mfn frame{};
    {
        lock_guard const hold(granter->grants.lock);
        frame = granter->grants.active(e.ref).frame;
    }
    if ((e.flags & abi::gntmap_host_map) != 0) {
        return leave_frame(d, e, op.host_addr, frame);
    }
    return op.dev_bus_addr == to_maddr(frame).raw() ? abi::gntst_okay : abi::gntst_general_error;
}

} // namespace detail

/// The first half of an unmap: takes the frame out of the mapper's memory. The handle is then
/// leaving, and `finish_unmap` ends it. An address of zero leaves the mapping alone. Does nothing
/// to a handle that leaves already.
template <class P>
unmap_begun begin_unmap(vcpu<P>& v, abi::gnttab_unmap_grant_ref const& op) noexcept {
    auto& d = v.dom;
    auto& t = d.grants;
    maptrack_entry claimed;
    {
        lock_guard const hold(t.maptrack_lock);
        if (op.handle >= t.track_count || t.track(op.handle).flags == 0) {
            return {abi::gntst_bad_handle, false};
        }
        auto& e = t.track(op.handle);
        if (e.leaving != 0) {
            return {abi::gntst_okay, true};
        }
        bool const by_host = (e.flags & abi::gntmap_host_map) != 0;
        if ((by_host ? op.host_addr : op.dev_bus_addr) == 0) {
            return {abi::gntst_okay, false};
        }
        claimed = e;
        e.leaving = 1; // from here on it is this call's alone: its epoch never passes
        e.epoch = std::numeric_limits<std::uint64_t>::max();
    }
    auto const status = detail::take_out(d, claimed, op);
    bool const is_leaving = status == abi::gntst_okay;
    claimed.leaving = is_leaving ? 1 : 0;
    claimed.epoch = is_leaving ? detail::lingering_epoch(v) : 0;
    detail::set_track(d, op.handle, claimed);
    return {status, is_leaving};
}

/// The second half: once no translation can linger, the granter may have its page back. Nothing:
/// not yet, call again later.
template <class P>
std::optional<grant_status> finish_unmap(vcpu<P>& v, std::uint32_t handle) noexcept {
    auto& d = v.dom;
    auto& t = d.grants;
    maptrack_entry ended;
    {
        lock_guard const hold(t.maptrack_lock);
        if (handle >= t.track_count || t.track(handle).leaving == 0) {
            return abi::gntst_bad_handle; // another vCPU has ended it
        }
        ended = t.track(handle);
        if (!detail::has_left(d, ended.epoch)) {
            return std::nullopt;
        }
        detail::free_track(d, handle);
    }
    if (auto const granter = find_domain(d.hv, ended.granter)) {
        detail::unpin_kinds(*granter, ended.ref, ended.flags);
    }
    return abi::gntst_okay;
}

/// GNTTABOP_unmap_and_replace, one: ends a host mapping of a PV domain and puts the entry that maps
/// `new_addr` in its place. `general_error` as Xen for mappings that were made by the entry's
/// address, and for domains of another kind.
template <class P>
grant_status unmap_and_replace(vcpu<P>& v, abi::gnttab_unmap_and_replace const& op) noexcept {
    auto& d = v.dom;
    auto& t = d.grants;
    maptrack_entry claimed;
    {
        lock_guard const hold(t.maptrack_lock);
        if (op.handle >= t.track_count || t.track(op.handle).flags == 0 ||
            t.track(op.handle).leaving != 0) {
            return abi::gntst_bad_handle;
        }
        auto& e = t.track(op.handle);
        if (d.kind != domain_kind::pv || (e.flags & abi::gntmap_host_map) == 0 ||
            (e.flags & abi::gntmap_contains_pte) != 0) {
            return abi::gntst_general_error;
        }
        claimed = e;
        e.leaving = 1;
        e.epoch = std::numeric_limits<std::uint64_t>::max();
    }
    auto const granter = find_domain(d.hv, claimed.granter);
    mfn frame{};
    if (granter) {
        lock_guard const hold(granter->grants.lock);
        frame = granter->grants.active(claimed.ref).frame;
    }
    bool const writable = (claimed.flags & abi::gntmap_readonly) == 0;
    if (!granter ||
        !pv::replace_granted(v, maddr(claimed.at), frame, writable, op.host_addr, op.new_addr)) {
        detail::set_track(d, op.handle, claimed);
        return abi::gntst_general_error;
    }
    pv::flush_stale(d, atomic_load(d.pv_memory.tlb_clock));
    {
        lock_guard const hold(t.maptrack_lock);
        detail::free_track(d, op.handle);
    }
    detail::unpin_kinds(*granter, claimed.ref, claimed.flags);
    return abi::gntst_okay;
}

/// Ends every mapping that a dying domain made; its vCPUs have stopped, and its p2m goes by itself.
/// `restart`: bounded work done, call again. What others have mapped of its own grants stays
/// theirs until they unmap it: the frames keep the domain's structure alive until then.
template <class P>
expected<void, errc> grants_destroy(domain<P>& d) noexcept {
    constexpr std::uint32_t batch = 256;
    auto& t = d.grants;
    for (std::uint32_t i = 0; i < batch; ++i) {
        maptrack_entry ended;
        {
            lock_guard const hold(t.maptrack_lock);
            if (t.next_to_release >= t.track_count) {
                return {};
            }
            std::uint32_t const handle = t.next_to_release++;
            ended = t.track(handle);
            if (ended.flags == 0) {
                continue;
            }
            detail::free_track(d, handle);
        }
        if (auto const granter = find_domain(d.hv, ended.granter)) {
            detail::unpin_kinds(*granter, ended.ref, ended.flags);
        }
    }
    return unexpected(errc::restart);
}

} // namespace xenpp::hv
