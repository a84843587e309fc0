// SPDX-License-Identifier: Apache-2.0
// Requests and responses of a paravirtual disk; public header io/blkif.h.
#pragma once

#include <xenpp/abi/grant_table.hpp>

#include <cstdint>

namespace xenpp::abi {

/// `blkif_request::operation`.
inline constexpr std::uint8_t blkif_op_read = 0;
inline constexpr std::uint8_t blkif_op_write = 1;
inline constexpr std::uint8_t blkif_op_write_barrier = 2;
inline constexpr std::uint8_t blkif_op_flush_diskcache = 3;
inline constexpr std::uint8_t blkif_op_reserved_1 = 4;
inline constexpr std::uint8_t blkif_op_discard = 5;
inline constexpr std::uint8_t blkif_op_indirect = 6;

/// Most segments in a request of its own.
inline constexpr std::uint32_t blkif_max_segments_per_request = 11;

/// Most pages of segments in an indirect request.
inline constexpr std::uint32_t blkif_max_indirect_pages_per_request = 8;

/// A granted page and its sectors of 512 bytes, the first and the last.
struct blkif_request_segment {
    grant_ref_t gref;
    std::uint8_t first_sect;
    std::uint8_t last_sect;
    std::uint16_t reserved_;
};

static_assert(sizeof(blkif_request_segment) == 8);

/// A read, write, barrier or flush.
struct blkif_request {
    std::uint8_t operation;
    std::uint8_t nr_segments;
    std::uint16_t handle;
    std::uint32_t reserved_;
    std::uint64_t id;
    std::uint64_t sector_number;
    blkif_request_segment seg[blkif_max_segments_per_request];
};

static_assert(sizeof(blkif_request) == 112);

/// A discard.
struct blkif_request_discard {
    std::uint8_t operation;
    std::uint8_t flag;
    std::uint16_t handle;
    std::uint32_t reserved_;
    std::uint64_t id;
    std::uint64_t sector_number;
    std::uint64_t nr_sectors;
};

static_assert(sizeof(blkif_request_discard) == 32);

/// `blkif_request_discard::flag`.
inline constexpr std::uint32_t blkif_discard_secure = 1u;

/// A read or write whose segments lie in granted pages.
struct blkif_request_indirect {
    std::uint8_t operation;
    std::uint8_t indirect_op;
    std::uint16_t nr_segments;
    std::uint32_t reserved_;
    std::uint64_t id;
    std::uint64_t sector_number;
    std::uint16_t handle;
    std::uint16_t reserved_2;
    grant_ref_t indirect_grefs[blkif_max_indirect_pages_per_request];
    std::uint32_t reserved_3;
};

static_assert(sizeof(blkif_request_indirect) == 64);

/// The answer; `id` and `operation` are the request's.
struct blkif_response {
    std::uint64_t id;
    std::uint8_t operation;
    std::uint8_t reserved_;
    std::int16_t status;
    std::uint32_t reserved_2;
};

static_assert(sizeof(blkif_response) == 16);

/// `blkif_response::status`.
inline constexpr std::int16_t blkif_rsp_eopnotsupp = -2;
inline constexpr std::int16_t blkif_rsp_error = -1;
inline constexpr std::int16_t blkif_rsp_okay = 0;

/// The value of the node "info" of a disk.
inline constexpr std::uint32_t vdisk_cdrom = 0x1;
inline constexpr std::uint32_t vdisk_removable = 0x2;
inline constexpr std::uint32_t vdisk_readonly = 0x4;

} // namespace xenpp::abi
