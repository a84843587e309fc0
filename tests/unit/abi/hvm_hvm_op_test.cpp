// SPDX-License-Identifier: Apache-2.0
// hvm/hvm_op.hpp against the installed xen/hvm/hvm_op.h.
#include "same.hpp"

#include <xenpp/abi/hvm/hvm_op.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/hvm/hvm_op.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(xen_hvm_param, hvm_param),
    XENPP_SAME_MEMBER(xen_hvm_param, hvm_param, domid),
    XENPP_SAME_MEMBER(xen_hvm_param, hvm_param, pad),
    XENPP_SAME_MEMBER(xen_hvm_param, hvm_param, index),
    XENPP_SAME_MEMBER(xen_hvm_param, hvm_param, value),
    XENPP_SAME_STRUCT(xen_hvm_altp2m_suppress_ve, hvm_altp2m_suppress_ve),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_suppress_ve, hvm_altp2m_suppress_ve, view),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_suppress_ve, hvm_altp2m_suppress_ve, suppress_ve),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_suppress_ve, hvm_altp2m_suppress_ve, pad1),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_suppress_ve, hvm_altp2m_suppress_ve, pad2),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_suppress_ve, hvm_altp2m_suppress_ve, gfn),
    XENPP_SAME_STRUCT(xen_hvm_altp2m_suppress_ve_multi, hvm_altp2m_suppress_ve_multi),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_suppress_ve_multi, hvm_altp2m_suppress_ve_multi, view),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_suppress_ve_multi, hvm_altp2m_suppress_ve_multi, suppress_ve),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_suppress_ve_multi, hvm_altp2m_suppress_ve_multi, pad1),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_suppress_ve_multi, hvm_altp2m_suppress_ve_multi, first_error),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_suppress_ve_multi, hvm_altp2m_suppress_ve_multi, first_gfn),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_suppress_ve_multi, hvm_altp2m_suppress_ve_multi, last_gfn),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_suppress_ve_multi, hvm_altp2m_suppress_ve_multi, first_error_gfn),
    XENPP_SAME_STRUCT(xen_hvm_pagetable_dying, hvm_pagetable_dying),
    XENPP_SAME_MEMBER(xen_hvm_pagetable_dying, hvm_pagetable_dying, domid),
    XENPP_SAME_MEMBER(xen_hvm_pagetable_dying, hvm_pagetable_dying, pad),
    XENPP_SAME_MEMBER(xen_hvm_pagetable_dying, hvm_pagetable_dying, gpa),
    XENPP_SAME_STRUCT(xen_hvm_get_time, hvm_get_time),
    XENPP_SAME_MEMBER(xen_hvm_get_time, hvm_get_time, now),
    XENPP_SAME_STRUCT(xen_hvm_xentrace, hvm_xentrace),
    XENPP_SAME_MEMBER(xen_hvm_xentrace, hvm_xentrace, event),
    XENPP_SAME_MEMBER(xen_hvm_xentrace, hvm_xentrace, extra_bytes),
    XENPP_SAME_MEMBER(xen_hvm_xentrace, hvm_xentrace, extra),
    XENPP_SAME_STRUCT(xen_hvm_get_mem_type, hvm_get_mem_type),
    XENPP_SAME_MEMBER(xen_hvm_get_mem_type, hvm_get_mem_type, domid),
    XENPP_SAME_MEMBER(xen_hvm_get_mem_type, hvm_get_mem_type, mem_type),
    XENPP_SAME_MEMBER(xen_hvm_get_mem_type, hvm_get_mem_type, pad),
    XENPP_SAME_MEMBER(xen_hvm_get_mem_type, hvm_get_mem_type, pfn),
    XENPP_SAME_STRUCT(xen_hvm_evtchn_upcall_vector, hvm_evtchn_upcall_vector),
    XENPP_SAME_MEMBER(xen_hvm_evtchn_upcall_vector, hvm_evtchn_upcall_vector, vcpu),
    XENPP_SAME_MEMBER(xen_hvm_evtchn_upcall_vector, hvm_evtchn_upcall_vector, vector),
    XENPP_SAME_STRUCT(xen_hvm_altp2m_domain_state, hvm_altp2m_domain_state),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_domain_state, hvm_altp2m_domain_state, state),
    XENPP_SAME_STRUCT(xen_hvm_altp2m_vcpu_enable_notify, hvm_altp2m_vcpu_enable_notify),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_vcpu_enable_notify, hvm_altp2m_vcpu_enable_notify, vcpu_id),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_vcpu_enable_notify, hvm_altp2m_vcpu_enable_notify, pad),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_vcpu_enable_notify, hvm_altp2m_vcpu_enable_notify, gfn),
    XENPP_SAME_STRUCT(xen_hvm_altp2m_vcpu_disable_notify, hvm_altp2m_vcpu_disable_notify),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_vcpu_disable_notify, hvm_altp2m_vcpu_disable_notify, vcpu_id),
    XENPP_SAME_STRUCT(xen_hvm_altp2m_view, hvm_altp2m_view),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_view, hvm_altp2m_view, view),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_view, hvm_altp2m_view, hvmmem_default_access),
    XENPP_SAME_STRUCT(xen_hvm_altp2m_mem_access, hvm_altp2m_mem_access),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_mem_access, hvm_altp2m_mem_access, view),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_mem_access, hvm_altp2m_mem_access, access),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_mem_access, hvm_altp2m_mem_access, pad),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_mem_access, hvm_altp2m_mem_access, gfn),
    XENPP_SAME_STRUCT(xen_hvm_altp2m_set_mem_access_multi, hvm_altp2m_set_mem_access_multi),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_set_mem_access_multi, hvm_altp2m_set_mem_access_multi, view),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_set_mem_access_multi, hvm_altp2m_set_mem_access_multi, pad),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_set_mem_access_multi, hvm_altp2m_set_mem_access_multi, nr),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_set_mem_access_multi, hvm_altp2m_set_mem_access_multi, opaque),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_set_mem_access_multi, hvm_altp2m_set_mem_access_multi, pfn_list),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_set_mem_access_multi, hvm_altp2m_set_mem_access_multi, access_list),
    XENPP_SAME_STRUCT(xen_hvm_altp2m_change_gfn, hvm_altp2m_change_gfn),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_change_gfn, hvm_altp2m_change_gfn, view),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_change_gfn, hvm_altp2m_change_gfn, pad1),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_change_gfn, hvm_altp2m_change_gfn, pad2),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_change_gfn, hvm_altp2m_change_gfn, old_gfn),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_change_gfn, hvm_altp2m_change_gfn, new_gfn),
    XENPP_SAME_STRUCT(xen_hvm_altp2m_get_vcpu_p2m_idx, hvm_altp2m_get_vcpu_p2m_idx),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_get_vcpu_p2m_idx, hvm_altp2m_get_vcpu_p2m_idx, vcpu_id),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_get_vcpu_p2m_idx, hvm_altp2m_get_vcpu_p2m_idx, altp2m_idx),
    XENPP_SAME_STRUCT(xen_hvm_altp2m_set_visibility, hvm_altp2m_set_visibility),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_set_visibility, hvm_altp2m_set_visibility, altp2m_idx),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_set_visibility, hvm_altp2m_set_visibility, visible),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_set_visibility, hvm_altp2m_set_visibility, pad),
    XENPP_SAME_STRUCT(xen_hvm_altp2m_op, hvm_altp2m_op),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, version),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, cmd),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, domain),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, pad1),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, pad2),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, u.pad),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, u.domain_state),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, u.enable_notify),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, u.view),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, u.mem_access),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, u.change_gfn),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, u.set_mem_access_multi),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, u.suppress_ve),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, u.suppress_ve_multi),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, u.disable_notify),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, u.get_vcpu_p2m_idx),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, u.set_visibility),
    XENPP_SAME_MEMBER(xen_hvm_altp2m_op, hvm_altp2m_op, u),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(HVMOP_set_param, hvm_op::set_param),
    XENPP_SAME_NUMBER(HVMOP_get_param, hvm_op::get_param),
    XENPP_SAME_NUMBER(HVMOP_flush_tlbs, hvm_op::flush_tlbs),
    XENPP_SAME_NUMBER(HVMOP_pagetable_dying, hvm_op::pagetable_dying),
    XENPP_SAME_NUMBER(HVMOP_get_time, hvm_op::get_time),
    XENPP_SAME_NUMBER(HVMOP_xentrace, hvm_op::xentrace),
    XENPP_SAME_NUMBER(HVMOP_set_mem_access, hvm_op::set_mem_access),
    XENPP_SAME_NUMBER(HVMOP_get_mem_access, hvm_op::get_mem_access),
    XENPP_SAME_NUMBER(HVMOP_get_mem_type, hvm_op::get_mem_type),
    XENPP_SAME_NUMBER(HVMOP_set_evtchn_upcall_vector, hvm_op::set_evtchn_upcall_vector),
    XENPP_SAME_NUMBER(HVMOP_guest_request_vm_event, hvm_op::guest_request_vm_event),
    XENPP_SAME_NUMBER(HVMOP_altp2m, hvm_op::altp2m),
    XENPP_SAME_NUMBER(HVMMEM_ram_rw, hvmmem_ram_rw),
    XENPP_SAME_NUMBER(HVMMEM_ram_ro, hvmmem_ram_ro),
    XENPP_SAME_NUMBER(HVMMEM_mmio_dm, hvmmem_mmio_dm),
    XENPP_SAME_NUMBER(HVMMEM_unused, hvmmem_unused),
    XENPP_SAME_NUMBER(HVMMEM_ioreq_server, hvmmem_ioreq_server),
    XENPP_SAME_NUMBER(HVM_IOREQSRV_BUFIOREQ_OFF, hvm_ioreqsrv_bufioreq_off),
    XENPP_SAME_NUMBER(HVM_IOREQSRV_BUFIOREQ_LEGACY, hvm_ioreqsrv_bufioreq_legacy),
    XENPP_SAME_NUMBER(HVM_IOREQSRV_BUFIOREQ_ATOMIC, hvm_ioreqsrv_bufioreq_atomic),
    XENPP_SAME_NUMBER(HVMOP_ALTP2M_INTERFACE_VERSION, hvmop_altp2m_interface_version),
    XENPP_SAME_NUMBER(HVMOP_altp2m_get_domain_state, hvmop_altp2m_get_domain_state),
    XENPP_SAME_NUMBER(HVMOP_altp2m_set_domain_state, hvmop_altp2m_set_domain_state),
    XENPP_SAME_NUMBER(HVMOP_altp2m_vcpu_enable_notify, hvmop_altp2m_vcpu_enable_notify),
    XENPP_SAME_NUMBER(HVMOP_altp2m_create_p2m, hvmop_altp2m_create_p2m),
    XENPP_SAME_NUMBER(HVMOP_altp2m_destroy_p2m, hvmop_altp2m_destroy_p2m),
    XENPP_SAME_NUMBER(HVMOP_altp2m_switch_p2m, hvmop_altp2m_switch_p2m),
    XENPP_SAME_NUMBER(HVMOP_altp2m_set_mem_access, hvmop_altp2m_set_mem_access),
    XENPP_SAME_NUMBER(HVMOP_altp2m_change_gfn, hvmop_altp2m_change_gfn),
    XENPP_SAME_NUMBER(HVMOP_altp2m_set_mem_access_multi, hvmop_altp2m_set_mem_access_multi),
    XENPP_SAME_NUMBER(HVMOP_altp2m_set_suppress_ve, hvmop_altp2m_set_suppress_ve),
    XENPP_SAME_NUMBER(HVMOP_altp2m_get_suppress_ve, hvmop_altp2m_get_suppress_ve),
    XENPP_SAME_NUMBER(HVMOP_altp2m_get_mem_access, hvmop_altp2m_get_mem_access),
    XENPP_SAME_NUMBER(HVMOP_altp2m_vcpu_disable_notify, hvmop_altp2m_vcpu_disable_notify),
    XENPP_SAME_NUMBER(HVMOP_altp2m_get_p2m_idx, hvmop_altp2m_get_p2m_idx),
    XENPP_SAME_NUMBER(HVMOP_altp2m_set_suppress_ve_multi, hvmop_altp2m_set_suppress_ve_multi),
    XENPP_SAME_NUMBER(HVMOP_altp2m_set_visibility, hvmop_altp2m_set_visibility),
};
// clang-format on

} // namespace

TEST_CASE("abi.hvm_hvm_op has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.hvm_hvm_op has the numbers of the public header") {
    check(numbers);
}
