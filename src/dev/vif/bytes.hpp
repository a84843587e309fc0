// SPDX-License-Identifier: Apache-2.0
// Numbers in network byte order, at any place in a buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace xenpp::dev::detail {

inline std::uint8_t byte_at(std::span<std::byte const> b, std::size_t at) noexcept {
    return std::to_integer<std::uint8_t>(b[at]);
}

inline std::uint16_t net16(std::span<std::byte const> b, std::size_t at) noexcept {
    std::uint16_t v = 0;
    std::memcpy(&v, b.data() + at, sizeof v);
    return __builtin_bswap16(v);
}

inline std::uint32_t net32(std::span<std::byte const> b, std::size_t at) noexcept {
    std::uint32_t v = 0;
    std::memcpy(&v, b.data() + at, sizeof v);
    return __builtin_bswap32(v);
}

inline void put_net16(std::span<std::byte> b, std::size_t at, std::uint16_t v) noexcept {
    v = __builtin_bswap16(v);
    std::memcpy(b.data() + at, &v, sizeof v);
}

inline void put_net32(std::span<std::byte> b, std::size_t at, std::uint32_t v) noexcept {
    v = __builtin_bswap32(v);
    std::memcpy(b.data() + at, &v, sizeof v);
}

} // namespace xenpp::dev::detail
