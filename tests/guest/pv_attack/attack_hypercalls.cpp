// SPDX-License-Identifier: Apache-2.0
// Attempts by arguments: buffers that are not ours or end badly, numbers that are none, calls in
// calls, work that is changed while it is under way, and what only the control domain may do.
#include "attempt.hpp"

#include <xenpp/abi/domctl.hpp>
#include <xenpp/abi/memory.hpp>
#include <xenpp/abi/physdev.hpp>
#include <xenpp/abi/platform.hpp>
#include <xenpp/abi/sched.hpp>
#include <xenpp/abi/sysctl.hpp>
#include <xenpp/abi/vcpu.hpp>
#include <xenpp/abi/version.hpp>

namespace attack {

namespace {

using number = abi::hypercall;

/// A structure to be read from, or written to, where the guest may not.
outcome features_at(std::uint64_t address) noexcept {
    return refused_if_negative(
        hypercall(number::xen_version, abi::version_op::get_features, address));
}

outcome version_text_at(std::uint64_t address) noexcept {
    return refused_if_negative(
        hypercall(number::xen_version, abi::version_op::extraversion, address));
}

/// The last bytes of a page of ours, with nothing behind.
std::uint64_t end_of_memory() noexcept {
    static auto* const page = new_page();
    static auto* const hole = new_page();
    update_va(hole, 0);
    return reinterpret_cast<std::uint64_t>(page) + xenpp::page_size - 2;
}

/// A page that is mapped read-only: the hypervisor may not write there for us either.
std::uint64_t read_only_memory() noexcept {
    static auto* const page = new_page();
    set_writable(page, false);
    return reinterpret_cast<std::uint64_t>(page);
}

outcome updates_at(std::uint64_t address, std::uint64_t count) noexcept {
    return refused_if_negative(
        hypercall(number::mmu_update, address, count, std::uint64_t{0}, abi::domid_self));
}

/// One call inside a multicall; what the entry says.
outcome in_multicall(number n, std::uint64_t a1 = 0, std::uint64_t a2 = 0) noexcept {
    abi::multicall_entry e{};
    e.op = static_cast<std::uint64_t>(n);
    e.args[0] = a1;
    e.args[1] = a2;
    auto const r = hypercall(number::multicall, &e, 1);
    return r < 0 ? refused_if_negative(r)
                 : refused_if_negative(static_cast<std::int64_t>(e.result));
}

outcome memory_op(abi::mem_op op, abi::memory_reservation& r) noexcept {
    return refused_if_negative(hypercall(number::memory_op, op, &r));
}

/// Reservations answer how many extents were done: none is a refusal.
outcome none_done(abi::mem_op op, abi::memory_reservation& r) noexcept {
    auto const done = hypercall(number::memory_op, op, &r);
    return done < 0 ? refused_if_negative(done) : harmless_if(done == 0);
}

outcome give_up(std::uint64_t frame) noexcept {
    abi::memory_reservation r{};
    r.extent_start.p = reinterpret_cast<std::uint64_t>(&frame);
    r.nr_extents = 1;
    r.domid = abi::domid_self;
    return none_done(abi::mem_op::decrease_reservation, r);
}

outcome populate_with(std::uint32_t order,
                      std::uint32_t flags,
                      std::uint16_t domain,
                      std::uint64_t count) noexcept {
    std::uint64_t frame = 0;
    abi::memory_reservation r{};
    r.extent_start.p = reinterpret_cast<std::uint64_t>(&frame);
    r.nr_extents = count;
    r.extent_order = order;
    r.mem_flags = flags;
    r.domid = domain;
    return none_done(abi::mem_op::populate_physmap, r);
}

/// A page table may be given up, but is nobody else's before it is unpinned: it cannot be written.
outcome give_up_a_pinned_table() noexcept {
    auto* const page = new_page();
    set_writable(page, false);
    auto const f = mfn_of(page);
    if (mmuext(abi::mmuext_cmd::pin_l1_table, f) != 0) {
        return {};
    }
    give_up(f.raw());
    auto const o = harmless_if(set_writable(page, true) < 0);
    update_va(page, 0);
    mmuext(abi::mmuext_cmd::unpin_table, f);
    return o;
}

/// XSA-231: memory of a node that there cannot be. The wish is refused or disregarded.
outcome populate_on_no_node() noexcept {
    constexpr std::uint32_t node_254 = 0xff << 8;
    constexpr std::uint32_t exactly = 1 << 17;
    populate_with(0, node_254 | exactly, abi::domid_self, 1);
    return harmless_if(true); // we are here still, and so is the neighbour
}

/// XSA-212: lists of an exchange at addresses that are checked at one end only.
outcome exchange(std::uint64_t in, std::uint64_t out, std::uint64_t done) noexcept {
    abi::memory_exchange x{};
    x.in.extent_start.p = in;
    x.in.nr_extents = 1;
    x.in.domid = abi::domid_self;
    x.out.extent_start.p = out;
    x.out.nr_extents = 1;
    x.out.domid = abi::domid_self;
    x.nr_exchanged = done;
    return refused_if_negative(hypercall(number::memory_op, abi::mem_op::exchange, &x));
}

outcome add_to_physmap(std::uint32_t space) noexcept {
    abi::add_to_physmap a{};
    a.domid = abi::domid_self;
    a.space = space;
    a.gpfn = 5;
    return refused_if_negative(hypercall(number::memory_op, abi::mem_op::add_to_physmap, &a));
}

/// A continuation that the guest makes up: far more is said to be done than there is.
outcome forged_continuation() noexcept {
    std::uint64_t frame = 0;
    abi::memory_reservation r{};
    r.extent_start.p = reinterpret_cast<std::uint64_t>(&frame);
    r.nr_extents = 1;
    r.domid = abi::domid_self;
    auto const op = static_cast<std::uint64_t>(abi::mem_op::populate_physmap) | std::uint64_t{1000}
                                                                                    << 6;
    auto const done =
        raw_hypercall(static_cast<std::uint64_t>(number::memory_op), op, to_argument(&r));
    return done < 0 ? refused_if_negative(done) : harmless_if(frame == 0);
}

/// The same of mmu_update: its count with the flag of a continuation, for another domain.
outcome forged_mmu_continuation() noexcept {
    abi::mmu_update u{make_entry(foreign_frame(), 0), 0};
    constexpr std::uint64_t preempted = std::uint64_t{1} << 31;
    return refused_if_negative(
        hypercall(number::mmu_update, &u, preempted | 1, std::uint64_t{0}, abi::domid_self));
}

template <class T>
outcome privileged(number n) noexcept {
    static T op;
    return refused_if_negative(hypercall(n, &op));
}

outcome vcpu_info_at(std::uint64_t frame, std::uint32_t offset) noexcept {
    abi::vcpu_register_vcpu_info i{};
    i.mfn = frame;
    i.offset = offset;
    return refused_if_negative(hypercall(number::vcpu_op, abi::vcpu_op::register_vcpu_info, 0, &i));
}

/// A bad place may be refused now, or never be written to.
outcome runstate_at(std::uint64_t address) noexcept {
    abi::vcpu_register_runstate_memory_area a{};
    a.addr.v = address;
    auto const r = hypercall(number::vcpu_op, abi::vcpu_op::register_runstate_memory_area, 0, &a);
    hypercall(number::sched_op, abi::sched_op::yield);
    return r < 0 ? refused_if_negative(r) : harmless_if(true);
}

outcome simple(number n, std::uint64_t a1 = 0, std::uint64_t a2 = 0) noexcept {
    return refused_if_negative(hypercall(n, a1, a2));
}

constexpr std::uint64_t top = ~std::uint64_t{0};

constexpr attempt list[] = {
    {"buffer_in_the_image", []() noexcept { return features_at(image_address); }},
    {"buffer_in_the_direct_map", []() noexcept { return features_at(direct_map_address); }},
    {"buffer_in_the_m2p", []() noexcept { return features_at(abi::mach2phys_virt_start); }},
    {"buffer_non_canonical", []() noexcept { return features_at(non_canonical); }},
    {"buffer_not_mapped", []() noexcept { return features_at(0x1000); }},
    {"buffer_that_wraps", []() noexcept { return features_at(top - 1); }},
    {"buffer_that_reaches_the_hypervisor",
     []() noexcept { return features_at(0xffff800000000000 - 4); }},
    {"buffer_that_ends_unmapped", []() noexcept { return features_at(end_of_memory()); }},
    {"answer_into_the_image", []() noexcept { return version_text_at(image_address); }},
    {"answer_into_read_only_memory", []() noexcept { return version_text_at(read_only_memory()); }},
    {"answer_into_own_root_table", []() noexcept { return version_text_at(start_info().pt_base); }},
    {"updates_in_the_image", []() noexcept { return updates_at(image_address, 1); }},
    {"updates_without_end",
     []() noexcept { return updates_at(end_of_memory() & ~std::uint64_t{15}, 0x7fff'ffff); }},
    {"hypercall_that_is_not", []() noexcept { return simple(static_cast<number>(63)); }},
    {"hypercall_number_huge", []() noexcept { return refused_if_negative(raw_hypercall(top)); }},
    {"multicall_in_a_multicall",
     []() noexcept { return in_multicall(number::multicall, to_argument(&start_info()), 1); }},
    {"multicall_list_in_the_image",
     []() noexcept { return simple(number::multicall, image_address, 1); }},
    {"multicall_unknown_call", []() noexcept { return in_multicall(static_cast<number>(77)); }},
    {"give_up_a_foreign_frame", []() noexcept { return give_up(foreign_frame().raw()); }},
    {"give_up_above_all_memory", []() noexcept { return give_up(top); }},
    {"give_up_a_pinned_table", give_up_a_pinned_table},
    {"populate_beyond_the_limit",
     []() noexcept { return populate_with(9, 0, abi::domid_self, 1 << 20); }},
    {"populate_a_huge_order", []() noexcept { return populate_with(63, 0, abi::domid_self, 1); }},
    {"populate_another_domain", []() noexcept { return populate_with(0, 0, 0, 1); }},
    {"xsa231_populate_on_no_node", populate_on_no_node},
    {"xsa212_exchange_into_the_hypervisor",
     []() noexcept { return exchange(to_argument(&start_info()), image_address, 0); }},
    {"xsa212_exchange_from_the_hypervisor",
     []() noexcept { return exchange(image_address, to_argument(new_page()), 0); }},
    {"xsa212_exchange_continued_beyond",
     []() noexcept {
         return exchange(to_argument(&start_info()), to_argument(new_page()),
                         std::uint64_t{1} << 60);
     }},
    {"physmap_of_shared_info",
     []() noexcept { return add_to_physmap(abi::xenmapspace_shared_info); }},
    {"physmap_of_foreign_memory",
     []() noexcept { return add_to_physmap(abi::xenmapspace_gmfn_foreign); }},
    {"machine_memory_map",
     []() noexcept {
         abi::memory_map m{};
         return refused_if_negative(
             hypercall(number::memory_op, abi::mem_op::machine_memory_map, &m));
     }},
    {"claim",
     []() noexcept {
         abi::memory_reservation r{};
         r.domid = abi::domid_self;
         r.nr_extents = 100;
         return memory_op(abi::mem_op::claim_pages, r);
     }},
    {"forged_continuation", forged_continuation},
    {"forged_mmu_continuation", forged_mmu_continuation},
    {"domctl_call", []() noexcept { return privileged<abi::domctl>(number::domctl); }},
    {"sysctl_call", []() noexcept { return privileged<abi::sysctl>(number::sysctl); }},
    {"platform_call", []() noexcept { return privileged<abi::platform_op>(number::platform_op); }},
    {"vcpu_info_of_a_foreign_frame",
     []() noexcept { return vcpu_info_at(foreign_frame().raw(), 0); }},
    {"vcpu_info_over_the_page_end",
     []() noexcept { return vcpu_info_at(mfn_of(new_page()).raw(), 4095); }},
    {"vcpu_info_unaligned", []() noexcept { return vcpu_info_at(mfn_of(new_page()).raw(), 3); }},
    {"vcpu_info_in_own_root_table", []() noexcept { return vcpu_info_at(root_table().raw(), 0); }},
    {"runstate_in_the_image", []() noexcept { return runstate_at(image_address); }},
    {"runstate_non_canonical", []() noexcept { return runstate_at(non_canonical); }},
    {"vcpu_op_on_another_vcpu_number",
     []() noexcept {
         return simple(number::vcpu_op, static_cast<std::uint64_t>(abi::vcpu_op::up), 4096);
     }},
    {"iopl_4",
     []() noexcept {
         abi::physdev_set_iopl i{.iopl = 4};
         return refused_if_negative(hypercall(number::physdev_op, abi::physdev_op::set_iopl, &i));
     }},
    {"vm_assist_that_is_not", []() noexcept { return simple(number::vm_assist, 0, 99); }},
    {"shut_down_another_domain",
     []() noexcept {
         abi::sched_remote_shutdown s{.domain_id = 0, .reserved_ = 0, .reason = 0};
         return refused_if_negative(
             hypercall(number::sched_op, abi::sched_op::remote_shutdown, &s));
     }},
    {"poll_too_many_ports",
     []() noexcept {
         abi::sched_poll p{};
         p.nr_ports = 100'000;
         return refused_if_negative(hypercall(number::sched_op, abi::sched_op::poll, &p));
     }},
};

} // namespace

std::span<attempt const> hypercall_attempts() noexcept {
    return list;
}

} // namespace attack
