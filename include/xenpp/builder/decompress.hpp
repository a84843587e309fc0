// SPDX-License-Identifier: Apache-2.0
// Unpacks what kernels are packed with, into a buffer of bounded size.
#pragma once

#include <xenpp/builder/mapping.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace xenpp::builder {

/// How a kernel is packed (Linux: CONFIG_KERNEL_*).
enum class codec {
    gzip,
    xz, ///< single stream, with the BCJ filter that Linux builds use
    zstd,
    lz4,   ///< the legacy frame, which is what Linux uses
    lzma,  ///< ".lzma", the format before xz
    bzip2, ///< recognised, not unpacked
    lzo,   ///< recognised, not unpacked
};

std::string_view name(codec c) noexcept;

/// Recognises a packed stream by its first bytes; nothing if it is none.
std::optional<codec> detect_codec(std::span<std::byte const> packed) noexcept;

/// Unpacks the first stream (one gzip member, one xz stream, one zstd frame, all blocks of an lz4
/// legacy frame) in `packed`. What follows that stream is ignored: Linux appends the unpacked
/// size there. Memory is bounded by `limit` plus the format's window.
/// Errors, in words: damaged, cut short, larger than `limit` bytes, not supported.
result<mapping> decompress(codec c, std::span<std::byte const> packed, std::size_t limit);

} // namespace xenpp::builder
