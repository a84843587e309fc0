// SPDX-License-Identifier: Apache-2.0
// Calls about many vCPUs at once, and triggers for one.
#include <xenpp/ctl/vcpu_list.hpp>

#include <algorithm>

namespace xenpp::ctl {

using abi::domctl_op;
using transport::hypercall_buffer;

result<void> get_vcpu_infos(connection& c, std::span<vcpu_query> queries) {
    constexpr std::size_t at_once = 4096;
    while (!queries.empty()) {
        auto const now = queries.first(std::min(at_once, queries.size()));
        auto ops = XENPP_TRY(hypercall_buffer<abi::domctl>::create(c.doors(), now.size()));
        auto calls =
            XENPP_TRY(hypercall_buffer<abi::multicall_entry>::create(c.doors(), now.size()));
        for (std::size_t i = 0; i != now.size(); ++i) {
            ops[i].cmd = static_cast<std::uint32_t>(domctl_op::getvcpuinfo);
            ops[i].interface_version = c.version().domctl;
            ops[i].domain = now[i].domain.raw();
            ops[i].u.getvcpuinfo.vcpu = now[i].vcpu.raw();
            calls[i].op = static_cast<std::uint64_t>(abi::hypercall::domctl);
            calls[i].args[0] = ops.address() + i * sizeof(abi::domctl);
        }
        XENPP_TRY(c.call({"multicall"}, abi::hypercall::multicall, {calls.address(), now.size()}));
        for (std::size_t i = 0; i != now.size(); ++i) {
            now[i].exists = calls[i].result == 0;
            now[i].info = ops[i].u.getvcpuinfo;
        }
        queries = queries.subspan(now.size());
    }
    return {};
}

result<void> send_trigger(connection& c, domid d, vcpu_id v, std::uint32_t trigger) {
    abi::domctl op{};
    op.u.sendtrigger = {trigger, v.raw()};
    return c.domctl("domctl_sendtrigger", domctl_op::sendtrigger, d, op);
}

} // namespace xenpp::ctl
