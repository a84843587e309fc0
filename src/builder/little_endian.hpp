// SPDX-License-Identifier: Apache-2.0
// Reading and writing little-endian numbers at offsets of a byte span, bounds checked.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace xenpp::builder {

using bytes_view = std::span<std::byte const>;

/// `size` bytes at `offset`, or nothing if they are not all there.
inline std::optional<bytes_view>
slice(bytes_view bytes, std::uint64_t offset, std::uint64_t size) noexcept {
    if (offset > bytes.size() || size > bytes.size() - offset) {
        return std::nullopt;
    }
    return bytes.subspan(offset, size);
}

/// The number at `offset`, or nothing. The host is x86-64, so the bytes are in host order.
template <std::unsigned_integral T>
std::optional<T> load_le(bytes_view bytes, std::uint64_t offset) noexcept {
    auto const at = slice(bytes, offset, sizeof(T));
    if (!at) {
        return std::nullopt;
    }
    T v;
    std::memcpy(&v, at->data(), sizeof v);
    return v;
}

/// Whether `bytes` has exactly `text` at `offset`.
inline bool has_text(bytes_view bytes, std::uint64_t offset, std::string_view text) noexcept {
    auto const at = slice(bytes, offset, text.size());
    return at && std::memcmp(at->data(), text.data(), text.size()) == 0;
}

/// Appends to a vector of bytes.
class byte_writer {
public:
    explicit byte_writer(std::vector<std::byte>& out) noexcept : out_(out) {}

    template <std::unsigned_integral T>
    byte_writer& put(T v) {
        auto const raw = std::as_bytes(std::span(&v, 1));
        out_.insert(out_.end(), raw.begin(), raw.end());
        return *this;
    }

    byte_writer& u8(std::uint8_t v) { return put(v); }

    byte_writer& u16(std::uint16_t v) { return put(v); }

    byte_writer& u32(std::uint32_t v) { return put(v); }

    byte_writer& u64(std::uint64_t v) { return put(v); }

    byte_writer& text(std::string_view s) {
        auto const raw = std::as_bytes(std::span(s));
        out_.insert(out_.end(), raw.begin(), raw.end());
        return *this;
    }

    byte_writer& bytes(bytes_view b) {
        out_.insert(out_.end(), b.begin(), b.end());
        return *this;
    }

    byte_writer& zeros(std::size_t n) {
        out_.resize(out_.size() + n);
        return *this;
    }

private:
    std::vector<std::byte>& out_;
};

} // namespace xenpp::builder
