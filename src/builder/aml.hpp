// SPDX-License-Identifier: Apache-2.0
// A few words of AML, the byte code of ACPI's definition blocks (ACPI 6.3, chapter 20).
#pragma once

#include "builder/little_endian.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace xenpp::builder::aml {

using code = std::vector<std::byte>;

/// Of a construct with `size` bytes after its length: the length, which counts its own bytes too
/// (20.2.4). One byte holds up to 63; else the lead byte holds the low four bits and how many bytes
/// follow. `size` is below 2^28 - 4.
inline code package_length(std::size_t size) {
    code out;
    byte_writer w(out);
    if (size + 1 < 0x40) {
        w.u8(static_cast<std::uint8_t>(size + 1));
        return out;
    }
    unsigned follow = 1;
    while (((size + 1 + follow) >> (4 + 8 * follow)) != 0) {
        ++follow;
    }
    auto const total = size + 1 + follow;
    w.u8(static_cast<std::uint8_t>((follow << 6) | (total & 0xf)));
    for (unsigned i = 0; i < follow; ++i) {
        w.u8(static_cast<std::uint8_t>(total >> (4 + 8 * i)));
    }
    return out;
}

/// The shortest form of an integer constant (20.2.3).
inline code integer(std::uint32_t v) {
    code out;
    byte_writer w(out);
    if (v <= 1) {
        w.u8(static_cast<std::uint8_t>(v)); // ZeroOp, OneOp
    } else if (v <= 0xff) {
        w.u8(0x0a).u8(static_cast<std::uint8_t>(v));
    } else if (v <= 0xffff) {
        w.u8(0x0b).u16(static_cast<std::uint16_t>(v));
    } else {
        w.u8(0x0c).u32(v);
    }
    return out;
}

inline code string(std::string_view s) {
    code out;
    byte_writer(out).u8(0x0d).text(s).u8(0);
    return out;
}

/// Name (`segment`, `value`); a segment has four characters.
inline code name(std::string_view segment, code const& value) {
    code out;
    byte_writer(out).u8(0x08).text(segment).bytes(value);
    return out;
}

/// Device (`segment`) { `body` }
inline code device(std::string_view segment, code const& body) {
    code out;
    byte_writer w(out);
    w.u8(0x5b).u8(0x82).bytes(package_length(segment.size() + body.size()));
    w.text(segment).bytes(body);
    return out;
}

/// Scope (\`segment`) { `body` }
inline code root_scope(std::string_view segment, code const& body) {
    code out;
    byte_writer w(out);
    w.u8(0x10).bytes(package_length(1 + segment.size() + body.size()));
    w.text("\\").text(segment).bytes(body);
    return out;
}

} // namespace xenpp::builder::aml
