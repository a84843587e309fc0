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
result<int> network_attach(session& s, arguments const& args);
result<int> network_detach(session& s, arguments const& args);
result<int> network_list(session& s, arguments const& args);
result<int> console(session& s, arguments const& args);

result<int> list(session& s, arguments const& args);
result<int> vm_list(session& s, arguments const& args);
result<int> domid(session& s, arguments const& args);
result<int> domname(session& s, arguments const& args);
result<int> uptime(session& s, arguments const& args);
result<int> vcpu_list(session& s, arguments const& args);
result<int> vcpu_pin(session& s, arguments const& args);
result<int> vcpu_set(session& s, arguments const& args);

result<int> mem_set(session& s, arguments const& args);
result<int> mem_max(session& s, arguments const& args);
result<int> claims(session& s, arguments const& args);
result<int> sharing(session& s, arguments const& args);

result<int> trigger(session& s, arguments const& args);
result<int> button_press(session& s, arguments const& args);
result<int> sysrq(session& s, arguments const& args);
result<int> dump_core(session& s, arguments const& args);
result<int> config_update(session& s, arguments const& args);

result<int> sched_credit2(session& s, arguments const& args);
result<int> cpupool_create(session& s, arguments const& args);
result<int> cpupool_list(session& s, arguments const& args);
result<int> cpupool_destroy(session& s, arguments const& args);
result<int> cpupool_rename(session& s, arguments const& args);
result<int> cpupool_cpu_add(session& s, arguments const& args);
result<int> cpupool_cpu_remove(session& s, arguments const& args);
result<int> cpupool_migrate(session& s, arguments const& args);
result<int> cpupool_numa_split(session& s, arguments const& args);

/// Becomes xentop, the one beside this program or else in PATH.
result<int> top(session& s, arguments const& args);

result<int> block_attach(session& s, arguments const& args);
result<int> block_list(session& s, arguments const& args);
result<int> block_detach(session& s, arguments const& args);

result<int> info(session& s, arguments const& args);
result<int> dmesg(session& s, arguments const& args);
result<int> debug_keys(session& s, arguments const& args);

// Our own: what is wrong with configuration files, how two differ, what one would change of the
// running domain, and those changes that can be made while it runs.
result<int> check(session& s, arguments const& args);
result<int> diff(session& s, arguments const& args);
result<int> plan(session& s, arguments const& args);
result<int> apply(session& s, arguments const& args);

/// Our own: the embedded host's `start`, `stop` and `status`.
result<int> host(session& s, arguments const& args);

} // namespace xenpp::cli::xl
