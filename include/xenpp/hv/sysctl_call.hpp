// SPDX-License-Identifier: Apache-2.0
// What every sysctl handler receives and returns.
#pragma once

#include <xenpp/abi/sysctl.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/hypervisor.hpp>

#include <cstdint>

namespace xenpp::hv {

/// Whether the structure goes back to the caller on success.
enum class sysctl_answer : std::uint8_t {
    none,
    copy_back,
};

using sysctl_result = expected<sysctl_answer, errc>;

/// One sysctl on its way. `args.arg[1]` to `arg[5]` are free for the progress of a handler that
/// returns `restart`; a caller may have left anything in them.
template <class P>
struct sysctl_call {
    vcpu<P>& caller;
    abi::sysctl& op;
    hypercall_args& args;

    hypervisor<P>& hv() const noexcept { return caller.dom.hv; }
};

} // namespace xenpp::hv
