// SPDX-License-Identifier: Apache-2.0
// What every domctl handler receives and returns.
#pragma once

#include <xenpp/abi/domctl.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/hypervisor.hpp>

#include <cstdint>

namespace xenpp::hv {

/// Whether the structure goes back to the caller on success.
enum class domctl_answer : std::uint8_t {
    none,
    copy_back,
};

using domctl_result = expected<domctl_answer, errc>;

/// One domctl on its way: who asks, about whom, the structure (read once), and where it came from.
/// `args.arg[1]` to `arg[5]` are free for the progress of a handler that returns `restart`; a
/// caller may have left anything in them.
template <class P>
struct domctl_call {
    vcpu<P>& caller;
    domain<P>& dom;
    abi::domctl& op;
    hypercall_args& args;

    hypervisor<P>& hv() const noexcept { return dom.hv; }

    bool is_self() const noexcept { return &caller.dom == &dom; }

    /// The vCPU of the domain with number `n`. Errors as Xen's: `inval` beyond the most it may
    /// have, `srch` not created.
    expected<vcpu<P>*, errc> find_vcpu(std::uint32_t n) const noexcept {
        if (n >= dom.max_vcpus) {
            return unexpected(errc::inval);
        }
        auto* const v = atomic_load(dom.vcpus[n]);
        if (v == nullptr) {
            return unexpected(errc::srch);
        }
        return v;
    }

    /// The domain is paused or shut down and its vCPUs have left their CPUs, so that their state
    /// can be read and changed. Errors: `busy` not paused; `restart` not off their CPUs yet.
    expected<void, errc> need_stopped() const noexcept {
        if (dom.pause_count == 0 && !dom.is_shut_down) {
            return unexpected(errc::busy);
        }
        if (!domain_stopped(dom)) {
            return unexpected(errc::restart);
        }
        return {};
    }
};

} // namespace xenpp::hv
