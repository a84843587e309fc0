// SPDX-License-Identifier: Apache-2.0
// io/blkif.hpp against the installed xen/io/blkif.h.
#include "same.hpp"

#include <xenpp/abi/io/blkif.hpp>

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
    XENPP_SAME_STRUCT(blkif_request_segment, blkif_request_segment),
    XENPP_SAME_MEMBER(blkif_request_segment, blkif_request_segment, gref),
    XENPP_SAME_MEMBER(blkif_request_segment, blkif_request_segment, first_sect),
    XENPP_SAME_MEMBER(blkif_request_segment, blkif_request_segment, last_sect),
    XENPP_SAME_STRUCT(blkif_request, blkif_request),
    XENPP_SAME_MEMBER(blkif_request, blkif_request, operation),
    XENPP_SAME_MEMBER(blkif_request, blkif_request, nr_segments),
    XENPP_SAME_MEMBER(blkif_request, blkif_request, handle),
    XENPP_SAME_MEMBER(blkif_request, blkif_request, id),
    XENPP_SAME_MEMBER(blkif_request, blkif_request, sector_number),
    XENPP_SAME_MEMBER(blkif_request, blkif_request, seg),
    XENPP_SAME_STRUCT(blkif_request_discard, blkif_request_discard),
    XENPP_SAME_MEMBER(blkif_request_discard, blkif_request_discard, operation),
    XENPP_SAME_MEMBER(blkif_request_discard, blkif_request_discard, flag),
    XENPP_SAME_MEMBER(blkif_request_discard, blkif_request_discard, handle),
    XENPP_SAME_MEMBER(blkif_request_discard, blkif_request_discard, id),
    XENPP_SAME_MEMBER(blkif_request_discard, blkif_request_discard, sector_number),
    XENPP_SAME_MEMBER(blkif_request_discard, blkif_request_discard, nr_sectors),
    XENPP_SAME_STRUCT(blkif_request_indirect, blkif_request_indirect),
    XENPP_SAME_MEMBER(blkif_request_indirect, blkif_request_indirect, operation),
    XENPP_SAME_MEMBER(blkif_request_indirect, blkif_request_indirect, indirect_op),
    XENPP_SAME_MEMBER(blkif_request_indirect, blkif_request_indirect, nr_segments),
    XENPP_SAME_MEMBER(blkif_request_indirect, blkif_request_indirect, id),
    XENPP_SAME_MEMBER(blkif_request_indirect, blkif_request_indirect, sector_number),
    XENPP_SAME_MEMBER(blkif_request_indirect, blkif_request_indirect, handle),
    XENPP_SAME_MEMBER(blkif_request_indirect, blkif_request_indirect, indirect_grefs),
    XENPP_SAME_STRUCT(blkif_response, blkif_response),
    XENPP_SAME_MEMBER(blkif_response, blkif_response, id),
    XENPP_SAME_MEMBER(blkif_response, blkif_response, operation),
    XENPP_SAME_MEMBER(blkif_response, blkif_response, status),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(BLKIF_OP_READ, blkif_op_read),
    XENPP_SAME_NUMBER(BLKIF_OP_WRITE, blkif_op_write),
    XENPP_SAME_NUMBER(BLKIF_OP_WRITE_BARRIER, blkif_op_write_barrier),
    XENPP_SAME_NUMBER(BLKIF_OP_FLUSH_DISKCACHE, blkif_op_flush_diskcache),
    XENPP_SAME_NUMBER(BLKIF_OP_RESERVED_1, blkif_op_reserved_1),
    XENPP_SAME_NUMBER(BLKIF_OP_DISCARD, blkif_op_discard),
    XENPP_SAME_NUMBER(BLKIF_OP_INDIRECT, blkif_op_indirect),
    XENPP_SAME_NUMBER(BLKIF_MAX_SEGMENTS_PER_REQUEST, blkif_max_segments_per_request),
    XENPP_SAME_NUMBER(BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST, blkif_max_indirect_pages_per_request),
    XENPP_SAME_NUMBER(BLKIF_DISCARD_SECURE, blkif_discard_secure),
    XENPP_SAME_NUMBER(BLKIF_RSP_EOPNOTSUPP, blkif_rsp_eopnotsupp),
    XENPP_SAME_NUMBER(BLKIF_RSP_ERROR, blkif_rsp_error),
    XENPP_SAME_NUMBER(BLKIF_RSP_OKAY, blkif_rsp_okay),
    XENPP_SAME_NUMBER(VDISK_CDROM, vdisk_cdrom),
    XENPP_SAME_NUMBER(VDISK_REMOVABLE, vdisk_removable),
    XENPP_SAME_NUMBER(VDISK_READONLY, vdisk_readonly),
};
// clang-format on

} // namespace

TEST_CASE("abi.io_blkif has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.io_blkif has the numbers of the public header") {
    check(numbers);
}
