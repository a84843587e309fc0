// SPDX-License-Identifier: Apache-2.0
// Decoding blkif's requests.
#include <xenpp/dev/vbd/request.hpp>

#include <cstring>

namespace xenpp::dev {

namespace {

constexpr auto refused = unexpected(std::int16_t{abi::blkif_rsp_error});
constexpr auto unsupported = unexpected(std::int16_t{abi::blkif_rsp_eopnotsupp});

/// Another layout of the same bytes.
template <class T>
T as(abi::blkif_request const& raw) noexcept {
    static_assert(sizeof(T) <= sizeof raw);
    T out;
    std::memcpy(&out, &raw, sizeof out);
    return out;
}

/// Whether [sector, sector + count) lies on the disk.
bool is_on_disk(std::uint64_t sector, std::uint64_t count, vbd_limits const& limits) noexcept {
    return sector <= limits.sectors && count <= limits.sectors - sector;
}

expected<vbd_request, vbd_refusal> decode_discard(abi::blkif_request_discard const& raw,
                                                  vbd_limits const& limits) noexcept {
    if (!limits.can_discard || (raw.flag & abi::blkif_discard_secure) != 0) {
        return unsupported;
    }
    if (limits.is_read_only || raw.nr_sectors == 0 ||
        !is_on_disk(raw.sector_number, raw.nr_sectors, limits)) {
        return refused;
    }
    return vbd_request{.what = vbd_operation::discard,
                       .offset = raw.sector_number * vbd_sector_size,
                       .length = raw.nr_sectors * vbd_sector_size};
}

/// Reads and writes. Byte offsets are only made of sectors that are on the disk.
expected<vbd_request, vbd_refusal> decode_transfer(std::uint8_t operation,
                                                   std::uint64_t sector,
                                                   std::uint32_t segments,
                                                   std::uint32_t most,
                                                   vbd_limits const& limits) noexcept {
    bool const is_write = operation == abi::blkif_op_write;
    if (!is_write && operation != abi::blkif_op_read) {
        return unsupported;
    }
    if (segments == 0 || segments > most || (is_write && limits.is_read_only) ||
        !is_on_disk(sector, 1, limits)) {
        return refused;
    }
    return vbd_request{.what = is_write ? vbd_operation::write : vbd_operation::read,
                       .offset = sector * vbd_sector_size,
                       .segment_count = segments};
}

expected<vbd_request, vbd_refusal> decode_indirect(abi::blkif_request_indirect const& raw,
                                                   vbd_limits const& limits) noexcept {
    auto r = XENPP_TRY(decode_transfer(raw.indirect_op, raw.sector_number, raw.nr_segments,
                                       vbd_max_indirect_segments, limits));
    r.indirect_page_count = (r.segment_count + vbd_segments_per_page - 1) / vbd_segments_per_page;
    for (std::uint32_t i = 0; i != r.indirect_page_count; ++i) {
        r.indirect_pages[i] = grant_ref(raw.indirect_grefs[i]);
    }
    return r;
}

expected<vbd_request, vbd_refusal> decode_flush(abi::blkif_request const& raw,
                                                vbd_limits const& limits) noexcept {
    if (!limits.can_flush) {
        return unsupported;
    }
    if (raw.nr_segments == 0) {
        return vbd_request{.what = vbd_operation::flush};
    }
    auto r = XENPP_TRY(decode_transfer(abi::blkif_op_write, raw.sector_number, raw.nr_segments,
                                       abi::blkif_max_segments_per_request, limits));
    r.has_flush = true;
    return r;
}

} // namespace

expected<vbd_request, vbd_refusal> decode_request(abi::blkif_request const& raw,
                                                  vbd_limits const& limits) noexcept {
    switch (raw.operation) {
    case abi::blkif_op_read:
    case abi::blkif_op_write:
        return decode_transfer(raw.operation, raw.sector_number, raw.nr_segments,
                               abi::blkif_max_segments_per_request, limits);
    case abi::blkif_op_flush_diskcache: return decode_flush(raw, limits);
    case abi::blkif_op_discard: return decode_discard(as<abi::blkif_request_discard>(raw), limits);
    case abi::blkif_op_indirect:
        return decode_indirect(as<abi::blkif_request_indirect>(raw), limits);
    default: return unsupported; // a barrier, and what is none
    }
}

expected<void, vbd_refusal> decode_segments(std::span<abi::blkif_request_segment const> raw,
                                            vbd_limits const& limits,
                                            vbd_request& request,
                                            std::vector<vbd_segment>& out) {
    out.clear();
    std::uint64_t sectors = 0;
    for (auto const& s : raw) {
        if (s.first_sect > s.last_sect || s.last_sect >= vbd_sectors_per_page) {
            return refused;
        }
        std::uint32_t const count = std::uint32_t{s.last_sect} - s.first_sect + 1;
        sectors += count;
        out.push_back({grant_ref(s.gref), s.first_sect * std::uint32_t{vbd_sector_size},
                       count * std::uint32_t{vbd_sector_size}});
    }
    if (!is_on_disk(request.offset / vbd_sector_size, sectors, limits)) {
        return refused;
    }
    request.length = sectors * vbd_sector_size;
    return {};
}

abi::blkif_response make_response(abi::blkif_request const& raw, std::int16_t status) noexcept {
    abi::blkif_response r{};
    // All layouts have the number at the same place.
    r.id = raw.id;
    // Linux takes an answer for one to the operation inside.
    r.operation = raw.operation == abi::blkif_op_indirect
                      ? as<abi::blkif_request_indirect>(raw).indirect_op
                      : raw.operation;
    r.status = status;
    return r;
}

} // namespace xenpp::dev
