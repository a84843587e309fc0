// SPDX-License-Identifier: Apache-2.0
// A table of commands finds, explains and runs them.
#include "fakes/captured_session.hpp"

#include <xenpp/cli/command.hpp>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>

namespace {

using namespace xenpp;
using namespace xenpp::cli;
using words = std::vector<std::string>;

result<int> echo(session& s, arguments const& args) {
    s.print(fmt::format("{} {} v={} N={}\n", fmt::join(args.operands, "|"), args.count("all"),
                        s.global.verbose, s.global.dry_run));
    return exit_success;
}

result<int> broken(session&, arguments const&) {
    return fail("break things", ENOENT, "there is no thing");
}

result<int> refusing(session&, arguments const&) {
    return refuse("No.");
}

constexpr std::array echo_options{
    option{'a', "all", "", "Everything."},
    option{'f', "file-with-quite-a-long-name", "FILE", "A file."},
    option{0, "path", "", "A path."},
};

constexpr std::array table{
    command{"list", echo, "[options] [Domain]", "List domains", echo_options, 0, 2, true},
    command{"listen", echo, "<Domain>", "Listen", {}, 1, 1, false, true},
    command{"lose", broken, "", "Fail", {}},
    command{"refuse", refusing, "", "Refuse", {}},
    command{"save"},
};

struct outcome {
    int code;
    std::string out;
    std::string err;
};

outcome run(words const& line) {
    fakes::captured_session c;
    int const code = dispatch(c.session, table, line);
    return {code, c.out.take(), c.err.take()};
}

} // namespace

TEST_CASE("command.an_exact_name_beats_a_prefix") {
    CHECK(run({"list", "a", "-a", "b"}).out == "a|b 1 v=0 N=false\n");
    CHECK(run({"liste", "x"}).out == "x 0 v=0 N=false\n");
}

TEST_CASE("command.an_ambiguous_prefix_names_its_candidates") {
    auto const r = run({"li"});
    CHECK(r.code == 1);
    CHECK(r.err == "xl: command \"li\" could be any of list, listen\n");
}

TEST_CASE("command.an_unknown_name_gets_the_nearest") {
    auto const r = run({"lits"});
    CHECK(r.code == 1);
    CHECK(r.out.empty());
    CHECK(r.err == "xl: command \"lits\" not implemented; did you mean \"list\"?\n");
    CHECK(run({"zzz"}).err == "xl: command \"zzz\" not implemented\n");
}

TEST_CASE("command.a_row_without_a_function_is_refused_by_name") {
    auto const r = run({"sav"});
    CHECK(r.code == 1);
    CHECK(r.err == "xl: command \"save\" is not supported yet\n");
}

TEST_CASE("command.global_options_stand_before_the_command") {
    CHECK(run({"-vv", "-N", "list"}).out == " 0 v=2 N=true\n");
    CHECK(run({"-f", "-t", "list"}).code == 0);
    auto const r = run({"-x", "list"});
    CHECK(r.code == 2);
    CHECK(r.err == "unknown global option `-x'\n");
}

TEST_CASE("command.dry_run_is_refused_where_it_means_nothing") {
    auto const r = run({"-N", "listen", "x"});
    CHECK(r.code == 1);
    CHECK(r.err == "xl: command does not implement -N (dryrun) option\n");
}

TEST_CASE("command.operands_are_counted") {
    auto const few = run({"listen"});
    CHECK(few.code == 2);
    CHECK(few.err.starts_with("'xl listen' requires at least 1 argument.\n\nUsage: xl [-vftT] "
                              "listen <Domain>\n"));
    auto const many = run({"list", "a", "b", "c"});
    CHECK(many.code == 2);
    CHECK(many.err.starts_with("'xl list' takes at most 2 arguments.\n"));
}

TEST_CASE("command.an_unknown_option_is_a_usage_error") {
    auto const r = run({"list", "-x"});
    CHECK(r.code == 2);
    CHECK(r.err == "option `x' not supported.\n");
}

TEST_CASE("command.errors_become_one_message_and_exit_code_1") {
    auto const r = run({"lose"});
    CHECK(r.code == 1);
    CHECK(r.err == "xl: break things: there is no thing: No such file or directory (errno 2)\n");
    CHECK(run({"refuse"}).err == "No.\n");
}

TEST_CASE("command.help_lists_what_works") {
    auto const r = run({"help"});
    CHECK(r.code == 0);
    CHECK(r.err.empty());
    CHECK(r.out == "Usage xl [-vfNtT] <subcommand> [args]\n\n"
                   "xl full list of subcommands:\n\n"
                   " list                List domains\n"
                   " listen              Listen\n"
                   " lose                Fail\n"
                   " refuse              Refuse\n"
                   "\n'xl help SUBCOMMAND' and 'xl SUBCOMMAND -h' tell more.\n");
    CHECK(run({"--help"}).out == r.out);
    CHECK(run({"-h"}).code == 0);
    auto const none = run({});
    CHECK(none.code == 1);
    CHECK(none.out == r.out);
}

TEST_CASE("command.help_explains_one_command") {
    auto const r = run({"help", "list"});
    CHECK(r.code == 0);
    CHECK(r.out == "Usage: xl [-vtTN] list [options] [Domain]\n\nList domains.\n\nOptions:\n\n"
                   "  -a, --all               Everything.\n"
                   "  -f, --file-with-quite-a-long-name=FILE\n"
                   "                          A file.\n"
                   "      --path              A path.\n");
    CHECK(run({"list", "--help", "a", "b", "c"}).out == r.out);
    CHECK(run({"help", "nothing"}).code == 1);
    CHECK(run({"help", "save"}).out == "xl: command \"save\" is not supported yet.\n");
}

TEST_CASE("command.output_that_cannot_be_written_is_a_failure") {
    fakes::text_stream err;
    auto* const full = std::fopen("/dev/full", "w");
    REQUIRE(full != nullptr);
    session s("xl", full, err.file());
    CHECK(dispatch(s, table, words{"list"}) == 1);
    CHECK(err.take() == "xl: cannot write: No space left on device\n");
    std::fclose(full);
}

TEST_CASE("command.timestamps_carry_the_pid") {
    auto const r = run({"-T", "refuse"});
    CHECK(r.err.ends_with(" No.\n"));
    CHECK(r.err.find(fmt::format("[{}]", ::getpid())) != std::string::npos);
}
