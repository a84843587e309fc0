// SPDX-License-Identifier: Apache-2.0
// The Linux/x86 bzImage: where its packed kernel lies (Linux: Documentation/x86/boot.rst).
#pragma once

#include <xenpp/base/error.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace xenpp::builder {

/// What the setup header of a bzImage says. Views into the file's bytes.
struct bzimage {
    std::uint16_t protocol = 0;         ///< boot protocol, 0x020f is 2.15
    std::span<std::byte const> payload; ///< the packed ELF, with what Linux appends to it
    std::string version;                ///< "6.1.0-56-cloud-amd64 (...)", empty if not given
};

/// Whether the bytes carry the setup header's "HdrS" signature.
bool is_bzimage(std::span<std::byte const> bytes) noexcept;

/// Decodes the setup header. Errors, in words: not a bzImage, a boot protocol before 2.08 (no
/// payload fields; Linux before 2.6.26), a payload that ends beyond the file.
result<bzimage> parse_bzimage(std::span<std::byte const> bytes);

} // namespace xenpp::builder
