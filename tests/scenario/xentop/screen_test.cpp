// SPDX-License-Identifier: Apache-2.0
// xentop at a terminal (tmux) over a simulated host with a thousand domains; the screens as text
// are in *.expect. XENPP_UPDATE_GOLDEN=1 rewrites them; review the difference.
#include "fakes/bytes_on_disk.hpp"
#include "fakes/golden.hpp"
#include "fakes/patience.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <regex>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;

/// What a shell command prints.
std::string shell(std::string const& line) {
    auto* const pipe = popen(line.c_str(), "r"); // NOLINT(cert-env33-c): our own words
    REQUIRE(pipe != nullptr);
    std::string out;
    std::array<char, 4096> part{};
    while (auto const n = std::fread(part.data(), 1, part.size(), pipe)) {
        out.append(part.data(), n);
    }
    pclose(pipe);
    return out;
}

/// A terminal of its own, with xentop in it.
class terminal {
public:
    /// `domains`: of the simulated host, and how they end.
    terminal(int width,
             int height,
             std::string const& options,
             std::string const& domains = "XENPP_SIM_DOMAINS=1000") {
        run(fmt::format("-f /dev/null new-session -d -x {} -y {} 'LC_ALL=C.UTF-8 XENPP_HOST=sim {} "
                        "{}/apps/xentop/xentop {} 2>{}/err; echo ended with $?; exec cat'",
                        width, height, domains, XENPP_BINARY_DIR, options,
                        folder_.path().string()));
    }

    terminal(terminal const&) = delete;
    terminal& operator=(terminal const&) = delete;

    ~terminal() { run("kill-server"); }

    void press(std::string const& keys) { run("send-keys " + keys); }

    void type(std::string const& text) { run(fmt::format("send-keys -l '{}'", text)); }

    void resize(int width, int height) {
        run(fmt::format("resize-window -x {} -y {}", width, height));
    }

    std::string screen() { return run("capture-pane -p"); }

    /// The screen, once it shows `what` and nothing moves any more.
    std::string wait_for(std::string const& what) {
        auto const end =
            std::chrono::steady_clock::now() + std::chrono::seconds(xenpp::fakes::patience_s);
        std::string before;
        for (;;) {
            auto const now = screen();
            if (now.find(what) != std::string::npos && now == before) {
                return now;
            }
            before = now;
            INFO("waiting for \"" << what << "\", the screen is:\n" << now);
            REQUIRE(std::chrono::steady_clock::now() < end);
            std::this_thread::sleep_for(50ms);
        }
    }

private:
    std::string run(std::string const& what) {
        return shell(fmt::format("tmux -S {}/tmux {} 2>&1", folder_.path().string(), what));
    }

    xenpp::fakes::scratch_folder folder_;
};

/// Without what differs from run to run and from machine to machine.
std::string stable(std::string text) {
    text = std::regex_replace(text, std::regex(R"(\d\d:\d\d:\d\d)"), "##:##:##");
    text = std::regex_replace(text, std::regex(R"(\d+k total, \d+k used, \d+k free)"), "#k");
    text = std::regex_replace(text, std::regex(R"(@ \d+MHz)"), "@ #MHz");
    return std::regex_replace(text, std::regex(R"((Domain-0 \S+) .*)"), "$1 ...");
}

void check(std::string const& name, std::string const& got) {
    xenpp::fakes::check_golden(
        fmt::format("{}/tests/scenario/xentop/{}.expect", XENPP_SOURCE_DIR, name), stable(got));
}

} // namespace

TEST_CASE("xentop.a_person_at_the_screen") {
    terminal t(100, 20, "-d 3600");
    check("first", t.wait_for("guest14"));
    t.press("/");
    t.type("name~guest99 && id>900");
    check("filter", t.wait_for("guest999"));
    t.press("Enter");
    t.wait_for("/ name~guest99");
    t.press("S");
    t.press("i");
    check("sorted", t.wait_for("Sort NAME reversed"));
    t.press("f");
    t.wait_for("[x] state");
    t.press("Down Space Down Space Enter");
    check("columns", t.wait_for("NAME CPU(%)"));
    t.press("?");
    check("help", t.wait_for("click on a heading"));
    t.press("Escape");
    t.resize(20, 5);
    t.wait_for("xentop -");
    check("small", t.wait_for("guest"));
    t.resize(300, 100);
    check("large", t.wait_for("VBD_WSECT"));
    t.press("d");
    t.type("nonsense");
    t.press("Enter");
    t.wait_for("a number of seconds");
    t.press("Escape");
    t.press("q");
    t.wait_for("ended with 0");
}

TEST_CASE("xentop.scrolls") {
    terminal t(80, 12, "-d 3600");
    t.wait_for("guest1 ");
    t.press("End");
    t.wait_for("guest1000");
    t.press("Home");
    t.wait_for("Domain-0");
    t.press("v");
    t.wait_for("VCPUs(sec):");
    t.press("q");
    t.wait_for("ended with 0");
}

TEST_CASE("xentop.refreshes_and_ends_by_itself") {
    terminal t(80, 12, "-d 0.1 -i 3");
    t.wait_for("ended with 0");
}

/// Each refresh lists the domains, and then three of them are destroyed before xentop asks for
/// their vCPUs and for some of their names.
TEST_CASE("xentop.domains_vanish_during_a_refresh") {
    terminal t(100, 14, "-d 3600 -v", "XENPP_SIM_DOMAINS=40 XENPP_SIM_VANISHING=3");
    // Those that have no name any more have no row, and are not counted.
    check("vanish_first", t.wait_for("38 domains"));
    t.press("Space"); // names that are known are not asked for: listed, but without vCPUs
    check("vanish_listed", t.wait_for("guest8"));
    t.press("End");
    t.wait_for("guest40");
    t.press("Space"); // the list gets shorter than where the screen stands in it
    check("vanish_at_the_end", t.wait_for("32 domains"));
    t.press("/");
    t.type("name~guest1");
    t.press("Enter End");
    t.wait_for("guest19");
    t.press("Space Space");
    t.wait_for("29 domains");
    t.press("Space");
    check("vanish_filtered", t.wait_for("24 domains"));
    t.press("Space Space");
    check("vanish_all_that_pass", t.wait_for("17 domains"));
    t.press("q");
    t.wait_for("ended with 0");
}

TEST_CASE("xentop.says_what_is_wrong_before_it_takes_the_screen") {
    auto const run = [](std::string const& options) {
        return shell(fmt::format("XENPP_HOST=sim {}/apps/xentop/xentop {} 2>&1 </dev/null; echo $?",
                                 XENPP_BINARY_DIR, options));
    };
    CHECK(run("-b -i 1 --filter 'cpuu>1'") ==
          "cpuu>1\n^ there is no column \"cpuu\", did you mean \"cpu\"?\n1\n");
    CHECK(run("-b -i 1 --sort naem").find("did you mean \"name\"?") != std::string::npos);
    CHECK(run("-b -d 0").find("--delay takes a number of at least 0.05") != std::string::npos);
    CHECK(run("-b -i x").find("--iterations takes a number of at least 1") != std::string::npos);
    CHECK(run("").find("this is no terminal; -b prints lines instead") != std::string::npos);
    CHECK(run("-q").ends_with("\n2\n"));
}
