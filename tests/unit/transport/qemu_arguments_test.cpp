// SPDX-License-Identifier: Apache-2.0
// The command line of the machine.
#include <xenpp/transport/machine_start.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

using namespace xenpp;
using namespace xenpp::transport;

namespace {

/// The value that follows `option` for the n-th time.
std::string value(std::vector<std::string> const& a, std::string const& option, unsigned n = 0) {
    for (std::size_t i = 0; i + 1 < a.size(); ++i) {
        if (a[i] == option && n-- == 0) {
            return a[i + 1];
        }
    }
    return {};
}

} // namespace

TEST_CASE("qemu_arguments.say_what_the_machine_needs") {
    std::string base = "/tmp/xenpp-qemu,XXXXXX";
    REQUIRE(::mkdtemp(base.data()) != nullptr);
    auto const where = os::state_dir::open(base).value();
    machine_config c;
    c.cpus = 1;
    c.memory_mib = 3072;
    c.image = "/images/xenpp-hv";
    c.command_line = "console=com1 loglvl=all";
    auto const tcg = qemu_arguments(c, where, "/dev/shm/a,b.ram", accelerator::tcg);
    CHECK(tcg.front() == "qemu-system-x86_64");
    CHECK(value(tcg, "-accel") == "tcg,thread=multi");
    CHECK(value(tcg, "-smp") == "2"); // one more, which runs no guests
    CHECK(value(tcg, "-m") == "3072M");
    CHECK(value(tcg, "-object").find("share=on,size=3072M,mem-path=/dev/shm/a,,b.ram") !=
          std::string::npos);
    CHECK(value(tcg, "-chardev", 1).find("xenpp-qemu,,") != std::string::npos);
    CHECK(value(tcg, "-serial", 0) == "chardev:console");
    CHECK(value(tcg, "-serial", 1) == "chardev:bell");
    CHECK(value(tcg, "-kernel") == "/images/xenpp-hv");
    CHECK(value(tcg, "-append") == "ram=zero console=com1 loglvl=all");
    CHECK(std::find(tcg.begin(), tcg.end(), "-no-reboot") != tcg.end());

    c.cpus = 8;
    c.command_line.clear();
    c.firmware = "/nonesuch";
    auto const kvm = qemu_arguments(c, where, "/dev/shm/x", accelerator::kvm);
    CHECK(value(kvm, "-accel") == "kvm");
    CHECK(value(kvm, "-cpu") == "host");
    CHECK(value(kvm, "-smp") == "8");
    CHECK(value(kvm, "-append") == "ram=zero");
    CHECK(value(kvm, "-bios").empty()); // QEMU's own firmware then
    std::filesystem::remove_all(base);
}

TEST_CASE("choose_ram.takes_memory_before_disk_and_all_before_less") {
    constexpr std::uint64_t mib = std::uint64_t{1} << 20;
    machine_config c;
    c.memory_mib = 1000;

    struct row {
        std::uint64_t least_mib, in_memory, on_disk; // MiB
        std::uint64_t expected_mib;
        bool is_in_memory;
    };

    for (auto const& r :
         {row{0, 1000, 1000, 1000, true}, row{0, 999, 1000, 1000, false},
          row{0, 999, 999, 0, false}, row{0, 0, 0, 0, false}, row{512, 999, 1000, 1000, false},
          row{512, 999, 900, 960, true}, row{512, 900, 999, 960, false},
          row{512, 512, 0, 512, true}, row{512, 511, 511, 0, false}}) {
        CAPTURE(r.least_mib, r.in_memory, r.on_disk);
        c.least_mib = r.least_mib;
        auto const choice = choose_ram(c, {r.in_memory * mib, r.on_disk * mib});
        CHECK(choice.mib == r.expected_mib);
        CHECK((choice.mib == 0 || choice.is_in_memory == r.is_in_memory));
    }
}
