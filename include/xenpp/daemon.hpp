// SPDX-License-Identifier: Apache-2.0
// The embedded host's daemon as an object: machine, xenstore, event channels, consoles.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/os/state_dir.hpp>
#include <xenpp/transport/machine_start.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp {

/// One line of what a daemon did, or could not do.
using daemon_log = std::function<void(std::string_view line)>;

/// What the environment says of a machine to be started: XENPP_MEMORY_MIB, XENPP_CPUS, XENPP_QEMU,
/// XENPP_QEMU_CPU (QEMU's -cpu, as in "max,-svm"), XENPP_IMAGE, XENPP_ACCEL ("tcg" or "kvm"),
/// XENPP_OPTIONS (the hypervisor's command line; without it that of xen.cfg in
/// `config::config_dir()`). Its `mem=` and `maxcpus=` are the machine's too, where the variables do
/// not say otherwise; what it asks for without effect is added to `notes`, a line each. The image
/// is otherwise looked for beside the calling program, and the machine has as many CPUs as this
/// computer, 8 at most. Errors: a variable that makes no sense.
result<transport::machine_config>
machine_config_from_environment(std::vector<std::string>* notes = nullptr);

/// One for a state folder. It finds the machine that runs there, or starts one, and serves it:
/// xenstore for tools and guests, event channels for other processes, a console for each domain,
/// and what is to happen when domains end. It may be killed at any moment; its successor finds
/// everything as it was. It has no thread.
class daemon {
public:
    /// Errors: another daemon serves the folder (EBUSY); the machine cannot be started, and why.
    static result<daemon>
    start(os::state_dir const& where, transport::machine_config const& config, daemon_log log = {});

    daemon(daemon&&) noexcept;
    daemon& operator=(daemon&&) noexcept;
    ~daemon();

    /// Readable when `dispatch` has something to do.
    int fd() const noexcept;

    /// Serves what there is to serve; does not block. False: the machine has ended, by itself or
    /// by somebody else's hand, and its state is removed. An error: nobody can be served any more,
    /// and a successor must take over.
    result<bool> dispatch();

    /// Ends the machine with all its domains, and removes its state.
    result<void> stop();

private:
    struct state;
    explicit daemon(std::unique_ptr<state> s) noexcept;

    std::unique_ptr<state> state_;
};

/// Starts `program`, which is xenppd, with `arguments` as a process of its own that belongs to
/// nobody and logs to xenppd.log, and returns when it serves. Errors: EBUSY, one serves already;
/// else what it said before it ended.
result<void> start_daemon(os::state_dir const& where,
                          std::string const& program,
                          std::vector<std::string> const& arguments);

/// Watches the domains of the real Xen host of which this is the control domain (monitor.hpp), and
/// returns when `stop_fd` is readable or there is nothing left to watch. EBUSY: another process
/// does so. `state_dir` may be empty: then the usual one.
result<void> serve_monitor(std::string const& state_dir, int stop_fd, daemon_log const& log);

/// The pid of the daemon that serves a state folder; 0: none does.
int running_daemon(os::state_dir const& where);

/// Ends the embedded host of a state folder: machine, daemon, state. EBUSY, with nothing done, if
/// domains run there and `force` is not set; ENOENT if no host runs there.
result<void> stop_host(os::state_dir const& where, bool force);

} // namespace xenpp
