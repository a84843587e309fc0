// SPDX-License-Identifier: Apache-2.0
// Where things lie in the hypervisor's address space.
#pragma once

#include <cstddef>
#include <cstdint>

namespace xenpp::image {

/// Virtual minus physical address of the image; link.ld and entry.S have the same number.
inline constexpr std::uint64_t image_offset = 0xffff82d040000000;
/// All of the machine's physical addresses, from here on (Xen: DIRECTMAP_VIRT_START).
inline constexpr std::uint64_t direct_map_base = 0xffff830000000000;
/// The page at which other CPUs start, in real mode.
inline constexpr std::uint64_t trampoline_base = 0x8000;

/// A physical address as a pointer.
template <class T = std::byte>
[[gnu::always_inline]] inline T* direct_map(std::uint64_t physical) noexcept {
    return reinterpret_cast<T*>(direct_map_base + physical);
}

/// The physical address of something in the image.
inline std::uint64_t image_physical(void const* p) noexcept {
    return reinterpret_cast<std::uint64_t>(p) - image_offset;
}

/// The physical address of something reached through the direct map.
inline std::uint64_t direct_physical(void const* p) noexcept {
    return reinterpret_cast<std::uint64_t>(p) - direct_map_base;
}

} // namespace xenpp::image
