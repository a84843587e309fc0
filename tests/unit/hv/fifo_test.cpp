// SPDX-License-Identifier: Apache-2.0
// The FIFO event layout: queues and priorities, the way into it and out of it, hostile guests.
#include <xenpp/hv/event_channel_op.hpp>

#include <fakes/fake_machine.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

using namespace xenpp;
using namespace xenpp::fakes;
using abi::evtchn_op;

namespace {

constexpr std::uint64_t control_gfn = 4; // one block per vCPU, 128 bytes apart
constexpr std::uint64_t array_gfn = 5;   // and the pages after it

struct fifo_fixture {
    fake_machine m;
    domain& a = m.add_guest(1);
    std::array<std::array<std::uint32_t, 16>, 2> head{}; // the guest's own heads

    template <class Op>
    long call(evtchn_op cmd, Op& op) {
        return m.call(&hv::do_event_channel_op<fakes::platform>, *a.vcpus[0],
                      static_cast<std::uint64_t>(cmd), op);
    }

    long on_port(evtchn_op cmd, std::uint32_t port) { return call(cmd, port); }

    long init_control(std::uint32_t v, std::uint32_t offset, std::uint64_t g = control_gfn) {
        abi::evtchn_init_control op{};
        op.control_gfn = g;
        op.offset = offset;
        op.vcpu = v;
        long const r = call(evtchn_op::init_control, op);
        CHECK((r != 0 || op.link_bits == 17));
        return r;
    }

    long expand(std::uint64_t g = array_gfn) {
        abi::evtchn_expand_array op{g};
        return call(evtchn_op::expand_array, op);
    }

    void enter() {
        REQUIRE(init_control(0, 0) == 0);
        REQUIRE(init_control(1, 128) == 0);
        REQUIRE(expand() == 0);
    }

    std::uint32_t ipi(std::uint32_t v = 0, std::uint32_t priority = 7) {
        abi::evtchn_bind_ipi op{v, 0};
        REQUIRE(call(evtchn_op::bind_ipi, op) == 0);
        if (priority != 7) {
            abi::evtchn_set_priority p{op.port, priority};
            REQUIRE(call(evtchn_op::set_priority, p) == 0);
        }
        return op.port;
    }

    void send(std::uint32_t port) { REQUIRE(on_port(evtchn_op::send, port) == 0); }

    abi::evtchn_fifo_control_block& block(unsigned v) {
        return m.at<abi::evtchn_fifo_control_block>(a, control_gfn * page_size + v * 128);
    }

    std::uint32_t& word(std::uint32_t port) {
        return m.at<std::uint32_t>(a, array_gfn * page_size + port * sizeof(std::uint32_t));
    }

    /// A guest's handler, as the public header has it: serves the queues of one vCPU, best first.
    std::vector<std::uint32_t> take(unsigned v = 0) {
        std::vector<std::uint32_t> served;
        atomic_store(a.vcpus[v]->info->evtchn_upcall_pending, 0);
        std::uint32_t ready = atomic_exchange(block(v).ready, 0);
        while (ready != 0 && served.size() < 10'000) {
            auto const q = static_cast<unsigned>(std::countr_zero(ready));
            std::uint32_t port = head[v][q] != 0 ? head[v][q] : block(v).head[q];
            std::uint32_t const old =
                atomic_fetch_and(word(port), ~(hv::fifo_bit_linked | abi::evtchn_fifo_link_mask));
            std::uint32_t const next = old & abi::evtchn_fifo_link_mask;
            head[v][q] = next;
            if (next == 0) {
                ready &= ~(1U << q);
            }
            if ((old & hv::fifo_bit_pending) != 0 && (old & hv::fifo_bit_masked) == 0) {
                atomic_fetch_and(word(port), ~hv::fifo_bit_pending);
                served.push_back(port);
            }
            ready |= atomic_exchange(block(v).ready, 0);
        }
        return served;
    }
};

using order_of = std::vector<std::uint32_t>;

} // namespace

TEST_CASE_METHOD(fifo_fixture, "fifo.control_blocks_are_checked") {
    CHECK(init_control(0, 4096 - 64) == to_abi(errc::inval)); // would cross the page
    CHECK(init_control(0, 4) == to_abi(errc::inval));
    CHECK(init_control(0, 0, 100) == to_abi(errc::inval)); // no RAM
    CHECK(init_control(2, 0) == to_abi(errc::noent));
    CHECK(init_control(0xffffffff, 0) == to_abi(errc::noent));
    CHECK(expand() == to_abi(errc::opnotsupp));
    CHECK(a.events.fifo == nullptr);
    abi::evtchn_set_priority p{ipi(), 0};
    CHECK(call(evtchn_op::set_priority, p) == to_abi(errc::nosys));
    CHECK(init_control(0, 4096 - 72) == 0);
    CHECK(init_control(0, 0) == to_abi(errc::inval)); // once only
    CHECK(expand(100) == to_abi(errc::inval));
    p.priority = 16;
    CHECK(call(evtchn_op::set_priority, p) == to_abi(errc::inval));
}

TEST_CASE_METHOD(fifo_fixture, "fifo.events_of_a_queue_come_in_the_order_they_were_sent") {
    enter();
    order_of sent;
    for (int i = 0; i < 20; ++i) {
        sent.push_back(ipi());
    }
    std::reverse(sent.begin(), sent.end());
    for (auto const p : sent) {
        send(p);
    }
    CHECK(hv::event_pending(*a.vcpus[0]));
    CHECK(block(0).ready == 1U << 7);
    CHECK(take() == sent);
    CHECK(take().empty());
    for (auto const p : sent) { // and once more, over the links that were used
        send(p);
        send(p);
    }
    CHECK(take() == sent);
}

TEST_CASE_METHOD(fifo_fixture, "fifo.a_better_priority_is_served_first") {
    enter();
    auto const low = ipi(0, 15);
    auto const usual = ipi(0, 7);
    auto const high = ipi(0, 0);
    auto const other = ipi(1, 3);
    for (auto const p : {low, usual, other, high}) {
        send(p);
    }
    CHECK(take(0) == order_of{high, usual, low});
    CHECK(take(1) == order_of{other});
}

TEST_CASE_METHOD(fifo_fixture, "fifo.a_masked_event_is_linked_when_unmasked") {
    enter();
    auto const p = ipi();
    word(p) |= hv::fifo_bit_masked;
    send(p);
    CHECK_FALSE(hv::event_pending(*a.vcpus[0]));
    CHECK((word(p) & hv::fifo_bit_linked) == 0);
    CHECK((word(p) & hv::fifo_bit_pending) != 0);
    CHECK(on_port(evtchn_op::unmask, p) == 0);
    CHECK(take() == order_of{p});
    CHECK(on_port(evtchn_op::unmask, p) == 0); // nothing is pending now
    CHECK(take().empty());
}

TEST_CASE_METHOD(fifo_fixture, "fifo.two_level_bits_are_carried_over") {
    auto const pending = ipi();
    auto const masked = ipi();
    auto const both = ipi();
    auto const quiet = ipi(1);
    send(pending);
    send(both);
    a.shared_info->evtchn_mask[0] |= std::uint64_t{1} << masked | std::uint64_t{1} << both;
    enter();
    CHECK(take() == order_of{pending});
    CHECK((word(masked) & ~hv::fifo_bit_masked) == 0);
    CHECK((word(both) & hv::fifo_bit_pending) != 0);
    CHECK(word(quiet) == 0);
    CHECK(on_port(evtchn_op::unmask, both) == 0);
    CHECK(take() == order_of{both});
}

TEST_CASE_METHOD(fifo_fixture, "fifo.an_event_waits_for_the_page_of_its_word") {
    REQUIRE(init_control(0, 0) == 0);
    auto const p = ipi();
    send(p);
    CHECK_FALSE(hv::event_pending(*a.vcpus[0]));
    CHECK(expand() == 0);
    CHECK(hv::event_pending(*a.vcpus[0]));
    CHECK(take() == order_of{p});
}

TEST_CASE_METHOD(fifo_fixture, "fifo.a_port_that_moves_leaves_no_link_behind") {
    enter();
    auto const first = ipi();
    auto const mover = ipi();
    auto const last = ipi();
    abi::evtchn_set_priority up{mover, 2};
    send(first);
    send(mover);
    REQUIRE(call(evtchn_op::set_priority, up) == 0);
    send(mover); // still linked on the old queue: once only
    CHECK(take() == order_of{first, mover});
    send(mover); // was the old queue's tail
    send(last);
    CHECK(take() == order_of{mover, last});
    up.priority = 7;
    send(last);
    REQUIRE(call(evtchn_op::set_priority, up) == 0);
    send(mover);
    CHECK(take() == order_of{last, mover});
}

TEST_CASE_METHOD(fifo_fixture, "fifo.all_131071_ports_can_be_used") {
    for (std::uint64_t g = 0; g < 130; ++g) {
        m.add_page(a, gfn(1000 + g));
    }
    REQUIRE(init_control(0, 0) == 0);
    for (std::uint64_t i = 0; i < 128; ++i) {
        REQUIRE(expand(1000 + i) == 0);
    }
    CHECK(expand(1128) == to_abi(errc::nospc));
    for (std::uint32_t n = 1; n < abi::evtchn_fifo_nr_channels; ++n) {
        auto const p = hv::evtchn_bind_ipi(a, 0);
        REQUIRE(p);
        REQUIRE(p->raw() == n);
    }
    CHECK(hv::evtchn_bind_ipi(a, 0).error() == errc::nospc);
    send(131071);
    CHECK(block(0).head[7] == 131071);
    auto const in_page = (1000 + 127) * page_size + 1023 * sizeof(std::uint32_t);
    CHECK(m.at<std::uint32_t>(a, in_page) == (hv::fifo_bit_pending | hv::fifo_bit_linked));
    a.dying = hv::dying_state::dying;
    int steps = 0;
    while (!hv::events_destroy(a)) {
        ++steps;
    }
    CHECK(steps >= 131071 / 512);
    CHECK(a.events.active_ports == 0);
}

TEST_CASE_METHOD(fifo_fixture, "fifo.reset_goes_back_to_two_levels_and_lets_go_of_the_pages") {
    auto const frame = hv::p2m_lookup(a, gfn(array_gfn))->frame;
    auto const before = m.hv->frames.free_pages();
    enter();
    send(ipi());
    CHECK(m.hv->frames.info(frame).count == 2);
    abi::evtchn_reset reset{0x7ff0};
    REQUIRE(call(evtchn_op::reset, reset) == 0);
    CHECK(a.events.fifo == nullptr);
    CHECK(a.vcpus[0]->fifo_control == nullptr);
    CHECK(m.hv->frames.info(frame).count == 1);
    CHECK(m.hv->frames.free_pages() == before);
    auto const p = ipi();
    send(p);
    CHECK(a.shared_info->evtchn_pending[0] == std::uint64_t{1} << p);
    std::memset(m.memory(a, control_gfn * page_size), 0, page_size);
    std::memset(m.memory(a, array_gfn * page_size), 0, page_size);
    head = {};
    a.shared_info->evtchn_pending[0] = 0;
    enter(); // and in again
    send(p);
    CHECK(take() == order_of{p});
}

TEST_CASE_METHOD(fifo_fixture, "fifo.a_sender_that_is_late_does_not_write_to_pages_that_are_left") {
    enter();
    evtchn_port const port(ipi());
    evtchn_port const closed(port.raw() + 1);
    auto& array = *atomic_load(a.events.fifo); // another CPU has read this, and is held up
    abi::evtchn_reset reset{0x7ff0};
    REQUIRE(call(evtchn_op::reset, reset) == 0);
    for (auto const p : {port, closed}) { // by now a page table
        for (std::uint32_t const mark :
             {0U, hv::fifo_bit_masked, hv::fifo_bit_masked | hv::fifo_bit_pending, ~0U}) {
            word(p.raw()) = mark;
            auto& c = a.events.at(p);
            CHECK_FALSE(hv::fifo_set_pending(a, array, *a.vcpus[0], c, p));
            CHECK_FALSE(hv::fifo_unmask(a, array, *a.vcpus[0], c, p));
            CHECK(word(p.raw()) == mark);
        }
    }
    REQUIRE(init_control(0, 0) == 0); // and in again, with other pages
    REQUIRE(expand(array_gfn + 1) == 0);
    word(port.raw()) = hv::fifo_bit_masked;
    CHECK_FALSE(hv::fifo_set_pending(a, array, *a.vcpus[0], a.events.at(port), port));
    CHECK_FALSE(hv::fifo_unmask(a, array, *a.vcpus[0], a.events.at(port), port));
    CHECK(word(port.raw()) == hv::fifo_bit_masked);
}

TEST_CASE_METHOD(fifo_fixture, "fifo.every_allocation_of_the_way_in_may_fail") {
    for (std::uint64_t n = 0; n < 3; ++n) {
        auto const free = m.hv->frames.free_pages();
        m.cpu.allocations_left = n;
        long const r = init_control(0, 0);
        m.cpu.allocations_left = ~std::uint64_t{0};
        if (r == 0) {
            CHECK(n == 2);
            return;
        }
        CHECK(r == to_abi(errc::nomem));
        CHECK(m.hv->frames.free_pages() == free);
        CHECK(a.events.fifo == nullptr);
        CHECK(m.hv->frames.info(hv::p2m_lookup(a, gfn(control_gfn))->frame).count == 1);
    }
    FAIL("needs more allocations than it should");
}

// --- hostile guests ----------------------------------------------------------------------------

TEST_CASE("fifo.a_link_replaces_only_the_link") {
    std::uint32_t word = hv::fifo_bit_pending | hv::fifo_bit_linked | 77;
    CHECK(hv::detail::fifo_link(word, evtchn_port(131071)));
    CHECK(word == (hv::fifo_bit_pending | hv::fifo_bit_linked | 131071));
    word = hv::fifo_bit_pending;
    CHECK_FALSE(hv::detail::fifo_link(word, evtchn_port(5)));
    CHECK(word == hv::fifo_bit_pending);
}

TEST_CASE_METHOD(fifo_fixture, "fifo.a_port_that_the_guest_keeps_linked_is_not_reused") {
    enter();
    auto const p = ipi();
    send(p);
    REQUIRE(on_port(evtchn_op::close, p) == 0);
    CHECK(ipi() == p + 1); // its link is still in the queue
    take();
    CHECK(ipi() == p);
    for (std::uint32_t n = p + 2; n < 1024; ++n) {
        word(n) = hv::fifo_bit_linked;
    }
    CHECK(ipi() == 1024); // beyond the words there are
}

TEST_CASE_METHOD(fifo_fixture, "fifo.garbage_in_words_and_heads_hurts_the_guest_alone") {
    enter();
    domain& b = m.add_guest(2);
    std::vector<std::uint32_t> ports;
    for (int i = 0; i < 30; ++i) {
        ports.push_back(ipi(static_cast<unsigned>(i) % 2));
    }
    std::vector<std::byte> const mine(m.memory(b, 0), m.memory(b, 0) + page_size);
    std::mt19937 random(7);
    for (int i = 0; i < 100'000; ++i) {
        auto const r = static_cast<std::uint32_t>(random());
        word(r % 1024) = static_cast<std::uint32_t>(random());
        block(r % 2).head[(r >> 4) % 16] = r;
        block(r % 2).ready = r;
        send(ports[r % ports.size()]);
        if (r % 16 == 0) {
            abi::evtchn_set_priority p{ports[r % ports.size()], (r >> 8) % 16};
            REQUIRE(call(evtchn_op::set_priority, p) == 0);
            REQUIRE(on_port(evtchn_op::unmask, ports[r % ports.size()]) == 0);
        }
    }
    for (auto const* const v : {a.vcpus[0], a.vcpus[1]}) {
        for (auto const tail : v->fifo_tail) {
            bool const known = tail == 0 || std::count(ports.begin(), ports.end(), tail) == 1;
            CHECK(known); // never a number that the guest made up
        }
    }
    CHECK(std::equal(mine.begin(), mine.end(), m.memory(b, 0)));
}

TEST_CASE_METHOD(fifo_fixture, "fifo.a_guest_that_fights_for_every_word_cannot_hold_a_sender") {
    enter();
    std::vector<std::uint32_t> ports;
    for (int i = 0; i < 8; ++i) {
        ports.push_back(ipi(0, static_cast<unsigned>(i) % 3));
    }
    std::atomic<bool> stop = false;
    std::uint32_t* const words = &word(0);
    std::thread adversary([&] {
        std::mt19937 random(3);
        while (!stop.load(std::memory_order_relaxed)) {
            auto const r = static_cast<std::uint32_t>(random());
            std::uint32_t& w = words[1 + r % 8];
            switch (r >> 29) {
            case 0: atomic_store(w, static_cast<std::uint32_t>(random())); break;
            case 1: atomic_fetch_or(w, hv::fifo_bit_linked); break;
            case 2: atomic_fetch_and(w, ~hv::fifo_bit_linked); break;
            default: atomic_fetch_and(w, ~hv::fifo_bit_pending & ~hv::fifo_bit_masked);
            }
        }
    });
    std::thread second([&] { // another vCPU of the guest sends as well
        for (int i = 0; i < 100'000; ++i) {
            static_cast<void>(hv::send_port(a, evtchn_port(ports[static_cast<unsigned>(i) % 8])));
        }
    });
    for (int i = 0; i < 100'000; ++i) {
        static_cast<void>(hv::send_port(a, evtchn_port(ports[static_cast<unsigned>(i * 5) % 8])));
    }
    second.join();
    stop = true;
    adversary.join();
    // The guest that mends its ways gets its events again.
    abi::evtchn_reset reset{0x7ff0};
    REQUIRE(call(evtchn_op::reset, reset) == 0);
    std::memset(m.memory(a, control_gfn * page_size), 0, page_size);
    std::memset(m.memory(a, array_gfn * page_size), 0, page_size);
    enter();
    auto const p = ipi();
    send(p);
    CHECK(take() == order_of{p});
}

TEST_CASE_METHOD(fifo_fixture, "fifo.an_honest_consumer_loses_nothing_while_others_send") {
    enter();
    std::vector<std::uint32_t> ports;
    for (unsigned i = 0; i < 16; ++i) {
        ports.push_back(ipi(0, i % 4));
    }
    std::array<std::atomic<unsigned>, 64> sent{};
    std::atomic<unsigned> running = 2;
    auto const sender = [&](unsigned seed) {
        for (unsigned i = 0; i < 20'000; ++i) {
            auto const p = ports[(i * seed) % ports.size()];
            ++sent[p];
            static_cast<void>(hv::send_port(a, evtchn_port(p)));
        }
        --running;
    };
    std::thread one(sender, 3);
    std::thread two(sender, 5);
    // An event that is sent after its word was taken must be seen by a later pass.
    std::array<unsigned, 64> seen{};
    for (bool last = false; !last;) {
        last = running.load() == 0;
        for (auto const p : take()) {
            ++seen[p];
        }
    }
    one.join();
    two.join();
    for (auto const p : take()) {
        ++seen[p];
    }
    for (auto const p : ports) {
        CHECK(seen[p] >= 1);
        CHECK(seen[p] <= sent[p].load());
        CHECK((word(p) & (hv::fifo_bit_pending | hv::fifo_bit_linked)) == 0);
    }
}
