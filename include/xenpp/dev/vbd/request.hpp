// SPDX-License-Identifier: Apache-2.0
// A disk's requests, decoded and checked: raw words in, a named view or a refusal out.
#pragma once

#include <xenpp/abi/io/blkif.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/base/strong.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace xenpp::dev {

/// Sectors of the protocol, whatever the disk's own are.
inline constexpr std::uint64_t vbd_sector_size = 512;
inline constexpr std::uint32_t vbd_sectors_per_page = page_size / vbd_sector_size;
/// Most segments of an indirect request that we offer: 1 MiB.
inline constexpr std::uint32_t vbd_max_indirect_segments = 256;
inline constexpr std::uint32_t vbd_segments_per_page =
    page_size / sizeof(abi::blkif_request_segment);
static_assert(vbd_max_indirect_segments <=
              vbd_segments_per_page * abi::blkif_max_indirect_pages_per_request);

enum class vbd_operation : std::uint8_t {
    read,
    write,
    flush,
    discard,
};

/// What a disk can do and where it ends.
struct vbd_limits {
    std::uint64_t sectors = 0;
    bool is_read_only = false;
    bool can_flush = false;
    bool can_discard = false;
};

/// What one page holds of a request.
struct vbd_segment {
    grant_ref page{};
    std::uint32_t offset = 0; ///< in the page
    std::uint32_t length = 0;
};

/// A request that makes sense. Whether its pages can be reached is not known yet.
struct vbd_request {
    vbd_operation what = vbd_operation::read;
    bool has_flush = false;   ///< before it, the disk's cache is written out
    std::uint64_t offset = 0; ///< in bytes
    std::uint64_t length = 0; ///< in bytes; of a discard, what it names
    std::uint32_t segment_count = 0;
    /// Where the segments of an indirect request are; none: they are in the request.
    std::array<grant_ref, abi::blkif_max_indirect_pages_per_request> indirect_pages{};
    std::uint32_t indirect_page_count = 0;
};

/// The status (blkif_rsp_*) that refuses a request.
using vbd_refusal = std::int16_t;

/// A view of a request in the ring's layout: everything but its segments. Reads nothing of the
/// guest's; `raw` is our copy.
expected<vbd_request, vbd_refusal> decode_request(abi::blkif_request const& raw,
                                                  vbd_limits const& limits) noexcept;

/// The segments of a read or write from our copy of them. Fills in `request.length`, and refuses
/// what reaches beyond the disk.
expected<void, vbd_refusal> decode_segments(std::span<abi::blkif_request_segment const> raw,
                                            vbd_limits const& limits,
                                            vbd_request& request,
                                            std::vector<vbd_segment>& out);

/// The response to a request.
abi::blkif_response make_response(abi::blkif_request const& raw, std::int16_t status) noexcept;

} // namespace xenpp::dev
