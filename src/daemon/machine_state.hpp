// SPDX-License-Identifier: Apache-2.0
// Files that belong to one life of a machine, and must not be taken for those of the next.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/os/state_dir.hpp>

#include <filesystem>
#include <string_view>

namespace xenpp::detail {

/// Makes sure that what xenstore, consoles and domains left in the folder is of the machine whose
/// QEMU is process `qemu`: what another one left is removed. The machine is known by pid and start
/// time of that process. What processes left that died as they wrote a configuration goes too.
result<void> adopt_machine_state(os::state_dir const& where, int qemu);

/// Removes the files in a folder that have this extension.
void remove_files(std::filesystem::path const& folder, std::string_view extension);

/// Removes all that a machine that has ended left, but its logs.
void remove_machine_state(os::state_dir const& where);

} // namespace xenpp::detail
