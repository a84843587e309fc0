// SPDX-License-Identifier: Apache-2.0
// Event channels of other domains.
#include <xenpp/abi/event_channel.hpp>
#include <xenpp/ctl/event_channel.hpp>

namespace xenpp::ctl {

result<evtchn_port> alloc_unbound(connection& c, domid owner, domid remote) {
    auto op = XENPP_TRY(transport::hypercall_buffer<abi::evtchn_alloc_unbound>::create(c.doors()));
    op->dom = owner.raw();
    op->remote_dom = remote.raw();
    XENPP_TRY(c.call({"evtchn_alloc_unbound", owner}, abi::hypercall::event_channel_op,
                     {static_cast<std::uint64_t>(abi::evtchn_op::alloc_unbound), op.address()}));
    return evtchn_port(op->port);
}

} // namespace xenpp::ctl
