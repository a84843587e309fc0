// SPDX-License-Identifier: Apache-2.0
// The console backend between a guest, a log and somebody at the terminal.
#include <xenpp/dev/console/backend.hpp>
#include <xenpp/os/file.hpp>

#include <fakes/console_guest.hpp>
#include <fcntl.h>
#include <scenario/link/temporary_state.hpp>
#include <unistd.h>

#include <memory>
#include <random>
#include <string>

using xenpp::domid;
using xenpp::dev::console_backend;
using xenpp::dev::console_log;
using xenpp::dev::console_owner;
using xenpp::dev::console_ring;
using xenpp::dev::console_terminal;
using xenpp::fakes::console_guest;

namespace {

struct bench {
    xenpp::tests::temporary_state state;
    std::string folder = state.where.file("consoles");
    console_guest guest;
    int notified = 0;

    console_owner owner() const { return {domid(1), {7}, "g"}; }

    console_backend start(std::size_t terminal_limit = console_terminal::default_limit) {
        return console_backend::start({owner(), folder, terminal_limit}, guest.page,
                                      [this] { ++notified; })
            .value();
    }

    std::string log() const { return xenpp::os::read_file(folder + "/g.log").value(); }
};

/// Somebody at the terminal.
struct user {
    xenpp::os::unique_fd fd;

    explicit user(console_backend const& b)
        : fd(::open(b.terminal().path().c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)) {}

    std::string read(std::size_t most) const {
        std::string out;
        char c = 0;
        while (out.size() < most && ::read(fd.get(), &c, 1) == 1) {
            out += c;
        }
        return out;
    }

    void type(std::string const& text) const {
        REQUIRE(::write(fd.get(), text.data(), text.size()) == ssize_t(text.size()));
    }
};

} // namespace

TEST_CASE("console_backend.takes_output_to_the_log_and_the_terminal") {
    bench b;
    auto backend = b.start();
    user const u(backend);
    b.guest.write("[    0.0] Linux\r\n");
    REQUIRE(backend.ring_event());
    CHECK(b.log() == "[    0.0] Linux\r\n");
    CHECK(u.read(100) == "[    0.0] Linux\r\n");
    CHECK(b.notified == 1);
    REQUIRE(backend.ring_event());
    CHECK(b.notified == 1); // nothing moved
}

TEST_CASE("console_backend.brings_to_the_guest_what_is_typed_and_does_not_echo") {
    bench b;
    auto backend = b.start();
    user const u(backend);
    u.type("ls\r\x03\x04");
    backend.terminal_event();
    CHECK(b.guest.read() == "ls\r\x03\x04");
    CHECK(b.notified == 1);
    CHECK(u.read(100).empty());
}

TEST_CASE("console_backend.leaves_input_at_the_terminal_until_the_guest_has_room") {
    bench b;
    auto backend = b.start();
    user const u(backend);
    std::string const typed(2500, 'k');
    u.type(typed);
    backend.terminal_event();
    CHECK_FALSE(backend.wants_input());
    std::string got = b.guest.read();
    while (got.size() < typed.size()) {
        REQUIRE(backend.ring_event());
        auto const more = b.guest.read();
        REQUIRE_FALSE(more.empty());
        got += more;
    }
    CHECK(got == typed);
    REQUIRE(backend.ring_event());
    CHECK(backend.wants_input());
}

TEST_CASE("console_backend.keeps_the_newest_for_a_terminal_nobody_reads") {
    bench b;
    constexpr std::size_t limit = 8192;
    auto backend = b.start(limit);
    std::string all;
    for (int i = 0; i < 400; ++i) {
        auto const line = "line " + std::to_string(i) + " " + std::string(990, '.') + "\n";
        all += line;
        b.guest.write(line);
        REQUIRE(backend.ring_event());
    }
    CHECK(b.log() == all);
    user const u(backend);
    std::string seen;
    for (int i = 0; i < 1000 && backend.terminal().wants_to_write(); ++i) {
        seen += u.read(all.size());
        backend.terminal_event();
    }
    seen += u.read(all.size());
    CHECK(seen.size() < all.size() / 2);
    CHECK(seen.ends_with(all.substr(all.size() - limit / 2)));
}

TEST_CASE("console_backend.gives_up_a_ring_that_cannot_be_and_says_so_once") {
    bench b;
    auto backend = b.start();
    b.guest.write("last words");
    REQUIRE(backend.ring_event());
    b.guest.page.out_prod += 5000;
    CHECK_FALSE(backend.ring_event());
    CHECK(backend.is_broken());
    CHECK_FALSE(backend.wants_input());
    CHECK(backend.ring_event());
    CHECK(b.log() == "last words");
}

TEST_CASE("console_backend.a_kill_after_any_step_loses_and_doubles_nothing_in_the_log") {
    bench b;
    std::mt19937 random(GENERATE(1U, 2U, 3U, 4U, 5U));
    std::string sent;
    b.guest.page.out_cons = b.guest.page.out_prod = 0xffff'f000; // wraps on the way
    for (int life = 0; life < 60; ++life) {
        auto backend = std::make_unique<console_backend>(b.start());
        REQUIRE(backend->ring_event());
        for (int i = 0; i < 5; ++i) {
            std::string const text(random() % 700, char('a' + random() % 26));
            sent += text.substr(0, b.guest.write(text));
            if (random() % 2 != 0) {
                REQUIRE(backend->ring_event());
            }
        }
        backend.reset();
        if (random() % 2 != 0) {
            // Killed between log and ring: the same as appending without consuming.
            console_ring ring(b.guest.page);
            auto log = console_log::open(b.folder, b.owner(), 0).value();
            console_ring::output_buffer buffer;
            auto const output = ring.peek(buffer);
            REQUIRE(log.append(output.substr(0, output.size() - output.size() % 3)));
        }
    }
    auto backend = b.start();
    REQUIRE(backend.ring_event());
    CHECK(b.log() == sent);
}

TEST_CASE("console_backend.goes_by_the_ring_when_somebody_cut_the_log_short") {
    bench b;
    {
        auto backend = b.start();
        b.guest.write(std::string(1500, 'x'));
        REQUIRE(backend.ring_event());
    }
    REQUIRE(::truncate((b.folder + "/g.log").c_str(), 0) == 0);
    auto backend = b.start();
    b.guest.write("next");
    REQUIRE(backend.ring_event());
    CHECK(b.log() == "next");
}

TEST_CASE("console_backend.finish_takes_the_last_words_and_leaves_only_the_log") {
    bench b;
    auto backend = b.start();
    b.guest.write("reboot: System halted\n");
    backend.finish();
    CHECK(b.log() == "reboot: System halted\n");
    CHECK(::access((b.folder + "/1.state").c_str(), F_OK) != 0);
}
