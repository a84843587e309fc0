// SPDX-License-Identifier: Apache-2.0
// State of one machine is not taken for that of the next.
#include "fakes/patience.hpp"

#include <xenpp/os/file.hpp>
#include <xenpp/os/process.hpp>

#include <daemon/machine_state.hpp>
#include <scenario/link/temporary_state.hpp>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

using namespace xenpp;
namespace fs = std::filesystem;

namespace {

struct folder {
    tests::temporary_state state;
    os::state_dir const& where = state.where;

    folder() {
        fs::create_directory(where.file("consoles"));
        fs::create_directory(where.file("domains"));
        for (auto const* const name : {"store.journal", "consoles/1.state", "consoles/a.log",
                                       "domains/x.json", "console.log", "xenppd.log", "bell.in"}) {
            REQUIRE(os::replace_file(where.file(name), "of the last machine"));
        }
    }

    bool has(std::string const& name) const { return fs::exists(where.file(name)); }
};

} // namespace

TEST_CASE("machine_state.of_the_same_process_is_kept") {
    folder const f;
    REQUIRE(detail::adopt_machine_state(f.where, ::getpid()));
    CHECK_FALSE(f.has("store.journal")); // nobody said whose it was
    REQUIRE(os::replace_file(f.where.file("store.journal"), "ours"));
    REQUIRE(detail::adopt_machine_state(f.where, ::getpid()));
    CHECK(f.has("store.journal"));
}

TEST_CASE("machine_state.of_another_process_goes_but_the_logs_stay") {
    folder const f;
    REQUIRE(detail::adopt_machine_state(f.where, ::getpid()));
    REQUIRE(os::replace_file(f.where.file("store.journal"), "ours"));
    auto const other = os::spawn({{"sleep", "60"}, {}, false}).value();
    REQUIRE(detail::adopt_machine_state(f.where, other.pid()));
    CHECK_FALSE(f.has("store.journal"));
    CHECK_FALSE(f.has("consoles/1.state"));
    CHECK_FALSE(f.has("domains/x.json"));
    CHECK(f.has("consoles/a.log"));
    REQUIRE(other.send_signal(SIGKILL));
    CHECK(other.wait(fakes::patience_ms));
}

TEST_CASE("machine_state.configurations_half_written_by_the_dead_go") {
    folder const f;
    REQUIRE(detail::adopt_machine_state(f.where, ::getpid()));
    auto const other = os::spawn({{"true"}, {}, false}).value();
    CHECK(other.wait(fakes::patience_ms));
    auto const dead = "domains/y.json." + std::to_string(other.pid());
    auto const mine = "domains/y.json." + std::to_string(::getpid());
    for (auto const& name : {std::string("domains/y.json"), dead, mine}) {
        REQUIRE(os::replace_file(f.where.file(name), "{}"));
    }
    REQUIRE(detail::adopt_machine_state(f.where, ::getpid()));
    CHECK_FALSE(f.has(dead));
    CHECK(f.has(mine));
    CHECK(f.has("domains/y.json"));
    detail::remove_files(f.where.file("consoles"), ".log");
    CHECK_FALSE(f.has("consoles/a.log"));
    CHECK_FALSE(f.has("consoles/1.state")); // of another machine
}

TEST_CASE("machine_state.is_not_adopted_from_a_process_that_is_gone") {
    folder const f;
    auto const other = os::spawn({{"true"}, {}, false}).value();
    CHECK(other.wait(fakes::patience_ms));
    CHECK_FALSE(detail::adopt_machine_state(f.where, other.pid()));
}

TEST_CASE("machine_state.is_removed_with_the_memory_that_ram_points_to") {
    folder const f;
    auto const memory = f.where.file("memory");
    REQUIRE(os::replace_file(memory, "RAM"));
    fs::create_symlink(memory, f.where.file("ram"));
    detail::remove_machine_state(f.where);
    for (auto const* const name : {"memory", "ram", "store.journal", "bell.in", "machine.id"}) {
        INFO(name);
        CHECK_FALSE(f.has(name));
    }
    CHECK(f.has("console.log"));
    CHECK(f.has("xenppd.log"));
    CHECK(f.has("consoles/a.log"));
}
