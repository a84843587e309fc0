// SPDX-License-Identifier: Apache-2.0
// io/console.hpp against the installed xen/io/console.h.
#include "same.hpp"

#include <xenpp/abi/io/console.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/io/console.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(xencons_interface, xencons_interface),
    XENPP_SAME_MEMBER(xencons_interface, xencons_interface, in),
    XENPP_SAME_MEMBER(xencons_interface, xencons_interface, out),
    XENPP_SAME_MEMBER(xencons_interface, xencons_interface, in_cons),
    XENPP_SAME_MEMBER(xencons_interface, xencons_interface, in_prod),
    XENPP_SAME_MEMBER(xencons_interface, xencons_interface, out_cons),
    XENPP_SAME_MEMBER(xencons_interface, xencons_interface, out_prod),
};
// clang-format on

} // namespace

TEST_CASE("abi.io_console has the layouts of the public header") {
    check(layouts);
}
