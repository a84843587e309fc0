// SPDX-License-Identifier: Apache-2.0
// Calls about a domain's memory.
#include <xenpp/abi/memory.hpp>
#include <xenpp/ctl/memory.hpp>

#include <algorithm>
#include <cstring>
#include <iterator>

namespace xenpp::ctl {
namespace {

using abi::mem_op;
using transport::hypercall_buffer;

template <class T>
result<std::uint64_t>
memory_call(connection& c, subject const& what, mem_op op, hypercall_buffer<T> const& argument) {
    return c.call(what, abi::hypercall::memory_op,
                  {static_cast<std::uint64_t>(op), argument.address()});
}

/// Populates; `take` is given the extents of each call that the domain got, as they came back.
template <class Take>
result<std::uint64_t> populate(
    connection& c, domid d, std::uint64_t first, unsigned order, std::uint64_t count, Take take) {
    constexpr std::uint64_t at_once = 4096; // 32 KiB of frame numbers
    auto op = XENPP_TRY(hypercall_buffer<abi::memory_reservation>::create(c.doors()));
    auto frames = XENPP_TRY(hypercall_buffer<std::uint64_t>::create(
        c.doors(), static_cast<std::size_t>(std::min(at_once, std::max<std::uint64_t>(count, 1)))));
    std::uint64_t done = 0;
    while (done < count) {
        auto const n = std::min<std::uint64_t>(frames.size(), count - done);
        for (std::uint64_t i = 0; i < n; ++i) {
            frames[static_cast<std::size_t>(i)] = first + ((done + i) << order);
        }
        op->extent_start.p = frames.address();
        op->nr_extents = n;
        op->extent_order = order;
        op->mem_flags = 0;
        op->domid = d.raw();
        auto const got = std::min(n, XENPP_TRY(memory_call(c, {"memory_populate_physmap", d},
                                                           mem_op::populate_physmap, op)));
        take(std::span<std::uint64_t const>(frames.all().first(static_cast<std::size_t>(got))));
        done += got;
        if (got < n) {
            break;
        }
    }
    return done;
}

} // namespace

result<void> claim_pages(connection& c, domid d, std::uint64_t count) {
    auto claim = XENPP_TRY(hypercall_buffer<abi::memory_reservation>::create(c.doors()));
    claim->nr_extents = count;
    claim->domid = d.raw();
    XENPP_TRY(memory_call(c, {"memory_claim_pages", d}, mem_op::claim_pages, claim));
    return {};
}

result<std::uint64_t>
populate_physmap(connection& c, domid d, gfn first, unsigned order, std::uint64_t count) {
    return populate(c, d, first.raw(), order, count, [](std::span<std::uint64_t const>) {});
}

result<std::vector<mfn>>
populate_machine_frames(connection& c, domid d, pfn first, unsigned order, std::uint64_t count) {
    std::vector<mfn> out;
    XENPP_TRY(populate(c, d, first.raw(), order, count, [&out](std::span<std::uint64_t const> got) {
        std::ranges::transform(got, std::back_inserter(out), [](auto n) { return mfn(n); });
    }));
    return out;
}

result<void> set_memory_map(connection& c, domid d, std::span<memory_range const> map) {
    constexpr std::size_t entry_size = 20; // struct e820entry is packed
    auto entries = XENPP_TRY(hypercall_buffer<std::byte>::create(
        c.doors(), std::max<std::size_t>(map.size() * entry_size, 1)));
    auto* at = entries.data();
    for (auto const& r : map) {
        std::memcpy(at, &r.start, 8);
        std::memcpy(at + 8, &r.size, 8);
        std::memcpy(at + 16, &r.type, 4);
        at += entry_size;
    }
    auto op = XENPP_TRY(hypercall_buffer<abi::foreign_memory_map>::create(c.doors()));
    op->domid = d.raw();
    op->map.nr_entries = static_cast<std::uint32_t>(map.size());
    op->map.buffer.p = entries.address();
    XENPP_TRY(memory_call(c, {"memory_set_memory_map", d}, mem_op::set_memory_map, op));
    return {};
}

result<void> map_grant_table(connection& c, domid d, std::uint64_t index, gfn at) {
    auto op = XENPP_TRY(hypercall_buffer<abi::add_to_physmap>::create(c.doors()));
    op->domid = d.raw();
    op->space = abi::xenmapspace_grant_table;
    op->idx = index;
    op->gpfn = at.raw();
    XENPP_TRY(memory_call(c, {"memory_add_to_physmap", d}, mem_op::add_to_physmap, op));
    return {};
}

result<void> remove_from_physmap(connection& c, domid d, gfn at) {
    auto op = XENPP_TRY(hypercall_buffer<abi::remove_from_physmap>::create(c.doors()));
    op->domid = d.raw();
    op->gpfn = at.raw();
    XENPP_TRY(memory_call(c, {"memory_remove_from_physmap", d}, mem_op::remove_from_physmap, op));
    return {};
}

} // namespace xenpp::ctl
