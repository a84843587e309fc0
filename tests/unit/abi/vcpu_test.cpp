// SPDX-License-Identifier: Apache-2.0
// vcpu.hpp against the installed xen/vcpu.h.
#include "same.hpp"

#include <xenpp/abi/vcpu.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/vcpu.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(vcpu_runstate_info, vcpu_runstate_info),
    XENPP_SAME_MEMBER(vcpu_runstate_info, vcpu_runstate_info, state),
    XENPP_SAME_MEMBER(vcpu_runstate_info, vcpu_runstate_info, state_entry_time),
    XENPP_SAME_MEMBER(vcpu_runstate_info, vcpu_runstate_info, time),
    XENPP_SAME_STRUCT(vcpu_register_runstate_memory_area, vcpu_register_runstate_memory_area),
    XENPP_SAME_MEMBER(vcpu_register_runstate_memory_area, vcpu_register_runstate_memory_area, addr.h),
    XENPP_SAME_MEMBER(vcpu_register_runstate_memory_area, vcpu_register_runstate_memory_area, addr.v),
    XENPP_SAME_MEMBER(vcpu_register_runstate_memory_area, vcpu_register_runstate_memory_area, addr.p),
    XENPP_SAME_MEMBER(vcpu_register_runstate_memory_area, vcpu_register_runstate_memory_area, addr),
    XENPP_SAME_STRUCT(vcpu_set_periodic_timer, vcpu_set_periodic_timer),
    XENPP_SAME_MEMBER(vcpu_set_periodic_timer, vcpu_set_periodic_timer, period_ns),
    XENPP_SAME_STRUCT(vcpu_set_singleshot_timer, vcpu_set_singleshot_timer),
    XENPP_SAME_MEMBER(vcpu_set_singleshot_timer, vcpu_set_singleshot_timer, timeout_abs_ns),
    XENPP_SAME_MEMBER(vcpu_set_singleshot_timer, vcpu_set_singleshot_timer, flags),
    XENPP_SAME_STRUCT(vcpu_register_vcpu_info, vcpu_register_vcpu_info),
    XENPP_SAME_MEMBER(vcpu_register_vcpu_info, vcpu_register_vcpu_info, mfn),
    XENPP_SAME_MEMBER(vcpu_register_vcpu_info, vcpu_register_vcpu_info, offset),
    XENPP_SAME_MEMBER(vcpu_register_vcpu_info, vcpu_register_vcpu_info, rsvd),
    XENPP_SAME_STRUCT(vcpu_get_physid, vcpu_get_physid),
    XENPP_SAME_MEMBER(vcpu_get_physid, vcpu_get_physid, phys_id),
    XENPP_SAME_STRUCT(vcpu_register_time_memory_area, vcpu_register_time_memory_area),
    XENPP_SAME_MEMBER(vcpu_register_time_memory_area, vcpu_register_time_memory_area, addr.h),
    XENPP_SAME_MEMBER(vcpu_register_time_memory_area, vcpu_register_time_memory_area, addr.v),
    XENPP_SAME_MEMBER(vcpu_register_time_memory_area, vcpu_register_time_memory_area, addr.p),
    XENPP_SAME_MEMBER(vcpu_register_time_memory_area, vcpu_register_time_memory_area, addr),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(VCPUOP_initialise, vcpu_op::initialise),
    XENPP_SAME_NUMBER(VCPUOP_up, vcpu_op::up),
    XENPP_SAME_NUMBER(VCPUOP_down, vcpu_op::down),
    XENPP_SAME_NUMBER(VCPUOP_is_up, vcpu_op::is_up),
    XENPP_SAME_NUMBER(VCPUOP_get_runstate_info, vcpu_op::get_runstate_info),
    XENPP_SAME_NUMBER(VCPUOP_register_runstate_memory_area, vcpu_op::register_runstate_memory_area),
    XENPP_SAME_NUMBER(VCPUOP_set_periodic_timer, vcpu_op::set_periodic_timer),
    XENPP_SAME_NUMBER(VCPUOP_stop_periodic_timer, vcpu_op::stop_periodic_timer),
    XENPP_SAME_NUMBER(VCPUOP_set_singleshot_timer, vcpu_op::set_singleshot_timer),
    XENPP_SAME_NUMBER(VCPUOP_stop_singleshot_timer, vcpu_op::stop_singleshot_timer),
    XENPP_SAME_NUMBER(VCPUOP_register_vcpu_info, vcpu_op::register_vcpu_info),
    XENPP_SAME_NUMBER(VCPUOP_send_nmi, vcpu_op::send_nmi),
    XENPP_SAME_NUMBER(VCPUOP_get_physid, vcpu_op::get_physid),
    XENPP_SAME_NUMBER(VCPUOP_register_vcpu_time_memory_area, vcpu_op::register_vcpu_time_memory_area),
    XENPP_SAME_NUMBER(XEN_RUNSTATE_UPDATE, runstate_update),
    XENPP_SAME_NUMBER(RUNSTATE_running, runstate_running),
    XENPP_SAME_NUMBER(RUNSTATE_runnable, runstate_runnable),
    XENPP_SAME_NUMBER(RUNSTATE_blocked, runstate_blocked),
    XENPP_SAME_NUMBER(RUNSTATE_offline, runstate_offline),
    XENPP_SAME_NUMBER(_VCPU_SSHOTTMR_future, vcpu_sshottmr_future_bit),
    XENPP_SAME_NUMBER(VCPU_SSHOTTMR_future, vcpu_sshottmr_future),
};
// clang-format on

} // namespace

TEST_CASE("abi.vcpu has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.vcpu has the numbers of the public header") {
    check(numbers);
}
