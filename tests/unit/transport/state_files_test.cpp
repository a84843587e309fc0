// SPDX-License-Identifier: Apache-2.0
// A machine is gone only if that is certain.
#include <xenpp/os/file.hpp>
#include <xenpp/os/process.hpp>
#include <xenpp/transport/machine.hpp>

#include <fakes/no_descriptors.hpp>
#include <fakes/patience.hpp>
#include <scenario/link/temporary_state.hpp>

#include <cerrno>
#include <csignal>
#include <filesystem>

using namespace xenpp;

TEST_CASE("state_files.what_cannot_be_looked_at_is_no_machine_that_has_ended") {
    tests::temporary_state const state;
    auto const& where = state.where;
    CHECK(transport::running_machine(where).value() == 0);
    // As much of a QEMU as is looked at: its argument.
    auto const qemu = os::spawn({{"sh", "-c", "while :; do sleep 1; done", "mem-path=/x.ram"}});
    REQUIRE(qemu);
    std::filesystem::create_symlink("/x.ram", where.file("ram"));
    REQUIRE(os::replace_file(where.file("qemu.pid"), std::to_string(qemu->pid()) + "\n"));
    CHECK(transport::running_machine(where).value() == qemu->pid());
    {
        fakes::no_descriptors const full;
        auto const unknown = transport::running_machine(where);
        REQUIRE_FALSE(unknown);
        CHECK(unknown.error().code == EMFILE);
    }
    REQUIRE(qemu->send_signal(SIGKILL));
    CHECK(qemu->wait(fakes::patience_ms));
    CHECK(transport::running_machine(where).value() == 0);
}
