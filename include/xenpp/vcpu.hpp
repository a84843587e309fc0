// SPDX-License-Identifier: Apache-2.0
// A virtual CPU of a domain: where it runs, where it may run.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/cpu_set.hpp>

#include <cstdint>
#include <memory>

namespace xenpp {

class domain;

namespace detail {
class session;
struct domain_ref;
} // namespace detail

/// A virtual CPU as the hypervisor described it when asked.
struct vcpu_info {
    domid domain{};
    vcpu_id id{};
    bool is_online = false;
    bool is_running = false;
    bool is_blocked = false;
    cpu_id cpu{}; ///< where it runs or ran last; meaningless while it is offline
    std::uint64_t cpu_time_ns = 0;
    cpu_set hard; ///< may run here only
    cpu_set soft; ///< runs here if it can
};

/// A handle to a virtual CPU. Copies are equal; nothing ends with it. Every call fails with
/// "domain N is gone" once the domain is.
class vcpu {
public:
    vcpu_id id() const noexcept { return id_; }

    result<vcpu_info> info() const;

    /// Restricts it to these CPUs (hard affinity). Those that the host lacks do not count; an error
    /// if none is left.
    result<void> pin(cpu_set const& cpus) const;

    /// Lets it prefer these CPUs (soft affinity).
    result<void> prefer(cpu_set const& cpus) const;

private:
    friend class domain;

    vcpu(std::shared_ptr<detail::domain_ref const> d, vcpu_id id) noexcept
        : domain_(std::move(d)), id_(id) {}

    std::shared_ptr<detail::domain_ref const> domain_;
    vcpu_id id_;
};

} // namespace xenpp
