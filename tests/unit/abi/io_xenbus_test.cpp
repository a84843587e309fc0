// SPDX-License-Identifier: Apache-2.0
// io/xenbus.hpp against the installed xen/io/xenbus.h.
#include "same.hpp"

#include <xenpp/abi/io/xenbus.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/io/xenbus.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(XenbusStateUnknown, xenbus_state::unknown),
    XENPP_SAME_NUMBER(XenbusStateInitialising, xenbus_state::initialising),
    XENPP_SAME_NUMBER(XenbusStateInitWait, xenbus_state::init_wait),
    XENPP_SAME_NUMBER(XenbusStateInitialised, xenbus_state::initialised),
    XENPP_SAME_NUMBER(XenbusStateConnected, xenbus_state::connected),
    XENPP_SAME_NUMBER(XenbusStateClosing, xenbus_state::closing),
    XENPP_SAME_NUMBER(XenbusStateClosed, xenbus_state::closed),
    XENPP_SAME_NUMBER(XenbusStateReconfiguring, xenbus_state::reconfiguring),
    XENPP_SAME_NUMBER(XenbusStateReconfigured, xenbus_state::reconfigured),
};
// clang-format on

} // namespace

TEST_CASE("abi.io_xenbus has the numbers of the public header") {
    check(numbers);
}
