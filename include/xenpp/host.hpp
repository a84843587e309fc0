// SPDX-License-Identifier: Apache-2.0
// A Xen host: the domains of one hypervisor, and the hypervisor itself.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/config/domain_config.hpp>
#include <xenpp/cpupool.hpp>
#include <xenpp/domain.hpp>
#include <xenpp/domain_info.hpp>
#include <xenpp/host_info.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp {

/// Which host, and what to do if it is not there.
struct host_options {
    /// The embedded host's folder; empty: the usual one (docs/architecture.md, "State folder").
    std::string state_dir;
    /// Start the embedded host if it does not run.
    bool start = true;
    /// The daemon's path; empty: $XENPPD, else beside the calling program, else in PATH.
    std::string daemon;
    /// How long it may take to come up.
    std::chrono::milliseconds start_timeout = std::chrono::seconds(90);
};

/// A simulated machine.
struct sim_options {
    mib memory{4096};
    std::uint32_t cpus = 2;
    /// How long a guest runs before it powers off by itself; empty: until it is asked to.
    std::optional<std::chrono::milliseconds> guest_lifetime{};
    /// So many domains are there from the start, called guest1, guest2, ..., with a vCPU each and
    /// next to no memory: for tools that are to be tried on many.
    std::uint32_t domains = 0;
};

/// What `host::create` does beyond building.
struct create_options {
    /// Let it run at once. Otherwise it is paused, and whoever unpauses it starts it.
    bool start = false;
    /// Let the monitor carry out on_poweroff, on_reboot and the like when it ends. Otherwise it
    /// stays as it ended until somebody destroys it.
    bool monitored = true;
};

/// A connection to a host. Movable; handles made by it keep the connection open. For one thread at
/// a time, its handles included; a program may open several.
class host {
public:
    /// The Xen of this control domain, if it is one; else the embedded host, which is started if it
    /// does not run. `XENPP_HOST` in the environment chooses: `sim` is a simulated host whose
    /// guests power off after 10 ms, `embedded` the embedded host also within a Xen domain.
    static result<host> open();
    static result<host> open(host_options const& options);

    /// A host of its own, in this process: no guest instruction is executed in it. A domain of it
    /// "runs" until it is asked to shut down, and then does, or for as long as the options say.
    static result<host> open_sim(sim_options const& options = {});

    host(host&&) noexcept;
    host& operator=(host&&) noexcept;
    ~host();

    host_kind kind() const noexcept;

    /// Builds a domain with all it needs and leaves it paused. On failure nothing is left of it,
    /// and the error names the step that failed; a program that is killed meanwhile leaves what the
    /// monitor removes. Errors that need no attempt are found first: a name that is taken, a
    /// kernel or ramdisk that is none, more memory or CPUs than there are.
    result<domain> create(config::domain_config const& config, create_options const& options = {});

    /// All domains now, by number, domain 0 among them.
    result<std::vector<domain_info>> domains() const;

    /// One domain, by name, number or UUID; a name of digits alone is a number.
    result<domain> find(std::string_view name_or_id_or_uuid) const;
    result<domain> find(domid id) const;

    result<host_info> info() const;
    /// One entry a CPU.
    result<std::vector<cpu_topology>> topology() const;

    /// Its CPU pools.
    class cpupools cpupools() const {
        return xenpp::cpupools(session_);
    }

    /// What the hypervisor wrote to its console lately.
    result<std::string> console_ring() const;
    /// The same, and forgets it.
    result<std::string> take_console_ring() const;
    /// Asks the hypervisor to print what its debug keys stand for; `h` lists them.
    result<void> press_debug_keys(std::string_view keys) const;

    /// For parts of the library that need the connection itself.
    std::shared_ptr<detail::session> const& session() const noexcept { return session_; }

private:
    friend result<host> assemble_host(struct host_parts parts);

    explicit host(std::shared_ptr<detail::session> s) noexcept;

    std::shared_ptr<detail::session> session_;
};

} // namespace xenpp
