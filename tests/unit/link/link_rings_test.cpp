// SPDX-License-Identifier: Apache-2.0
// The hypervisor's end of the rings: order, turns, resets, bells, and owners that write nonsense.
#include <xenpp/hv/link_rings.hpp>

#include <catch2/catch.hpp>

#include <cstring>
#include <functional>
#include <memory>
#include <vector>

using namespace xenpp;
using namespace xenpp::hv;

namespace {

/// A window of memory and a hypervisor that remembers what it was asked.
struct recorder {
    struct call_record {
        unsigned slot;
        std::uint64_t number;
        hypercall_args args;
    };

    std::vector<std::uint64_t> memory = std::vector<std::uint64_t>(link::arenas_offset / 8);
    std::vector<call_record> calls;
    std::vector<unsigned> released;
    unsigned bells = 0;
    unsigned release_turns = 0; ///< how often `release` asks to be called again
    std::function<hypercall_result(hypercall_args&)> handler = [](hypercall_args& a) {
        return hypercall_result(a.arg[0] + 1);
    };

    hypercall_result call(unsigned slot, std::uint64_t number, hypercall_args& args) {
        calls.push_back({slot, number, args});
        return handler(args);
    }

    bool release(unsigned slot) {
        if (release_turns != 0) {
            --release_turns;
            return false;
        }
        released.push_back(slot);
        return true;
    }

    void notify() { ++bells; }

    std::byte* page(std::uint64_t offset) {
        return reinterpret_cast<std::byte*>(memory.data()) + offset;
    }

    link::link_header& header() { return *reinterpret_cast<link::link_header*>(page(0)); }

    link::slot_header& slot(unsigned n) {
        return *reinterpret_cast<link::slot_header*>(page(link::slot_offset(n)));
    }

    /// What a client does.
    void ask(unsigned n, std::uint64_t number, std::uint64_t first = 0) {
        auto& s = slot(n);
        auto& e = s.ring[s.request_produced % link::ring_size];
        e.number = number;
        e.arg = {first, 1, 2, 3, 4, 5};
        e.result = -1;
        ++s.request_produced;
        header().pending_slots |= std::uint64_t{1} << n;
    }
};

} // namespace

TEST_CASE("link_rings.answers_entries_in_order") {
    recorder r;
    link_rings rings(r);
    for (std::uint64_t i = 0; i < link::ring_size; ++i) {
        r.ask(3, 17, i * 10);
    }
    CHECK(rings.has_work());
    CHECK_FALSE(rings.pump(100));
    CHECK_FALSE(rings.has_work());
    REQUIRE(r.calls.size() == link::ring_size);
    for (std::uint64_t i = 0; i < link::ring_size; ++i) {
        CHECK(r.calls[i].slot == 3);
        CHECK(r.calls[i].number == 17);
        CHECK(r.calls[i].args.arg == std::array<std::uint64_t, 6>{i * 10, 1, 2, 3, 4, 5});
        CHECK(r.slot(3).ring[i].result == static_cast<std::int64_t>(i * 10 + 1));
    }
    CHECK(r.slot(3).response_produced == link::ring_size);
    CHECK(r.header().hypercalls == link::ring_size);
}

TEST_CASE("link_rings.an_error_is_a_negative_errno") {
    recorder r;
    link_rings rings(r);
    r.handler = [](hypercall_args&) { return hypercall_result(unexpected(errc::srch)); };
    r.ask(0, 1);
    rings.pump(1);
    CHECK(r.slot(0).ring[0].result == -3);
}

TEST_CASE("link_rings.a_restart_lets_the_others_have_their_turn") {
    recorder r;
    link_rings rings(r);
    r.handler = [](hypercall_args& a) {
        if (a.arg[0] != 0) {
            --a.arg[0];
            return hypercall_result(unexpected(errc::restart));
        }
        return hypercall_result(std::uint64_t{42});
    };
    r.ask(1, 36, 3);
    r.ask(2, 36, 0);
    CHECK_FALSE(rings.pump(100));
    std::vector<unsigned> order;
    for (auto const& c : r.calls) {
        order.push_back(c.slot);
    }
    CHECK(order == std::vector<unsigned>{1, 2, 1, 1, 1});
    CHECK(r.calls.back().args.arg[0] == 0);
    CHECK(r.slot(1).ring[0].result == 42);
    CHECK(r.slot(1).ring[0].arg[0] == 3); // progress lives in private memory
    CHECK(r.header().restarts == 3);
}

TEST_CASE("link_rings.the_budget_bounds_a_pump") {
    recorder r;
    link_rings rings(r);
    for (unsigned i = 0; i < 5; ++i) {
        r.ask(7, 1);
    }
    CHECK(rings.pump(2));
    CHECK(r.calls.size() == 2);
    CHECK(rings.has_work());
    CHECK(rings.pump(2));
    CHECK(rings.pump(1)); // it has not seen yet that the ring is empty
    CHECK_FALSE(rings.pump(1));
    CHECK(r.calls.size() == 5);
}

TEST_CASE("link_rings.the_bell_rings_for_those_who_wait") {
    recorder r;
    link_rings rings(r);
    r.ask(4, 1);
    rings.pump(10);
    CHECK(r.bells == 0);
    r.slot(4).waiting = 1;
    r.slot(5).waiting = 1;
    r.ask(4, 1);
    r.ask(5, 1);
    rings.pump(10);
    CHECK(r.bells == 1);
    CHECK(r.header().bells == 1);
}

TEST_CASE("link_rings.nonsense_counts_stop_the_slot_until_its_reset") {
    recorder r;
    link_rings rings(r);
    r.ask(0, 1);
    rings.pump(10);
    r.slot(0).request_produced = 1 + link::ring_size + 1;
    r.header().pending_slots = 1;
    CHECK_FALSE(rings.pump(10));
    CHECK(r.calls.size() == 1);

    r.slot(0).response_produced = 77; // not the hypervisor's memory: it is put right
    r.slot(0).reset_request = 1;
    r.header().pending_slots = 1;
    rings.pump(10);
    CHECK(r.slot(0).reset_done == 1);
    CHECK(r.slot(0).request_produced == 0);
    CHECK(r.slot(0).response_produced == 0);
    CHECK(r.released == std::vector<unsigned>{0});
    r.ask(0, 1, 5);
    rings.pump(10);
    CHECK(r.slot(0).ring[0].result == 6);
}

TEST_CASE("link_rings.a_reset_waits_for_the_entry_that_has_begun") {
    recorder r;
    link_rings rings(r);
    bool finish = false;
    r.handler = [&](hypercall_args&) {
        return finish ? hypercall_result(std::uint64_t{0})
                      : hypercall_result(unexpected(errc::restart));
    };
    r.ask(9, 36);
    r.ask(9, 36);
    CHECK(rings.pump(3));
    r.slot(9).reset_request = 8;
    r.header().pending_slots = 1U << 9;
    CHECK(rings.pump(3));
    CHECK(r.slot(9).reset_done == 0);
    finish = true;
    r.release_turns = 2;
    auto const before = r.calls.size();
    rings.pump(10);
    CHECK(r.slot(9).reset_done == 8);
    CHECK(r.calls.size() == before + 1); // the second entry is forgotten
    CHECK(r.released == std::vector<unsigned>{9});
}

TEST_CASE("link_rings.bits_beyond_the_slots_are_ignored") {
    recorder r;
    link_rings rings(r);
    r.header().pending_slots = ~std::uint64_t{0} << link::slot_count;
    CHECK_FALSE(rings.pump(10));
    CHECK(r.calls.empty());
    CHECK(r.header().pending_slots == 0);
}

TEST_CASE("link_rings.polling_is_said_in_the_header") {
    recorder r;
    link_rings rings(r);
    rings.set_polling(true);
    CHECK(r.header().polling == 1);
    rings.set_polling(false);
    CHECK(r.header().polling == 0);
    rings.set_state(link::hv_state::up);
    CHECK(r.header().state == 2);
}

TEST_CASE("link_rings.knows_whose_hypercall_it_is") {
    recorder r;
    link_rings rings(r);
    unsigned seen = 99;
    r.handler = [&](hypercall_args&) {
        seen = rings.current();
        return hypercall_result(std::uint64_t{0});
    };
    r.ask(31, 55);
    rings.pump(10);
    CHECK(seen == 31);
    CHECK(rings.current() == link_rings<recorder>::no_slot);
}
