// SPDX-License-Identifier: Apache-2.0
// Decoding of the bzImage setup header; offsets as in Documentation/x86/boot.rst.
#include "builder/little_endian.hpp"

#include <xenpp/builder/bzimage.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace xenpp::builder {

namespace {

constexpr std::string_view operation = "parse bzImage";
constexpr std::size_t sector = 512;

// Offsets of the setup header's fields.
constexpr std::uint64_t setup_sects_at = 0x1f1;
constexpr std::uint64_t signature_at = 0x202;
constexpr std::uint64_t protocol_at = 0x206;
constexpr std::uint64_t version_text_at = 0x20e;
constexpr std::uint64_t payload_offset_at = 0x248;
constexpr std::uint64_t payload_length_at = 0x24c;

constexpr std::uint16_t first_protocol_with_payload = 0x0208;

/// The version string lies at its field's value after the first sector, ended by a zero.
std::string version_text(bytes_view bytes) {
    constexpr std::size_t longest = 256;
    auto const at = load_le<std::uint16_t>(bytes, version_text_at).value_or(0);
    if (at == 0 || at + sector >= bytes.size()) {
        return {};
    }
    auto const text = bytes.subspan(at + sector);
    auto const window = text.first(std::min(longest, text.size()));
    auto const end = std::find(window.begin(), window.end(), std::byte{0});
    std::string out;
    for (auto it = window.begin(); end != window.end() && it != end; ++it) {
        auto const c = static_cast<char>(*it);
        out += c >= ' ' && c <= '~' ? c : '?';
    }
    return out;
}

} // namespace

bool is_bzimage(std::span<std::byte const> bytes) noexcept {
    return has_text(bytes, signature_at, "HdrS");
}

result<bzimage> parse_bzimage(std::span<std::byte const> bytes) {
    if (!is_bzimage(bytes)) {
        return fail(operation, "it is not a bzImage");
    }
    auto const protocol = load_le<std::uint16_t>(bytes, protocol_at);
    if (protocol && *protocol < first_protocol_with_payload) {
        return fail(operation,
                    fmt::format("the bzImage has boot protocol {}.{:02}; 2.08 or later is needed",
                                *protocol >> 8, *protocol & 0xff));
    }
    auto const setup_sects = load_le<std::uint8_t>(bytes, setup_sects_at);
    auto const offset = load_le<std::uint32_t>(bytes, payload_offset_at);
    auto const length = load_le<std::uint32_t>(bytes, payload_length_at);
    if (!protocol || !setup_sects || !offset || !length) {
        return fail(
            operation,
            fmt::format("the bzImage is truncated in its setup header: the file has {} bytes",
                        bytes.size()));
    }
    // The protected-mode code follows the boot sector and the setup sectors; 0 stands for 4.
    auto const sectors = std::uint64_t{*setup_sects == 0 ? 4U : *setup_sects} + 1;
    auto const begin = sectors * sector + *offset;
    auto const payload = slice(bytes, begin, *length);
    if (*length == 0) {
        return fail(operation, "the bzImage has an empty payload");
    }
    if (!payload) {
        return fail(
            operation,
            fmt::format("the bzImage is truncated: its payload ends at byte {}, the file at {}",
                        begin + *length, bytes.size()));
    }
    return bzimage{*protocol, *payload, version_text(bytes)};
}

} // namespace xenpp::builder
