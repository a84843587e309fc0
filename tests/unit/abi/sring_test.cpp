// SPDX-License-Identifier: Apache-2.0
// abi::sring_header against the ring page that xen/io/ring.h makes for one protocol.
#include "same.hpp"

#include <xenpp/abi/io/ring.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/xen.h>
#include <xen/io/blkif.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    {"blkif_sring up to its entries",
     {0, offsetof(::blkif_sring, ring), 4, false},
     {0, sizeof(::xenpp::abi::sring_header), alignof(::xenpp::abi::sring_header), false}},
    XENPP_SAME_MEMBER(blkif_sring, sring_header, req_prod),
    XENPP_SAME_MEMBER(blkif_sring, sring_header, req_event),
    XENPP_SAME_MEMBER(blkif_sring, sring_header, rsp_prod),
    XENPP_SAME_MEMBER(blkif_sring, sring_header, rsp_event),
    XENPP_SAME_MEMBER(blkif_sring, sring_header, pvt),
};
// clang-format on

} // namespace

TEST_CASE("abi.sring_header is what precedes the entries of a ring") {
    check(layouts);
}
