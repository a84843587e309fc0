// SPDX-License-Identifier: Apache-2.0
// Options are read as getopt_long reads them.
#include <xenpp/cli/options.hpp>

#include <catch2/catch.hpp>

#include <array>

namespace {

using namespace xenpp::cli;
using words = std::vector<std::string>;

constexpr std::array options{
    option{'a', "all", "", ""},   option{'w', "wait", "", ""}, option{'f', "defconfig", "F", ""},
    option{'n', "", "NUM", ""},   option{0, "path", "", ""},   option{0, "paths", "", ""},
    option{0, "format", "F", ""},
};

arguments read(words const& line) {
    auto got = parse_arguments(options, line);
    INFO((got ? std::string() : got.error()));
    REQUIRE(got);
    return *std::move(got);
}

std::string mistake(words const& line) {
    auto const got = parse_arguments(options, line);
    REQUIRE_FALSE(got);
    return got.error();
}

} // namespace

TEST_CASE("options.letters_may_be_joined_and_repeated") {
    auto const got = read({"-aww", "dom", "--wait"});
    CHECK(got.has("all"));
    CHECK(got.count("wait") == 3);
    CHECK(got.count("path") == 0);
    CHECK(got.operands == words{"dom"});
}

TEST_CASE("options.arguments_may_be_adjacent_or_next") {
    CHECK(read({"-fx.cfg"}).value("defconfig") == "x.cfg");
    CHECK(read({"-f", "x.cfg"}).value("defconfig") == "x.cfg");
    CHECK(read({"--defconfig=x.cfg"}).value("defconfig") == "x.cfg");
    CHECK(read({"--defconfig", "x.cfg"}).value("defconfig") == "x.cfg");
    CHECK(read({"-n", "3"}).value("n") == "3");
    CHECK(read({"-f", "a", "-f", "b"}).value("defconfig") == "b");
    CHECK(read({}).value("defconfig").empty());
}

TEST_CASE("options.long_names_may_be_shortened") {
    CHECK(read({"--def", "x"}).value("defconfig") == "x");
    CHECK(read({"--path"}).has("path")); // exact, though "--paths" begins so too
    CHECK(mistake({"--pat"}) == "option `--pat' could be any of --path, --paths.");
}

TEST_CASE("options.operands_may_stand_between_options") {
    auto const got = read({"x.cfg", "-a", "memory=5", "--", "-w", "--path"});
    CHECK(got.operands == words{"x.cfg", "memory=5", "-w", "--path"});
    CHECK(got.has("all"));
    CHECK_FALSE(got.has("wait"));
}

TEST_CASE("options.a_hyphen_alone_is_an_operand") {
    CHECK(read({"dom", "0", "-", "1-3"}).operands == words{"dom", "0", "-", "1-3"});
}

TEST_CASE("options.every_command_has_help") {
    CHECK(read({"-h"}).has("help"));
    CHECK(read({"--help"}).has("help"));
}

TEST_CASE("options.mistakes_are_named") {
    CHECK(mistake({"-x"}) == "option `x' not supported.");
    CHECK(mistake({"-ax"}) == "option `x' not supported.");
    CHECK(mistake({"--bogus"}) == "option `--bogus' not supported.");
    CHECK(mistake({"-f"}) == "the required argument for option '--defconfig' is missing.");
    CHECK(mistake({"--path=3"}) == "option '--path' does not take any arguments.");
}
