// SPDX-License-Identifier: Apache-2.0
// sched.hpp against the installed xen/sched.h.
#include "same.hpp"

#include <xenpp/abi/sched.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/sched.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(sched_shutdown, sched_shutdown),
    XENPP_SAME_MEMBER(sched_shutdown, sched_shutdown, reason),
    XENPP_SAME_STRUCT(sched_poll, sched_poll),
    XENPP_SAME_MEMBER(sched_poll, sched_poll, ports),
    XENPP_SAME_MEMBER(sched_poll, sched_poll, nr_ports),
    XENPP_SAME_MEMBER(sched_poll, sched_poll, timeout),
    XENPP_SAME_STRUCT(sched_remote_shutdown, sched_remote_shutdown),
    XENPP_SAME_MEMBER(sched_remote_shutdown, sched_remote_shutdown, domain_id),
    XENPP_SAME_MEMBER(sched_remote_shutdown, sched_remote_shutdown, reason),
    XENPP_SAME_STRUCT(sched_watchdog, sched_watchdog),
    XENPP_SAME_MEMBER(sched_watchdog, sched_watchdog, id),
    XENPP_SAME_MEMBER(sched_watchdog, sched_watchdog, timeout),
    XENPP_SAME_STRUCT(sched_pin_override, sched_pin_override),
    XENPP_SAME_MEMBER(sched_pin_override, sched_pin_override, pcpu),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(SCHEDOP_yield, sched_op::yield),
    XENPP_SAME_NUMBER(SCHEDOP_block, sched_op::block),
    XENPP_SAME_NUMBER(SCHEDOP_shutdown, sched_op::shutdown),
    XENPP_SAME_NUMBER(SCHEDOP_poll, sched_op::poll),
    XENPP_SAME_NUMBER(SCHEDOP_remote_shutdown, sched_op::remote_shutdown),
    XENPP_SAME_NUMBER(SCHEDOP_shutdown_code, sched_op::shutdown_code),
    XENPP_SAME_NUMBER(SCHEDOP_watchdog, sched_op::watchdog),
    XENPP_SAME_NUMBER(SCHEDOP_pin_override, sched_op::pin_override),
    XENPP_SAME_NUMBER(SHUTDOWN_poweroff, shutdown_poweroff),
    XENPP_SAME_NUMBER(SHUTDOWN_reboot, shutdown_reboot),
    XENPP_SAME_NUMBER(SHUTDOWN_suspend, shutdown_suspend),
    XENPP_SAME_NUMBER(SHUTDOWN_crash, shutdown_crash),
    XENPP_SAME_NUMBER(SHUTDOWN_watchdog, shutdown_watchdog),
    XENPP_SAME_NUMBER(SHUTDOWN_soft_reset, shutdown_soft_reset),
    XENPP_SAME_NUMBER(SHUTDOWN_MAX, shutdown_max),
};
// clang-format on

} // namespace

TEST_CASE("abi.sched has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.sched has the numbers of the public header") {
    check(numbers);
}
