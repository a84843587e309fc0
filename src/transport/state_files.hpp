// SPDX-License-Identifier: Apache-2.0
// The machine's files in the state folder, and the process they belong to.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/os/process.hpp>
#include <xenpp/os/state_dir.hpp>

#include <cstdint>
#include <string>

namespace xenpp::transport::state_files {

inline constexpr char const* ram = "ram";
inline constexpr char const* bell = "bell"; ///< bell.in and bell.out, as QEMU names them
inline constexpr char const* bell_in = "bell.in";
inline constexpr char const* bell_out = "bell.out";
inline constexpr char const* slots_lock = "slots.lock";
inline constexpr char const* qemu_pid = "qemu.pid";
inline constexpr char const* qemu_log = "qemu.log";
inline constexpr char const* console_log = "console.log";
inline constexpr char const* event_socket = "evtchn.socket";
inline constexpr char const* store_socket = "xenstored.socket";

/// The byte of `slots_lock` that whoever starts or stops the machine locks.
inline constexpr std::uint64_t start_lock_byte = 4096;

/// The QEMU of this folder, if it lives: its pid is in `qemu_pid`, and it has the RAM file that
/// `ram` points to. ENOENT: there is none. After any other error there may be one, and its files
/// must stay.
result<os::process> find_qemu(os::state_dir const& where);

/// What `ram` points to; empty if it is not there.
result<std::string> ram_target(os::state_dir const& where);

} // namespace xenpp::transport::state_files
