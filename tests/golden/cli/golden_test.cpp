// SPDX-License-Identifier: Apache-2.0
// What xl's commands print of a simulated host, against *.expect; and what they do to it.
// XENPP_UPDATE_GOLDEN=1 in the environment rewrites the *.expect files; review the difference.
#include "fakes/bytes_on_disk.hpp"
#include "fakes/captured_session.hpp"
#include "fakes/elf_maker.hpp"
#include "fakes/golden.hpp"

#include <xenpp/cli/command.hpp>
#include <xenpp/cli/xl.hpp>
#include <xenpp/host.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <regex>

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
    option{'F', "", "", ""},
};

constexpr auto sched_options = cli::with_formats(std::array{
    option{'d', "domain", "D", ""},
    option{'w', "weight", "W", ""},
    option{'c', "cap", "C", ""},
    option{'s', "schedparam", "", ""},
    option{'r', "ratelimit_us", "R", ""},
    option{'p', "cpupool", "P", ""},
});
constexpr auto pool_options = cli::with_formats(std::array{option{'c', "cpus", "", ""}});

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
    command{"reboot", xl::reboot, "", "", options},
    command{"destroy", xl::destroy, "", "", options, 1},
    command{"mem-set", xl::mem_set, "", "", options, 2},
    command{"mem-max", xl::mem_max, "", "", options, 2},
    command{"claims", xl::claims, "", "", options},
    command{"sharing", xl::sharing, "", "", options},
    command{"vcpu-set", xl::vcpu_set, "", "", options, 2},
    command{"trigger", xl::trigger, "", "", options, 2},
    command{"button-press", xl::button_press, "", "", options, 2},
    command{"sysrq", xl::sysrq, "", "", options, 2},
    command{"debug-keys", xl::debug_keys, "", "", options, 1},
    command{"dump-core", xl::dump_core, "", "", options, 2},
    command{"config-update", xl::config_update, "", "", options, 1},
    command{"sched-credit2", xl::sched_credit2, "", "", sched_options},
    command{"cpupool-create", xl::cpupool_create, "", "", {}},
    command{"cpupool-list", xl::cpupool_list, "", "", pool_options},
    command{"cpupool-destroy", xl::cpupool_destroy, "", "", {}, 1},
    command{"cpupool-rename", xl::cpupool_rename, "", "", {}, 2},
    command{"cpupool-cpu-add", xl::cpupool_cpu_add, "", "", {}, 2},
    command{"cpupool-cpu-remove", xl::cpupool_cpu_remove, "", "", {}, 2},
    command{"cpupool-migrate", xl::cpupool_migrate, "", "", {}, 2},
    command{"cpupool-numa-split", xl::cpupool_numa_split, "", "", {}},
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
    fakes::check_golden(folder + name + ".expect", stable(got));
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

TEST_CASE("golden.memory_is_set_and_told") {
    fixture f;
    f.create("web", "1");
    CHECK(f.output({"mem-set", "web", "32"}).empty());
    CHECK(f.output({"mem-max", "web", "128m"}).empty());
    CHECK(f.complaint({"mem-set", "web", "65"}).find("is not from 1 to") != std::string::npos);
    CHECK(f.complaint({"mem-set", "web", "1x"}).starts_with("invalid memory size: 1x"));
    CHECK(f.complaint({"mem-set", "web", ""}).starts_with("invalid memory size"));
    CHECK(f.complaint({"mem-max", "web", "1k"})
              .starts_with("cannot set domid web static max memory"));
    check("claims", f.output({"claims"}));
    check("sharing", f.output({"sharing", "web"}));
}

TEST_CASE("golden.guests_are_told") {
    fixture f;
    f.create("web", "1");
    CHECK(f.output({"vcpu-set", "web", "1"}).empty());
    CHECK(f.complaint({"vcpu-set", "web", "3"}).starts_with("You are overcommmitting!"));
    CHECK(f.complaint({"vcpu-set", "web", "0"}).find("0 is not from 1 to the 2") !=
          std::string::npos);
    CHECK(f.output({"sysrq", "web", "s"}).empty());
    CHECK(f.complaint({"sysrq", "web", "so"}).starts_with("Invalid sysrq \"so\""));
    CHECK(f.output({"trigger", "web", "power"}).empty());
    CHECK(f.output({"trigger", "web", "nmi", "1"}).empty());
    CHECK(f.complaint({"trigger", "web", "nmi", "2"}).find("it has no vCPU 2, only 0 to 1") !=
          std::string::npos);
    for (std::string const refused : {"init", "reset"}) { // as Xen 4.17 refuses them on x86
        CHECK(f.complaint({"trigger", "web", refused}).find("cannot do that") != std::string::npos);
    }
    CHECK(f.complaint({"trigger", "web", "s3resume"}) ==
          "s3resume is for HVM guests, which are not supported yet\n");
    CHECK(f.complaint({"trigger", "web", "kick"}).starts_with("Invalid trigger \"kick\""));
}

TEST_CASE("golden.weights_and_caps") {
    fixture f;
    f.create("web", "1");
    CHECK(f.output({"sched-credit2", "-d", "web", "-w", "512", "-c", "25"}).empty());
    check("sched-credit2", f.output({"sched-credit2"}));
    CHECK(f.output({"sched-credit2", "-d", "web", "--csv"}) ==
          "name,domid,cpupool,weight,cap\r\nweb,1,,512,25\r\n");
    CHECK(f.output({"sched-credit2", "-s", "-r", "1000"}).empty());
    CHECK(f.output({"sched-credit2", "-s"}) == "Cpupool Pool-0: ratelimit=1000us\n");
    CHECK(f.complaint({"sched-credit2", "-s", "-r", "50"}).starts_with("ratelimit 50 is neither"));
    CHECK(f.complaint({"sched-credit2", "-w", "5"}) == "Must specify a domain.\n");
    CHECK(f.complaint({"sched-credit2", "-d", "web", "-w", "0"}) ==
          "weight 0 is not a number from 1 to 65535\n");
    CHECK(f.complaint({"sched-credit2", "-p", "none"}) == "unknown cpupool 'none'\n");
}

TEST_CASE("golden.pools_are_listed_and_renamed") {
    fixture f;
    check("cpupool-list", f.output({"cpupool-list"}));
    check("cpupool-list-cpus", f.output({"cpupool-list", "-c", "0"}));
    CHECK(f.output({"cpupool-rename", "Pool-0", "day"}).empty());
    CHECK(f.output({"list", "-c"}).find("day") != std::string::npos);
    CHECK(f.complaint({"cpupool-rename", "day", "7"}).find("cannot be empty or a number") !=
          std::string::npos);
    CHECK(f.complaint({"cpupool-create", "name=\"night\"", "cpus=\"1\""})
              .starts_with("cpu 1 illegal or not free"));
    CHECK(f.complaint({"cpupool-create", "nam=\"more\""}).starts_with("unknown key \"nam\""));
}

TEST_CASE("golden.pools") {
    fixture f;
    f.create("web", "1");
    CHECK(f.complaint({"cpupool-create", "name=\"night\"", "cpus=\"1\""})
              .starts_with("cpu 1 illegal or not free"));
    CHECK(f.output({"cpupool-cpu-remove", "Pool-0", "1"}).empty());
    CHECK(f.output({"cpupool-create", "name=\"night\"", "sched=\"null\""}) ==
          "Using config file \"command line\"\ncpupool name:   night\nscheduler:      null\n"
          "number of cpus: 1\n");
    CHECK(f.complaint({"cpupool-create", "name=\"more\"", "sched=\"rtds\""}) ==
          "no free cpu found\n");
    CHECK(f.complaint({"cpupool-create", "nam=\"more\""}).starts_with("unknown key \"nam\""));
    CHECK(f.output({"cpupool-migrate", "web", "night"}).empty());
    check("cpupool-list-null", f.output({"cpupool-list"}));
    check("cpupool-list-night", f.output({"cpupool-list", "-c", "night"}));
    CHECK(f.output({"list", "-c", "web"}).find("night") != std::string::npos);
    CHECK(f.complaint({"cpupool-destroy", "night"}).find("it has 1 domains") != std::string::npos);
    CHECK(f.complaint({"cpupool-cpu-remove", "night", "1"}).find("its last one") !=
          std::string::npos);
    CHECK(f.output({"cpupool-rename", "night", "day"}).empty());
    CHECK(f.complaint({"cpupool-rename", "day", "Pool-0"}).find("has that name") !=
          std::string::npos);
    CHECK(f.output({"cpupool-migrate", "web", "0"}).empty());
    CHECK(f.output({"cpupool-destroy", "day"}).empty());
    CHECK(f.output({"cpupool-cpu-add", "0", "1"}).empty());
}

TEST_CASE("golden.a_configuration_is_replaced") {
    fixture f;
    f.create("web", "1");
    CHECK(f.output({"config-update", "web", "/dev/null",
                    "name=\"other\"; type=\"pvh\"; memory=99; "
                    "kernel=\"/k\"; on_crash=\"preserve\""})
              .empty());
    auto const text = f.output({"list", "-l", "web"});
    CHECK(text.find("\"name\": \"web\"") != std::string::npos);
    CHECK(text.find("\"on_crash\": \"preserve\"") != std::string::npos);
    CHECK(f.complaint({"config-update", "web"}) == "Config file not specified\n");
}

TEST_CASE("golden.cores") {
    fixture f;
    f.create("web", "1");
    fakes::scratch_folder const scratch;
    auto const path = (scratch.path() / "core").string();
    CHECK(f.output({"dump-core", "web", path}).empty());
    std::ifstream in(path, std::ios::binary);
    std::string head(4, 0);
    in.read(head.data(), 4);
    CHECK(head == "\x7f"
                  "ELF");
    CHECK(std::filesystem::file_size(path) > 64 << 20);
    CHECK(f.output({"list", "web"}).find("--p---") != std::string::npos); // paused as before
    CHECK_FALSE(f.complaint({"dump-core", "web", "/nonexistent/core"}).empty());
    CHECK(f.complaint({"dump-core", "0", path}).find("cannot be") != std::string::npos);
}

TEST_CASE("golden.what_the_hypervisor_says") {
    fixture f;
    CHECK(f.output({"debug-keys", "h"}).empty());
    auto const said = f.output({"dmesg"});
    INFO(said);
    CHECK(said.find("h (this list)") != std::string::npos);
    CHECK(f.output({"dmesg", "--clear"}) == said);
    CHECK(f.output({"dmesg"}).empty());
    CHECK(f.run({"debug-keys", ""}) == 0);
}

TEST_CASE("golden.a_domain_reboots_and_counts_its_time") {
    fixture f;
    f.create("web", "1", false);
    auto const uptime = f.output({"uptime"});
    CHECK(std::regex_match(uptime, std::regex("Name +ID Uptime *\nDomain-0 +0 +[^\n]*\n"
                                              "web +1 +0:00:0[0-9] *\n")));
    CHECK(f.output({"uptime", "-s", "web"}).find(" up ") != std::string::npos);
    CHECK(f.run({"button-press", "web", "power"}) == 0);
    CHECK(f.io().err.take() == "WARNING: \"button-press\" is deprecated. Please use \"trigger\"\n");
    CHECK(f.complaint({"button-press", "web", "doorbell"}).find("invalid button") !=
          std::string::npos);
    CHECK(f.run({"reboot", "-F", "-w", "web"}) == 0); // a guest with PV drivers hears the request
    CHECK(f.io().out.take() + f.io().err.take() != "");
    auto const row = f.output({"list", "web"});
    INFO(row);
    CHECK(row.find("sr-") != std::string::npos); // nobody watches here who would restart it
}

TEST_CASE("golden.pools_by_node") {
    fixture f;
    CHECK(f.output({"cpupool-numa-split"}).empty());
    auto const pools = f.output({"cpupool-list"});
    INFO(pools);
    CHECK(pools.find("Pool-node0 ") != std::string::npos);
    f.output({"cpupool-cpu-remove", "Pool-node0", "1"});
    f.output({"cpupool-create", "name=\"other\""});
    CHECK(f.complaint({"cpupool-numa-split"}).find("already cpupools in use") != std::string::npos);
}
