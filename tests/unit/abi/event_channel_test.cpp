// SPDX-License-Identifier: Apache-2.0
// event_channel.hpp against the installed xen/event_channel.h.
#include "same.hpp"

#include <xenpp/abi/event_channel.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/event_channel.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(evtchn_alloc_unbound, evtchn_alloc_unbound),
    XENPP_SAME_MEMBER(evtchn_alloc_unbound, evtchn_alloc_unbound, dom),
    XENPP_SAME_MEMBER(evtchn_alloc_unbound, evtchn_alloc_unbound, remote_dom),
    XENPP_SAME_MEMBER(evtchn_alloc_unbound, evtchn_alloc_unbound, port),
    XENPP_SAME_STRUCT(evtchn_bind_interdomain, evtchn_bind_interdomain),
    XENPP_SAME_MEMBER(evtchn_bind_interdomain, evtchn_bind_interdomain, remote_dom),
    XENPP_SAME_MEMBER(evtchn_bind_interdomain, evtchn_bind_interdomain, remote_port),
    XENPP_SAME_MEMBER(evtchn_bind_interdomain, evtchn_bind_interdomain, local_port),
    XENPP_SAME_STRUCT(evtchn_bind_virq, evtchn_bind_virq),
    XENPP_SAME_MEMBER(evtchn_bind_virq, evtchn_bind_virq, virq),
    XENPP_SAME_MEMBER(evtchn_bind_virq, evtchn_bind_virq, vcpu),
    XENPP_SAME_MEMBER(evtchn_bind_virq, evtchn_bind_virq, port),
    XENPP_SAME_STRUCT(evtchn_bind_pirq, evtchn_bind_pirq),
    XENPP_SAME_MEMBER(evtchn_bind_pirq, evtchn_bind_pirq, pirq),
    XENPP_SAME_MEMBER(evtchn_bind_pirq, evtchn_bind_pirq, flags),
    XENPP_SAME_MEMBER(evtchn_bind_pirq, evtchn_bind_pirq, port),
    XENPP_SAME_STRUCT(evtchn_bind_ipi, evtchn_bind_ipi),
    XENPP_SAME_MEMBER(evtchn_bind_ipi, evtchn_bind_ipi, vcpu),
    XENPP_SAME_MEMBER(evtchn_bind_ipi, evtchn_bind_ipi, port),
    XENPP_SAME_STRUCT(evtchn_close, evtchn_close),
    XENPP_SAME_MEMBER(evtchn_close, evtchn_close, port),
    XENPP_SAME_STRUCT(evtchn_send, evtchn_send),
    XENPP_SAME_MEMBER(evtchn_send, evtchn_send, port),
    XENPP_SAME_STRUCT(evtchn_status, evtchn_status),
    XENPP_SAME_MEMBER(evtchn_status, evtchn_status, dom),
    XENPP_SAME_MEMBER(evtchn_status, evtchn_status, port),
    XENPP_SAME_MEMBER(evtchn_status, evtchn_status, status),
    XENPP_SAME_MEMBER(evtchn_status, evtchn_status, vcpu),
    XENPP_SAME_MEMBER(evtchn_status, evtchn_status, u.unbound.dom),
    XENPP_SAME_MEMBER(evtchn_status, evtchn_status, u.unbound),
    XENPP_SAME_MEMBER(evtchn_status, evtchn_status, u.interdomain.dom),
    XENPP_SAME_MEMBER(evtchn_status, evtchn_status, u.interdomain.port),
    XENPP_SAME_MEMBER(evtchn_status, evtchn_status, u.interdomain),
    XENPP_SAME_MEMBER(evtchn_status, evtchn_status, u.pirq),
    XENPP_SAME_MEMBER(evtchn_status, evtchn_status, u.virq),
    XENPP_SAME_MEMBER(evtchn_status, evtchn_status, u),
    XENPP_SAME_STRUCT(evtchn_bind_vcpu, evtchn_bind_vcpu),
    XENPP_SAME_MEMBER(evtchn_bind_vcpu, evtchn_bind_vcpu, port),
    XENPP_SAME_MEMBER(evtchn_bind_vcpu, evtchn_bind_vcpu, vcpu),
    XENPP_SAME_STRUCT(evtchn_unmask, evtchn_unmask),
    XENPP_SAME_MEMBER(evtchn_unmask, evtchn_unmask, port),
    XENPP_SAME_STRUCT(evtchn_reset, evtchn_reset),
    XENPP_SAME_MEMBER(evtchn_reset, evtchn_reset, dom),
    XENPP_SAME_STRUCT(evtchn_init_control, evtchn_init_control),
    XENPP_SAME_MEMBER(evtchn_init_control, evtchn_init_control, control_gfn),
    XENPP_SAME_MEMBER(evtchn_init_control, evtchn_init_control, offset),
    XENPP_SAME_MEMBER(evtchn_init_control, evtchn_init_control, vcpu),
    XENPP_SAME_MEMBER(evtchn_init_control, evtchn_init_control, link_bits),
    XENPP_SAME_MEMBER(evtchn_init_control, evtchn_init_control, _pad),
    XENPP_SAME_STRUCT(evtchn_expand_array, evtchn_expand_array),
    XENPP_SAME_MEMBER(evtchn_expand_array, evtchn_expand_array, array_gfn),
    XENPP_SAME_STRUCT(evtchn_set_priority, evtchn_set_priority),
    XENPP_SAME_MEMBER(evtchn_set_priority, evtchn_set_priority, port),
    XENPP_SAME_MEMBER(evtchn_set_priority, evtchn_set_priority, priority),
    XENPP_SAME_STRUCT(evtchn_op, evtchn_op_t),
    XENPP_SAME_MEMBER(evtchn_op, evtchn_op_t, cmd),
    XENPP_SAME_MEMBER(evtchn_op, evtchn_op_t, u.alloc_unbound),
    XENPP_SAME_MEMBER(evtchn_op, evtchn_op_t, u.bind_interdomain),
    XENPP_SAME_MEMBER(evtchn_op, evtchn_op_t, u.bind_virq),
    XENPP_SAME_MEMBER(evtchn_op, evtchn_op_t, u.bind_pirq),
    XENPP_SAME_MEMBER(evtchn_op, evtchn_op_t, u.bind_ipi),
    XENPP_SAME_MEMBER(evtchn_op, evtchn_op_t, u.close),
    XENPP_SAME_MEMBER(evtchn_op, evtchn_op_t, u.send),
    XENPP_SAME_MEMBER(evtchn_op, evtchn_op_t, u.status),
    XENPP_SAME_MEMBER(evtchn_op, evtchn_op_t, u.bind_vcpu),
    XENPP_SAME_MEMBER(evtchn_op, evtchn_op_t, u.unmask),
    XENPP_SAME_MEMBER(evtchn_op, evtchn_op_t, u),
    XENPP_SAME_STRUCT(evtchn_fifo_control_block, evtchn_fifo_control_block),
    XENPP_SAME_MEMBER(evtchn_fifo_control_block, evtchn_fifo_control_block, ready),
    XENPP_SAME_MEMBER(evtchn_fifo_control_block, evtchn_fifo_control_block, _rsvd),
    XENPP_SAME_MEMBER(evtchn_fifo_control_block, evtchn_fifo_control_block, head),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(EVTCHNOP_bind_interdomain, evtchn_op::bind_interdomain),
    XENPP_SAME_NUMBER(EVTCHNOP_bind_virq, evtchn_op::bind_virq),
    XENPP_SAME_NUMBER(EVTCHNOP_bind_pirq, evtchn_op::bind_pirq),
    XENPP_SAME_NUMBER(EVTCHNOP_close, evtchn_op::close),
    XENPP_SAME_NUMBER(EVTCHNOP_send, evtchn_op::send),
    XENPP_SAME_NUMBER(EVTCHNOP_status, evtchn_op::status),
    XENPP_SAME_NUMBER(EVTCHNOP_alloc_unbound, evtchn_op::alloc_unbound),
    XENPP_SAME_NUMBER(EVTCHNOP_bind_ipi, evtchn_op::bind_ipi),
    XENPP_SAME_NUMBER(EVTCHNOP_bind_vcpu, evtchn_op::bind_vcpu),
    XENPP_SAME_NUMBER(EVTCHNOP_unmask, evtchn_op::unmask),
    XENPP_SAME_NUMBER(EVTCHNOP_reset, evtchn_op::reset),
    XENPP_SAME_NUMBER(EVTCHNOP_init_control, evtchn_op::init_control),
    XENPP_SAME_NUMBER(EVTCHNOP_expand_array, evtchn_op::expand_array),
    XENPP_SAME_NUMBER(EVTCHNOP_set_priority, evtchn_op::set_priority),
    XENPP_SAME_NUMBER(BIND_PIRQ__WILL_SHARE, bind_pirq__will_share),
    XENPP_SAME_NUMBER(EVTCHNSTAT_closed, evtchnstat_closed),
    XENPP_SAME_NUMBER(EVTCHNSTAT_unbound, evtchnstat_unbound),
    XENPP_SAME_NUMBER(EVTCHNSTAT_interdomain, evtchnstat_interdomain),
    XENPP_SAME_NUMBER(EVTCHNSTAT_pirq, evtchnstat_pirq),
    XENPP_SAME_NUMBER(EVTCHNSTAT_virq, evtchnstat_virq),
    XENPP_SAME_NUMBER(EVTCHNSTAT_ipi, evtchnstat_ipi),
    XENPP_SAME_NUMBER(EVTCHN_2L_NR_CHANNELS, evtchn_2l_nr_channels),
    XENPP_SAME_NUMBER(EVTCHN_FIFO_PRIORITY_MAX, evtchn_fifo_priority_max),
    XENPP_SAME_NUMBER(EVTCHN_FIFO_PRIORITY_DEFAULT, evtchn_fifo_priority_default),
    XENPP_SAME_NUMBER(EVTCHN_FIFO_PRIORITY_MIN, evtchn_fifo_priority_min),
    XENPP_SAME_NUMBER(EVTCHN_FIFO_MAX_QUEUES, evtchn_fifo_max_queues),
    XENPP_SAME_NUMBER(EVTCHN_FIFO_PENDING, evtchn_fifo_pending),
    XENPP_SAME_NUMBER(EVTCHN_FIFO_MASKED, evtchn_fifo_masked),
    XENPP_SAME_NUMBER(EVTCHN_FIFO_LINKED, evtchn_fifo_linked),
    XENPP_SAME_NUMBER(EVTCHN_FIFO_BUSY, evtchn_fifo_busy),
    XENPP_SAME_NUMBER(EVTCHN_FIFO_LINK_BITS, evtchn_fifo_link_bits),
    XENPP_SAME_NUMBER(EVTCHN_FIFO_LINK_MASK, evtchn_fifo_link_mask),
    XENPP_SAME_NUMBER(EVTCHN_FIFO_NR_CHANNELS, evtchn_fifo_nr_channels),
};
// clang-format on

} // namespace

TEST_CASE("abi.event_channel has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.event_channel has the numbers of the public header") {
    check(numbers);
}
