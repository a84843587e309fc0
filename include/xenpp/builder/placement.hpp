// SPDX-License-Identifier: Apache-2.0
// What a plan writes into a domain's memory.
#pragma once

#include <xenpp/base/strong.hpp>
#include <xenpp/builder/kernel_image.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace xenpp::builder {

/// Bytes to write, and the room they have.
struct placement {
    std::string_view what; ///< "kernel", "ramdisk", ...: for messages
    gpa at; ///< page aligned unless it is a kernel segment; of a PV domain: pseudo-physical
    std::uint64_t size = 0;             ///< bytes that are the placement's own
    std::span<std::byte const> content; ///< at most `size`; the rest of `size` must read as zero
    bool is_of_file = false;            ///< `content` lies in a file's mapping (`forget_pages`)

    gpa end() const noexcept { return at + size; }
};

/// One placement for each segment, at its paddr less `paddr_offset` (which is at most the lowest
/// paddr). Zeros at a segment's end are not content. Refers to the kernel's bytes.
std::vector<placement> place_kernel(kernel_image const& kernel, std::uint64_t paddr_offset = 0);

} // namespace xenpp::builder
