// SPDX-License-Identifier: Apache-2.0
// The console log across deaths of its writer, renames, successors of the same name, full disks.
#include <xenpp/dev/console/log.hpp>
#include <xenpp/os/file.hpp>

#include <scenario/link/temporary_state.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <string>

using xenpp::domid;
using xenpp::dev::console_log;
using xenpp::dev::console_owner;

namespace {

struct folder {
    xenpp::tests::temporary_state state;
    std::string path = state.where.file("consoles");

    std::string text(std::string const& name) const {
        return xenpp::os::read_file(path + "/" + name).value_or("(none)");
    }
};

console_owner owner(std::uint16_t id, std::string name, std::uint8_t uuid = 1) {
    return {domid(id), {uuid}, std::move(name)};
}

console_log open(folder const& f,
                 console_owner o,
                 std::uint32_t position,
                 std::uint64_t limit = console_log::default_size_limit) {
    return console_log::open(f.path, std::move(o), position, limit).value();
}

} // namespace

TEST_CASE("console_log.goes_on_after_a_kill_where_the_file_ends") {
    folder f;
    {
        auto log = open(f, owner(1, "a"), 0xffff'fffe);
        REQUIRE(log.append("hello "));
        CHECK(log.position() == 4); // past the wrap
    }
    auto log = open(f, owner(1, "a"), 77); // what the ring says now is not asked
    CHECK(log.position() == 4);
    REQUIRE(log.append("world"));
    CHECK(f.text("a.log") == "hello world");
}

TEST_CASE("console_log.of_a_new_domain_begins_anew_and_keeps_the_one_before") {
    folder f;
    {
        auto log = open(f, owner(1, "a", 1), 0);
        REQUIRE(log.append("first"));
        log.finish();
    }
    auto const number_only = GENERATE(true, false);
    auto log = number_only ? open(f, owner(1, "a", 2), 9) : open(f, owner(2, "a", 1), 9);
    CHECK(log.position() == 9);
    REQUIRE(log.append("second"));
    CHECK(f.text("a.log") == "second");
    CHECK(f.text("a.log.1") == "first");
}

TEST_CASE("console_log.follows_its_domain_to_a_new_name") {
    folder f;
    {
        auto log = open(f, owner(1, "a"), 0);
        REQUIRE(log.append("crash"));
        REQUIRE(log.rename("a-1"));
        auto next = open(f, owner(2, "a"), 0);
        REQUIRE(next.append("again"));
    }
    CHECK(f.text("a-1.log") == "crash");
    CHECK(f.text("a.log") == "again");
    CHECK(open(f, owner(1, "a-1"), 0).position() == 5);
    CHECK(open(f, owner(2, "a"), 0).position() == 5);
}

TEST_CASE("console_log.is_found_after_a_kill_in_the_middle_of_a_rename") {
    folder f;
    {
        auto log = open(f, owner(1, "a"), 0);
        REQUIRE(log.append("text"));
    }
    SECTION("the store had the new name, the file not yet") {}
    SECTION("the file had it, the state not yet") {
        REQUIRE(::rename((f.path + "/a.log").c_str(), (f.path + "/b.log").c_str()) == 0);
    }
    auto log = open(f, owner(1, "b"), 0);
    CHECK(log.position() == 4);
    REQUIRE(log.append("!"));
    CHECK(f.text("b.log") == "text!");
}

TEST_CASE("console_log.turns_over_at_its_limit") {
    folder f;
    std::uint32_t const begin = 100;
    auto log = open(f, owner(1, "a"), begin, 10);
    for (int i = 0; i < 5; ++i) {
        REQUIRE(log.append("12345678"));
    }
    CHECK(log.position() == begin + 40);
    CHECK(f.text("a.log") == "12345678");
    CHECK(f.text("a.log.1") == "1234567812345678");
    CHECK(open(f, owner(1, "a"), 0, 10).position() == begin + 40);
}

TEST_CASE("console_log.counts_what_could_not_be_written") {
    folder f;
    std::uint32_t position = 0;
    {
        auto log = open(f, owner(1, "a"), 0);
        // A file size limit stands for a full disk.
        rlimit old{};
        ::getrlimit(RLIMIT_FSIZE, &old);
        rlimit const small{100, old.rlim_max};
        auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
        ::setrlimit(RLIMIT_FSIZE, &small);
        auto const failed = log.append(std::string(150, 'x'));
        ::setrlimit(RLIMIT_FSIZE, &old);
        ::signal(SIGXFSZ, handler);
        CHECK_FALSE(failed);
        CHECK(log.position() == 150);
        REQUIRE(log.append("y"));
        position = log.position();
    }
    CHECK(f.text("a.log") == std::string(100, 'x') + "y");
    CHECK(open(f, owner(1, "a"), 0).position() == position);
}

TEST_CASE("console_log.stays_in_its_folder_whatever_the_name") {
    folder f;
    auto log = open(f, owner(1, "../../etc/x"), 0);
    CHECK(log.path() == f.path + "/.._.._etc_x.log");
}

TEST_CASE("console_log.says_which_folder_cannot_be_made") {
    auto const log = console_log::open("/nowhere/at/all", owner(1, "a"), 0);
    REQUIRE_FALSE(log);
    CHECK(log.error().message().find("/nowhere/at/all") != std::string::npos);
}
