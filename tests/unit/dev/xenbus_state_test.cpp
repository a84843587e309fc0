// SPDX-License-Identifier: Apache-2.0
// Every step of a backend, held against a table written down a second time.
#include <xenpp/dev/xenbus/state.hpp>

#include <array>
#include <string_view>

namespace {

using namespace xenpp::dev;
using enum backend_action;

constexpr unsigned state_count = 9;

/// A step as two characters: what is done (- p c x) and the digit of the state that follows.
std::string spell(backend_step s) {
    constexpr std::array letters{'-', 'p', 'c', 'x'};
    auto const letter = letters[static_cast<std::size_t>(s.what)];
    return s.what == none ? "--"
                          : std::string{letter, static_cast<char>('0' + static_cast<int>(s.then))};
}

std::string spell_row(unsigned own, bool is_online) {
    std::string out;
    for (unsigned f = 0; f != state_count; ++f) {
        out +=
            (f == 0 ? "" : " ") + spell(next_backend_step(static_cast<xenbus_state>(own),
                                                          static_cast<xenbus_state>(f), is_online));
    }
    return out;
}

// clang-format off
// A column for each state of the frontend, 0 to 8.
constexpr std::array<std::string_view, state_count> online{
    "-- -- -- -- -- -- -- -- --",
    "-- p2 p2 p2 p2 x6 x6 -- --",
    "x6 -- -- c4 c4 x5 x6 -- --",
    "x6 -- -- c4 c4 x5 x6 -- --",
    "x6 x1 -- -- -- x5 x6 -- --",
    "x6 x6 x6 -- -- -- x6 -- --",
    "-- p2 -- -- -- -- -- -- --",
    "x6 -- -- -- -- x5 x6 -- --",
    "x6 -- -- -- -- x5 x6 -- --",
};
constexpr std::array<std::string_view, state_count> offline{
    "-- -- -- -- -- -- -- -- --",
    "-- x6 x6 x6 x6 x6 x6 -- --",
    "x6 -- -- x6 x6 x5 x6 -- --",
    "x6 -- -- x6 x6 x5 x6 -- --",
    "x6 x1 -- -- -- x5 x6 -- --",
    "x6 x6 x6 -- -- -- x6 -- --",
    "-- -- -- -- -- -- -- -- --",
    "x6 -- -- -- -- x5 x6 -- --",
    "x6 -- -- -- -- x5 x6 -- --",
};
// clang-format on

} // namespace

TEST_CASE("backend_step.every_pair_of_states_wanted_and_not") {
    for (unsigned own = 0; own != state_count; ++own) {
        INFO("own state " << own);
        CHECK(spell_row(own, true) == online[own]);
        CHECK(spell_row(own, false) == offline[own]);
    }
}

TEST_CASE("backend_step.states_that_are_none_wait_like_unknown_ones") {
    for (unsigned f = 0; f != state_count; ++f) {
        auto const frontend = static_cast<xenbus_state>(f);
        CHECK(next_backend_step(static_cast<xenbus_state>(77), frontend, true) ==
              next_backend_step(xenbus_state::unknown, frontend, true));
        CHECK(next_backend_step(frontend, static_cast<xenbus_state>(77), true) ==
              next_backend_step(frontend, xenbus_state::unknown, true));
    }
}

TEST_CASE("backend_step.from_anywhere_a_frontend_that_is_gone_leads_to_closed_in_a_few_steps") {
    for (unsigned own = 1; own != state_count; ++own) {
        for (bool const is_online : {true, false}) {
            auto at = static_cast<xenbus_state>(own);
            auto const step = next_backend_step(at, xenbus_state::unknown, is_online);
            if (step.what != none) {
                CHECK(step.what == backend_action::close);
                CHECK(step.then == xenbus_state::closed);
                at = step.then;
            }
            CHECK(next_backend_step(at, xenbus_state::unknown, is_online).what == none);
        }
    }
}

TEST_CASE("parse_state.the_digits_of_the_states_and_nothing_else") {
    CHECK(parse_state("4") == xenbus_state::connected);
    CHECK(parse_state("8") == xenbus_state::reconfigured);
    for (auto const* const text : {"", "9", "-1", "4 ", "four", "18446744073709551616"}) {
        CHECK(parse_state(text) == xenbus_state::unknown);
    }
    CHECK(to_string(xenbus_state::init_wait) == "InitWait");
}
