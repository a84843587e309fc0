// SPDX-License-Identifier: Apache-2.0
// Attempts by what domains share: grants and event channels.
#include "attempt.hpp"

#include <xenpp/abi/event_channel.hpp>
#include <xenpp/abi/grant_table.hpp>

namespace attack {

namespace {

using gnttab = abi::gnttab_op;
using evtchn = abi::evtchn_op;

/// A grant operation on one structure; what its status says.
template <class T>
outcome grant_op(gnttab op, T& t) noexcept {
    auto const r = hypercall(abi::hypercall::grant_table_op, op, &t, 1);
    return refused_if_negative(r < 0 ? r : t.status);
}

template <class T>
outcome event_op(evtchn op, T const& argument) noexcept {
    auto t = argument;
    return refused_if_negative(hypercall(abi::hypercall::event_channel_op, op, &t));
}

outcome map_grant(std::uint16_t domain,
                  std::uint32_t ref,
                  std::uint32_t flags,
                  std::uint64_t where) noexcept {
    abi::gnttab_map_grant_ref m{};
    m.host_addr = where;
    m.flags = flags;
    m.ref = ref;
    m.dom = domain;
    return grant_op(gnttab::map_grant_ref, m);
}

/// A page table of ours, offered to others as writable memory; nobody may map it, nor may it be
/// transferred.
outcome transfer_a_page_table(mfn f) noexcept {
    abi::gnttab_transfer t{};
    t.mfn = f.raw();
    t.domid = 0;
    t.ref = 8;
    return grant_op(gnttab::transfer, t);
}

outcome copy(std::uint64_t from,
             std::uint16_t from_domain,
             std::uint64_t to,
             std::uint16_t length) noexcept {
    abi::gnttab_copy c{};
    c.source.u.gmfn = from;
    c.source.domid = from_domain;
    c.dest.u.gmfn = to;
    c.dest.domid = abi::domid_self;
    c.len = length;
    return grant_op(gnttab::copy, c);
}

outcome unmap(std::uint32_t handle, std::uint64_t where) noexcept {
    abi::gnttab_unmap_grant_ref u{};
    u.host_addr = where;
    u.handle = handle;
    return grant_op(gnttab::unmap_grant_ref, u);
}

outcome grant_table_of(std::uint16_t domain, std::uint32_t frames) noexcept {
    static std::uint64_t list[4];
    abi::gnttab_setup_table s{};
    s.dom = domain;
    s.nr_frames = frames;
    s.frame_list.p = reinterpret_cast<std::uint64_t>(list);
    return grant_op(gnttab::setup_table, s);
}

std::uint64_t window_entry() noexcept {
    return entry_address(reinterpret_cast<std::uint64_t>(window()), 1);
}

constexpr attempt list[] = {
    {"map_a_grant_that_is_not",
     []() noexcept { return map_grant(0, 77, abi::gntmap_host_map, to_argument(window())); }},
    {"map_a_grant_number_huge",
     []() noexcept { return map_grant(0, ~0U, abi::gntmap_host_map, to_argument(window())); }},
    {"map_a_grant_of_nobody",
     []() noexcept { return map_grant(0x7000, 0, abi::gntmap_host_map, to_argument(window())); }},
    {"map_a_grant_at_the_hypervisor",
     []() noexcept { return map_grant(0, 0, abi::gntmap_host_map, image_address); }},
    {"xsa227_map_through_an_unaligned_entry",
     []() noexcept {
         return map_grant(0, 0, abi::gntmap_host_map | abi::gntmap_contains_pte,
                          window_entry() + 3);
     }},
    {"xsa227_map_through_a_foreign_entry",
     []() noexcept {
         return map_grant(0, 0, abi::gntmap_host_map | abi::gntmap_contains_pte,
                          make_entry(foreign_frame(), 0));
     }},
    {"xsa224_unmap_of_no_handle", []() noexcept { return unmap(12345, to_argument(window())); }},
    {"xsa224_unmap_of_a_huge_handle", []() noexcept { return unmap(~0U, image_address); }},
    {"xsa214_transfer_the_root_table",
     []() noexcept { return transfer_a_page_table(root_table()); }},
    {"xsa214_transfer_a_foreign_frame",
     []() noexcept { return transfer_a_page_table(foreign_frame()); }},
    {"copy_from_a_foreign_frame_by_grant",
     []() noexcept {
         return copy(foreign_frame().raw(), abi::domid_self, mfn_of(new_page()).raw(), 64);
     }},
    {"copy_from_domain_0", []() noexcept { return copy(1, 0, mfn_of(new_page()).raw(), 64); }},
    {"copy_over_the_root_table",
     []() noexcept {
         return copy(mfn_of(new_page()).raw(), abi::domid_self, root_table().raw(), 64);
     }},
    {"copy_over_the_page_end",
     []() noexcept {
         return copy(mfn_of(new_page()).raw(), abi::domid_self, mfn_of(new_page()).raw(), 4097);
     }},
    {"grant_table_of_domain_0", []() noexcept { return grant_table_of(0, 1); }},
    {"grant_table_too_large", []() noexcept { return grant_table_of(abi::domid_self, 100'000); }},
    {"grant_table_as_page_table",
     []() noexcept {
         return refused_if_negative(mmuext(abi::mmuext_cmd::pin_l1_table, grant_frame()));
     }},
    {"shared_info_as_page_table",
     []() noexcept {
         return refused_if_negative(mmuext(abi::mmuext_cmd::pin_l1_table, shared_info_frame()));
     }},
    {"send_to_no_port",
     []() noexcept { return event_op(evtchn::send, abi::evtchn_send{.port = 999}); }},
    {"send_to_a_huge_port",
     []() noexcept { return event_op(evtchn::send, abi::evtchn_send{.port = ~0U}); }},
    {"close_port_0",
     []() noexcept { return event_op(evtchn::close, abi::evtchn_close{.port = 0}); }},
    {"close_a_huge_port",
     []() noexcept { return event_op(evtchn::close, abi::evtchn_close{.port = ~0U}); }},
    {"bind_to_domain_0_unasked",
     []() noexcept {
         return event_op(evtchn::bind_interdomain,
                         abi::evtchn_bind_interdomain{
                             .remote_dom = 0, .reserved_ = 0, .remote_port = 1, .local_port = 0});
     }},
    {"bind_for_another_domain",
     []() noexcept {
         return event_op(evtchn::alloc_unbound,
                         abi::evtchn_alloc_unbound{.dom = 0, .remote_dom = 1, .port = 0});
     }},
    {"bind_virq_that_is_not",
     []() noexcept {
         return event_op(evtchn::bind_virq,
                         abi::evtchn_bind_virq{.virq = 99, .vcpu = 0, .port = 0});
     }},
    {"bind_virq_on_no_vcpu",
     []() noexcept {
         return event_op(evtchn::bind_virq,
                         abi::evtchn_bind_virq{.virq = abi::virq_timer, .vcpu = 999, .port = 0});
     }},
    {"bind_ipi_on_no_vcpu",
     []() noexcept {
         return event_op(evtchn::bind_ipi, abi::evtchn_bind_ipi{.vcpu = 999, .port = 0});
     }},
    {"fifo_control_in_a_foreign_frame",
     []() noexcept {
         return event_op(evtchn::init_control,
                         abi::evtchn_init_control{.control_gfn = foreign_frame().raw(),
                                                  .offset = 0,
                                                  .vcpu = 0,
                                                  .link_bits = 0,
                                                  ._pad = {}});
     }},
    {"fifo_control_over_the_page_end",
     []() noexcept {
         return event_op(evtchn::init_control,
                         abi::evtchn_init_control{.control_gfn = mfn_of(new_page()).raw(),
                                                  .offset = 4090,
                                                  .vcpu = 0,
                                                  .link_bits = 0,
                                                  ._pad = {}});
     }},
    {"fifo_control_in_own_root_table",
     []() noexcept {
         return event_op(evtchn::init_control,
                         abi::evtchn_init_control{.control_gfn = root_table().raw(),
                                                  .offset = 0,
                                                  .vcpu = 0,
                                                  .link_bits = 0,
                                                  ._pad = {}});
     }},
    {"fifo_array_of_a_foreign_frame",
     []() noexcept {
         return event_op(evtchn::expand_array,
                         abi::evtchn_expand_array{.array_gfn = foreign_frame().raw()});
     }},
    {"reset_of_domain_0s_events",
     []() noexcept { return event_op(evtchn::reset, abi::evtchn_reset{.dom = 0}); }},
};

} // namespace

std::span<attempt const> sharing_attempts() noexcept {
    return list;
}

} // namespace attack
