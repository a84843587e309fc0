// SPDX-License-Identifier: Apache-2.0
// Hypercall 12, memory_op: the questions, and the table of all operations.
#pragma once

#include <xenpp/abi/memory.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/memory_physmap.hpp>
#include <xenpp/hv/memory_reservation.hpp>
#include <xenpp/hv/pv/memory_exchange.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace xenpp::hv {

namespace detail {

/// Questions whose argument is a domain number alone.
template <class P>
hypercall_result memory_question(vcpu<P>& v, abi::mem_op op, hypercall_args& args) noexcept {
    auto const which = XENPP_TRY(read_guest<abi::memory_domain>(v, args.arg[1]));
    auto const d = XENPP_TRY(physmap_target(v, which.domid));
    if (op == abi::mem_op::current_reservation) {
        return atomic_load(d->total_pages);
    }
    if (op == abi::mem_op::maximum_reservation) {
        return d->max_pages;
    }
    auto const top = d->kind == domain_kind::pv ? atomic_load(d->shared_info->arch.max_pfn)
                                                : atomic_load(d->guest_memory.top);
    return top == 0 ? 0 : top - 1;
}

/// There is no populate-on-demand: a domain's target is what it has, and nothing stands behind.
template <class P>
hypercall_result memory_pod_target(vcpu<P>& v, abi::mem_op op, hypercall_args& args) noexcept {
    auto target = XENPP_TRY(read_guest<abi::pod_target>(v, args.arg[1]));
    if (!v.dom.is_privileged()) {
        return unexpected(errc::perm);
    }
    auto const d = XENPP_TRY(physmap_target(v, target.domid));
    if (d->kind != domain_kind::hvm ||
        (op == abi::mem_op::set_pod_target && target.target_pages > d->max_pages)) {
        return unexpected(errc::inval);
    }
    target.tot_pages = atomic_load(d->total_pages);
    target.pod_cache_pages = 0;
    target.pod_entries = 0;
    XENPP_TRY(write_guest(v, args.arg[1], target));
    return std::uint64_t{0};
}

/// The E820 map that the toolstack gave the caller. `nosys` if none; `nobufs` for too small a
/// buffer.
template <class P>
hypercall_result memory_map_get(vcpu<P>& v, hypercall_args& args) noexcept {
    auto m = XENPP_TRY(read_guest<abi::memory_map>(v, args.arg[1]));
    lock_guard const hold(v.dom.lock);
    auto const* const map = v.dom.memory_map;
    if (map == nullptr) {
        return unexpected(errc::nosys);
    }
    if (m.nr_entries < map->count) {
        return unexpected(errc::nobufs);
    }
    m.nr_entries = map->count;
    XENPP_TRY(copy_to_guest(v, m.buffer.p, map->entries.data(),
                            std::size_t{map->count} * guest_memory_map::entry_size));
    XENPP_TRY(write_guest(v, args.arg[1], m));
    return std::uint64_t{0};
}

template <class P>
hypercall_result memory_map_set(vcpu<P>& v, hypercall_args& args) noexcept {
    auto const op = XENPP_TRY(read_guest<abi::foreign_memory_map>(v, args.arg[1]));
    if (op.map.nr_entries > guest_memory_map::capacity) {
        return unexpected(errc::toobig);
    }
    if (!v.dom.is_privileged()) {
        return unexpected(errc::perm);
    }
    auto const d = find_domain(v.dom.hv, domid(op.domid));
    if (!d) {
        return unexpected(errc::srch);
    }
    auto& frames = v.dom.hv.frames;
    auto* const map = XENPP_TRY(frames.template create<guest_memory_map>());
    map->count = op.map.nr_entries;
    auto const copied = copy_from_guest(v, map->entries.data(), op.map.buffer.p,
                                        std::size_t{map->count} * guest_memory_map::entry_size);
    if (!copied) {
        frames.discard(map);
        return unexpected(copied.error());
    }
    guest_memory_map* old = nullptr;
    {
        lock_guard const hold(d->lock);
        old = std::exchange(d->memory_map, map);
    }
    if (old != nullptr) {
        frames.destroy(old);
    }
    return std::uint64_t{0};
}

/// Where a PV guest finds the machine-to-physical table, and how far it goes.
template <class P>
hypercall_result machphys_mapping(vcpu<P>& v, hypercall_args& args) noexcept {
    XENPP_TRY(write_guest(v, args.arg[1],
                          abi::machphys_mapping{.v_start = pv::m2p_base,
                                                .v_end = pv::m2p_end,
                                                .max_mfn = v.dom.hv.frames.end().raw() - 1}));
    return std::uint64_t{0};
}

/// The frames of that table, one for each 2 MiB of it, as far as there is memory.
template <class P>
hypercall_result machphys_list(vcpu<P>& v, hypercall_args& args) noexcept {
    auto list = XENPP_TRY(read_guest<abi::machphys_mfn_list>(v, args.arg[1]));
    auto const& m2p = v.dom.hv.m2p;
    std::uint32_t n = 0;
    for (; n != list.max_extents && m2p.chunk(n) != mfn(); ++n) {
        XENPP_TRY(write_guest(v, list.extent_start, m2p.chunk(n).raw(), n));
    }
    list.nr_extents = n;
    XENPP_TRY(write_guest(v, args.arg[1], list));
    return std::uint64_t{0};
}

} // namespace detail

/// The handler. `nosys` for paging to disk, sharing and access events, which do not exist here;
/// `opnotsupp` for those that Xen refuses to translated domains.
template <class P>
hypercall_result do_memory_op(vcpu<P>& v, hypercall_args& args) noexcept {
    constexpr auto mask = (std::uint64_t{1} << memory_op_progress::shift) - 1;
    auto const op = static_cast<abi::mem_op>(args.arg[0] & mask);
    switch (op) {
    case abi::mem_op::increase_reservation:
    case abi::mem_op::decrease_reservation:
    case abi::mem_op::populate_physmap: return memory_reservation_op(v, op, args);
    case abi::mem_op::claim_pages: return memory_claim(v, args);
    case abi::mem_op::maximum_ram_page: return v.dom.hv.frames.end().raw();
    case abi::mem_op::current_reservation:
    case abi::mem_op::maximum_reservation:
    case abi::mem_op::maximum_gpfn: return detail::memory_question(v, op, args);
    case abi::mem_op::add_to_physmap: return memory_add_to_physmap(v, args);
    case abi::mem_op::add_to_physmap_batch: return memory_add_to_physmap_batch(v, args);
    case abi::mem_op::remove_from_physmap: return memory_remove_from_physmap(v, args);
    case abi::mem_op::memory_map: return detail::memory_map_get(v, args);
    case abi::mem_op::set_memory_map: return detail::memory_map_set(v, args);
    case abi::mem_op::set_pod_target:
    case abi::mem_op::get_pod_target: return detail::memory_pod_target(v, op, args);
    case abi::mem_op::acquire_resource: return memory_acquire_resource(v, args);
    case abi::mem_op::get_sharing_freed_pages:
    case abi::mem_op::get_sharing_shared_pages: return std::uint64_t{0};
    case abi::mem_op::exchange: return pv::memory_exchange(v, args);
    case abi::mem_op::get_vnumainfo: return unexpected(errc::opnotsupp);
    case abi::mem_op::machphys_mfn_list: return detail::machphys_list(v, args);
    case abi::mem_op::machphys_mapping: return detail::machphys_mapping(v, args);
    case abi::mem_op::machine_memory_map: return unexpected(errc::perm);
    case abi::mem_op::machphys_compat_mfn_list:
    case abi::mem_op::paging_op:
    case abi::mem_op::access_op:
    case abi::mem_op::sharing_op:
    case abi::mem_op::reserved_device_memory_map: break;
    }
    return unexpected(errc::nosys);
}

} // namespace xenpp::hv
