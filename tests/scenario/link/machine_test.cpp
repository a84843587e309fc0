// SPDX-License-Identifier: Apache-2.0
// A machine in QEMU from start to stop, with a hypervisor that only answers.
#include "echo_image.hpp"
#include "fakes/patience.hpp"
#include "temporary_state.hpp"

#include <xenpp/link/layout.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/process.hpp>
#include <xenpp/transport/hypercall_buffer.hpp>
#include <xenpp/transport/machine.hpp>
#include <xenpp/transport/machine_start.hpp>

#include <fakes/no_descriptors.hpp>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

using namespace xenpp;
using namespace xenpp::transport;
using tests::temporary_state;

namespace {

/// A machine that is stopped at the end of the test, if it runs then.
struct running_echo {
    explicit running_echo(std::uint64_t memory_mib = 256) {
        tests::write_image(state.where.file("image"), tests::echo_code);
        config.image = state.where.file("image");
        config.memory_mib = memory_mib;
        config.accel = accelerator::tcg;
        started = start_machine(state.where, config).value();
    }

    running_echo(running_echo const&) = delete;
    running_echo& operator=(running_echo const&) = delete;

    ~running_echo() { static_cast<void>(stop_machine(state.where)); }

    temporary_state state;
    machine_config config;
    started_machine started;
};

} // namespace

TEST_CASE("machine.starts_answers_and_stops") {
    running_echo m(4096);
    INFO("start took " << m.started.start_ns / 1'000'000 << " ms");
    CHECK(running_machine(m.state.where).value() == m.started.pid);
    CHECK(m.started.start_ns > 0);

    auto connection = machine::connect(m.state.where).value();
    CHECK(connection.qemu_pid() == m.started.pid);
    CHECK(reinterpret_cast<std::uintptr_t>(connection.window()) == link::window_virtual_base);
    for (std::uint64_t i = 0; i < 1000; ++i) {
        REQUIRE(connection.doors().hypercall(17, {i, 0, 0, 0, 0, 0}).value() ==
                static_cast<std::int64_t>(i + 1));
    }
    auto const description = connection.doors().description();
    CHECK(description.find(m.state.where.path()) != std::string::npos);

    // The RAM is sparse.
    struct stat s {};

    REQUIRE(::stat(m.started.ram.c_str(), &s) == 0);
    CHECK(s.st_size == std::int64_t{4096} << 20);
    CHECK(s.st_blocks * 512 < 16 << 20);

    {
        fakes::no_descriptors const full;
        CHECK(connection.is_running()); // whatever can be opened
    }
    REQUIRE(stop_machine(m.state.where));
    CHECK(running_machine(m.state.where).value() == 0);
    CHECK_FALSE(connection.is_running());
    CHECK(::access(m.started.ram.c_str(), F_OK) != 0);
    auto const gone = connection.doors().hypercall(17, {1, 0, 0, 0, 0, 0});
    REQUIRE_FALSE(gone);
    CHECK(gone.error().message().find("the machine has ended") != std::string::npos);
    CHECK(stop_machine(m.state.where).error().code == ENOENT);
}

TEST_CASE("machine.a_process_may_have_several_connections") {
    running_echo m;
    auto first = machine::connect(m.state.where).value();
    auto second = machine::connect(m.state.where).value();
    CHECK(first.slot() != second.slot());
    CHECK(first.window() != second.window());
    for (std::uint64_t i = 0; i < 20; ++i) {
        CHECK(first.doors().hypercall(1, {i}).value() == static_cast<std::int64_t>(i + 1));
        CHECK(second.doors().hypercall(1, {i * 2}).value() == static_cast<std::int64_t>(i * 2 + 1));
    }
    auto const a = hypercall_buffer<std::uint64_t>::create(first.doors(), 1000).value();
    auto const b = hypercall_buffer<std::uint64_t>::create(second.doors(), 1000).value();
    CHECK(a.address() == reinterpret_cast<std::uintptr_t>(a.data()));
    CHECK(b.address() != reinterpret_cast<std::uintptr_t>(b.data()));
    CHECK(b.address() - a.address() == link::arena_size * (second.slot() - first.slot()));
}

TEST_CASE("machine.all_slots_may_be_taken_and_a_dead_process_gives_its_back") {
    running_echo m;
    std::vector<machine> all;
    for (unsigned i = 0; i < link::slot_count; ++i) {
        all.push_back(machine::connect(m.state.where).value());
    }
    auto const none = machine::connect(m.state.where);
    REQUIRE_FALSE(none);
    CHECK(none.error().code == EBUSY);
    all.erase(all.begin() + 7);
    {
        auto const again = machine::connect(m.state.where).value();
        CHECK(again.slot() == 7);
    }

    pid_t const child = ::fork();
    if (child == 0) {
        auto const mine = machine::connect(m.state.where);
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    auto const* const page =
        reinterpret_cast<link::slot_header const*>(all.front().window() + link::slot_offset(7));
    CHECK(page->owner_pid == static_cast<std::uint32_t>(child));
    CHECK(all.front().reap_slots() == 1);
    CHECK(page->owner_pid == 0);
    CHECK(all.front().reap_slots() == 0);
    CHECK(machine::connect(m.state.where).value().slot() == 7);
}

TEST_CASE("machine.who_answers_the_bell_hears_it_while_it_waits_too") {
    running_echo m;
    auto daemon = machine::connect(m.state.where, {.answers_bell = true}).value();
    REQUIRE(daemon.bell_fd() >= 0);
    daemon.answer_bell();
    CHECK(daemon.doors().hypercall(1, {1}).value() == 2);
    // The image puts a byte out for every answer.
    pollfd bell{daemon.bell_fd(), POLLIN, 0};
    CHECK(::poll(&bell, 1, fakes::patience_ms) == 1);
    CHECK(daemon.answer_bell());
    CHECK(machine::connect(m.state.where).value().bell_fd() == -1);
}

TEST_CASE("machine.start_says_what_is_wrong") {
    temporary_state state;
    machine_config config;
    config.accel = accelerator::tcg;
    config.memory_mib = 256;
    config.image = state.where.file("image");
    SECTION("no image") {
        auto const r = start_machine(state.where, config);
        REQUIRE_FALSE(r);
        CHECK(r.error().message().find("hypervisor image") != std::string::npos);
    }
    tests::write_image(config.image, tests::halt_code);
    SECTION("no QEMU") {
        config.qemu = "qemu-system-nonesuch";
        auto const r = start_machine(state.where, config);
        REQUIRE_FALSE(r);
        CHECK(r.error().message().find("is not installed: apt-get install qemu-system-x86") !=
              std::string::npos);
    }
    SECTION("more memory than there is room for") {
        config.memory_mib = 1U << 20;
        config.timeout_ms = 300; // of the halting image, on a computer where it does fit
        auto const room = std::max(os::free_space(state.where.path()).value(),
                                   os::free_space("/dev/shm").value_or(0));
        bool const fits = room >> 20 >= config.memory_mib;
        auto const r = start_machine(state.where, config);
        REQUIRE_FALSE(r);
        CHECK(r.error().code == (fits ? ETIMEDOUT : ENOSPC));
        CHECK((r.error().message().find("/dev/shm") != std::string::npos) == !fits);
    }
    SECTION("a hypervisor that does not come up") {
        config.timeout_ms = 300;
        auto const r = start_machine(state.where, config);
        REQUIRE_FALSE(r);
        CHECK(r.error().code == ETIMEDOUT);
        CHECK(running_machine(state.where).value() == 0);
        CHECK(::access(state.where.file("ram").c_str(), F_OK) != 0);
    }
    SECTION("a QEMU that ends at once") {
        config.cpus = 2;
        config.firmware = "/dev/null";
        auto const r = start_machine(state.where, config);
        REQUIRE_FALSE(r);
        CHECK(r.error().message().find("qemu.log ends") != std::string::npos);
    }
    SECTION("nobody to connect to") {
        auto const r = machine::connect(state.where);
        REQUIRE_FALSE(r);
        CHECK(r.error().code == ENOENT);
    }
}

TEST_CASE("machine.there_is_one_in_a_folder") {
    running_echo m;
    auto const second = start_machine(m.state.where, m.config);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == EEXIST);
    CHECK(running_machine(m.state.where).value() == m.started.pid);
}

TEST_CASE("machine.outlives_who_started_it") {
    temporary_state state;
    tests::write_image(state.where.file("image"), tests::echo_code);
    pid_t const child = ::fork();
    if (child == 0) {
        machine_config config;
        config.image = state.where.file("image");
        config.memory_mib = 256;
        config.accel = accelerator::tcg;
        auto const r = start_machine(state.where, config);
        ::_exit(r ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 0);
    CHECK(machine::connect(state.where).value().doors().hypercall(1, {41}).value() == 42);
    CHECK(stop_machine(state.where));
}
