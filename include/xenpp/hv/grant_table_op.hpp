// SPDX-License-Identifier: Apache-2.0
// HYPERVISOR_grant_table_op: decodes GNTTABOP_* and goes through their arrays in bounded steps.
#pragma once

#include <xenpp/hv/event_channel_op.hpp>
#include <xenpp/hv/grant_copy.hpp>
#include <xenpp/hv/grant_mapping.hpp>
#include <xenpp/hv/grant_version.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>

#include <cstdint>
#include <limits>

namespace xenpp::hv {

namespace detail {

/// How many elements of an array are done before the caller is asked to come again.
inline constexpr std::uint64_t grant_batch = 64;

/// Goes on behind the first `done` elements of the array of `Op`.
template <class Op>
void advance(hypercall_args& args, std::uint64_t done) noexcept {
    args.arg[1] += done * sizeof(Op);
    args.arg[2] -= done;
}

/// Calls `each(op)` for the elements of the caller's array and writes each back.
template <class Op, class P, class Each>
hypercall_result for_each_grant_op(vcpu<P>& v, hypercall_args& args, Each each) noexcept {
    for (std::uint64_t i = 0; i < args.arg[2]; ++i) {
        if (i == grant_batch) {
            advance<Op>(args, i);
            return unexpected(errc::restart);
        }
        auto op = XENPP_TRY(read_guest<Op>(v, args.arg[1], i));
        each(op);
        XENPP_TRY(write_guest<Op>(v, args.arg[1], op, i));
    }
    return 0;
}

/// Unmaps in two passes over a batch, so that many wait once for lingering translations.
template <class P>
hypercall_result do_unmap(vcpu<P>& v, hypercall_args& args) noexcept {
    using unmap = abi::gnttab_unmap_grant_ref;
    std::uint64_t const count = args.arg[2] < grant_batch ? args.arg[2] : grant_batch;
    for (std::uint64_t i = 0; i < count; ++i) {
        begin_unmap(v, XENPP_TRY(read_guest<unmap>(v, args.arg[1], i)));
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        auto op = XENPP_TRY(read_guest<unmap>(v, args.arg[1], i));
        auto const begun = begin_unmap(v, op);
        op.status = begun.status;
        if (begun.is_leaving) {
            auto const ended = finish_unmap(v, op.handle);
            if (!ended) {
                advance<unmap>(args, i);
                return unexpected(errc::restart);
            }
            op.status = *ended;
        }
        XENPP_TRY(write_guest<unmap>(v, args.arg[1], op, i));
    }
    advance<unmap>(args, count);
    if (args.arg[2] != 0) {
        return unexpected(errc::restart);
    }
    return 0;
}

/// The domain that an operation names, if `v` may act for it.
template <class P>
expected<domain_ref<P>, grant_status> grant_domain(vcpu<P>& v, std::uint16_t id) noexcept {
    auto d = find_domain(v, domid(id));
    if (!d) {
        return unexpected(abi::gntst_bad_domain);
    }
    if (!may_act_for(v, *d)) {
        return unexpected(abi::gntst_permission_denied);
    }
    return d;
}

/// Writes frame numbers to the caller's list. An hvm domain knows its table by no frame number of
/// its own (it chooses where to map it), so there is nothing to list for one.
template <class P>
expected<grant_status, errc> list_frames(
    vcpu<P>& v, domain<P>& d, std::uint32_t count, std::uint64_t list, bool status) noexcept {
    for (std::uint32_t i = 0; i < count; ++i) {
        auto const f = grant_frame(d, i, status);
        if (!f || d.kind == domain_kind::hvm) {
            return abi::gntst_general_error;
        }
        XENPP_TRY(write_guest<std::uint64_t>(v, list, f->raw(), i));
    }
    return abi::gntst_okay;
}

template <class P>
hypercall_result do_setup_table(vcpu<P>& v, std::uint64_t at) noexcept {
    auto op = XENPP_TRY(read_guest<abi::gnttab_setup_table>(v, at));
    auto const d = grant_domain(v, op.dom);
    if (!d) {
        op.status = d.error();
    } else if (op.nr_frames > (*d)->grants.max_frames) {
        op.status = abi::gntst_general_error;
    } else {
        op.status = XENPP_TRY(list_frames(v, **d, op.nr_frames, op.frame_list.p, false));
    }
    XENPP_TRY(write_guest<abi::gnttab_setup_table>(v, at, op));
    return 0;
}

template <class P>
hypercall_result do_get_status_frames(vcpu<P>& v, std::uint64_t at) noexcept {
    auto op = XENPP_TRY(read_guest<abi::gnttab_get_status_frames>(v, at));
    auto const d = grant_domain(v, op.dom);
    if (!d) {
        op.status = d.error();
    } else if (op.nr_frames > (*d)->grants.status_frame_count) {
        op.status = abi::gntst_general_error;
    } else {
        op.status = XENPP_TRY(list_frames(v, **d, op.nr_frames, op.frame_list.p, true));
    }
    XENPP_TRY(write_guest<abi::gnttab_get_status_frames>(v, at, op));
    return 0;
}

template <class P>
hypercall_result do_query_size(vcpu<P>& v, std::uint64_t at) noexcept {
    auto op = XENPP_TRY(read_guest<abi::gnttab_query_size>(v, at));
    auto const d = grant_domain(v, op.dom);
    if (d) {
        lock_guard const hold((*d)->grants.lock);
        op.nr_frames = (*d)->grants.frame_count;
        op.max_nr_frames = (*d)->grants.max_frames;
    }
    op.status = d ? abi::gntst_okay : d.error();
    XENPP_TRY(write_guest<abi::gnttab_query_size>(v, at, op));
    return 0;
}

template <class P>
hypercall_result do_set_version(vcpu<P>& v, std::uint64_t at) noexcept {
    auto op = XENPP_TRY(read_guest<abi::gnttab_set_version>(v, at));
    auto const set = set_grant_version(v.dom, op.version);
    {
        lock_guard const hold(v.dom.grants.lock);
        op.version = v.dom.grants.version;
    }
    XENPP_TRY(write_guest<abi::gnttab_set_version>(v, at, op));
    XENPP_TRY(set);
    return 0;
}

template <class P>
hypercall_result do_get_version(vcpu<P>& v, std::uint64_t at) noexcept {
    auto op = XENPP_TRY(read_guest<abi::gnttab_get_version>(v, at));
    auto const d = grant_domain(v, op.dom);
    if (!d) {
        bool const is_absent = d.error() == abi::gntst_bad_domain;
        return unexpected(is_absent ? errc::srch : errc::perm);
    }
    {
        lock_guard const hold((*d)->grants.lock);
        op.version = (*d)->grants.version;
    }
    XENPP_TRY(write_guest<abi::gnttab_get_version>(v, at, op));
    return 0;
}

/// Caches of an x86 machine are coherent: there is nothing to flush, and Xen says so as well.
template <class P>
hypercall_result do_cache_flush(vcpu<P>& v, hypercall_args const& args) noexcept {
    if (args.arg[2] == 0) {
        return 0;
    }
    auto const op = XENPP_TRY(read_guest<abi::gnttab_cache_flush>(v, args.arg[1]));
    constexpr std::uint32_t known =
        abi::gnttab_cache_clean | abi::gnttab_cache_inval | abi::gnttab_cache_source_gref;
    if (std::uint32_t{op.offset} + op.length > page_size || (op.op & ~known) != 0) {
        return unexpected(errc::inval);
    }
    if (op.length == 0 || (op.op & ~abi::gnttab_cache_source_gref) == 0) {
        return 0;
    }
    return unexpected(errc::opnotsupp);
}

/// The operations that take exactly one structure.
template <class P>
hypercall_result
do_single_grant_op(vcpu<P>& v, abi::gnttab_op cmd, hypercall_args const& args) noexcept {
    if (args.arg[2] != 1) {
        return unexpected(errc::inval);
    }
    switch (cmd) {
    case abi::gnttab_op::setup_table: return do_setup_table(v, args.arg[1]);
    case abi::gnttab_op::query_size: return do_query_size(v, args.arg[1]);
    case abi::gnttab_op::get_status_frames: return do_get_status_frames(v, args.arg[1]);
    case abi::gnttab_op::set_version: return do_set_version(v, args.arg[1]);
    case abi::gnttab_op::get_version: return do_get_version(v, args.arg[1]);
    case abi::gnttab_op::map_grant_ref:
    case abi::gnttab_op::unmap_grant_ref:
    case abi::gnttab_op::dump_table:
    case abi::gnttab_op::transfer:
    case abi::gnttab_op::copy:
    case abi::gnttab_op::unmap_and_replace:
    case abi::gnttab_op::swap_grant_ref:
    case abi::gnttab_op::cache_flush: break;
    }
    return unexpected(errc::nosys);
}

} // namespace detail

/// arg[0]: GNTTABOP_*, arg[1]: the address of an array of its structure, arg[2]: how many. Errors
/// of single elements are in their `status`; of the call: `fault`, `inval` a bad count, `restart`
/// after 64 elements, `nosys` for an unknown command (dumping a table is one).
///
/// Transferring a page is refused, element by element, with `general_error`: nobody has done it
/// since grants can be copied.
template <class P>
hypercall_result do_grant_table_op(vcpu<P>& v, hypercall_args& args) noexcept {
    if (args.arg[2] > std::numeric_limits<std::int32_t>::max()) {
        return unexpected(errc::inval);
    }
    auto const cmd = static_cast<abi::gnttab_op>(args.arg[0]);
    switch (cmd) {
    case abi::gnttab_op::map_grant_ref:
        return detail::for_each_grant_op<abi::gnttab_map_grant_ref>(
            v, args, [&v](auto& op) { map_grant(v, op); });
    case abi::gnttab_op::unmap_grant_ref: return detail::do_unmap(v, args);
    case abi::gnttab_op::copy:
        return detail::for_each_grant_op<abi::gnttab_copy>(
            v, args, [&v](auto& op) { op.status = copy_grant(v, op); });
    case abi::gnttab_op::swap_grant_ref:
        return detail::for_each_grant_op<abi::gnttab_swap_grant_ref>(v, args, [&v](auto& op) {
            op.status = swap_grants(v.dom, grant_ref(op.ref_a), grant_ref(op.ref_b));
        });
    case abi::gnttab_op::transfer:
        return detail::for_each_grant_op<abi::gnttab_transfer>(
            v, args, [](auto& op) { op.status = abi::gntst_general_error; });
    case abi::gnttab_op::unmap_and_replace:
        return detail::for_each_grant_op<abi::gnttab_unmap_and_replace>(
            v, args, [&v](auto& op) { op.status = unmap_and_replace(v, op); });
    case abi::gnttab_op::cache_flush: return detail::do_cache_flush(v, args);
    case abi::gnttab_op::setup_table:
    case abi::gnttab_op::query_size:
    case abi::gnttab_op::set_version:
    case abi::gnttab_op::get_status_frames:
    case abi::gnttab_op::get_version: return detail::do_single_grant_op(v, cmd, args);
    case abi::gnttab_op::dump_table: break;
    }
    return unexpected(errc::nosys);
}

} // namespace xenpp::hv
