// SPDX-License-Identifier: Apache-2.0
// Looking for work before sleeping: only where it pays off, and never for long.
#include <daemon/looking.hpp>

using xenpp::detail::looking;

namespace {

constexpr std::uint64_t second = 1'000'000'000;

/// How long a loop looks that finds nothing more after the first work at `now`.
std::uint64_t looks_for(looking& l, std::uint64_t now) {
    l.woken(now);
    l.found(now);
    std::uint64_t passed = 0;
    while (l.goes_on(now + passed)) {
        passed += 100;
    }
    return passed;
}

} // namespace

TEST_CASE("looking.a_loop_without_work_sleeps_at_once") {
    looking l;
    l.woken(second);
    CHECK_FALSE(l.goes_on(second));
}

TEST_CASE("looking.shorter_each_time_in_vain_and_longest_again_when_it_would_have_paid_off") {
    looking l;
    auto now = second;
    auto before = looks_for(l, now);
    CHECK(before == looking::longest_ns);
    for (int i = 0; i != 20; ++i) {
        now += second;
        auto const again = looks_for(l, now);
        CHECK(again <= before);
        before = again;
    }
    CHECK(before == 0);
    // Woken just after it had gone to sleep.
    now += looking::longest_ns / 2;
    CHECK(looks_for(l, now) == looking::longest_ns);
}

TEST_CASE("looking.work_found_while_looking_makes_it_look_longest") {
    looking l;
    auto now = second;
    while (looks_for(l, now) >= looking::longest_ns / 4) {
        now += second;
    }
    now += second;
    l.woken(now);
    l.found(now);
    REQUIRE(l.goes_on(now + 1000));
    l.found(now + 1000);
    CHECK(l.goes_on(now + looking::longest_ns));
}

TEST_CASE("looking.a_turn_ends_whatever_there_is_to_do") {
    looking l;
    l.woken(second);
    std::uint64_t passed = 0;
    do {
        l.found(second + passed);
        passed += 10'000;
    } while (l.goes_on(second + passed) && passed < second);
    CHECK(passed <= looking::longest_turn_ns + 10'000);
}
