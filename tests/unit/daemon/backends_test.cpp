// SPDX-License-Identifier: Apache-2.0
// Descriptors that devices have looked after.
#include "fakes/bytes_on_disk.hpp"
#include "fakes/scripted_doors.hpp"

#include <xenpp/os/state_dir.hpp>
#include <xenpp/os/unique_fd.hpp>
#include <xenpp/store/server.hpp>

#include <daemon/backends.hpp>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>

using namespace xenpp;

namespace {

struct bed {
    os::unique_fd event(unsigned value) const {
        return os::unique_fd(::eventfd(value, EFD_CLOEXEC | EFD_NONBLOCK));
    }

    fakes::scratch_folder folder;
    fakes::scripted_doors doors;
    detail::event_router events{nullptr}; // no events
    store::server server;
    store::client client{store::connect_memory(server, dom0, true)};
    std::unique_ptr<detail::backends> backends =
        detail::backends::create(
            doors, events, client, os::state_dir::open(folder.path().string()).value(), {})
            .value();
};

} // namespace

TEST_CASE("backends.a_number_that_was_closed_before_it_was_removed_is_the_next_owners") {
    bed b;
    unsigned first = 0, second = 0;
    auto gone = b.event(1);
    int const number = gone.get();
    REQUIRE(b.backends->add_fd(
        number, [&first] { ++first; }, false));
    b.backends->dispatch();
    CHECK(first == 1);
    gone.reset(); // and not removed
    auto const next = b.event(1);
    REQUIRE(next.get() == number);
    REQUIRE(b.backends->add_fd(
        number, [&second] { ++second; }, false));
    b.backends->dispatch();
    CHECK(first == 1);
    CHECK(second == 1);
    b.backends->remove_fd(number);
    b.backends->dispatch();
    CHECK(second == 1);
}

TEST_CASE("backends.a_descriptor_that_cannot_be_looked_after_leaves_nothing") {
    bed b;
    unsigned first = 0;
    auto gone = b.event(1);
    int const number = gone.get();
    REQUIRE(b.backends->add_fd(
        number, [&first] { ++first; }, false));
    gone.reset();
    CHECK_FALSE(b.backends->add_fd(
        number, [] {}, false)); // nobody has it
    auto const next = b.event(1);
    REQUIRE(next.get() == number);
    b.backends->dispatch();
    CHECK(first == 0);
}
