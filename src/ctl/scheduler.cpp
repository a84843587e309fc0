// SPDX-License-Identifier: Apache-2.0
// What the scheduler does to a domain as a whole.
#include <xenpp/abi/sched.hpp>
#include <xenpp/ctl/scheduler.hpp>

namespace xenpp::ctl {

result<void> remote_shutdown(connection& c, domid d, std::uint32_t reason) {
    auto op = XENPP_TRY(transport::hypercall_buffer<abi::sched_remote_shutdown>::create(c.doors()));
    op->domain_id = d.raw();
    op->reason = reason;
    XENPP_TRY(c.call({"sched_remote_shutdown", d}, abi::hypercall::sched_op,
                     {static_cast<std::uint64_t>(abi::sched_op::remote_shutdown), op.address()}));
    return {};
}

} // namespace xenpp::ctl
