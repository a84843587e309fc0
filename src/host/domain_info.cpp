// SPDX-License-Identifier: Apache-2.0
// What is known of a domain, from what the hypervisor says.
#include "host/session.hpp"

#include <xenpp/abi/sched.hpp>
#include <xenpp/domain_info.hpp>

#include <algorithm>
#include <iterator>

namespace xenpp {

char const* to_string(shutdown_reason r) noexcept {
    switch (r) {
    case shutdown_reason::poweroff: return "poweroff";
    case shutdown_reason::reboot: return "reboot";
    case shutdown_reason::suspend: return "suspend";
    case shutdown_reason::crash: return "crash";
    case shutdown_reason::watchdog: return "watchdog";
    case shutdown_reason::soft_reset: return "soft_reset";
    }
    return "unknown";
}

char const* to_string(run_state s) noexcept {
    switch (s) {
    case run_state::running: return "running";
    case run_state::runnable: return "runnable";
    case run_state::blocked: return "blocked";
    case run_state::paused: return "paused";
    case run_state::shut_down: return "shut down";
    case run_state::dying: return "dying";
    }
    return "unknown";
}

run_state domain_info::state() const noexcept {
    // From the most final to the most fleeting.
    if (is_dying) {
        return run_state::dying;
    }
    if (is_shut_down) {
        return run_state::shut_down;
    }
    if (is_paused) {
        return run_state::paused;
    }
    if (is_running) {
        return run_state::running;
    }
    return is_blocked ? run_state::blocked : run_state::runnable;
}

namespace detail {

domain_info to_domain_info(abi::domctl_getdomaininfo const& i, std::string name) {
    static_assert(static_cast<std::uint32_t>(shutdown_reason::soft_reset) == abi::shutdown_max);
    auto const has = [&i](std::uint32_t flag) { return (i.flags & flag) != 0; };
    domain_info d;
    d.id = domid(i.domain);
    std::copy(std::begin(i.handle), std::end(i.handle), d.uuid.begin());
    d.name = std::move(name);
    d.is_hvm = has(abi::dominf_hvm_guest);
    d.is_running = has(abi::dominf_running);
    d.is_blocked = has(abi::dominf_blocked);
    d.is_paused = has(abi::dominf_paused);
    d.is_shut_down = has(abi::dominf_shutdown);
    d.is_dying = has(abi::dominf_dying);
    if (d.is_shut_down) {
        auto const code = i.flags >> abi::dominf_shutdownshift & abi::dominf_shutdownmask;
        d.reason = static_cast<shutdown_reason>(code);
    }
    d.memory = pages(i.tot_pages);
    d.max_memory = pages(i.max_pages);
    d.outstanding = pages(i.outstanding_pages);
    d.shared = pages(i.shr_pages);
    d.online_vcpus = i.nr_online_vcpus;
    d.vcpus = i.max_vcpu_id == abi::invalid_max_vcpu_id ? 0 : i.max_vcpu_id + 1;
    d.cpu_time_ns = i.cpu_time;
    d.cpupool = i.cpupool;
    d.ssidref = i.ssidref;
    return d;
}

} // namespace detail
} // namespace xenpp
