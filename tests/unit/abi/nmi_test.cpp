// SPDX-License-Identifier: Apache-2.0
// nmi.hpp against the installed xen/nmi.h.
#include "same.hpp"

#include <xenpp/abi/nmi.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/xen.h>
#include <xen/nmi.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(xennmi_callback, xennmi_callback),
    XENPP_SAME_MEMBER(xennmi_callback, xennmi_callback, handler_address),
    XENPP_SAME_MEMBER(xennmi_callback, xennmi_callback, pad),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(_XEN_NMIREASON_io_error, nmireason_io_error_bit),
    XENPP_SAME_NUMBER(XEN_NMIREASON_io_error, nmireason_io_error),
    XENPP_SAME_NUMBER(_XEN_NMIREASON_pci_serr, nmireason_pci_serr_bit),
    XENPP_SAME_NUMBER(XEN_NMIREASON_pci_serr, nmireason_pci_serr),
    XENPP_SAME_NUMBER(_XEN_NMIREASON_unknown, nmireason_unknown_bit),
    XENPP_SAME_NUMBER(XEN_NMIREASON_unknown, nmireason_unknown),
    XENPP_SAME_NUMBER(XENNMI_register_callback, nmi_op::register_callback),
    XENPP_SAME_NUMBER(XENNMI_unregister_callback, nmi_op::unregister_callback),
};
// clang-format on

} // namespace

TEST_CASE("abi.nmi has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.nmi has the numbers of the public header") {
    check(numbers);
}
