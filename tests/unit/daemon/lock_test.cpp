// SPDX-License-Identifier: Apache-2.0
// One daemon a folder.
#include <daemon/lock.hpp>
#include <scenario/link/temporary_state.hpp>
#include <unistd.h>

#include <optional>

using namespace xenpp;

TEST_CASE("daemon_lock.is_one_processes_and_says_whose") {
    tests::temporary_state const state;
    CHECK(detail::daemon_pid(state.where) == 0);
    std::optional first(detail::daemon_lock::take(state.where).value());
    CHECK(detail::daemon_pid(state.where) == ::getpid());
    auto const second = detail::daemon_lock::take(state.where);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == static_cast<int>(errc::busy));
    auto const message = second.error().message();
    CHECK(message.find("already running for " + state.where.path()) != std::string::npos);
    CHECK(message.find(std::to_string(::getpid())) != std::string::npos);
    first.reset();
    CHECK(detail::daemon_pid(state.where) == 0); // whatever xenppd.pid says
    CHECK(detail::daemon_lock::take(state.where));
}

TEST_CASE("daemon_lock.held_by_who_serves_nobody_keeps_daemons_away") {
    tests::temporary_state const state;
    CHECK(detail::daemon_lock::take(state.where)); // leaves its number
    auto const held = detail::daemon_lock::hold(state.where);
    REQUIRE(held);
    CHECK(detail::daemon_pid(state.where) == 0);
    auto const second = detail::daemon_lock::take(state.where);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == static_cast<int>(errc::busy));
}
