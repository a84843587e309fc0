// SPDX-License-Identifier: Apache-2.0
// The part of a shared ring page that is the same for all protocols; public header io/ring.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// Pages of rings have 4 KiB, whatever a guest's own pages have.
inline constexpr std::uint32_t page_shift = 12;

/// What precedes the entries of every ring. Indices run freely; each side writes its own producer
/// index, and in the `_event` of the other the index at which it wants to be notified.
struct sring_header {
    std::uint32_t req_prod;
    std::uint32_t req_event;
    std::uint32_t rsp_prod;
    std::uint32_t rsp_event;
    std::uint8_t pvt[4];
    std::uint8_t reserved_[44];
};

static_assert(sizeof(sring_header) == 64);

} // namespace xenpp::abi
