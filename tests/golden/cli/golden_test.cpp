// SPDX-License-Identifier: Apache-2.0
// What xl's commands print of a simulated host, against *.expect; and what they do to it.
// XENPP_UPDATE_GOLDEN=1 in the environment rewrites the *.expect files; review the difference.
#include "fakes/bytes_on_disk.hpp"
#include "fakes/captured_session.hpp"
#include "fakes/elf_maker.hpp"

#include <xenpp/cli/command.hpp>
#include <xenpp/cli/xl.hpp>
#include <xenpp/host.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

namespace {

using namespace xenpp;
namespace xl = xenpp::cli::xl;
using cli::command;
using cli::option;

std::string const folder = XENPP_SOURCE_DIR "/tests/golden/cli/";

constexpr std::array options{
    option{'l', "long", "", ""},  option{'v', "verbose", "", ""}, option{'c', "cpupool", "", ""},
    option{'n', "numa", "", ""},  option{'a', "all", "", ""},     option{'w', "wait", "", ""},
    option{'f', "force", "", ""}, option{'p', "", "", ""},        option{'q', "quiet", "", ""},
    option{0, "format", "F", ""}, option{'s', "", "", ""},        option{0, "clear", "", ""},
};

constexpr std::array table{
    command{"create", xl::create, "", "", options},
    command{"list", xl::list, "", "", options},
    command{"vm-list", xl::vm_list, "", "", options},
    command{"domid", xl::domid, "", "", options, 1},
    command{"domname", xl::domname, "", "", options, 1},
    command{"uptime", xl::uptime, "", "", options},
    command{"vcpu-list", xl::vcpu_list, "", "", options},
    command{"vcpu-pin", xl::vcpu_pin, "", "", options, 3, 4, true},
    command{"info", xl::info, "", "", options},
    command{"dmesg", xl::dmesg, "", "", options},
    command{"pause", xl::pause, "", "", options, 1},
    command{"unpause", xl::unpause, "", "", options, 1},
    command{"rename", xl::rename, "", "", options, 2},
    command{"shutdown", xl::shutdown, "", "", options},
    command{"destroy", xl::destroy, "", "", options, 1},
};

/// A simulated host with xl over it.
class fixture {
public:
    fixture() : host_(host::open_sim({.memory = mib(1024), .cpus = 2}).value()), io_(&host_) {
        fakes::elf_maker const maker;
        kernel_ = scratch_.file("kernel", maker.build());
    }

    int run(std::vector<std::string> const& words) {
        return cli::dispatch(io_.session, table, words);
    }

    /// What a command prints; it must succeed in silence.
    std::string output(std::vector<std::string> const& words) {
        int const code = run(words);
        INFO(words.front());
        CHECK(io_.err.take().empty());
        CHECK(code == 0);
        return io_.out.take();
    }

    /// What a command complains of; it must fail.
    std::string complaint(std::vector<std::string> const& words) {
        CHECK(run(words) == 1);
        CHECK(io_.out.take().empty());
        return io_.err.take();
    }

    void create(std::string const& name, std::string const& digit, bool is_paused = true) {
        std::vector<std::string> words{"create", "-q"};
        if (is_paused) {
            words.emplace_back("-p");
        }
        words.push_back("name=\"" + name + "\"; type=\"pvh\"; memory=64; vcpus=2; kernel=\"" +
                        kernel_ + "\"; uuid=\"" + std::string(32, digit[0]) + "\"");
        output(words);
    }

    fakes::captured_session& io() { return io_; }

    std::string const& kernel() const { return kernel_; }

private:
    fakes::scratch_folder scratch_;
    std::string kernel_;
    host host_;
    fakes::captured_session io_;
};

/// Without what differs from run to run and from machine to machine.
std::string stable(std::string text) {
    static std::regex const seconds(R"(\d+\.\d(?=\n|  | 0000))");
    static std::regex const fields(R"(((?:^|\n)(?:host|release|version|machine|cpu_mhz|hw_caps|)"
                                   R"(\w+_memory|xen_changeset|cc_\w+|build_id) *): [^\n]*)");
    static std::regex const node(R"(\n   0: +\d+ +\d+ +10\n)");
    static std::regex const dom0_memory(R"((Domain-0 +0) +\d+)");
    static std::regex const kernel(R"("kernel": "[^"]*")");
    text = std::regex_replace(text, seconds, "#.#");
    text = std::regex_replace(text, dom0_memory, "$1     *");
    text = std::regex_replace(text, kernel, "\"kernel\": \"*\"");
    text = std::regex_replace(text, node, "\n   0: * * 10\n");
    return std::regex_replace(text, fields, "$1: *");
}

void check(std::string const& name, std::string const& got) {
    auto const path = folder + name + ".expect";
    if (std::getenv("XENPP_UPDATE_GOLDEN") != nullptr) { // NOLINT(concurrency-mt-unsafe)
        std::ofstream(path, std::ios::binary) << stable(got);
    }
    std::ifstream in(path, std::ios::binary);
    std::ostringstream expected;
    expected << in.rdbuf();
    INFO(name);
    CHECK(stable(got) == expected.str());
}

} // namespace

TEST_CASE("golden.listings_of_two_domains") {
    fixture f;
    f.create("web", "1");
    f.create("db", "2");
    check("list", f.output({"list"}));
    check("list-one", f.output({"list", "db"}));
    check("list-verbose", f.output({"list", "-v", "-c", "-n", "1"}));
    check("list-long", f.output({"list", "-l", "web"}));
    check("vm-list", f.output({"vm-list"}));
    check("vcpu-list", f.output({"vcpu-list", "web", "db"}));
    CHECK(f.output({"list", "11111111-1111-1111-1111-111111111111"}) == f.output({"list", "web"}));
}

TEST_CASE("golden.the_host_is_described") {
    fixture f;
    check("info", f.output({"info"}));
    check("info-numa", f.output({"info", "-n"}));
    CHECK(f.output({"info", "nr_cpus"}) == "2\n");
    CHECK(f.complaint({"info", "nr_tails"}) == "xl info has no field \"nr_tails\"\n");
}

TEST_CASE("golden.names_and_numbers") {
    fixture f;
    f.create("web", "1");
    CHECK(f.output({"domid", "web"}) == "1\n");
    CHECK(f.output({"domname", "1"}) == "web\n");
    CHECK(f.complaint({"domid", "none"}) ==
          "Can't get domid of domain name 'none', maybe this domain does not exist.\n");
    CHECK(f.complaint({"domname", "9"}) ==
          "Can't get domain name of domain id '9', maybe this domain does not exist.\n");
    CHECK(f.complaint({"domname", "web"}) == "Invalid domain id.\n");
    CHECK(f.complaint({"list", "9"}) == "Error: Domain '9' does not exist.\n");
    CHECK(f.complaint({"pause", "none"}) == "none is an invalid domain identifier (rc=-6)\n");
    CHECK(f.complaint({"vcpu-list", "9"}) == "9 is an invalid domain identifier (rc=-6)\n");
}

TEST_CASE("golden.a_domain_is_renamed_paused_and_destroyed") {
    fixture f;
    f.create("web", "1");
    CHECK(f.output({"rename", "web", "shop"}).empty());
    CHECK(f.output({"domname", "1"}) == "shop\n");
    CHECK(f.output({"unpause", "shop"}).empty());
    CHECK(f.output({"pause", "shop"}).empty());
    CHECK(f.output({"list", "shop"}).find("p---  ") != std::string::npos);
    CHECK(f.output({"destroy", "shop"}).empty());
    CHECK(f.complaint({"destroy", "shop"}) == "shop is an invalid domain identifier (rc=-6)\n");
    CHECK(f.complaint({"destroy", "0"}).starts_with("Not destroying domain 0; use -f to force.\n"));
}

TEST_CASE("golden.vcpus_are_pinned") {
    fixture f;
    f.create("web", "1");
    CHECK(f.output({"vcpu-pin", "web", "0", "1"}).empty());
    CHECK(f.output({"vcpu-pin", "web", "1", "-", "0"}).empty());
    check("vcpu-pinned", f.output({"vcpu-list", "web"}));
    CHECK(f.output({"vcpu-pin", "web", "all", "all", "all"}).empty());
    CHECK(f.output({"-N", "vcpu-pin", "web", "0", "1"}) == "cpumap: 1\n");
    CHECK(f.complaint({"vcpu-pin", "web", "0", "-"}).starts_with("Error: Invalid argument."));
    CHECK(f.complaint({"vcpu-pin", "web", "0", "7"}) == "This host has none of the CPUs 7.\n");
    CHECK(f.complaint({"vcpu-pin", "web", "x", "1"}) == "Error: Invalid argument x as VCPU.\n");
    CHECK(f.complaint({"vcpu-pin", "-f", "web", "all", "1"}) ==
          "Error: --force and 'all' as VCPU not allowed.\n");
    CHECK(f.complaint({"vcpu-pin", "web", "5", "1"})
              .starts_with("Could not set affinity for vcpu `5'."));
}

TEST_CASE("golden.shutdown_waits") {
    fixture f;
    f.create("web", "1", false);
    f.create("db", "2", false);
    CHECK(f.run({"shutdown", "-a", "-w"}) == 0);
    CHECK(f.io().err.take() == "Shutting down domain 1\nShutting down domain 2\n"
                               "Waiting for 2 domains\n"
                               "Domain 1 has been shut down, reason code 0\n"
                               "Domain 2 has been shut down, reason code 0\n");
    CHECK(f.complaint({"shutdown"}) == "You must specify -a or a domain id.\n");
}

TEST_CASE("golden.create_fails_with_libxls_number") {
    fixture f;
    f.create("web", "1");
    auto const again = [&f](std::string const& settings) {
        int const code = f.run({"create", "-q", settings});
        CHECK_FALSE(f.io().err.take().empty());
        return code;
    };
    CHECK(again("name=\"web\"; type=\"pvh\"; memory=64; kernel=\"" + f.kernel() + "\"") == 6);
    CHECK(again("name=\"x\"; type=\"pvh\"; memory=64; kernel=\"/nonexistent/kernel\"") == 3);
    CHECK(f.output({"vm-list"}).find(" x ") == std::string::npos);
}
