// SPDX-License-Identifier: Apache-2.0
// Where the state folder is, and what may be wrong with it.
#include <xenpp/os/state_dir.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

using namespace xenpp;
using xenpp::os::state_dir;

TEST_CASE("state_dir.the_rule") {
    CHECK(state_dir::default_path({"/a", "/run/user/5", 0}) == "/a");
    CHECK(state_dir::default_path({"", "/run/user/0", 0}) == "/run/xenpp");
    CHECK(state_dir::default_path({"", "/run/user/5", 5}) == "/run/user/5/xenpp");
    CHECK(state_dir::default_path({"", "", 5}) == "/tmp/xenpp-5");
}

TEST_CASE("state_dir.is_made_for_its_owner_alone") {
    std::string base = "/tmp/xenpp-state-XXXXXX";
    REQUIRE(::mkdtemp(base.data()) != nullptr);
    auto const where = state_dir::open(base + "/deep/er/").value();
    CHECK(where.path() == base + "/deep/er");
    CHECK(where.file("x") == base + "/deep/er/x");

    struct stat s {};

    REQUIRE(::stat(where.path().c_str(), &s) == 0);
    CHECK((s.st_mode & 0777) == 0700);
    CHECK(state_dir::open(base + "/deep/er"));
    std::filesystem::remove_all(base);
}

TEST_CASE("state_dir.says_what_is_wrong") {
    CHECK(state_dir::open("relative").error().message().find("not an absolute path") !=
          std::string::npos);
    CHECK_FALSE(state_dir::open(""));
    CHECK(state_dir::open("/dev/null").error().message().find("/dev/null is no folder") !=
          std::string::npos);
    CHECK(state_dir::open("/dev/null/x").error().message().find("/dev/null/x") !=
          std::string::npos);
    CHECK(state_dir::open("/proc/xenpp").error().message().find("cannot be made") !=
          std::string::npos);
}

TEST_CASE("state_dir.is_no_place_that_others_have_a_hand_in") {
    std::string base = "/tmp/xenpp-state-XXXXXX";
    REQUIRE(::mkdtemp(base.data()) != nullptr);
    REQUIRE(state_dir::open(base + "/own"));
    std::filesystem::create_directory_symlink(base + "/own", base + "/link");
    CHECK(state_dir::open(base + "/link").error().message().find("is no folder") !=
          std::string::npos);
    for (unsigned const mode : {0720U, 0702U}) {
        REQUIRE(::chmod((base + "/own").c_str(), mode) == 0);
        CHECK(state_dir::open(base + "/own").error().message().find("chmod go-w") !=
              std::string::npos);
    }
    REQUIRE(::chmod((base + "/own").c_str(), 0755) == 0);
    CHECK(state_dir::open(base + "/own"));
    std::filesystem::remove_all(base);
}
