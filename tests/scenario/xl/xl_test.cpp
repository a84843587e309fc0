// SPDX-License-Identifier: Apache-2.0
// The xl program itself, where it needs no host: help, create -n, mistakes.
#include "fakes/bytes_on_disk.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace {

struct outcome {
    int code;
    std::string out;
    std::string err;
};

std::string contents(std::string const& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

/// Runs xl under a shell, in a folder of its own where no host is and none can be started.
class program {
public:
    outcome run(std::string const& arguments,
                std::string const& more = "XENPP_CONFIG_DIR=/none") const {
        auto const folder = scratch_.path().string();
        auto const line = fmt::format(
            "cd {0} && XENPP_HOST=embedded XENPP_STATE_DIR={0}/state XENPPD=/nonexistent/xenppd "
            "{3} {1}/apps/xl/xl {2} >{0}/out 2>{0}/err",
            folder, XENPP_BINARY_DIR, arguments, more);
        int const status = std::system(line.c_str());
        return {WEXITSTATUS(status), contents(folder + "/out"), contents(folder + "/err")};
    }

    /// What a shell prints in the folder.
    std::string sh(std::string const& line) const {
        auto const folder = scratch_.path().string();
        static_cast<void>(
            std::system(fmt::format("cd {0} && ({1}) >{0}/out", folder, line).c_str()));
        return contents(folder + "/out");
    }

    void write(std::string const& name, std::string const& text) const {
        std::ofstream(scratch_.path() / name, std::ios::binary) << text;
    }

    bool has(std::string const& name) const {
        return std::filesystem::exists(scratch_.path() / name);
    }

private:
    xenpp::fakes::scratch_folder scratch_;
};

constexpr char const* guest_config = "name = \"web\"\ntype = \"pvh\"\nkernel = \"/boot/vmlinuz\"\n"
                                     "memory = 256\nvcpus = 2\n";

} // namespace

TEST_CASE("xl.help_needs_no_host") {
    program const xl;
    auto const all = xl.run("help");
    CHECK(all.code == 0);
    CHECK(all.err.empty());
    for (auto const* name :
         {"create", "list", "console", "shutdown", "vcpu-pin", "dmesg", "host"}) {
        INFO(name);
        CHECK(all.out.find(fmt::format("\n {} ", name)) != std::string::npos);
        auto const one = xl.run(fmt::format("{} --help", name));
        CHECK(one.code == 0);
        CHECK(one.out.starts_with("Usage: xl [-v"));
        CHECK(xl.run(fmt::format("help {}", name)).out == one.out);
    }
    CHECK_FALSE(xl.has("state"));
}

TEST_CASE("xl.no_command_is_help_and_a_failure") {
    program const xl;
    auto const r = xl.run("");
    CHECK(r.code == 1);
    CHECK(r.out == xl.run("help").out);
}

TEST_CASE("xl.create_n_prints_json_without_a_host") {
    program const xl;
    xl.write("web.cfg", guest_config);
    auto const r = xl.run("create -n web.cfg memory=512 'vcpus=1; on_crash=\"restart\"'");
    CHECK(r.err == "Parsing config from web.cfg\n");
    CHECK(r.code == 0);
    CHECK(r.out.starts_with("{\n    \"c_info\": {\n        \"type\": \"pvh\",\n"
                            "        \"name\": \"web\",\n"));
    CHECK(r.out.find("\"target_memkb\": 524288") != std::string::npos);
    CHECK(r.out.find("\"max_vcpus\": 1") != std::string::npos);
    CHECK(r.out.find("\"on_crash\": \"restart\"") != std::string::npos);
    CHECK(xl.run("-N create web.cfg -q").err.empty());
    CHECK(xl.run("create --dryrun --defconfig=web.cfg").code == 0);
    CHECK(xl.run("create -n 'name=\"x\"' 'kernel=\"/k\"' 'type=\"pvh\"'").code == 0);
    CHECK_FALSE(xl.has("state"));
}

TEST_CASE("xl.conf_gives_limits_to_new_domains") {
    program const xl;
    xl.write("web.cfg", guest_config);
    xl.write("xl.conf", "max_grant_frames = 33\nmax_maptrack_frames = 44\nmax_grant_version = 1\n"
                        "output_format = \"sxp\"\n");
    auto const r = xl.run("create -n web.cfg", "XENPP_CONFIG_DIR=.");
    CHECK(r.code == 0);
    for (auto const* line :
         {"\"max_grant_frames\": 33", "\"max_maptrack_frames\": 44", "\"max_grant_version\": 1"}) {
        INFO(r.out);
        CHECK(r.out.find(line) != std::string::npos);
    }
    CHECK(r.err.find("xl.conf:4:1: warning: `output_format` is known, not supported yet") !=
          std::string::npos);
    auto const own =
        xl.run("create -n web.cfg max_grant_frames=5 max_grant_version=2", "XENPP_CONFIG_DIR=.");
    CHECK(own.out.find("\"max_grant_frames\": 5") != std::string::npos);
    CHECK(own.out.find("\"max_grant_version\": 2") != std::string::npos);
}

TEST_CASE("xl.create_e_changes_no_configuration") {
    program const xl;
    xl.write("web.cfg", guest_config);
    auto const r = xl.run("create -n -e web.cfg");
    CHECK(r.code == 0);
    CHECK(r.out == xl.run("create -n web.cfg").out); // -e is for this run, not for the domain
}

TEST_CASE("xl.create_names_what_is_wrong") {
    program const xl;
    CHECK(xl.run("create").code == 1);
    CHECK(xl.run("create").err == "Config file not specified\n");
    auto const missing = xl.run("create nowhere.cfg");
    CHECK(missing.code == 1);
    CHECK(missing.err.find("nowhere.cfg") != std::string::npos);
    CHECK(missing.err.find("No such file") != std::string::npos);
    xl.write("bad.cfg", fmt::format("{}memmory = 5\n", guest_config));
    auto const bad = xl.run("create -q bad.cfg 'vcpus=\"many\"'");
    CHECK(bad.code == 1);
    CHECK(bad.out.empty());
    CHECK(bad.err.ends_with("Failed to parse config: bad.cfg\n"));
    xl.write("web.cfg", guest_config);
    CHECK(xl.run("create -V web.cfg").err ==
          "xl create: -V and -A need a guest with a display; none is supported yet\n");
}

TEST_CASE("xl.top_becomes_xentop") {
    program const xl;
    auto const r = xl.run("top </dev/null");
    CHECK(r.code == 1);
    CHECK(r.err.starts_with("xentop: "));
}

TEST_CASE("xl.usage_errors_exit_with_2") {
    program const xl;
    CHECK(xl.run("list -x").code == 2);
    CHECK(xl.run("list --no-such").code == 2);
    CHECK(xl.run("destroy").code == 2);
    CHECK(xl.run("vcpu-pin web 0").code == 2);
    CHECK(xl.run("create -n --defconfig").code == 2);
    CHECK(xl.run("-q list").code == 2);
}

TEST_CASE("xl.commands_may_be_shortened") {
    program const xl;
    CHECK(xl.run("li -h").out == xl.run("list -h").out);
    CHECK(xl.run("vcpu-l -h").out == xl.run("vcpu-list -h").out);
    auto const several = xl.run("vcpu");
    CHECK(several.code == 1);
    CHECK(several.err == "xl: command \"vcpu\" could be any of vcpu-list, vcpu-pin, vcpu-set\n");
    CHECK(xl.run("migrate-receive").err ==
          "xl: migrate-receive: saving and restoring domains is not supported yet\n");
    CHECK(xl.run("crate").err ==
          "xl: command \"crate\" not implemented; did you mean \"create\"?\n");
}

TEST_CASE("xl.consoles_that_are_not_there_are_refused_by_name") {
    program const xl;
    CHECK(xl.run("console -t serial web").err ==
          "A serial console is not supported yet; the PV console is.\n");
    CHECK(xl.run("console -t vuart web").err ==
          "A vuart console is not supported yet; the PV console is.\n");
    CHECK(xl.run("console -n 1 web").err ==
          "There is no PV console 1; every domain has number 0 alone.\n");
    CHECK(xl.run("console -t vga web").err == "console type supported are: pv, serial, vuart\n");
}

TEST_CASE("xl.a_host_that_cannot_start_is_one_message") {
    program const xl;
    auto const r = xl.run("list");
    CHECK(r.code == 1);
    CHECK(r.out.empty());
    CHECK(r.err.starts_with("xl: "));
    CHECK(r.err.find("/nonexistent/xenppd") != std::string::npos);
    CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
}

TEST_CASE("xl.host_status_tells_that_none_runs") {
    program const xl;
    auto const r = xl.run("host status");
    CHECK(r.code == 3);
    CHECK(r.out.starts_with("no embedded host runs in "));
    CHECK(xl.run("host stop").code == 0);
    CHECK(xl.run("host dance").code == 1);
}

TEST_CASE("xl.every_command_has_its_row_in_the_documentation") {
    program const xl;
    auto const page = contents(XENPP_SOURCE_DIR "/docs/xl.md");
    std::size_t commands = 0;
    std::istringstream lines(xl.run("--manual-page").out);
    std::string last;
    for (std::string line; std::getline(lines, line); last = line) {
        if (!last.starts_with(".SS \"")) {
            continue;
        }
        auto name = last.substr(5, last.find(' ', 5) - 5);
        std::erase(name, '\\');
        constexpr std::string_view ours[] = {"host", "check", "diff", "plan", "apply"};
        if (std::find(std::begin(ours), std::end(ours), name) != std::end(ours)) {
            continue;
        }
        INFO(name);
        ++commands;
        auto const row = page.find(fmt::format("\n| {} | ", name));
        REQUIRE(row != std::string::npos);
        auto const state = page.substr(page.find("| ", row + 3 + name.size()) + 2, 2);
        CHECK((state == "no") == line.starts_with("Not supported: "));
    }
    CHECK(commands == 92);
}

TEST_CASE("xl.documents_come_from_the_table") {
    program const xl;
    xl.write("words",
             xl.run("--bash-completion").out +
                 "COMP_WORDS=(xl vcpu-l); COMP_CWORD=1; _xenpp_xl; echo ${COMPREPLY[*]}\n"
                 "COMP_WORDS=(xl list --nd); COMP_CWORD=2; _xenpp_xl; echo ${COMPREPLY[*]}\n");
    CHECK(xl.sh("bash words") == "vcpu-list\n--ndjson\n");
    CHECK(xl.run("--manual-page").out.starts_with(".TH xl 1\n"));
}

TEST_CASE("xl.a_thousand_simulated_domains") {
    program const xl;
    auto const all = xl.sh("XENPP_HOST=sim XENPP_SIM_DOMAINS=1000 " XENPP_BINARY_DIR
                           "/apps/xl/xl list --ndjson");
    CHECK(std::count(all.begin(), all.end(), '\n') == 1001);
    CHECK(all.find("\"name\": \"guest1000\", \"domid\": 1000,") != std::string::npos);
    auto const calls = [&xl](int domains) {
        return xl.sh(
            fmt::format("XENPP_HOST=sim XENPP_SIM_DOMAINS={} {}/apps/xentop/xentop -b -i 1 -v "
                        "--calls 2>&1 >/dev/null",
                        domains, XENPP_BINARY_DIR));
    };
    CHECK(calls(1) == "3 hypercalls, 2 domains\n");
    CHECK(calls(1000) == "3 hypercalls, 1001 domains\n");
}

TEST_CASE("xl.check_says_what_is_wrong_without_a_host") {
    program const xl;
    xl.write("web.cfg", guest_config);
    CHECK(xl.run("check web.cfg").out == "web.cfg: no findings\n");
    xl.write("bad.cfg", fmt::format("{}memmory = 5\nvnuma = [ [ 'size=x' ] ]\n", guest_config));
    auto const bad = xl.run("check web.cfg bad.cfg");
    CHECK(bad.code == 1);
    CHECK(bad.out.find("bad.cfg:6:1: warning: unknown key `memmory`") != std::string::npos);
    CHECK(bad.out.find("bad.cfg:7:19: error: `vnuma`: `size` takes a number") != std::string::npos);
    xl.write("typo.cfg", fmt::format("{}memmory = 5\n", guest_config));
    CHECK(xl.run("check typo.cfg").code == 0);
    CHECK(xl.run("check --strict typo.cfg").code == 1);
    xl.write("pc.cfg", "name = \"pc\"\ntype = \"hvm\"\nmemory = 64\n");
    auto const pc = xl.run("check pc.cfg");
    CHECK(pc.code == 0);
    CHECK(pc.out.find("pc.cfg: warning: guests of type \"hvm\" cannot be created here yet") == 0);
    CHECK(xl.run("check --strict pc.cfg").code == 1);
    xl.write("xen.cfg", "[a]\noptions=mem=1G dom0_mem=1G\n");
    CHECK(xl.run("check xen.cfg").out.find("\"dom0_mem=1G\" has no effect") != std::string::npos);
    CHECK(xl.run("check --schema").out.find("\"maxvcpus\"") != std::string::npos);
}

TEST_CASE("xl.check_knows_every_kind_of_file") {
    program const xl;
    std::size_t count = 0;
    for (auto const& entry : std::filesystem::directory_iterator(XENPP_SOURCE_DIR "/cfg-samples")) {
        auto const path = entry.path().string();
        INFO(path);
        auto const r = xl.run("check " + path);
        CHECK(r.code == 0);
        if (entry.path().filename() == "hvm-passthrough.cfg") { // more than this host has
            CHECK(r.out.find("warning: ") != std::string::npos);
            CHECK(r.out.find("error: ") == std::string::npos);
        } else {
            CHECK(r.out == path + ": no findings\n");
        }
        ++count;
    }
    CHECK(count == 7);
    auto const finds = [&xl](std::string const& arguments, std::string_view what) {
        INFO(arguments);
        CHECK(xl.run("check " + arguments).out.find(what) != std::string::npos);
    };
    std::string const pool = "sched = \"bvt\"\n";
    xl.write("night-cpupool.cfg", pool);
    finds("night-cpupool.cfg", "night-cpupool.cfg:1:9: error: ");
    xl.write("night", pool);
    finds("night", "warning: unknown key `sched`");
    finds("--as pool night", "night:1:9: error: ");
    xl.write("other.conf", "autobaloon = 1\n");
    finds("--as xl.conf other.conf", "did you mean `autoballoon`?");
    for (std::string const file :
         {"xen.cfg", "xen-4.17-amd64.cfg", "small.xen", "--as xen.cfg s.cfg"}) {
        xl.write(file.substr(file.rfind(' ') + 1), "[a]\noptions=mem=1G dom0_mem=1G\n");
        finds(file, "\"dom0_mem=1G\" has no effect");
    }
    xl.write("xenial.cfg", guest_config); // a domain
    CHECK(xl.run("check xenial.cfg").out == "xenial.cfg: no findings\n");
    CHECK(xl.run("check --as domain xenial.cfg").out == "xenial.cfg: no findings\n");
    for (std::string const absent : {"xl.conf", "cpupool", "xenia.cfg", "--as xl.conf x"}) {
        CHECK(xl.run("check " + absent).code == 1);
    }
    auto const r = xl.run("check --as kernel night");
    CHECK(r.code == 1);
    CHECK(r.err ==
          "there is no kind of file \"kernel\"; there are domain, pool, xl.conf and xen.cfg\n");
}

TEST_CASE("xl.diff_names_what_differs") {
    program const xl;
    xl.write("a.cfg", guest_config);
    xl.write("b.cfg", fmt::format("{}cap = 50\nhap = 0\n", guest_config));
    CHECK(xl.run("diff a.cfg a.cfg").code == 0);
    auto const r = xl.run("diff a.cfg b.cfg");
    CHECK(r.code == 1);
    CHECK(r.out == "cap (hot)\n+ cap = 50\nhap (reboot)\n+ hap = 0\n");
}
