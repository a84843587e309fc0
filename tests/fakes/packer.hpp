// SPDX-License-Identifier: Apache-2.0
// Packs bytes as Linux builds pack kernels, with the libraries' own compressors.
#pragma once

#include "fakes/elf_maker.hpp"

#include <lz4hc.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <stdexcept>

namespace xenpp::fakes {

inline void packed_or_throw(bool good) {
    if (!good) {
        throw std::runtime_error("packing failed");
    }
}

inline byte_vector pack_gzip(byte_vector in) {
    z_stream z = {};
    packed_or_throw(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    byte_vector out(deflateBound(&z, in.size()) + 64);
    z.next_in = reinterpret_cast<Bytef*>(in.data());
    z.avail_in = static_cast<uInt>(in.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    bool const done = deflate(&z, Z_FINISH) == Z_STREAM_END;
    out.resize(z.total_out);
    deflateEnd(&z);
    packed_or_throw(done);
    return out;
}

inline byte_vector run_lzma(lzma_stream& s, byte_vector const& in) {
    byte_vector out(in.size() + in.size() / 2 + 65536);
    s.next_in = reinterpret_cast<std::uint8_t const*>(in.data());
    s.avail_in = in.size();
    s.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    s.avail_out = out.size();
    bool const done = lzma_code(&s, LZMA_FINISH) == LZMA_STREAM_END;
    out.resize(s.total_out);
    lzma_end(&s);
    packed_or_throw(done);
    return out;
}

/// With the x86 branch filter, as Linux's xz_wrap.sh has it.
inline byte_vector pack_xz(byte_vector const& in) {
    lzma_options_lzma options = {};
    lzma_lzma_preset(&options, 1);
    lzma_filter filters[] = {
        {LZMA_FILTER_X86, nullptr}, {LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
    lzma_stream s = LZMA_STREAM_INIT;
    packed_or_throw(lzma_stream_encoder(&s, filters, LZMA_CHECK_CRC32) == LZMA_OK);
    return run_lzma(s, in);
}

inline byte_vector pack_lzma(byte_vector const& in) {
    lzma_options_lzma options = {};
    lzma_lzma_preset(&options, 1);
    lzma_stream s = LZMA_STREAM_INIT;
    packed_or_throw(lzma_alone_encoder(&s, &options) == LZMA_OK);
    return run_lzma(s, in);
}

inline byte_vector pack_zstd(byte_vector const& in) {
    byte_vector out(ZSTD_compressBound(in.size()));
    auto const n = ZSTD_compress(out.data(), out.size(), in.data(), in.size(), 3);
    packed_or_throw(ZSTD_isError(n) == 0);
    out.resize(n);
    return out;
}

/// The legacy frame: a magic, then blocks of 8 MiB each after its packed size.
inline byte_vector pack_lz4(byte_vector const& in) {
    constexpr std::size_t block = std::size_t{8} << 20;
    byte_vector out = bytes_of_number(std::uint32_t{0x184c2102});
    for (std::size_t at = 0; at < in.size(); at += block) {
        auto const size = static_cast<int>(std::min(block, in.size() - at));
        byte_vector packed(static_cast<std::size_t>(LZ4_compressBound(size)));
        auto const n = LZ4_compress_default(reinterpret_cast<char const*>(in.data() + at),
                                            reinterpret_cast<char*>(packed.data()), size,
                                            static_cast<int>(packed.size()));
        packed_or_throw(n > 0);
        auto const length = bytes_of_number(static_cast<std::uint32_t>(n));
        out.insert(out.end(), length.begin(), length.end());
        out.insert(out.end(), packed.begin(), packed.begin() + n);
    }
    return out;
}

} // namespace xenpp::fakes
