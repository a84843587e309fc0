// SPDX-License-Identifier: Apache-2.0
// The unpackers: whole, with what Linux appends, cut short, damaged, and larger than allowed.
#include "fakes/packer.hpp"

#include <xenpp/builder/decompress.hpp>

#include <random>

using namespace xenpp;
using namespace xenpp::builder;
using namespace xenpp::fakes;

namespace {

struct packing {
    codec c;
    byte_vector (*pack)(byte_vector const&);
};

byte_vector gzip(byte_vector const& in) {
    return pack_gzip(in);
}

constexpr packing packings[] = {
    {codec::gzip, gzip},    {codec::xz, pack_xz},     {codec::zstd, pack_zstd},
    {codec::lz4, pack_lz4}, {codec::lzma, pack_lzma},
};

/// Half noise, half zeros, so that packing has something to do and something to fail on.
byte_vector sample(std::size_t size) {
    std::mt19937 random(7);
    byte_vector out(size);
    for (std::size_t i = 0; i < size; ++i) {
        out[i] = i % 64 < 32 ? static_cast<std::byte>(random()) : std::byte{0};
    }
    return out;
}

bool same(result<mapping> const& got, byte_vector const& want) {
    return got && std::equal(want.begin(), want.end(), got->bytes().begin(), got->bytes().end());
}

} // namespace

TEST_CASE("decompress.every_codec_is_recognised_and_unpacked") {
    auto const p = GENERATE(from_range(std::begin(packings), std::end(packings)));
    CAPTURE(name(p.c));
    for (std::size_t const size : {std::size_t{1}, std::size_t{4096}, std::size_t{300'001}}) {
        auto const want = sample(size);
        auto packed = p.pack(want);
        REQUIRE(detect_codec(packed) == p.c);
        CHECK(same(decompress(p.c, packed, size), want)); // the limit may be reached exactly
        // Linux appends the unpacked size.
        auto const length = bytes_of_number(static_cast<std::uint32_t>(size));
        packed.insert(packed.end(), length.begin(), length.end());
        CHECK(same(decompress(p.c, packed, size + 1), want));
    }
}

TEST_CASE("decompress.lz4_blocks_and_frames_are_joined") {
    auto const want = sample(std::size_t{17} << 20);
    auto packed = pack_lz4(want);
    CHECK(same(decompress(codec::lz4, packed, want.size()), want));
    auto const again = pack_lz4(bytes_of("tail"));
    packed.insert(packed.end(), again.begin(), again.end());
    auto twice = want;
    auto const tail = bytes_of("tail");
    twice.insert(twice.end(), tail.begin(), tail.end());
    CHECK(same(decompress(codec::lz4, packed, twice.size() + (std::size_t{8} << 20)), twice));
}

TEST_CASE("decompress.output_beyond_the_limit_is_refused") {
    auto const p = GENERATE(from_range(std::begin(packings), std::end(packings)));
    byte_vector const bomb(std::size_t{1} << 20);
    auto const r = decompress(p.c, p.pack(bomb), 65536);
    REQUIRE_FALSE(r);
    CHECK(r.error().detail ==
          "the " + std::string(name(p.c)) + " data unpacks to more than 65536 bytes");
}

TEST_CASE("decompress.data_cut_short_is_told") {
    auto const p = GENERATE(from_range(std::begin(packings), std::end(packings)));
    auto packed = p.pack(sample(20'000));
    packed.resize(packed.size() / 2);
    auto const r = decompress(p.c, packed, std::size_t{1} << 20);
    REQUIRE_FALSE(r);
    CHECK(r.error().detail == "the " + std::string(name(p.c)) + " data is truncated");
}

TEST_CASE("decompress.damage_never_passes_as_the_original") {
    auto const p = GENERATE(from_range(std::begin(packings), std::end(packings)));
    auto const want = sample(5'000);
    auto const good = p.pack(want);
    for (std::size_t at = 16; at < good.size(); at += 97) {
        auto bad = good;
        bad[at] ^= std::byte{0x55};
        auto const r = decompress(p.c, bad, std::size_t{9} << 20);
        CAPTURE(name(p.c), at);
        CHECK_FALSE(same(r, want));
    }
}

TEST_CASE("decompress.what_is_not_supported_is_named") {
    for (auto const& [text, c] :
         {std::pair{"BZh91AY", codec::bzip2}, {"\x89LZO\0\r\n", codec::lzo}}) {
        auto const bytes = bytes_of(std::string_view(text, 5));
        REQUIRE(detect_codec(bytes) == c);
        auto const r = decompress(c, bytes, 100);
        REQUIRE_FALSE(r);
        CHECK(r.error().detail == std::string(name(c)) + " compression is not supported");
    }
    CHECK_FALSE(detect_codec(bytes_of("MZ")));
    CHECK_FALSE(detect_codec({}));
}
