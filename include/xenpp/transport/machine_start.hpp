// SPDX-License-Identifier: Apache-2.0
// Starting and stopping the embedded host's machine.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/os/state_dir.hpp>
#include <xenpp/transport/accelerator.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace xenpp::transport {

struct machine_config {
    std::uint64_t memory_mib = 4096; ///< sparse: what is not used costs nothing
    std::uint64_t least_mib = 0;     ///< 0: all of it; else what it may shrink to for want of room
    unsigned cpus = 2;
    std::string image = {};        ///< the hypervisor, an ELF64 with a PVH note
    std::string command_line = {}; ///< the hypervisor's
    std::string qemu = "qemu-system-x86_64";
    std::string cpu = {}; ///< QEMU's name of a processor, with options; empty: all that there is
    std::string firmware = "/usr/share/qemu/qboot.rom"; ///< QEMU's own BIOS if it is not there
    accelerator accel = accelerator::automatic;
    std::uint64_t timeout_ms = 60'000; ///< for the hypervisor to come up
};

struct started_machine {
    int pid = 0;     ///< of QEMU
    std::string ram; ///< path of the RAM file
    std::uint64_t memory_mib = 0;
    accelerator_choice accel;
    std::uint64_t start_ns = 0; ///< from the call to the hypervisor's first answer
};

/// Bytes free for a machine's RAM: in /dev/shm, and in the file system of the state folder.
struct ram_room {
    std::uint64_t in_memory = 0;
    std::uint64_t on_disk = 0;
};

struct ram_choice {
    std::uint64_t mib = 0; ///< 0: there is no room
    bool is_in_memory = false;
};

/// Where a machine's RAM goes, and how much of it: memory before disk, all of it before less. A
/// disk will do, at the price of its writing.
ram_choice choose_ram(machine_config const& config, ram_room const& room) noexcept;

/// QEMU's arguments for a machine whose RAM is the file `ram`; the program comes first.
std::vector<std::string> qemu_arguments(machine_config const& config,
                                        os::state_dir const& where,
                                        std::string const& ram,
                                        accelerator accel);

/// Starts a machine and returns when its hypervisor answers. It belongs to nobody: it runs until it
/// is stopped. Errors: EEXIST when one runs there; otherwise the reason in words, with the end of
/// the machine's console where that says more.
result<started_machine> start_machine(os::state_dir const& where, machine_config const& config);

/// Ends the machine at once, whatever it does, and removes its RAM. ENOENT: none runs there.
result<void> stop_machine(os::state_dir const& where);

} // namespace xenpp::transport
