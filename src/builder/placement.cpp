// SPDX-License-Identifier: Apache-2.0
// A kernel's segments as placements.
#include "builder/little_endian.hpp"

#include <xenpp/builder/placement.hpp>

namespace xenpp::builder {

namespace {

/// A kernel's bss often is in the file: its zeros need not be written.
bytes_view without_trailing_zeros(bytes_view b) noexcept {
    while (!b.empty() && b.size() % sizeof(std::uint64_t) != 0 && b.back() == std::byte{0}) {
        b = b.first(b.size() - 1);
    }
    if (b.size() % sizeof(std::uint64_t) != 0) {
        return b;
    }
    while (!b.empty() &&
           load_le<std::uint64_t>(b, b.size() - sizeof(std::uint64_t)) == std::uint64_t{0}) {
        b = b.first(b.size() - sizeof(std::uint64_t));
    }
    return b;
}

} // namespace

std::vector<placement> place_kernel(kernel_image const& kernel, std::uint64_t paddr_offset) {
    std::vector<placement> out;
    for (auto const& s : kernel.elf().segments) {
        out.push_back({"kernel", s.paddr - paddr_offset, s.memory_size,
                       without_trailing_zeros(kernel.contents(s)), kernel.is_of_file()});
    }
    return out;
}

} // namespace xenpp::builder
