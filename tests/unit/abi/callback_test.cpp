// SPDX-License-Identifier: Apache-2.0
// callback.hpp against the installed xen/callback.h.
#include "same.hpp"

#include <xenpp/abi/callback.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/xen.h>
#include <xen/callback.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(callback_register, callback_register),
    XENPP_SAME_MEMBER(callback_register, callback_register, type),
    XENPP_SAME_MEMBER(callback_register, callback_register, flags),
    XENPP_SAME_MEMBER(callback_register, callback_register, address),
    XENPP_SAME_STRUCT(callback_unregister, callback_unregister),
    XENPP_SAME_MEMBER(callback_unregister, callback_unregister, type),
    XENPP_SAME_MEMBER(callback_unregister, callback_unregister, _unused),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(CALLBACKTYPE_event, callbacktype_event),
    XENPP_SAME_NUMBER(CALLBACKTYPE_failsafe, callbacktype_failsafe),
    XENPP_SAME_NUMBER(CALLBACKTYPE_syscall, callbacktype_syscall),
    XENPP_SAME_NUMBER(CALLBACKTYPE_sysenter_deprecated, callbacktype_sysenter_deprecated),
    XENPP_SAME_NUMBER(CALLBACKTYPE_nmi, callbacktype_nmi),
    XENPP_SAME_NUMBER(CALLBACKTYPE_sysenter, callbacktype_sysenter),
    XENPP_SAME_NUMBER(CALLBACKTYPE_syscall32, callbacktype_syscall32),
    XENPP_SAME_NUMBER(_CALLBACKF_mask_events, callbackf_mask_events_bit),
    XENPP_SAME_NUMBER(CALLBACKF_mask_events, callbackf_mask_events),
    XENPP_SAME_NUMBER(CALLBACKOP_register, callback_op::register_),
    XENPP_SAME_NUMBER(CALLBACKOP_unregister, callback_op::unregister),
};
// clang-format on

} // namespace

TEST_CASE("abi.callback has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.callback has the numbers of the public header") {
    check(numbers);
}
