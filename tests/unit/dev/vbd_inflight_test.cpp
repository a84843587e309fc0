// SPDX-License-Identifier: Apache-2.0
// A record of requests whose owner is killed at every point of its work.
#include "fakes/bytes_on_disk.hpp"

#include <xenpp/dev/vbd/inflight.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace xenpp;
using dev::vbd_inflight;

namespace {

abi::blkif_request request(std::uint64_t id) {
    abi::blkif_request r{};
    r.id = id;
    return r;
}

std::string in(fakes::scratch_folder const& folder, char const* name) {
    return (folder.path() / name).string();
}

} // namespace

TEST_CASE("vbd_inflight.a_successor_does_again_what_was_not_shown") {
    fakes::scratch_folder folder;
    auto const path = in(folder, "record");
    std::mt19937 random(3);
    std::uint32_t rsp_prod = 0;
    std::uint64_t next_id = 0;
    std::vector<std::uint64_t> unanswered;
    auto record = vbd_inflight::create(path, 2, 32).value();
    std::vector<std::uint32_t> slots, put;
    for (int step = 0; step < 5000; ++step) {
        auto const what = random() % 8;
        if (what < 3 && slots.size() + put.size() < 32) {
            slots.push_back(record.note(1, request(next_id)));
            unanswered.push_back(next_id++);
        } else if (what < 6 && !slots.empty()) {
            auto const n = random() % slots.size();
            record.answered(1, slots[n], rsp_prod + static_cast<std::uint32_t>(put.size()));
            put.push_back(slots[n]);
            slots.erase(slots.begin() + static_cast<std::ptrdiff_t>(n));
        } else if (what == 6) {
            // Shown; whether it is crossed off before the kill is chance.
            for (auto const s : put) {
                std::erase(unanswered, record.request(1, s).id);
            }
            rsp_prod += static_cast<std::uint32_t>(put.size());
            if (random() % 4 != 0) {
                record.shown(1, put);
                put.clear();
                continue;
            }
            put.clear();
            slots.clear();
        } else if (random() % 8 == 0) {
            put.clear();
            slots.clear();
        } else {
            continue;
        }
        if (slots.empty() && put.empty()) { // killed
            record = vbd_inflight::open(path, 2, 32).value();
            CHECK(record.taken(1) == static_cast<std::uint32_t>(next_id));
            auto again = record.recover(1, rsp_prod);
            REQUIRE(again);
            std::vector<std::uint64_t> ids;
            for (auto const s : *again) {
                ids.push_back(record.request(1, s).id);
            }
            std::ranges::sort(ids);
            CHECK(ids == unanswered);
            slots = *std::move(again);
        }
    }
    CHECK(next_id > 1000);
    CHECK(record.recover(0, 0)->empty());
}

TEST_CASE("vbd_inflight.an_answer_index_that_cannot_be_is_noticed") {
    fakes::scratch_folder folder;
    auto record = vbd_inflight::create(in(folder, "record"), 1, 32).value();
    static_cast<void>(record.note(0, request(1)));
    static_cast<void>(record.note(0, request(2)));
    CHECK_FALSE(record.recover(0, 1));
    CHECK_FALSE(record.recover(0, 3));
    CHECK_FALSE(record.recover(0, 0x8000'0000));
    CHECK(record.recover(0, 0)->size() == 2);
}

TEST_CASE("vbd_inflight.a_file_for_other_rings_is_refused") {
    fakes::scratch_folder folder;
    auto const path = in(folder, "record");
    CHECK_FALSE(vbd_inflight::open(path, 1, 32));
    auto record = vbd_inflight::create(path, 1, 32).value();
    record.statistics().reads = 9;
    CHECK(vbd_inflight::read_statistics(path).value().reads == 9);
    CHECK_FALSE(vbd_inflight::open(path, 2, 32));
    CHECK_FALSE(vbd_inflight::open(path, 1, 512));
    CHECK(vbd_inflight::open(path, 1, 32));
    folder.file("other", std::vector<std::byte>(8192, std::byte{7}));
    CHECK_FALSE(vbd_inflight::open(in(folder, "other"), 1, 32));
    CHECK_FALSE(vbd_inflight::create(in(folder, "no/such/folder"), 1, 32));
    CHECK(vbd_inflight::create("", 4, 512));
}
