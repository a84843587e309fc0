// SPDX-License-Identifier: Apache-2.0
// Both ends of a ring against each other, and against a frontend that lies.
#include <xenpp/abi/io/blkif.hpp>
#include <xenpp/abi/io/netif.hpp>
#include <xenpp/ring/shared_ring.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

namespace {

using namespace xenpp;

struct request {
    std::uint64_t id;
    std::uint32_t what;
    std::uint32_t pad;
};

struct response {
    std::uint64_t id;
};

using front = ring::front_ring<request, response>;
using back = ring::back_ring<request, response>;

struct pages {
    alignas(4096) std::array<std::byte, 4096> bytes{};

    abi::sring_header& header() { return *reinterpret_cast<abi::sring_header*>(bytes.data()); }
};

} // namespace

TEST_CASE("shared_ring.sizes_are_those_of_Xens_rings") {
    CHECK(ring::entries_in<abi::blkif_request, abi::blkif_response>(4096) == 32);
    CHECK(ring::entries_in<abi::blkif_request, abi::blkif_response>(4 * 4096) == 128);
    CHECK(ring::entries_in<abi::blkif_request, abi::blkif_response>(16 * 4096) == 512);
    CHECK(ring::entries_in<abi::netif_tx_request, abi::netif_tx_response>(4096) == 256);
    CHECK(ring::entries_in<abi::netif_rx_request, abi::netif_rx_response>(4096) == 256);
    CHECK(ring::entries_in<request, response>(64) == 0);
    CHECK(ring::entries_in<request, response>(79) == 0);
    CHECK(ring::entries_in<request, response>(80) == 1);
}

TEST_CASE("shared_ring.random_traffic_loses_nothing_and_nobody_sleeps_with_work_waiting") {
    std::mt19937 random(7);
    pages p;
    front f(p.bytes.data(), p.bytes.size());
    back b(p.bytes.data(), p.bytes.size());
    std::deque<std::uint64_t> held;
    std::uint64_t next = 0, seen = 0, answered = 0;
    std::vector<bool> is_answered(20'000);
    bool wake_back = false, wake_front = false;
    while (answered != is_answered.size()) {
        if (random() % 2 == 0 && next != is_answered.size()) {
            for (auto n = random() % 9; n-- != 0 && f.room() != 0 && next != is_answered.size();) {
                f.put({next++, 7, 0});
            }
            wake_back = f.push() || wake_back;
        }
        if (wake_back) {
            wake_back = false;
            for (auto n = b.waiting(); n && *n != 0; n = b.wait_for_more()) {
                request r{};
                b.take(r);
                CHECK(r.id == seen++);
                held.push_back(r.id);
            }
        }
        while (!held.empty() && (random() % 3 != 0 || next == is_answered.size())) {
            auto const at = random() % held.size(); // in any order
            b.put({held[at]});
            held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
        }
        wake_front = b.push() || wake_front;
        if (wake_front) {
            wake_front = false;
            for (auto n = f.waiting(); n && *n != 0; n = f.wait_for_more()) {
                response r{};
                f.take(r);
                REQUIRE_FALSE(is_answered[r.id]);
                is_answered[r.id] = true;
                ++answered;
            }
        }
    }
}

TEST_CASE("shared_ring.a_producer_index_that_cannot_be_breaks_the_ring") {
    pages p;
    front f(p.bytes.data(), p.bytes.size());
    back b(p.bytes.data(), p.bytes.size());
    p.header().req_prod = b.size();
    CHECK(b.waiting() == b.size());
    for (auto const bad : {b.size() + 1, 0x8000'0000U, 0xffff'ffffU}) {
        p.header().req_prod = bad;
        CHECK_FALSE(b.waiting());
        CHECK_FALSE(b.wait_for_more());
    }
    p.header().rsp_prod = 1; // nothing was asked
    CHECK_FALSE(f.waiting());
}

TEST_CASE("shared_ring.a_frontend_takes_no_request_back") {
    pages p;
    front f(p.bytes.data(), p.bytes.size());
    back b(p.bytes.data(), p.bytes.size());
    p.header().req_prod = 3;
    request r{};
    b.take(r);
    b.take(r);
    CHECK(b.waiting() == 1U);
    p.header().req_prod = 1; // behind what was taken, though not behind what was answered
    CHECK_FALSE(b.waiting());
    CHECK_FALSE(b.wait_for_more());
    p.header().req_prod = 2;
    CHECK(b.waiting() == 0U);
    // Who goes on with a ring whose page says that too little was answered takes nothing.
    back lost(p.bytes.data(), p.bytes.size(), b.size() + 2, 1);
    CHECK_FALSE(lost.waiting());
}

TEST_CASE("shared_ring.a_back_ring_goes_on_across_the_wrap_of_its_indices") {
    pages p;
    std::uint32_t const at = 0xffff'fffe;
    p.header() = {at + 4, at + 1, at, at + 1, {}, {}};
    back b(p.bytes.data(), p.bytes.size(), at, back::answered_in(p.bytes.data()));
    CHECK(b.waiting() == 4U);
    request r{};
    for (int i = 0; i < 4; ++i) {
        b.take(r);
        b.put({r.id});
    }
    CHECK(b.push());
    CHECK(p.header().rsp_prod == 2);
    CHECK(b.waiting() == 0U);
    CHECK_FALSE(b.push());
}

TEST_CASE("shared_ring.who_does_not_want_to_be_told_is_not") {
    pages p;
    front f(p.bytes.data(), p.bytes.size());
    back b(p.bytes.data(), p.bytes.size());
    f.put({1, 0, 0});
    CHECK(f.push());
    f.put({2, 0, 0});
    CHECK_FALSE(f.push()); // the first is still to be looked at
    request r{};
    b.take(r);
    b.take(r);
    CHECK(b.wait_for_more() == 0U);
    f.put({3, 0, 0});
    CHECK(f.push());
}
