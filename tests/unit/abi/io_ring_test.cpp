// SPDX-License-Identifier: Apache-2.0
// io/ring.hpp against the installed xen/io/ring.h.
#include "same.hpp"

#include <xenpp/abi/io/ring.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/xen.h>
#include <xen/io/ring.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(XEN_PAGE_SHIFT, page_shift),
};
// clang-format on

} // namespace

TEST_CASE("abi.io_ring has the numbers of the public header") {
    check(numbers);
}
