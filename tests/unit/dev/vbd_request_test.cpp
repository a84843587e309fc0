// SPDX-License-Identifier: Apache-2.0
// What makes a request of a disk one, and what does not.
#include <xenpp/dev/vbd/request.hpp>

#include <cstring>

using namespace xenpp;
using dev::vbd_operation;

namespace {

constexpr dev::vbd_limits disk{1000, false, true, true};
constexpr dev::vbd_limits read_only{1000, true, true, true};
constexpr dev::vbd_limits plain{1000, false, false, false};

abi::blkif_request transfer(std::uint8_t op, std::uint8_t segments, std::uint64_t sector) {
    abi::blkif_request r{};
    r.operation = op;
    r.nr_segments = segments;
    r.sector_number = sector;
    return r;
}

abi::blkif_request discard(std::uint64_t sector, std::uint64_t count, std::uint8_t flag = 0) {
    abi::blkif_request_discard d{};
    d.operation = abi::blkif_op_discard;
    d.flag = flag;
    d.sector_number = sector;
    d.nr_sectors = count;
    abi::blkif_request r{};
    std::memcpy(&r, &d, sizeof d);
    return r;
}

abi::blkif_request indirect(std::uint8_t op, std::uint16_t segments, std::uint64_t sector) {
    abi::blkif_request_indirect i{};
    i.operation = abi::blkif_op_indirect;
    i.indirect_op = op;
    i.nr_segments = segments;
    i.sector_number = sector;
    i.indirect_grefs[0] = 77;
    abi::blkif_request r{};
    std::memcpy(&r, &i, sizeof i);
    return r;
}

} // namespace

TEST_CASE("vbd_request.what_can_be_done_is_accepted_and_the_rest_refused") {
    struct row {
        abi::blkif_request raw;
        dev::vbd_limits limits;
        int status; // of the answer; 0: accepted
        vbd_operation what = vbd_operation::read;
    };

    constexpr std::uint64_t huge = ~std::uint64_t{0};
    // clang-format off
    row const rows[] = {
        {transfer(0, 1, 0),      disk,       0, vbd_operation::read},
        {transfer(0, 11, 999),   disk,       0, vbd_operation::read}, // its segments tell
        {transfer(1, 1, 5),      disk,       0, vbd_operation::write},
        {transfer(0, 1, 5),      read_only,  0, vbd_operation::read},
        {transfer(1, 1, 5),      read_only, -1},
        {transfer(0, 0, 0),      disk,      -1},
        {transfer(0, 12, 0),     disk,      -1},
        {transfer(0, 1, 1000),   disk,      -1},
        {transfer(0, 1, huge),   disk,      -1},
        {transfer(2, 1, 0),      disk,      -2}, // a barrier
        {transfer(4, 1, 0),      disk,      -2},
        {transfer(255, 1, 0),    disk,      -2},
        {transfer(3, 0, 0),      disk,       0, vbd_operation::flush},
        {transfer(3, 0, huge),   disk,       0, vbd_operation::flush},
        {transfer(3, 2, 7),      disk,       0, vbd_operation::write}, // a flush in front of it
        {transfer(3, 2, 7),      read_only, -1},
        {transfer(3, 0, 0),      plain,     -2},
        {discard(0, 1000),       disk,       0, vbd_operation::discard},
        {discard(1, 1000),       disk,      -1},
        {discard(1000, 1),       disk,      -1},
        {discard(5, 0),          disk,      -1},
        {discard(huge, 2),       disk,      -1},
        {discard(2, huge),       disk,      -1},
        {discard(0, 8),          read_only, -1},
        {discard(0, 8),          plain,     -2},
        {discard(0, 8, 1),       disk,      -2}, // securely
        {indirect(0, 1, 0),      disk,       0, vbd_operation::read},
        {indirect(1, 256, 0),    disk,       0, vbd_operation::write},
        {indirect(1, 257, 0),    disk,      -1},
        {indirect(1, 65535, 0),  disk,      -1},
        {indirect(0, 0, 0),      disk,      -1},
        {indirect(3, 1, 0),      disk,      -2},
        {indirect(5, 1, 0),      disk,      -2},
        {indirect(6, 1, 0),      disk,      -2},
        {indirect(1, 1, 0),      read_only, -1},
    };
    // clang-format on
    for (auto const& r : rows) {
        INFO("row " << &r - rows);
        auto const decoded = dev::decode_request(r.raw, r.limits);
        CHECK((decoded ? 0 : decoded.error()) == r.status);
        if (decoded) {
            CHECK(decoded->what == r.what);
            CHECK(decoded->has_flush == (r.raw.operation == 3 && r.raw.nr_segments != 0));
        }
    }
}

TEST_CASE("vbd_request.segments_are_sectors_of_a_page_and_of_the_disk") {
    using segment = abi::blkif_request_segment;
    auto const decode = [](std::vector<segment> const& raw, std::uint64_t sector) {
        dev::vbd_request r{.what = vbd_operation::read,
                           .offset = sector * 512,
                           .segment_count = static_cast<std::uint32_t>(raw.size())};
        std::vector<dev::vbd_segment> out;
        auto const good = dev::decode_segments(raw, disk, r, out);
        return good ? static_cast<int>(r.length) : int{good.error()};
    };
    CHECK(decode({{8, 0, 7, 0}}, 0) == 4096);
    CHECK(decode({{8, 7, 7, 0}, {9, 0, 0, 0}}, 998) == 1024);
    CHECK(decode({{8, 7, 7, 0}, {9, 0, 0, 0}}, 999) == -1);
    CHECK(decode({{8, 0, 8, 0}}, 0) == -1);
    CHECK(decode({{8, 5, 4, 0}}, 0) == -1);
    CHECK(decode({{8, 0, 255, 0}}, 0) == -1);
    CHECK(decode({{8, 255, 255, 0}}, 0) == -1);
    CHECK(decode(std::vector<segment>(125, {8, 0, 7, 0}), 0) == 125 * 4096);
    CHECK(decode(std::vector<segment>(126, {8, 0, 7, 0}), 0) == -1);
}

TEST_CASE("vbd_request.an_answer_bears_the_requests_number_whatever_its_layout") {
    auto raw = indirect(1, 8, 0);
    raw.id = 0x1122'3344'5566'7788;
    auto const r = dev::make_response(raw, -1);
    CHECK(r.id == raw.id);
    CHECK(r.operation == abi::blkif_op_write); // as Linux wants it
    CHECK(dev::make_response(transfer(0, 1, 0), 0).operation == abi::blkif_op_read);
    CHECK(r.status == -1);
}
