// SPDX-License-Identifier: Apache-2.0
// The machine as the environment describes it.
#include <xenpp/daemon.hpp>

#include <array>
#include <cstdlib>
#include <string>

using namespace xenpp;

namespace {

constexpr std::array names{"XENPP_MEMORY_MIB", "XENPP_CPUS",    "XENPP_QEMU",    "XENPP_IMAGE",
                           "XENPP_ACCEL",      "XENPP_OPTIONS", "XENPP_QEMU_CPU"};

/// Our variables as this process got them, back at the end of a test; none meanwhile.
struct clean_environment {
    std::array<std::string, names.size()> old;

    clean_environment() {
        for (std::size_t i = 0; i < names.size(); ++i) {
            char const* const v = std::getenv(names[i]);
            old[i] = v != nullptr ? v : "";
            ::unsetenv(names[i]);
        }
    }

    clean_environment(clean_environment const&) = delete;
    clean_environment& operator=(clean_environment const&) = delete;

    ~clean_environment() {
        for (std::size_t i = 0; i < names.size(); ++i) {
            ::setenv(names[i], old[i].c_str(), 1); // empty is as good as none
        }
    }
};

} // namespace

TEST_CASE("machine_config.has_defaults_for_what_is_not_said") {
    clean_environment const none;
    auto const c = machine_config_from_environment().value();
    CHECK(c.memory_mib == 4096);
    CHECK(c.least_mib == 512);
    CHECK(c.cpus >= 1);
    CHECK(c.cpus <= 8);
    CHECK(c.qemu == "qemu-system-x86_64");
    CHECK(c.accel == transport::accelerator::automatic);
}

TEST_CASE("machine_config.is_what_the_environment_says") {
    clean_environment const none;
    ::setenv("XENPP_MEMORY_MIB", "512", 1);
    ::setenv("XENPP_CPUS", "3", 1);
    ::setenv("XENPP_QEMU", "/opt/qemu", 1);
    ::setenv("XENPP_IMAGE", "/opt/hv", 1);
    ::setenv("XENPP_ACCEL", "tcg", 1);
    ::setenv("XENPP_OPTIONS", "loglvl=all", 1);
    ::setenv("XENPP_QEMU_CPU", "max,-svm", 1);
    auto const c = machine_config_from_environment().value();
    CHECK(c.memory_mib == 512);
    CHECK(c.least_mib == 0);
    CHECK(c.cpus == 3);
    CHECK(c.qemu == "/opt/qemu");
    CHECK(c.image == "/opt/hv");
    CHECK(c.accel == transport::accelerator::tcg);
    CHECK(c.command_line == "loglvl=all");
    CHECK(c.cpu == "max,-svm");
}

TEST_CASE("machine_config.refuses_what_makes_no_sense_and_names_it") {
    clean_environment const none;
    auto const* const name = GENERATE("XENPP_MEMORY_MIB", "XENPP_CPUS", "XENPP_ACCEL");
    ::setenv(name, "4G", 1);
    auto const c = machine_config_from_environment();
    REQUIRE_FALSE(c);
    CHECK(c.error().message().find(std::string(name) + "=4G") != std::string::npos);
}
