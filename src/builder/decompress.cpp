// SPDX-License-Identifier: Apache-2.0
// The unpackers: each hands spans to its library and maps the library's answer to one of a few
// words.
#include "builder/little_endian.hpp"

#include <xenpp/builder/decompress.hpp>

#include <fmt/format.h>

#include <lz4.h>
#include <lzma.h>
#define ZLIB_CONST // NOLINT(readability-identifier-naming): zlib's; makes next_in a pointer to
                   // const
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>

namespace xenpp::builder {

namespace {

/// What an unpacker found: the unpacked size, or what was wrong.
enum class flaw {
    damaged,
    cut_short,
    too_large,
    no_memory,
};
using outcome = expected<std::size_t, flaw>;

std::uint8_t const* octets(bytes_view b) noexcept {
    return reinterpret_cast<std::uint8_t const*>(b.data());
}

std::uint8_t* octets(std::span<std::byte> b) noexcept {
    return reinterpret_cast<std::uint8_t*>(b.data());
}

char const* chars(bytes_view b) noexcept {
    return reinterpret_cast<char const*>(b.data());
}

char* chars(std::span<std::byte> b) noexcept {
    return reinterpret_cast<char*>(b.data());
}

unsigned clamp_to_unsigned(std::size_t n) noexcept {
    return static_cast<unsigned>(std::min<std::size_t>(n, UINT_MAX));
}

outcome unpack_gzip(bytes_view in, std::span<std::byte> out) {
    z_stream z = {};
    if (inflateInit2(&z, 15 + 16) != Z_OK) { // the largest window, gzip wrapper only
        return unexpected(flaw::no_memory);
    }
    std::unique_ptr<z_stream, int (*)(z_stream*)> const guard(&z, inflateEnd);
    z.next_in = octets(in);
    z.next_out = octets(out);
    // zlib counts in 32 bits: feed it windows of what is left.
    for (;;) {
        auto const used = static_cast<std::size_t>(z.next_in - octets(in));
        auto const made = static_cast<std::size_t>(z.next_out - octets(out));
        z.avail_in = clamp_to_unsigned(in.size() - used);
        z.avail_out = clamp_to_unsigned(out.size() - made);
        bool const full = z.avail_out == 0;
        bool const dry = z.avail_in == 0;
        switch (inflate(&z, Z_NO_FLUSH)) {
        case Z_STREAM_END: return static_cast<std::size_t>(z.next_out - octets(out));
        case Z_OK: break;
        case Z_BUF_ERROR: return unexpected(full && !dry ? flaw::too_large : flaw::cut_short);
        case Z_MEM_ERROR: return unexpected(flaw::no_memory);
        default: return unexpected(flaw::damaged);
        }
    }
}

outcome unpack_lzma_family(bytes_view in, std::span<std::byte> out, bool alone) {
    // Linux packs with dictionaries of up to 128 MiB at most; the decoder refuses more.
    constexpr std::uint64_t memory_limit = std::uint64_t{192} << 20;
    lzma_stream s = LZMA_STREAM_INIT;
    auto const ready = alone ? lzma_alone_decoder(&s, memory_limit)
                             : lzma_stream_decoder(&s, memory_limit, LZMA_TELL_UNSUPPORTED_CHECK);
    if (ready != LZMA_OK) {
        return unexpected(flaw::no_memory);
    }
    std::unique_ptr<lzma_stream, void (*)(lzma_stream*)> const guard(&s, lzma_end);
    s.next_in = octets(in);
    s.avail_in = in.size();
    s.next_out = octets(out);
    s.avail_out = out.size();
    for (;;) {
        switch (lzma_code(&s, LZMA_FINISH)) {
        case LZMA_STREAM_END: return out.size() - s.avail_out;
        case LZMA_OK: break;
        case LZMA_BUF_ERROR:
            return unexpected(s.avail_out == 0 ? flaw::too_large : flaw::cut_short);
        case LZMA_MEM_ERROR:
        case LZMA_MEMLIMIT_ERROR: return unexpected(flaw::no_memory);
        default: return unexpected(flaw::damaged);
        }
    }
}

outcome unpack_zstd(bytes_view in, std::span<std::byte> out) {
    // One frame in one go needs no window: the output is the window.
    auto const frame = ZSTD_findFrameCompressedSize(in.data(), in.size());
    if (ZSTD_isError(frame) != 0) {
        return unexpected(ZSTD_getErrorCode(frame) == ZSTD_error_srcSize_wrong ? flaw::cut_short
                                                                               : flaw::damaged);
    }
    auto const made = ZSTD_decompress(out.data(), out.size(), in.data(), frame);
    if (ZSTD_isError(made) == 0) {
        return made;
    }
    switch (ZSTD_getErrorCode(made)) {
    case ZSTD_error_dstSize_tooSmall: return unexpected(flaw::too_large);
    case ZSTD_error_memory_allocation: return unexpected(flaw::no_memory);
    case ZSTD_error_srcSize_wrong: return unexpected(flaw::cut_short);
    default: return unexpected(flaw::damaged);
    }
}

constexpr std::uint32_t lz4_legacy_magic = 0x184c2102;
constexpr std::size_t lz4_block_size = std::size_t{8} << 20;

/// Blocks of at most 8 MiB, each after its packed size; no end mark. Linux appends the unpacked
/// size, so four bytes at the end that cannot be a block are that.
outcome unpack_lz4(bytes_view in, std::span<std::byte> out) {
    std::size_t made = 0;
    std::size_t at = sizeof lz4_legacy_magic;
    while (auto const packed = load_le<std::uint32_t>(in, at)) {
        at += sizeof *packed;
        if (*packed == lz4_legacy_magic) { // frames may be joined
            continue;
        }
        if (at == in.size()) {
            return made;
        }
        if (*packed == 0 || *packed > LZ4_COMPRESSBOUND(lz4_block_size)) {
            return unexpected(flaw::damaged);
        }
        auto const block = slice(in, at, *packed);
        if (!block) {
            return unexpected(flaw::cut_short);
        }
        auto const room = std::min(out.size() - made, lz4_block_size);
        auto const n = LZ4_decompress_safe(chars(*block), chars(out.subspan(made)),
                                           static_cast<int>(*packed), static_cast<int>(room));
        if (n < 0) {
            // The library does not say whether the block is damaged or the room too small; with a
            // whole block of room it can only be damage.
            return unexpected(room < lz4_block_size ? flaw::too_large : flaw::damaged);
        }
        made += static_cast<std::size_t>(n);
        at += *packed;
    }
    if (at != in.size()) {
        return unexpected(flaw::cut_short);
    }
    return made;
}

outcome unpack(codec c, bytes_view in, std::span<std::byte> out) {
    switch (c) {
    case codec::gzip: return unpack_gzip(in, out);
    case codec::xz: return unpack_lzma_family(in, out, false);
    case codec::lzma: return unpack_lzma_family(in, out, true);
    case codec::zstd: return unpack_zstd(in, out);
    case codec::lz4: return unpack_lz4(in, out);
    case codec::bzip2:
    case codec::lzo: break;
    }
    return unexpected(flaw::damaged);
}

std::string in_words(flaw f, std::string_view packing, std::size_t limit) {
    switch (f) {
    case flaw::damaged: return fmt::format("the {} data is damaged", packing);
    case flaw::cut_short: return fmt::format("the {} data is truncated", packing);
    case flaw::too_large:
        return fmt::format("the {} data unpacks to more than {} bytes", packing, limit);
    case flaw::no_memory: return fmt::format("unpacking the {} data", packing);
    }
    return {};
}

} // namespace

std::string_view name(codec c) noexcept {
    switch (c) {
    case codec::gzip: return "gzip";
    case codec::xz: return "xz";
    case codec::zstd: return "zstd";
    case codec::lz4: return "lz4";
    case codec::lzma: return "lzma";
    case codec::bzip2: return "bzip2";
    case codec::lzo: return "lzo";
    }
    return {};
}

std::optional<codec> detect_codec(std::span<std::byte const> packed) noexcept {
    using namespace std::string_view_literals;

    struct magic {
        std::string_view text;
        codec c;
    };

    static constexpr magic magics[] = {
        {"\x1f\x8b\x08"sv, codec::gzip},
        {"\xfd"
         "7zXZ\0"sv,
         codec::xz},
        {"\x28\xb5\x2f\xfd"sv, codec::zstd},
        {"\x02\x21\x4c\x18"sv, codec::lz4},
        {"\x5d\0\0"sv,
         codec::lzma}, // the default properties byte, and a dictionary of whole 64 KiB
        {"BZh"sv, codec::bzip2},
        {"\x89LZO\0"sv, codec::lzo},
    };
    for (auto const& m : magics) {
        if (has_text(packed, 0, m.text)) {
            return m.c;
        }
    }
    return std::nullopt;
}

result<mapping> decompress(codec c, std::span<std::byte const> packed, std::size_t limit) {
    constexpr std::string_view operation = "decompress";
    if (c == codec::bzip2 || c == codec::lzo) {
        return fail(operation, fmt::format("{} compression is not supported", name(c)));
    }
    auto out = XENPP_TRY(output_buffer::create(limit));
    auto const made = unpack(c, packed, out.bytes());
    if (made) {
        return std::move(out).keep(*made);
    }
    return fail(operation, made.error() == flaw::no_memory ? ENOMEM : 0,
                in_words(made.error(), name(c), limit));
}

} // namespace xenpp::builder
