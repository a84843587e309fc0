// SPDX-License-Identifier: Apache-2.0
// What xl's commands do, for the rows of its table.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/cli/options.hpp>
#include <xenpp/cli/session.hpp>

namespace xenpp::cli::xl {

// Each takes the options of its row in apps/xl/commands.cpp and behaves as its namesake in Xen
// 4.17; include/xenpp/cli/README.md lists the differences.

result<int> create(session& s, arguments const& args);
result<int> destroy(session& s, arguments const& args);
result<int> pause(session& s, arguments const& args);
result<int> unpause(session& s, arguments const& args);
result<int> shutdown(session& s, arguments const& args);
result<int> reboot(session& s, arguments const& args);
result<int> rename(session& s, arguments const& args);
result<int> console(session& s, arguments const& args);

result<int> list(session& s, arguments const& args);
result<int> vm_list(session& s, arguments const& args);
result<int> domid(session& s, arguments const& args);
result<int> domname(session& s, arguments const& args);
result<int> uptime(session& s, arguments const& args);
result<int> vcpu_list(session& s, arguments const& args);
result<int> vcpu_pin(session& s, arguments const& args);

result<int> block_attach(session& s, arguments const& args);
result<int> block_list(session& s, arguments const& args);
result<int> block_detach(session& s, arguments const& args);

result<int> info(session& s, arguments const& args);
result<int> dmesg(session& s, arguments const& args);
result<int> debug_keys(session& s, arguments const& args);

/// Our own: the embedded host's `start`, `stop` and `status`.
result<int> host(session& s, arguments const& args);

} // namespace xenpp::cli::xl
