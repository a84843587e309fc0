// SPDX-License-Identifier: Apache-2.0
// Calls about many vCPUs at once, and triggers for one.
#pragma once

#include <xenpp/ctl/connection.hpp>

#include <cstdint>
#include <span>

namespace xenpp::ctl {

/// A vCPU among those that `get_vcpu_infos` is asked about, with the answer.
struct vcpu_query {
    domid domain;
    vcpu_id vcpu;
    bool exists = false; ///< nothing is known of one that went away meanwhile
    abi::domctl_getvcpuinfo info{};
};

/// The same for many vCPUs of any domains, in one multicall for each 4096 of them.
result<void> get_vcpu_infos(connection& c, std::span<vcpu_query> queries);

/// Presses a button or sends an NMI (abi::domctl_sendtrigger_*). ENOSYS: not supported.
result<void> send_trigger(connection& c, domid d, vcpu_id v, std::uint32_t trigger);

} // namespace xenpp::ctl
