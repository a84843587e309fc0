// SPDX-License-Identifier: Apache-2.0
// The console ring against a guest that keeps the rules, and against one that does not.
#include <xenpp/dev/console/ring.hpp>

#include <fakes/console_guest.hpp>

#include <string>

using xenpp::dev::console_ring;
using xenpp::fakes::console_guest;

TEST_CASE("console_ring.takes_output_in_order_across_the_wrap") {
    console_guest guest(0xffff'fff0); // the indices wrap too
    console_ring ring(guest.page);
    std::string sent;
    std::string got;
    for (int round = 0; round < 40; ++round) {
        auto const text =
            std::string(static_cast<std::size_t>(97 * (round % 9)), char('a' + round % 26));
        sent += text;
        REQUIRE(guest.write(text) == text.size());
        console_ring::output_buffer buffer;
        auto const output = ring.peek(buffer);
        got += output;
        ring.consume(output.size());
    }
    CHECK(got == sent);
    CHECK(ring.position() == std::uint32_t(0xffff'fff0 + sent.size()));
    CHECK(guest.page.out_cons == ring.position());
}

TEST_CASE("console_ring.shows_the_same_output_until_it_is_consumed") {
    console_guest guest;
    console_ring ring(guest.page);
    guest.write("boot");
    console_ring::output_buffer buffer;
    CHECK(ring.peek(buffer) == "boot");
    CHECK(ring.peek(buffer) == "boot");
    ring.consume(1);
    CHECK(ring.peek(buffer) == "oot");
}

TEST_CASE("console_ring.full_of_output_is_not_broken") {
    console_guest guest;
    console_ring ring(guest.page);
    CHECK(guest.write(std::string(5000, 'x')) == console_ring::output_size);
    console_ring::output_buffer buffer;
    CHECK(ring.peek(buffer).size() == console_ring::output_size);
    CHECK_FALSE(ring.is_broken());
}

TEST_CASE("console_ring.is_broken_by_indices_that_cannot_be") {
    console_guest guest;
    console_ring ring(guest.page);
    console_ring::output_buffer buffer;
    SECTION("output") {
        guest.page.out_prod = console_ring::output_size + 1;
        CHECK(ring.peek(buffer).empty());
    }
    SECTION("input") {
        guest.page.in_cons = 1; // more than was put there
        CHECK(ring.input_room() == 0);
        CHECK(ring.put("x") == 0);
    }
    CHECK(ring.is_broken());
    guest.page.out_prod = 0;
    guest.page.in_cons = 0;
    guest.write("too late");
    CHECK(ring.peek(buffer).empty());
}

TEST_CASE("console_ring.never_reads_its_own_indices_back") {
    console_guest guest;
    console_ring ring(guest.page);
    guest.write("abc");
    console_ring::output_buffer buffer;
    ring.consume(ring.peek(buffer).size());
    guest.page.out_cons = 0; // again, says the guest
    guest.page.in_prod = 77;
    CHECK(ring.peek(buffer).empty());
    CHECK(ring.put("x") == 1);
    CHECK(guest.page.in_prod == 1);
}

TEST_CASE("console_ring.puts_as_much_input_as_has_room") {
    console_guest guest;
    console_ring ring(guest.page);
    CHECK(ring.put(std::string(1000, 'a')) == 1000);
    CHECK(ring.put(std::string(1000, 'b')) == console_ring::input_size - 1000);
    CHECK(ring.input_room() == 0);
    CHECK(guest.read() == std::string(1000, 'a') + std::string(24, 'b'));
    CHECK(ring.input_room() == console_ring::input_size);
}

TEST_CASE("console_ring.resumes_only_where_the_page_allows") {
    console_guest guest(100);
    guest.write("0123456789");
    console_ring ring(guest.page);
    CHECK_FALSE(ring.resume_at(99));
    CHECK_FALSE(ring.resume_at(111));
    CHECK(ring.position() == 100);
    CHECK(ring.resume_at(104));
    console_ring::output_buffer buffer;
    CHECK(ring.peek(buffer) == "456789");
    CHECK(guest.page.out_cons == 104);
}
